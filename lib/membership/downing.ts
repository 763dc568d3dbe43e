import { compareAge, isAlive, isLeaving, type Member } from "./member.ts";

/** What the members on this side of a partition do. */
export type DowningOutcome =
  /** Nothing: nobody is unreachable, or others decide about this node. */
  | "keep"
  /** Declare the unreachable members dead and carry on. */
  | "downUnreachable"
  /** Stop: the other side carries on. */
  | "downSelf";

/** A decision and its grounds. */
export interface DowningDecision {
  readonly outcome: DowningOutcome;
  /** One sentence, for logs and for the one who is downed. */
  readonly why: string;
}

/**
 * Decides by majority which side of a partition lives on. Both sides of a clean partition come to
 * opposite answers, and in no case do both live on, also when partitions change before all is
 * settled:
 *
 * - Full members count (up). Those that are down count as unreachable until they are removed, which
 *   happens only when everybody who stays has seen that they are down (see `leader_actions.ts`). So
 *   a majority is always one of the last members that a majority has agreed on.
 * - Those that leave or exit do not count: one side may not know yet that they go, and then it
 *   counts them against itself.
 * - An even split goes to the side of the oldest.
 * - A side carries on only if the same holds with joining members counted in, because the other
 *   side may have seen them promoted in the last moment (as Pekko's resolver does).
 *
 * Call it when the unreachable members have been the same for {@linkcode stableAfter}, and carry
 * `downUnreachable` out only when those on this side have converged.
 */
export function keepMajority(
  members: readonly Member[],
  unreachable: ReadonlySet<string>,
  self: string,
): DowningDecision {
  if (!members.some((member) => isAlive(member) && unreachable.has(member.address))) {
    return { outcome: "keep", why: "all members can be reached" };
  }
  if (unreachable.has(self)) {
    return { outcome: "keep", why: "others cannot reach this member; they decide" };
  }
  const possible = members.filter((member) => !isLeaving(member));
  const full = possible.filter(({ status, upNumber }) =>
    status === "up" || (status === "down" && upNumber > 0)
  );
  const verdict = weigh(full, unreachable);
  if (!verdict.wins) return { outcome: "downSelf", why: verdict.why };
  const cautious = weigh(possible, unreachable);
  if (!cautious.wins) {
    return { outcome: "downSelf", why: `${cautious.why}, counting those that join` };
  }
  return { outcome: "downUnreachable", why: verdict.why };
}

function weigh(
  voters: readonly Member[],
  unreachable: ReadonlySet<string>,
): { wins: boolean; why: string } {
  const isSilent = (member: Member) => !isAlive(member) || unreachable.has(member.address);
  const silent = voters.filter(isSilent).length;
  const reachable = voters.length - silent;
  const why = `${reachable} of ${voters.length} members can be reached`;
  if (reachable !== silent || voters.length === 0) return { wins: reachable >= silent, why };
  const oldest = voters.toSorted(compareAge)[0]!;
  const wins = !isSilent(oldest);
  return { wins, why: `${why}, ${wins ? "with" : "without"} the oldest, ${oldest.address}` };
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
