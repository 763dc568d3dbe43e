import type { IncomingMessage, ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="./ws_types.d.ts"
import { type ServerWebSocket, WebSocketServer } from "ws";
import { webRequest, writeResponse } from "../../runtime/node_http.ts";
import type { UpgradeWebSocket } from "../../runtime/platform_port.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { noUpgrade, offerUpgrade } from "../server/offered_upgrades.ts";
import { SilentPeers } from "./silent_peers.ts";

/** Answers requests, as `gatewayHandler` and the handlers of `Deno.serve` do. */
export type WebHandler = (request: Request, info: NodeRequestInfo) => Response | Promise<Response>;

/** What is known of a request besides, as with `Deno.serve`. */
export interface NodeRequestInfo {
  /** The peer of its connection: behind a proxy, the proxy. */
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
}

/** Listeners for a server of `node:http` or `node:https`. Made by {@linkcode nodeListeners}. */
export interface NodeListeners {
  /** For its event `request`. */
  readonly request: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** For its event `upgrade`. */
  readonly upgrade: (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
}

/** Bytes that a UTF-16 code unit has as UTF-8 at most. */
const bytesPerUnit = 3;

/**
 * Serves a handler of the web platform, such as that of `gatewayHandler`, with a server of `node:http` or
 * `node:https`: on Node and Bun, and on Deno where its own server is not used. Needs the npm package
 * `ws`. Unlike that of Deno it refuses a message that is longer than the gateway takes before it has
 * come, with the close code 1009.
 *
 * @param handler answers all requests; one outside of the path of a gateway gets 404 from it.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";
 * import { gateway, gatewayHandler } from "@casty/casty/gateway";
 * import { gatewayClient } from "@casty/casty/gateway-client";
 * import { nodeListeners } from "@casty/casty/gateway-node";
 *
 * type Greet = { type: "greet"; replyTo: ActorRef<string> };
 * const Greeters = entityType<Greet>("greeters", { numShards: 20 });
 * const api = gateway.api({
 *   greeters: gateway.entity(Greeters, ({ ask }) => ({
 *     greet: ask({ idempotent: true, message: (replyTo) => ({ type: "greet", replyTo }) }),
 *   })),
 * });
 * await using node = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * node.spawn(Behaviors.sharded(Greeters, (id) =>
 *   Behaviors.receive((_context, { replyTo }) => {
 *     replyTo.tell(`hello from ${id}`);
 *     return Behaviors.same();
 *   })));
 *
 * const handler = gatewayHandler(node, api, { authenticate: () => ({ id: "anybody" }) });
 * const { request, upgrade } = nodeListeners(handler);
 * const server = createServer(request).on("upgrade", upgrade);
 * await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
 * const { port } = server.address() as { port: number };
 *
 * const client = gatewayClient<typeof api>({ url: `http://127.0.0.1:${port}/gateway` });
 * console.assert(await client.entity("greeters", "bob").greet() === "hello from bob");
 * client.close();
 * handler.close();
 * await new Promise((resolve) => server.close(resolve));
 * ```
 */
export function nodeListeners(handler: WebHandler): NodeListeners {
  const sockets = new Sockets();
  return {
    request: (incoming, outgoing) => void answer(handler, incoming, outgoing),
    upgrade: (incoming, socket, head) => void upgrade(handler, sockets, incoming, socket, head),
  };
}

async function answer(
  handler: WebHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const request = webRequest(incoming);
    offerUpgrade(request, noUpgrade);
    const response = await handler(request, infoOf(incoming));
    await writeResponse(response, incoming, outgoing);
  } catch {
    // The connection has ended, or the request is malformed.
    if (!outgoing.headersSent) outgoing.writeHead(400);
    outgoing.end();
  }
}

async function upgrade(
  handler: WebHandler,
  sockets: Sockets,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  // Without a listener, an error of the connection would end the process.
  socket.on("error", () => socket.destroy());
  let taken: Response | undefined;
  let response: Response;
  try {
    const request = webRequest(incoming);
    offerUpgrade(request, (_request, protocol, maxLength) => {
      const made = sockets.make(incoming, socket, head, protocol, maxLength);
      taken = made.response;
      return made;
    });
    response = await handler(request, infoOf(incoming));
  } catch {
    response = new Response(null, { status: 400 });
  }
  if (response === taken) return;
  if (taken !== undefined) return void socket.destroy();
  await refuse(socket, response);
}

/** A response to a request that was to become a WebSocket: there is no `ServerResponse` for it. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  const lines = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`,
    ...Array.from(response.headers, ([name, value]) => `${name}: ${value}`)
      .filter((line) => !/^(?:connection|content-length|transfer-encoding):/i.test(line)),
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  socket.end(body);
}

function infoOf({ socket }: IncomingMessage): NodeRequestInfo {
  return { remoteAddr: { hostname: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 } };
}

/** Makes WebSockets. */
class Sockets {
  /** By the length of their longest message: all gateways of one server may differ. */
  readonly #servers = new Map<number, WebSocketServer>();
  readonly #protocols = new WeakMap<IncomingMessage, string>();
  readonly #silentPeers = new SilentPeers(systemClock);

  make(
    incoming: IncomingMessage,
    connection: Duplex,
    head: Uint8Array,
    protocol: string | undefined,
    maxLength: number,
  ): ReturnType<UpgradeWebSocket> {
    if (protocol !== undefined) this.#protocols.set(incoming, protocol);
    let socket: ServerWebSocket | undefined;
    this.#server(maxLength).handleUpgrade(incoming, connection, head, (made) => socket = made);
    // The library has answered it.
    if (socket === undefined) throw new TypeError("the request cannot become a WebSocket");
    this.#silentPeers.add(socket);
    return { socket, response: new Response() };
  }

  #server(maxLength: number): WebSocketServer {
    const known = this.#servers.get(maxLength);
    if (known !== undefined) return known;
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxLength * bytesPerUnit,
      handleProtocols: (_offered, incoming) => this.#protocols.get(incoming) ?? false,
    });
    this.#servers.set(maxLength, server);
    return server;
  }
}
