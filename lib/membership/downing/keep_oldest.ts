import { type DowningStrategy, isUnreachable, undisputed } from "./downing.ts";
import { compareAge, type Member } from "../state/member.ts";

/** What becomes of an oldest member that is alone. */
export interface KeepOldestOptions {
  /**
   * Whether the oldest stops when it reaches no other full member, and the others carry on when
   * only the oldest is missing. Without it, a crash of the oldest stops the whole cluster.
   * Default true.
   */
  readonly downIfAlone?: boolean;
}

/**
 * The side of the oldest member lives on. For clusters whose oldest node runs what matters most (a
 * singleton), and, with `downIfAlone`, for two nodes: the younger carries on when the older dies.
 * A large side without the oldest stops.
 *
 * Whoever is not removed yet may be the oldest, also when it leaves or is down, because one side
 * may not know that. The others carry on without an oldest that is alone only if nobody else at
 * all, also no joining or leaving member, may be with it.
 *
 * @example
 * ```ts
 * import { keepOldest } from "@casty/casty";
 *
 * const downing = keepOldest({ downIfAlone: true });
 * console.assert(downing.name === "keepOldest");
 * ```
 */
export function keepOldest({ downIfAlone = true }: KeepOldestOptions = {}): DowningStrategy {
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
        const why = `the oldest, ${oldest.address}, can be reached`;
        const isAlone = !others.some((member) => member.status === "up" && !silent(member));
        return downIfAlone && isAlone
          ? { outcome: "downSelf", why: `${why}, but it is alone` }
          : { outcome: "downUnreachable", why };
      }
      const why = `the oldest, ${oldest.address}, cannot be reached`;
      const company = others.some(silent);
      const full = others.some(({ status }) => status === "up");
      return downIfAlone && !company && full
        ? { outcome: "downUnreachable", why: `${why}, and is alone` }
        : { outcome: "downSelf", why };
    },
  };
}
