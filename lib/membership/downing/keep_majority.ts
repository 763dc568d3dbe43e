import {
  commonDecision,
  type DowningStrategy,
  isFull,
  isUnreachable,
  votingAge,
} from "./downing.ts";
import { compareAge, isLeaving, type Member } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/**
 * The side with more than half of the members survives, the other stops. The default.
 *
 * Both sides of a clean partition reach opposite decisions, and two sides never both survive, even
 * if partitions change before downing is complete:
 *
 * - Up members have a vote. Down members count as unreachable until they are removed, which requires
 *   that all remaining members have seen them down (see `leader.ts`). So a majority is always one of
 *   the last set of voters that a majority has agreed on.
 * - A node that restarts at its address keeps the vote of its earlier incarnation, unless that was
 *   removed: restarts change the number of votes on no side.
 * - Leaving and exiting members have no vote. A side that does not know yet that they leave counts
 *   them against itself.
 * - An even split goes to the side of the oldest member. So of two members, the younger stops when
 *   the older crashes: use `keepOldest`, `staticQuorum` or `leaseMajority` for two.
 * - A side survives only if the same holds with joining members counted in, because the other side
 *   may have seen them promoted at the last moment (as in Pekko's resolver).
 *
 * @example
 * ```ts
 * import { keepMajority } from "@casty/casty";
 *
 * const options = { name: "shop", host: "127.0.0.1", port: 25520, downing: keepMajority() };
 * console.assert(options.downing.name === "keepMajority");
 * ```
 */
export function keepMajority(): DowningStrategy {
  return {
    name: "keepMajority",
    decide(situation) {
      const early = commonDecision(situation);
      if (early !== undefined) return early;
      const { wins, why } = majority(situation.members, situation.unreachable);
      return { outcome: wins ? "downUnreachable" : "downSelf", why };
    },
  };
}

/** Whether this side has the majority, or half of the members including the oldest. */
export function majority(
  members: readonly Member[],
  unreachable: ReadonlySet<string>,
): { readonly wins: boolean; readonly why: string } {
  const possible = members.filter((member) => !isLeaving(member));
  const verdict = weigh(possible.filter(isFull), unreachable);
  if (!verdict.wins) return verdict;
  const cautious = weigh(possible, unreachable);
  if (cautious.wins) return verdict;
  return { wins: false, why: `${cautious.why}, with joining members counted` };
}

function weigh(
  voters: readonly Member[],
  unreachable: ReadonlySet<string>,
): { wins: boolean; why: string } {
  const silent = voters.filter((member) => isUnreachable(member, unreachable)).length;
  const reachable = voters.length - silent;
  const why = `${reachable} of ${voters.length} members are reachable`;
  if (reachable !== silent || voters.length === 0) {
    return { wins: reachable >= silent || !rules.onlyMajoritySurvives, why };
  }
  const byAge = (a: Member, b: Member) =>
    compareNumbers(votingAge(a), votingAge(b)) || compareAge(a, b);
  const oldest = voters.toSorted(byAge)[0]!;
  const wins = !isUnreachable(oldest, unreachable);
  return { wins, why: `${why}, ${wins ? "with" : "without"} the oldest, ${oldest.address}` };
}

/** The lowest first; 0, which is no number, last. */
function compareNumbers(a: number, b: number): number {
  return (a || Infinity) === (b || Infinity) ? 0 : (a || Infinity) - (b || Infinity);
}
