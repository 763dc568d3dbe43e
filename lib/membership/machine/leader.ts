import { compareAge, type Member, type MemberStatus } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** Who may lead, the best first. A younger member that stays leads before an older that goes. */
const preference: readonly MemberStatus[] = ["up", "weaklyUp", "leaving", "exiting", "joining"];

/**
 * The address of the member that leads: the oldest reachable one that is up. There is no election:
 * whoever has the same view comes to the same answer. Where nobody is up, those that leave lead to
 * the end, and before the first is up, the earliest that joins.
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

/** What the leader changes when all have seen the same. */
export interface LeaderActions {
  /** New accounts of members that move on. */
  readonly moved: readonly Member[];
  /** Members that are none any more. */
  readonly removed: readonly Member[];
}

/**
 * What the leader does on convergence: joining members become up, leaving ones exiting; exiting and
 * down ones are removed.
 *
 * While a full member is unreachable, nobody becomes up and nobody who is down is removed: what
 * counts as a majority changes only when all who are left to agree have agreed. Leaving goes on,
 * because those that leave do not count (see `downing.ts`).
 */
export function leaderActions(
  members: readonly Member[],
  unreachable: ReadonlySet<string>,
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
  for (const member of joining.sort(compareAge)) {
    // A bad member may have given itself the highest number that there is.
    const highest = rules.upNumbersAreBounded ? Number.MAX_SAFE_INTEGER : Infinity;
    lastUp = Math.min(lastUp + 1, highest);
    moved.push({ ...member, status: "up", upNumber: lastUp });
  }
  return { moved, removed };
}
