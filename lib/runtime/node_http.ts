/**
 * Requests and responses of `node:http` as those of the web platform, on Deno, Node and Bun.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * A request of `node:http` as one of the web platform.
 *
 * @param body undefined: it is read from the connection, as far as it is asked for.
 * @throws {TypeError} its method, address or a header is malformed.
 */
export function webRequest(incoming: IncomingMessage, body?: Blob): Request {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  }
  const method = incoming.method ?? "GET";
  const url = urlOf(incoming);
  if (!mayHaveBody(incoming)) return new Request(url, { method, headers });
  const init = { method, headers, body: body ?? bodyStream(incoming), duplex: "half" };
  return new Request(url, init as RequestInit);
}

/** Writes a response, no faster than its client reads it. Resolves when all was written. */
export async function writeResponse(
  response: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  // What the handler has not read, nobody reads: the connection cannot have another request.
  const isUnread = mayHaveBody(incoming) && !incoming.complete;
  if (isUnread) {
    outgoing.shouldKeepAlive = false;
    outgoing.once("finish", () => incoming.destroy());
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  outgoing.writeHead(response.status);
  const reader = response.body?.getReader();
  if (reader === undefined) return void outgoing.end();
  const cancel = () => void reader.cancel().catch(() => {});
  // Its client may have gone while the response was made: then there is no event to come.
  if (outgoing.destroyed) return cancel();
  outgoing.once("close", cancel);
  // One listener each, however often it waits.
  let wake = () => {};
  for (const event of ["drain", "close"]) outgoing.on(event, () => wake());
  // A body that fails is not complete; and where its client reads nothing, no wait for it would end.
  reader.closed.catch(() => void outgoing.destroy());
  // A stream may say nothing for a while: its client waits for the headers.
  outgoing.flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!outgoing.write(value) && !outgoing.destroyed) {
      await new Promise<void>((resolve) => wake = resolve);
    }
  }
  outgoing.end();
}

/** Whether the method is one whose requests have bodies. */
export function mayHaveBody({ method }: IncomingMessage): boolean {
  return method !== undefined && method !== "GET" && method !== "HEAD";
}

/** As its client has named it: behind a proxy that is not where a visitor finds it. */
function urlOf({ url = "/", headers, socket }: IncomingMessage): URL {
  const scheme = "encrypted" in socket ? "https" : "http";
  const origin = `${scheme}://${headers.host ?? "localhost"}`;
  // Not relative to the origin: a path that begins with two slashes would name another host.
  if (url.startsWith("/")) return new URL(origin + url);
  return URL.canParse(url) ? new URL(url) : new URL(origin);
}

function bodyStream(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = (incoming as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => {},
  }, { highWaterMark: 0 });
}
