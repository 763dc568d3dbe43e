import { tokenSubprotocol } from "../protocol/frames.ts";

/** The subprotocols that a client offers. */
export function offeredSubprotocols(request: Request): readonly string[] {
  return (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) =>
    name.trim()
  );
}

/**
 * The token of a request: of its header `authorization: Bearer`, or of its subprotocol, because a page
 * sets no headers of a WebSocket. Undefined: it has none, or one that cannot be read.
 */
export function tokenOf(request: Request): string | undefined {
  const [, bearer] = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (bearer !== undefined) return bearer;
  const offered = offeredSubprotocols(request).find((name) => name.startsWith(tokenSubprotocol));
  return offered === undefined ? undefined : decodeToken(offered.slice(tokenSubprotocol.length));
}

function decodeToken(text: string): string | undefined {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(binary, (character) => character.charCodeAt(0)),
    );
  } catch {
    return undefined;
  }
}
