/**
 * The interface of downing strategies, and rules that hold for all of them.
 *
 * @module
 */
import { isAlive, type Member } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** The decision for the members on this side of a partition. */
export type DowningOutcome =
  /** No action: no member is unreachable, other members decide, or it is too early. */
  | "keep"
  /** Declare the unreachable members down and continue. */
  | "downUnreachable"
  /** Stop: the other side may continue. */
  | "downSelf"
  /** Acquire the lease: the side that holds it continues. */
  | "acquireLease";

/** A decision and its reason. */
export interface DowningDecision {
  /** What to do. */
  readonly outcome: DowningOutcome;
  /** The reason in one sentence, for logs and for the downed member. */
  readonly why: string;
  /** Milliseconds before the lease is requested, so that the larger side goes first. Default 0. */
  readonly delay?: number;
}

/** The input of a strategy. */
export interface DowningSituation {
  /** All members in the table, including down members that are not removed yet. */
  readonly members: readonly Member[];
  /** Addresses of unreachable members. */
  readonly unreachable: ReadonlySet<string>;
  /** Address of the deciding member. */
  readonly self: string;
}

/**
 * Decides which side of a partition survives. A pure function: all members on one side have equal
 * input and must reach equal decisions, and no two sides may both decide `downUnreachable`. Called
 * when the set of unreachable members has been stable for `stableAfter`.
 */
export interface DowningStrategy {
  /** Name for logs and errors. */
  readonly name: string;
  /** The decision for this side. */
  decide(situation: DowningSituation): DowningDecision;
}

/**
 * The decision that every strategy shares: keep while no live member is unreachable, or while this
 * member itself is. Undefined: the strategy decides.
 */
export function commonDecision(
  { members, unreachable, self }: DowningSituation,
): DowningDecision | undefined {
  if (!members.some((member) => isAlive(member) && unreachable.has(member.address))) {
    return { outcome: "keep", why: "all members are reachable" };
  }
  if (unreachable.has(self)) {
    return { outcome: "keep", why: "this member is unreachable for others, which decide" };
  }
  return undefined;
}

/** Whether a member counts as unreachable: it is on the other side, or down. */
export function isUnreachable(member: Member, unreachable: ReadonlySet<string>): boolean {
  return !isAlive(member) || unreachable.has(member.address);
}

/**
 * Whether a member has a vote: it is up, or was up and is down but not removed. A node that has
 * replaced an up member has its vote: the earlier incarnation is proven dead, so it is on no other
 * side, and the number of votes is that which all members know.
 */
export function isFull(member: Member): boolean {
  const { status } = member;
  if (status === "weaklyUp" && !rules.weaklyUpHasNoVote) return true;
  if (status === "joining" || status === "weaklyUp") return member.inheritedNumber !== undefined;
  return status === "up" || (status === "down" && votingAge(member) > 0);
}

/** The age of a vote, which a restart does not change: the lowest is the oldest, 0 is none. */
export function votingAge({ upNumber, inheritedNumber }: Member): number {
  return inheritedNumber ?? upNumber;
}

/**
 * The decision while some unreachable members are only stalled. They are not downed, and a decision
 * counts only if it is the same with and without them: a side that wins only with stalled members
 * waits; a side that loses even with them does not.
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
  return { outcome: "keep", why: "the decision depends on members that are stalled but alive" };
}

/** Members and milliseconds; linear in between. */
const stability: readonly (readonly [number, number])[] = [
  [5, 7_000],
  [10, 10_000],
  [20, 13_000],
  [50, 17_000],
  [100, 20_000],
  [1_000, 30_000],
];

/**
 * How long the set of unreachable members must be stable before downing, milliseconds. Larger
 * clusters take longer to agree on it.
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
