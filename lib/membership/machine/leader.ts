import { compareAge, type Member, type MemberStatus } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** Statuses of a leader, the preferred first. A leaving member leads only if no other can. */
const preference: readonly MemberStatus[] = ["up", "weaklyUp", "leaving", "exiting", "joining"];

/**
 * The address of the leader: the oldest reachable member that is up. There is no election: equal
 * views give equal leaders. If no member is up, a weakly up, leaving or joining member leads in this
 * order, but does not promote members unless it has been up.
 */
export function leaderOf(
  members: Iterable<Member>,
  unreachable: ReadonlySet<string>,
): string | undefined {
  let best: Member | undefined;
  let bestRank = preference.length;
  for (const member of members) {
    const rank = preference.indexOf(member.status);
    if (rank < 0 || rank > bestRank || unreachable.has(member.address)) continue;
    if (best !== undefined && rank === bestRank && compareAge(best, member) < 0) continue;
    best = member;
    bestRank = rank;
  }
  return best?.address;
}

/** Changes that the leader makes on convergence. */
export interface LeaderActions {
  /** Members with their next status. */
  readonly moved: readonly Member[];
  /** Members to remove. */
  readonly removed: readonly Member[];
}

/**
 * The leader's actions on convergence: joining members become up, leaving members exiting; exiting
 * and down members are removed.
 *
 * Invariant: while an up member is unreachable, no member becomes up and no down member is removed.
 * The set of voters changes only after all reachable voters have agreed. Leaving members are no
 * voters (see `downing.ts`), so they proceed.
 *
 * @param promotes whether the leader may make members full; see `lead` of `commit.ts`.
 */
export function leaderActions(
  members: readonly Member[],
  unreachable: ReadonlySet<string>,
  promotes = true,
): LeaderActions {
  const moved: Member[] = [];
  const removed: Member[] = [];
  const joining: Member[] = [];
  const settled = !rules.unreachableBlocksPromotion ||
    !members.some(({ status, address }) => status === "up" && unreachable.has(address));
  let lastUp = 0;
  for (const member of members) {
    lastUp = Math.max(lastUp, member.upNumber);
    switch (member.status) {
      case "joining":
      case "weaklyUp":
        if (settled && !unreachable.has(member.address)) joining.push(member);
        break;
      case "leaving":
        moved.push({ ...member, status: "exiting" });
        break;
      case "exiting":
        removed.push(member);
        break;
      case "down":
        if (settled) removed.push(member);
    }
  }
  if (!promotes) return { moved, removed };
  for (const member of joining.sort(compareAge)) {
    // A hostile member may claim the highest number.
    const highest = rules.upNumbersAreBounded ? Number.MAX_SAFE_INTEGER : Infinity;
    // A number is never changed.
    if (member.upNumber > 0) moved.push({ ...member, status: "up" });
    else {
      lastUp = Math.min(lastUp + 1, highest);
      moved.push({ ...member, status: "up", upNumber: lastUp });
    }
  }
  return { moved, removed };
}
