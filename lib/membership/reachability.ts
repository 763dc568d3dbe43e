import type { GossipState, MemberRecord, Reachability, Subject } from "./gossip_state.ts";
import { compareText, isAlive, isLeaving, type Member } from "./member.ts";

/** How many observers must agree where there are so many. */
const observersNeeded = 2;

/** Whether the member's word on others counts. One that goes, or is dead, has no vote. */
function mayAccuse(member: Member): boolean {
  return isAlive(member) && !isLeaving(member);
}

/**
 * The members that count as unreachable, from where `self` stands. The word of one observer is not
 * enough while a second one could speak: two must agree, unless `self` can hear nobody else who
 * could. Accusations by members whom `self` itself cannot reach do not count, since they may be old.
 * May contain `self`: then two others cannot hear it although it hears them.
 */
export function unreachableMembers(state: GossipState, self: string): ReadonlySet<string> {
  const accused = accusedBy(state, state.members.get(self));
  const counts = new Map<string, number>();
  let observers = 0;
  for (const [address, record] of state.members) {
    if (!mayAccuse(record.member) || accused.has(address)) continue;
    observers++;
    for (const subject of record.reachability.unreachable) {
      if (isMember(state, subject)) {
        counts.set(subject.address, (counts.get(subject.address) ?? 0) + 1);
      }
    }
  }
  const unreachable = new Set<string>();
  for (const [address, count] of counts) {
    const member = state.members.get(address)!.member;
    const others = mayAccuse(member) && !accused.has(address) ? observers - 1 : observers;
    if (count >= Math.max(1, Math.min(observersNeeded, others))) unreachable.add(address);
  }
  return unreachable;
}

/** Who says that it cannot reach the member; sorted. */
export function observersAgainst(state: GossipState, address: string): string[] {
  const observers: string[] = [];
  for (const [observer, { reachability }] of state.members) {
    if (reachability.unreachable.some((subject) => subject.address === address)) {
      observers.push(observer);
    }
  }
  return observers.sort(compareText);
}

/** The living members that one record accuses. */
export function accusedBy(
  state: GossipState,
  observer: MemberRecord | undefined,
): ReadonlySet<string> {
  const accused = new Set<string>();
  for (const subject of observer?.reachability.unreachable ?? []) {
    if (isMember(state, subject)) accused.add(subject.address);
  }
  return accused;
}

/** The record's next version, with exactly these members unreachable. */
export function nextReachability(
  old: Reachability,
  members: readonly Member[],
): Reachability {
  const unreachable = members.map(({ address, incarnation }) => ({ address, incarnation }))
    .sort((a, b) => compareText(a.address, b.address));
  return { version: old.version + 1, unreachable };
}

/** Whether the subject still takes part, in the incarnation that was accused. */
function isMember(state: GossipState, { address, incarnation }: Subject): boolean {
  const member = state.members.get(address)?.member;
  return member !== undefined && member.incarnation === incarnation && isAlive(member);
}
