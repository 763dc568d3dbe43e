import type {
  GossipState,
  MemberRecord,
  Reachability,
  Subject,
  UnreachableReason,
} from "../state/gossip_state.ts";
import { compareText, isAlive, isLeaving, type Member } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** Number of observers that must agree; all of them in smaller clusters. */
const observersNeeded = rules.twoObserversAgree ? 2 : 1;

/** Which accusations count: all of them, or those that are not {@linkcode Subject.early}. */
export type Counted = "all" | "silence";

/** Why a member is unreachable, and which observers say so. */
export interface Unreachability {
  /**
   * `stalled` if any observer says so; `gone` if two observers do, or all that may accuse where there
   * are fewer; otherwise `silent`.
   */
  readonly reason: UnreachableReason;
  /** Addresses of the observers; sorted. */
  readonly observers: readonly string[];
}

/** Whether the member's accusations count. Leaving and down members have no vote. */
function mayAccuse(member: Member): boolean {
  return isAlive(member) && !(rules.leavingMembersDoNotAccuse && isLeaving(member));
}

/**
 * The unreachable members in the view of `self`. Two observers must agree, unless `self` can reach
 * only one that may accuse. Accusations by observers that `self` cannot reach do not count, since
 * they may be stale; refuted accusations do not count either.
 * May contain `self`: then two observers do not receive its messages although it receives theirs.
 */
export function unreachableMembers(
  state: GossipState,
  self: string,
  counted: Counted = "all",
): ReadonlySet<string> {
  const counts = new Map<string, number>();
  const trusted = trustedObservers(state, self, counted);
  for (const { reachability } of trusted.observers) {
    for (const subject of reachability.unreachable) {
      if (stands(state, subject, counted, self)) {
        counts.set(subject.address, (counts.get(subject.address) ?? 0) + 1);
      }
    }
  }
  const unreachable = new Set<string>();
  for (const [address, count] of counts) {
    if (count >= neededAgainst(state, address, trusted)) unreachable.add(address);
  }
  return unreachable;
}

/** How many of the observers must agree on the member. */
function neededAgainst(
  state: GossipState,
  address: string,
  { accused, observers }: TrustedObservers,
): number {
  const { member } = state.members.get(address)!;
  const others = mayAccuse(member) && !accused.has(address)
    ? observers.length - 1
    : observers.length;
  return Math.max(1, Math.min(observersNeeded, others));
}

/** Whether any accusation in the state is early. */
export function hasEarly(state: GossipState): boolean {
  for (const { reachability } of state.members.values()) {
    for (const { early } of reachability.unreachable) if (early === true) return true;
  }
  return false;
}

/** The reason and the observers of each unreachable member in the view of `self`. */
export function unreachabilityOf(
  state: GossipState,
  self: string,
  unreachable: ReadonlySet<string>,
  counted: Counted = "all",
): ReadonlyMap<string, Unreachability> {
  const found = new Map<string, Unreachability>();
  if (unreachable.size === 0) return found;
  const claims = new Map<string, { observers: string[]; stalled: number; gone: number }>();
  const trusted = trustedObservers(state, self, counted);
  for (const { member, reachability } of trusted.observers) {
    for (const subject of reachability.unreachable) {
      const { address, reason } = subject;
      if (!unreachable.has(address) || !stands(state, subject, counted, self)) continue;
      let claim = claims.get(address);
      if (claim === undefined) {
        claims.set(address, claim = { observers: [], stalled: 0, gone: 0 });
      }
      claim.observers.push(member.address);
      if (reason === "stalled") claim.stalled++;
      if (reason === "gone") claim.gone++;
    }
  }
  for (const [address, { observers, stalled, gone }] of claims) {
    const needed = rules.goneNeedsTwoObservers ? neededAgainst(state, address, trusted) : 1;
    const reason = stalled > 0 ? "stalled" : gone >= needed ? "gone" : "silent";
    found.set(address, { reason, observers: observers.sort(compareText) });
  }
  return found;
}

/** Whether both maps have equal content. */
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

/** The observers that accuse the member, with the phi value of each accusation; sorted. */
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

/** The live members that the record of one observer accuses. */
export function accusedBy(
  state: GossipState,
  observer: MemberRecord | undefined,
  counted: Counted = "all",
): ReadonlySet<string> {
  const accused = new Set<string>();
  for (const subject of observer?.reachability.unreachable ?? []) {
    if (stands(state, subject, counted)) accused.add(subject.address);
  }
  return accused;
}

/** Addresses of members that one record accuses and that have refuted it since. */
export function refutedSubjects(state: GossipState, observer: MemberRecord): readonly string[] {
  return observer.reachability.unreachable
    .filter((subject) => isMember(state, subject) && !stands(state, subject, "all"))
    .map(({ address }) => address);
}

/**
 * The refutation of an accused member (SWIM): it raises its own refutation number, which spreads by
 * gossip. Only the member itself may raise it. Undefined: there is nothing to refute.
 */
export function refutation(state: GossipState, self: string): Reachability | undefined {
  const { member, reachability } = state.members.get(self)!;
  const own = reachability.refutation ?? 0;
  let highest = -1;
  for (const [observer, record] of state.members) {
    if (observer === self || !mayAccuse(record.member)) continue;
    for (const { address, incarnation, refutation = 0 } of record.reachability.unreachable) {
      // An observer can only know numbers that this member has used.
      const isKnown = refutation <= own || !rules.countersHaveCeilings;
      if (address === self && incarnation === member.incarnation && isKnown) {
        highest = Math.max(highest, refutation);
      }
    }
  }
  if (highest < own || highest >= Number.MAX_SAFE_INTEGER) return undefined;
  if (!rules.accusedMembersRefute) return undefined;
  return { ...reachability, version: reachability.version + 1, refutation: highest + 1 };
}

/** The next version with exactly these subjects; the same object if they are unchanged. */
export function nextReachability(
  old: Reachability,
  subjects: readonly Subject[],
): Reachability {
  const unreachable = subjects.toSorted((a, b) => compareText(a.address, b.address));
  const same = unreachable.length === old.unreachable.length &&
    unreachable.every((subject, index) => sameSubject(subject, old.unreachable[index]!));
  return same ? old : { ...old, version: old.version + 1, unreachable };
}

/** The observers that count in the view of a node, and the members that the node accuses. */
interface TrustedObservers {
  readonly accused: ReadonlySet<string>;
  readonly observers: readonly MemberRecord[];
}

function trustedObservers(state: GossipState, self: string, counted: Counted): TrustedObservers {
  const accused = accusedBy(state, state.members.get(self), counted);
  const observers: MemberRecord[] = [];
  for (const [address, record] of state.members) {
    if (mayAccuse(record.member) && !accused.has(address)) observers.push(record);
  }
  return { accused, observers };
}

/**
 * Whether the accusation is against the current incarnation and not refuted. The accused itself
 * counts it until the observer withdraws it: the link may be broken in one direction only.
 */
function stands(
  state: GossipState,
  subject: Subject,
  counted: Counted,
  self?: string,
): boolean {
  if (!isMember(state, subject)) return false;
  if (counted === "silence" && subject.early === true) return false;
  if (subject.address === self) return true;
  const { reachability } = state.members.get(subject.address)!;
  return (subject.refutation ?? 0) >= (reachability.refutation ?? 0);
}

/** Whether the accused incarnation is a live member. */
function isMember(state: GossipState, { address, incarnation }: Subject): boolean {
  const member = state.members.get(address)?.member;
  return member !== undefined && member.incarnation === incarnation && isAlive(member);
}

function sameSubject(a: Subject, b: Subject): boolean {
  return a.address === b.address && a.incarnation === b.incarnation &&
    a.refutation === b.refutation && a.reason === b.reason && a.early === b.early;
}
