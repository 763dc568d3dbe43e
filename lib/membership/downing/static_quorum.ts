import { checkOptions } from "../../options/check_options.ts";
import { staticQuorumTable } from "../../options/tables/cluster_tables.ts";
import { type DowningStrategy, isUnreachable, undisputed } from "./downing.ts";

/** Options of {@linkcode staticQuorum}. */
export interface StaticQuorumOptions {
  /**
   * Number of up members that a side needs; at least 1. More than half of the largest number of
   * members that the cluster will ever have; otherwise no side may be sure and all stop.
   */
  readonly size: number;
}

/**
 * The side with at least `size` up members survives; any other stops. For clusters of a known size.
 * Unlike with `keepMajority`, a cluster that shrinks in steps never continues with fewer than
 * `size`.
 *
 * A side survives only if the other one, with all leaving, joining and down members counted to it,
 * has fewer than `size`: so with more than `2 * size - 1` members, an even partition stops both.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { staticQuorum } from "@casty/casty";
 *
 * const downing = staticQuorum({ size: 3 }); // for up to five nodes
 * console.assert(downing.name === "staticQuorum");
 * ```
 */
export function staticQuorum(options: StaticQuorumOptions): DowningStrategy {
  checkOptions(staticQuorumTable, options);
  const { size } = options;
  return {
    name: "staticQuorum",
    decide(situation) {
      const early = undisputed(situation);
      if (early !== undefined) return early;
      const { members, unreachable } = situation;
      const others = members.filter((member) => isUnreachable(member, unreachable)).length;
      const ours =
        members.filter((member) => member.status === "up" && !isUnreachable(member, unreachable))
          .length;
      const why = `${ours} up members are reachable and the quorum is ${size}`;
      if (ours < size) return { outcome: "downSelf", why };
      if (others < size) return { outcome: "downUnreachable", why };
      return {
        outcome: "downSelf",
        why: `${why}, but ${others} others may have a quorum, too: raise size`,
      };
    },
  };
}
