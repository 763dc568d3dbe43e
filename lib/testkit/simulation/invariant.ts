import type { Simulation } from "./simulation.ts";

/**
 * Something that must hold all the time. A list of invariants is a list of functions that make
 * them, so that each run has its own.
 *
 * @example
 * ```ts
 * import { type Invariant, type Simulation } from "@casty/casty/testkit";
 *
 * // No node owns more than 15 shards.
 * const notTooMany = (): Invariant => ({
 *   name: "notTooMany",
 *   on: "shards",
 *   check: (sim: Simulation) => {
 *     const greedy = sim.nodes.find((node) => node.ownedShards().length > 15);
 *     return greedy && `${greedy.name} owns ${greedy.ownedShards().length} shards`;
 *   },
 * });
 * console.assert(notTooMany().name === "notTooMany");
 * ```
 */
export interface Invariant {
  /** Names it in failures. */
  readonly name: string;
  /**
   * When it is checked, which is always at the end, and
   *
   * - `event`: after each event. The default, and the most expensive.
   * - `view`: when the view of a node of its cluster, or its status, has changed.
   * - `shards`: when the shards that a node owns, or its status, have changed.
   * - `second`: each second of virtual time.
   * - `end`: only at the end.
   */
  readonly on?: "event" | "view" | "shards" | "second" | "end";
  /** The violation, in one sentence; undefined: the invariant holds. */
  check(simulation: Simulation): string | undefined;
}

/** Creates an invariant for one run. */
export type InvariantMaker = () => Invariant;
