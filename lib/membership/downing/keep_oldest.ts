import { resolveOptions } from "../../options/check_options.ts";
import { keepOldestTable } from "../../options/tables/cluster_tables.ts";
import { type DowningStrategy, isUnreachable, undisputed } from "./downing.ts";
import { compareAge, type Member } from "../state/member.ts";

/** Options of {@linkcode keepOldest}. */
export interface KeepOldestOptions {
  /**
   * Whether the oldest stops when it reaches no other up member, and the others continue when only
   * the oldest is missing. If false, a crash of the oldest stops the whole cluster. Default true.
   */
  readonly downIfAlone?: boolean;
}

/**
 * The side of the oldest member survives. For clusters whose oldest node runs a singleton, and, with
 * `downIfAlone`, for two nodes: the younger continues when the older dies. A large side without the
 * oldest stops.
 *
 * A leaving or down member may be the oldest until it is removed, because one side may not know its
 * status. The others continue without a lone oldest only if no other member, whatever its status,
 * may be on its side.
 *
 * @example
 * ```ts
 * import { keepOldest } from "@casty/casty";
 *
 * const downing = keepOldest({ downIfAlone: true });
 * console.assert(downing.name === "keepOldest");
 * ```
 */
export function keepOldest(options: KeepOldestOptions = {}): DowningStrategy {
  const { downIfAlone } = resolveOptions(keepOldestTable, options);
  return {
    name: "keepOldest",
    decide(situation) {
      const early = undisputed(situation);
      if (early !== undefined) return early;
      const { members, unreachable } = situation;
      const oldest = members.filter(({ upNumber }) => upNumber > 0).toSorted(compareAge)[0];
      if (oldest === undefined) return { outcome: "downSelf", why: "no member is up" };
      const others = members.filter((member) => member !== oldest);
      const silent = (member: Member) => isUnreachable(member, unreachable);
      if (!silent(oldest)) {
        const why = `the oldest, ${oldest.address}, is reachable`;
        const isAlone = !others.some((member) => member.status === "up" && !silent(member));
        return downIfAlone && isAlone
          ? { outcome: "downSelf", why: `${why}, but it is alone` }
          : { outcome: "downUnreachable", why };
      }
      const why = `the oldest, ${oldest.address}, is unreachable`;
      const company = others.some(silent);
      const full = others.some(({ status }) => status === "up");
      return downIfAlone && !company && full
        ? { outcome: "downUnreachable", why: `${why}, and is alone` }
        : { outcome: "downSelf", why };
    },
  };
}
