import {
  type GossipState,
  type MemberRecord,
  type Reachability,
  type Subject,
  type UnreachableReason,
  unreachableReasons,
} from "../state/gossip_state.ts";
import { compareText, isAlive, isLeaving, type Member } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** How many observers must agree where there are so many. */
const observersNeeded = rules.twoObserversAgree ? 2 : 1;

/** Why a member counts as unreachable, and on whose word. */
export interface Unreachability {
  /** The mildest reason that an observer gives: `stalled` before `gone` before `silent`. */
  readonly reason: UnreachableReason;
  /** Addresses of those who cannot reach it; sorted. */
  readonly observers: readonly string[];
}

/** Whether the member's word on others counts. One that goes, or is dead, has no vote. */
function mayAccuse(member: Member): boolean {
  return isAlive(member) && !(rules.leavingMembersDoNotAccuse && isLeaving(member));
}

/**
 * The members that count as unreachable, from where `self` stands. The word of one observer is not
 * enough while a second one could speak: two must agree, unless `self` can hear nobody else who
 * could. Accusations by members whom `self` itself cannot reach do not count, since they may be old;
 * nor do those that the accused has refuted.
 * May contain `self`: then two others cannot hear it although it hears them.
 */
export function unreachableMembers(state: GossipState, self: string): ReadonlySet<string> {
  const counts = new Map<string, number>();
  const { accused, observers } = trustedObservers(state, self);
  for (const { reachability } of observers) {
    for (const subject of reachability.unreachable) {
      if (stands(state, subject, self)) {
        counts.set(subject.address, (counts.get(subject.address) ?? 0) + 1);
      }
    }
  }
  const unreachable = new Set<string>();
  for (const [address, count] of counts) {
    const member = state.members.get(address)!.member;
    const others = mayAccuse(member) && !accused.has(address)
      ? observers.length - 1
      : observers.length;
    if (count >= Math.max(1, Math.min(observersNeeded, others))) unreachable.add(address);
  }
  return unreachable;
}

/** Why each of these members counts as unreachable, from where `self` stands. */
export function unreachabilityOf(
  state: GossipState,
  self: string,
  unreachable: ReadonlySet<string>,
): ReadonlyMap<string, Unreachability> {
  const found = new Map<string, { reason: UnreachableReason; observers: string[] }>();
  if (unreachable.size === 0) return found;
  for (const { member, reachability } of trustedObservers(state, self).observers) {
    for (const subject of reachability.unreachable) {
      const { address, reason = "silent" } = subject;
      if (!unreachable.has(address) || !stands(state, subject, self)) continue;
      const known = found.get(address);
      if (known === undefined) found.set(address, { reason, observers: [member.address] });
      else {
        known.observers.push(member.address);
        if (mildness(reason) > mildness(known.reason)) known.reason = reason;
      }
    }
  }
  for (const { observers } of found.values()) observers.sort(compareText);
  return found;
}

/** Whether two accounts of who is unreachable, and why, tell the same. */
export function sameUnreachability(
  a: ReadonlyMap<string, Unreachability>,
  b: ReadonlyMap<string, Unreachability>,
): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [address, { reason, observers }] of a) {
    const other = b.get(address);
    if (other?.reason !== reason || other.observers.join() !== observers.join()) return false;
  }
  return true;
}

/** Who says that it cannot reach the member, and how suspicious its silence was; sorted. */
export function observersAgainst(
  state: GossipState,
  address: string,
): { readonly observer: string; readonly phi: number }[] {
  const observers: { observer: string; phi: number }[] = [];
  for (const [observer, { reachability }] of state.members) {
    const subject = reachability.unreachable.find((one) => one.address === address);
    if (subject !== undefined) observers.push({ observer, phi: subject.phi ?? 0 });
  }
  return observers.sort((a, b) => compareText(a.observer, b.observer));
}

/** The living members that one record accuses. */
export function accusedBy(
  state: GossipState,
  observer: MemberRecord | undefined,
): ReadonlySet<string> {
  const accused = new Set<string>();
  for (const subject of observer?.reachability.unreachable ?? []) {
    if (stands(state, subject)) accused.add(subject.address);
  }
  return accused;
}

/** Addresses of those whom one record accuses and who have refuted it since. */
export function refutedSubjects(state: GossipState, observer: MemberRecord): readonly string[] {
  return observer.reachability.unreachable
    .filter((subject) => isMember(state, subject) && !stands(state, subject))
    .map(({ address }) => address);
}

/**
 * What a member says when it hears itself accused: it raises its own number, so that those who have
 * lost the direct way to it hear by gossip that it lives. Nobody else may raise it. Undefined: there
 * is nothing to refute.
 */
export function refutation(state: GossipState, self: string): Reachability | undefined {
  const { member, reachability } = state.members.get(self)!;
  const own = reachability.refutation ?? 0;
  let highest = -1;
  for (const [observer, record] of state.members) {
    if (observer === self || !mayAccuse(record.member)) continue;
    for (const { address, incarnation, refutation = 0 } of record.reachability.unreachable) {
      if (address === self && incarnation === member.incarnation) {
        highest = Math.max(highest, refutation);
      }
    }
  }
  if (highest < own || highest >= Number.MAX_SAFE_INTEGER) return undefined;
  if (!rules.accusedMembersRefute) return undefined;
  return { ...reachability, version: reachability.version + 1, refutation: highest + 1 };
}

/** The record's next version, with exactly these unreachable; the same one if nothing is new. */
export function nextReachability(
  old: Reachability,
  subjects: readonly Subject[],
): Reachability {
  const unreachable = subjects.toSorted((a, b) => compareText(a.address, b.address));
  const same = unreachable.length === old.unreachable.length &&
    unreachable.every((subject, index) => sameSubject(subject, old.unreachable[index]!));
  return same ? old : { ...old, version: old.version + 1, unreachable };
}

/** Those whose word counts for `self`, and those whom `self` does not hear. */
function trustedObservers(state: GossipState, self: string) {
  const accused = accusedBy(state, state.members.get(self));
  const observers: MemberRecord[] = [];
  for (const [address, record] of state.members) {
    if (mayAccuse(record.member) && !accused.has(address)) observers.push(record);
  }
  return { accused, observers };
}

/**
 * Whether the accusation holds: made against this life, and not refuted. The accused itself believes
 * the others until they take it back: it may hear them without being heard.
 */
function stands(state: GossipState, subject: Subject, self?: string): boolean {
  if (!isMember(state, subject)) return false;
  if (subject.address === self) return true;
  const { reachability } = state.members.get(subject.address)!;
  return (subject.refutation ?? 0) >= (reachability.refutation ?? 0);
}

/** Whether the subject still takes part, in the incarnation that was accused. */
function isMember(state: GossipState, { address, incarnation }: Subject): boolean {
  const member = state.members.get(address)?.member;
  return member !== undefined && member.incarnation === incarnation && isAlive(member);
}

function sameSubject(a: Subject, b: Subject): boolean {
  return a.address === b.address && a.incarnation === b.incarnation &&
    a.refutation === b.refutation && a.reason === b.reason;
}

function mildness(reason: UnreachableReason): number {
  return unreachableReasons.indexOf(reason);
}
