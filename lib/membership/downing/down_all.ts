import { commonDecision, type DowningStrategy } from "./downing.ts";

/**
 * Every node that sees an unreachable member stops, on all sides of a partition: the whole cluster
 * restarts. For systems that prefer an outage to any doubt and whose nodes are restarted by a
 * supervisor.
 *
 * @example
 * ```ts
 * import { downAll } from "@casty/casty";
 *
 * console.assert(downAll().name === "downAll");
 * ```
 */
export function downAll(): DowningStrategy {
  return {
    name: "downAll",
    decide(situation) {
      return commonDecision(situation) ??
        { outcome: "downSelf", why: "a member is unreachable, and downAll stops all members" };
    },
  };
}
