import { compareAge, type Member, type MemberStatus } from "../state/member.ts";

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
