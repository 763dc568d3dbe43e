import { type DowningStrategy, undisputed } from "./downing.ts";

/**
 * Whoever cannot reach somebody stops, on all sides: the whole cluster starts anew. For those who
 * would rather be down than wrong and have something that starts nodes again.
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
      return undisputed(situation) ??
        { outcome: "downSelf", why: "a member cannot be reached, and then all stop" };
    },
  };
}
