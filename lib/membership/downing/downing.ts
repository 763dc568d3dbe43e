/**
 * What a downing strategy is, and what holds for all of them.
 *
 * @module
 */
import { isAlive, type Member } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** What the members on this side of a partition do. */
export type DowningOutcome =
  /** Nothing: nobody is unreachable, or others decide about this node, or it is too early. */
  | "keep"
  /** Declare the unreachable members dead and carry on. */
  | "downUnreachable"
  /** Stop: the other side may carry on. */
  | "downSelf"
  /** Ask the lease: whoever holds it carries on. */
  | "askLease";

/** A decision and its grounds. */
export interface DowningDecision {
  /** What to do. */
  readonly outcome: DowningOutcome;
  /** One sentence, for logs and for the one who is downed. */
  readonly why: string;
  /** Milliseconds to wait before the lease is asked, so that the better side goes first. Default 0. */
  readonly delay?: number;
}

/** What a strategy decides on. */
export interface DowningSituation {
  /** All members in the table, also those that are down and not yet removed. */
  readonly members: readonly Member[];
  /** Addresses of those that cannot be reached. */
  readonly unreachable: ReadonlySet<string>;
  /** Address of the member that asks. */
  readonly self: string;
}

/**
 * Decides which side of a partition lives on. A function of its argument alone: all members on one
 * side ask with the same situation and must come to the same answer, and no two sides may both come
 * to `downUnreachable`. Asked when the unreachable members have stayed the same for a while.
 */
export interface DowningStrategy {
  /** For logs and errors. */
  readonly name: string;
  /** The decision for this side. */
  decide(situation: DowningSituation): DowningDecision;
}

/** The decision where there is nothing to weigh, for every strategy the same. */
export function undisputed(
  { members, unreachable, self }: DowningSituation,
): DowningDecision | undefined {
  if (!members.some((member) => isAlive(member) && unreachable.has(member.address))) {
    return { outcome: "keep", why: "all members can be reached" };
  }
  if (unreachable.has(self)) {
    return { outcome: "keep", why: "others cannot reach this member; they decide" };
  }
  return undefined;
}

/** Whether a member is on the other side, or will be treated as if it were. */
export function isUnreachable(member: Member, unreachable: ReadonlySet<string>): boolean {
  return !isAlive(member) || unreachable.has(member.address);
}

/** Whether a member was up and has not left: those count, also when they are down by now. */
export function isFull({ status, upNumber }: Member): boolean {
  if (status === "weaklyUp") return !rules.weaklyUpHasNoVote;
  return status === "up" || (status === "down" && upNumber > 0);
}

/**
 * The decision while some of the unreachable members only stand still. They are not downed, and it
 * counts only what would be decided both with and without them: a side that would win only with
 * their help waits, and one that would lose even so does not.
 */
export function decideAround(
  strategy: DowningStrategy,
  situation: DowningSituation,
  stalled: ReadonlySet<string>,
): DowningDecision {
  const strict = strategy.decide(situation);
  if (stalled.size === 0) return strict;
  const unreachable = new Set([...situation.unreachable].filter((one) => !stalled.has(one)));
  const lenient = strategy.decide({ ...situation, unreachable });
  if (lenient.outcome === strict.outcome) return strict;
  if (lenient.outcome === "keep") return lenient;
  return { outcome: "keep", why: "it depends on members that stand still but live" };
}

/** Members and milliseconds; in between, in proportion. */
const stability: readonly (readonly [number, number])[] = [
  [5, 7_000],
  [10, 10_000],
  [20, 13_000],
  [50, 17_000],
  [100, 20_000],
  [1_000, 30_000],
];

/**
 * How long unreachable members must stay the same before anybody is downed, milliseconds. Larger
 * clusters take longer to agree on who is unreachable.
 */
export function stableAfter(members: number): number {
  let [lastSize, lastTime] = stability[0]!;
  if (members <= lastSize) return lastTime;
  for (const [size, time] of stability) {
    if (members <= size) {
      return Math.round(
        lastTime + (time - lastTime) * (members - lastSize) / (size - lastSize || 1),
      );
    }
    [lastSize, lastTime] = [size, time];
  }
  return lastTime;
}
