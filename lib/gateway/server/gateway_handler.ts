import { resolveOptions } from "../../options/check_options.ts";
import { gatewayTable } from "../../options/tables/gateway_tables.ts";
import type { GatewayApi } from "../api/gateway_api.ts";
import type { GatewayHost } from "./gateway_host.ts";
import type { GatewayFacts, GatewayOptions } from "./gateway_options.ts";
import { GatewayServer } from "./gateway_server.ts";

/** Serves a gateway: give it to `Deno.serve` or `nodeListeners`. Made by {@linkcode gatewayHandler}. */
export interface GatewayHandler extends AsyncDisposable {
  /** Answers a request; 404 outside of its path. Never rejects. `info` is passed to `authenticate`. */
  (request: Request, info?: unknown): Promise<Response>;
  /** What it has at the moment. */
  readonly facts: GatewayFacts;
  /** Closes all sockets and ends all sessions. A second call does nothing. */
  close(): void;
}

/**
 * Serves entities and topics to browsers and other clients, over WebSockets and HTTP. See
 * `docs/gateway.md`.
 *
 * @param host the node or client by which the gateway reaches the cluster.
 * @param api what it offers, made by `gateway.api`.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";
 * import { gateway, gatewayHandler } from "@casty/casty/gateway";
 * import { gatewayClient } from "@casty/casty/gateway-client";
 *
 * type Greet = { type: "greet"; replyTo: ActorRef<string> };
 * const Greeters = entityType<Greet>("greeters", { numShards: 20 });
 * const api = gateway.api({
 *   greeters: gateway.entity(Greeters, ({ ask }) => ({
 *     greet: ask({ idempotent: true, message: (replyTo) => ({ type: "greet", replyTo }) }),
 *   })),
 * });
 *
 * await using node = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * node.spawn(Behaviors.sharded(Greeters, (id) =>
 *   Behaviors.receive((_context, { replyTo }) => {
 *     replyTo.tell(`hello from ${id}`);
 *     return Behaviors.same();
 *   })));
 *
 * await using handler = gatewayHandler(node, api, {
 *   authenticate: (_request, token) => token === "secret" ? { id: "alice" } : undefined,
 * });
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
 *
 * await using client = gatewayClient<typeof api>({
 *   url: `http://127.0.0.1:${server.addr.port}/gateway`,
 *   token: () => "secret",
 * });
 * console.assert(await client.entity("greeters", "bob").greet() === "hello from bob");
 * ```
 */
export function gatewayHandler(
  host: GatewayHost,
  api: GatewayApi<object>,
  options: GatewayOptions,
): GatewayHandler {
  const server = new GatewayServer(host, api, resolveOptions(gatewayTable, options));
  const handler = (request: Request, info?: unknown): Promise<Response> =>
    server.handle(request, info);
  const facts: PropertyDescriptor = { get: () => server.facts };
  return Object.defineProperties(handler, {
    facts,
    close: { value: () => server.close() },
    [Symbol.asyncDispose]: { value: () => Promise.resolve(server.close()) },
  }) as GatewayHandler;
}
