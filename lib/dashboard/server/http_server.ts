/**
 * Serves a handler of the web platform over HTTP with `node:http`, which Deno, Node and Bun have.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mayHaveBody, webRequest, writeResponse } from "../../runtime/node_http.ts";

/** Answers requests. Must not reject. */
export type RequestHandler = (request: Request) => Promise<Response>;

/** A server that runs. */
export interface HttpServer {
  readonly port: number;
  /** Ends all connections, and resolves when the port is free. */
  close(): Promise<void>;
}

/** The body of a request is not longer, bytes. */
const maxBody = 64 * 1024;
/** Connections at a time. */
const maxConnections = 256;

/** Opens a port. Rejects with the error of the system if it cannot be opened. */
export function serveHttp(
  handler: RequestHandler,
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Promise<HttpServer> {
  const server = createServer({ requestTimeout: 10_000 }, (incoming, outgoing) => {
    void answer(handler, incoming, outgoing);
  });
  server.maxConnections = maxConnections;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: hostname, port }, () => {
      server.removeListener("error", reject);
      // Without a listener, an error of a connection would end the process.
      server.on("error", () => {});
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function answer(
  handler: RequestHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const request = await requestOf(incoming);
    const response = request === undefined
      ? new Response("the request is too large\n", { status: 413 })
      : await handler(request);
    await writeResponse(response, incoming, outgoing);
  } catch {
    // The connection has ended, or the request is malformed.
    if (!outgoing.headersSent) outgoing.writeHead(400);
    outgoing.end();
  }
}

/** Undefined: its body is too long. */
async function requestOf(incoming: IncomingMessage): Promise<Request | undefined> {
  if (!mayHaveBody(incoming)) return webRequest(incoming);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    if ((size += chunk.length) > maxBody) return undefined;
    chunks.push(chunk);
  }
  return webRequest(incoming, new Blob(chunks as BlobPart[]));
}
