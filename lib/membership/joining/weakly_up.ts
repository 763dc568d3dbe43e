/**
 * How nodes come in while a member is unreachable. They cannot become up, because that would change
 * what counts as a majority without the word of the one that is silent. After a while the leader
 * makes them weakly up (as Akka does): they work, but own no shards and have no vote.
 *
 * @module
 */
import { commit } from "../machine/commit.ts";
import { withMember } from "../state/gossip_state.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import type { MembershipView } from "../state/view.ts";

/** Lets nodes in that have waited for long enough. Every member counts the time; the leader acts. */
export function weaklyUpTick(m: Machine, now: number): void {
  if (!isBlocked(m.view)) {
    m.blockedSince = undefined;
    return;
  }
  m.blockedSince ??= now;
  if (now - m.blockedSince < m.config.weaklyUpAfter || m.view.leader !== selfAddress(m)) return;
  let { state } = m;
  for (const member of m.view.members) {
    if (member.status !== "joining" || m.view.unreachable.has(member.address)) continue;
    state = withMember(state, { ...member, status: "weaklyUp" });
  }
  commit(m, state, now);
  m.gossip.nextAt = now;
}

/** Whether somebody who can be reached joins, and somebody who is up cannot be reached. */
function isBlocked({ members, unreachable }: MembershipView): boolean {
  if (unreachable.size === 0) return false;
  let joins = false;
  let silent = false;
  for (const { status, address } of members) {
    if (status === "joining") joins ||= !unreachable.has(address);
    if (status === "up") silent ||= unreachable.has(address);
  }
  return joins && silent;
}
