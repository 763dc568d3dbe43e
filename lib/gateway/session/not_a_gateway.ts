import { gatewaySubprotocol } from "../protocol/frames.ts";

/** What a client does about it. */
export const urlRemedy =
  "check the url: it ends with the path of the gateway, such as /gateway, and names a server that has one";

/** Statuses that pass: those of servers that are overloaded or starting, and of proxies before them. */
const temporary = new Set([408, 425, 426, 429, 500, 502, 503, 504]);

/**
 * What an address has answered to a plain request where a gateway answers 426, as completes "no gateway
 * is at ...: "; undefined: there may be one, now or later.
 */
export function answerOfAnother({ status, type, headers }: Response): string | undefined {
  if (temporary.has(status)) return undefined;
  if (type === "opaqueredirect") return "it answers with a redirect";
  const content = headers.get("content-type") ?? "no content type";
  const target = headers.get("location");
  return `it answers with the status ${status} (${target === null ? content : `to ${target}`})`;
}

/** The same for a WebSocket that is open. */
export function protocolOfAnother(protocol: string): string | undefined {
  if (protocol === gatewaySubprotocol) return undefined;
  return protocol === ""
    ? "its WebSockets have no subprotocol"
    : `its WebSockets have the subprotocol ${JSON.stringify(protocol)}`;
}
