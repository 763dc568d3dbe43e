/**
 * How nodes join while a member is unreachable. They cannot become up, because that would change
 * the set of voters without the agreement of the unreachable one. After `weaklyUpAfter` the leader
 * makes them weakly up (as in Akka): they take work, but own no shards and have no vote.
 *
 * @module
 */
import { commit } from "../machine/commit.ts";
import { withMember } from "../state/gossip_state.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import type { MembershipView } from "../state/view.ts";
import { rules } from "../../runtime/rules.ts";

/** Makes joining nodes weakly up when it is due. Every member measures the time; the leader acts. */
export function weaklyUpTick(m: Machine, now: number): void {
  if (!isBlocked(m.view)) {
    m.blockedSince = undefined;
    return;
  }
  m.blockedSince ??= now;
  if (now - m.blockedSince < m.config.weaklyUpAfter || m.view.leader !== selfAddress(m)) return;
  if (m.view.self.status !== "up" && rules.onlyFullMembersPromote) return;
  let { state } = m;
  for (const member of m.view.members) {
    if (member.status !== "joining" || m.view.unreachable.has(member.address)) continue;
    state = withMember(state, { ...member, status: "weaklyUp" });
  }
  commit(m, state, now);
  m.gossip.nextAt = now;
}

/** Whether a reachable node is joining while an up member is unreachable. */
function isBlocked({ members, unreachable }: MembershipView): boolean {
  if (unreachable.size === 0) return false;
  let isJoining = false;
  let isUpUnreachable = false;
  for (const { status, address } of members) {
    if (status === "joining") isJoining ||= !unreachable.has(address);
    if (status === "up") isUpUnreachable ||= unreachable.has(address);
  }
  return isJoining && isUpUnreachable;
}
