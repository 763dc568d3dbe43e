import type { ExtensionHealth, NodeExtensionFactory } from "../cluster/node/node_extension.ts";
import { type HealthCheck, judgeHealth } from "./health_judgement.ts";
import { type HealthSource, NodeLifecycle } from "./node_lifecycle.ts";

/** The answer to a check, as JSON. */
export interface HealthReply {
  /** The check that was asked for. */
  readonly check: HealthCheck;
  /** Whether it passes; the HTTP status is 200 then, and 503 otherwise. */
  readonly ok: boolean;
  /** Why it does not pass, in sentences for people, which may change. Empty if it passes. */
  readonly reasons: readonly string[];
  /** This node as it sees itself; only once its port is open. */
  readonly node?: { readonly address: string; readonly nodeId: string; readonly status: string };
  /** Whether each extension that reports it works, by name. */
  readonly extensions: Readonly<Record<string, ExtensionHealth>>;
}

/** Answers health checks over HTTP: give it to `Deno.serve`. */
export interface HealthHandler {
  /**
   * Answers `GET` and `HEAD` of `/live`, `/ready` and `/startup` with a {@linkcode HealthReply}: status
   * 200 or 503. Other paths are 404, other methods 405. Never throws.
   */
  (request: Request): Response;
  /** For the option `extensions` of a node that is not started yet: binds the handler to it. */
  readonly extension: NodeExtensionFactory;
}

const checks: Readonly<Record<string, HealthCheck>> = {
  "/live": "live",
  "/ready": "ready",
  "/startup": "startup",
};

/**
 * Answers the health checks of one node, as an orchestrator such as Kubernetes asks them:
 *
 * - `/startup`: the node was up once.
 * - `/ready`: it is up (or weakly up), is not shutting down, and its extensions work: sharding has a
 *   coordinator and a lease, the journal of the system takes writes. The state of other nodes does not
 *   count, so that a rollout does not make the nodes unready that it does not touch.
 * - `/live`: the process answers, and the node has not stopped; it has after it was declared down, with
 *   `whenDowned: "shutdown"`, and when it could not start.
 *
 * Reasons name addresses and errors: serve them at a port that only the orchestrator reaches.
 *
 * @param system a node that has started. Default: the node that the handler's `extension` is given to,
 * so that checks are answered, with reasons, while it joins.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem, healthHandler } from "@casty/casty";
 *
 * const health = healthHandler();
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, health);
 * const url = `http://127.0.0.1:${server.addr.port}/ready`;
 * const early = await fetch(url);
 * console.assert(early.status === 503 && !(await early.json()).ok);
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 *   extensions: [health.extension],
 * });
 * await system.waitFor(1);
 * const answer = await fetch(url);
 * console.assert(answer.status === 200, await answer.text());
 * ```
 */
export function healthHandler(system?: HealthSource): HealthHandler {
  const lifecycle = new NodeLifecycle();
  if (system !== undefined) {
    lifecycle.bind(system);
    lifecycle.started();
  }
  const handler = (request: Request): Response => answer(request, lifecycle);
  return Object.assign(handler, { extension: () => lifecycle.extension() });
}

function answer({ url, method }: Request, lifecycle: NodeLifecycle): Response {
  const check = checks[new URL(url).pathname];
  if (check === undefined) return new Response(null, { status: 404 });
  if (method !== "GET" && method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const { facts, node } = lifecycle;
  const reasons = judgeHealth(check, facts);
  const { extensions } = facts;
  const ok = reasons.length === 0;
  const reply: HealthReply = { check, ok, reasons, ...(node && { node }), extensions };
  return new Response(method === "HEAD" ? null : JSON.stringify(reply), {
    status: ok ? 200 : 503,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
