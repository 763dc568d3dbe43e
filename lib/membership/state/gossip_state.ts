/**
 * The replicated state: a join-semilattice (a state-based CRDT; Shapiro et al., 2011). Each address
 * has one slot with a record or, after removal, a tombstone. The higher incarnation wins the slot,
 * and within one incarnation the tombstone wins. The seen digest and the accusations of a member
 * are in its own record, so they are removed with it.
 *
 * @module
 */
import {
  compareEvidence,
  compareText,
  type DownEvidence,
  type Member,
  mergeEvidence,
  mergeMember,
} from "./member.ts";

/** The content that a member has seen. Written only by that member. */
export interface Seen {
  /** Counts the member's own changes. */
  readonly counter: number;
  /** `contentDigest` of that content; empty: none yet. */
  readonly digest: string;
}

/**
 * Why a member is unreachable:
 *
 * - `silent`: it responds neither directly nor to indirect probes.
 * - `gone`: its system has closed or reset all connections and refuses new ones to both its ports, as
 *   two observers say where two can observe it.
 * - `stalled`: its process is alive, but its event loop is stalled. It is given no new work and is not
 *   downed before the stall limit.
 */
export type UnreachableReason = "silent" | "gone" | "stalled";

/** All reasons. */
export const unreachableReasons: readonly UnreachableReason[] = ["silent", "gone", "stalled"];

/** A member that an observer accuses of being unreachable. */
export interface Subject {
  readonly address: string;
  /** The accused incarnation; an accusation does not apply to a later one. */
  readonly incarnation: number;
  /** `Reachability.refutation` of the accused at that time. Default 0. */
  readonly refutation?: number;
  /** Default `silent`. */
  readonly reason?: UnreachableReason;
  /** Phi value at the time of the accusation, for people. Default: not known. */
  readonly phi?: number;
  /**
   * Whether the accusation rests on ended connections and refused ports alone, and the member has not
   * been silent for long enough to be accused without them. Downing does not count it. Default false.
   */
  readonly early?: boolean;
}

/** The accusations of a member. Written only by that member. */
export interface Reachability {
  /** Counts the member's own changes. */
  readonly version: number;
  /** Sorted by address. */
  readonly unreachable: readonly Subject[];
  /**
   * Raised by the member when it is accused: accusations with a lower number are refuted, as by an
   * incarnation in SWIM. Default: it has refuted nothing.
   */
  readonly refutation?: number;
}

/** A member with its seen digest and its accusations. Immutable. */
export interface MemberRecord {
  readonly member: Member;
  readonly seen: Seen;
  readonly reachability: Reachability;
}

/** Marks a removed member, so that stale gossip does not restore it. */
export interface Tombstone {
  readonly address: string;
  readonly incarnation: number;
  /** On the clock of the node that holds the tombstone, milliseconds. */
  readonly removedAt: number;
  /** Present when the member was declared down; absent when it left. */
  readonly evidence?: DownEvidence;
}

/** See the module's text. Maps are by address; an address is in at most one of them. */
export interface GossipState {
  readonly members: ReadonlyMap<string, MemberRecord>;
  readonly tombstones: ReadonlyMap<string, Tombstone>;
}

/** No members. */
export const emptyGossip: GossipState = { members: new Map(), tombstones: new Map() };

/** The initial record of a member. */
export function newRecord(member: Member): MemberRecord {
  return {
    member,
    seen: { counter: 0, digest: "" },
    reachability: { version: 0, unreachable: [] },
  };
}

/**
 * The least upper bound of two states: commutative, associative, idempotent. Returns `a` itself if
 * `b` adds nothing, and keeps the unchanged records of `a`.
 */
export function mergeGossip(a: GossipState, b: GossipState): GossipState {
  let members: Map<string, MemberRecord> | undefined;
  let tombstones: Map<string, Tombstone> | undefined;
  for (const [address, theirs] of b.members) {
    const dead = a.tombstones.get(address);
    if (dead !== undefined) {
      if (dead.incarnation >= theirs.member.incarnation) continue;
      (tombstones ??= new Map(a.tombstones)).delete(address);
    }
    const ours = a.members.get(address);
    const merged = ours === undefined ? theirs : mergeRecord(ours, theirs);
    if (merged !== ours) (members ??= new Map(a.members)).set(address, merged);
  }
  for (const [address, theirs] of b.tombstones) {
    const living = a.members.get(address);
    if (living !== undefined) {
      if (living.member.incarnation > theirs.incarnation) continue;
      (members ??= new Map(a.members)).delete(address);
    }
    const ours = a.tombstones.get(address);
    const merged = ours === undefined ? theirs : mergeTombstone(ours, theirs);
    if (merged !== ours) (tombstones ??= new Map(a.tombstones)).set(address, merged);
  }
  if (members === undefined && tombstones === undefined) return a;
  return { members: members ?? a.members, tombstones: tombstones ?? a.tombstones };
}

/** The part of `ours` that is newer than the records of the same addresses in `theirs`. */
export function newerThan(theirs: GossipState, ours: GossipState): GossipState {
  const members = new Map<string, MemberRecord>();
  const tombstones = new Map<string, Tombstone>();
  for (const [address, record] of theirs.members) {
    const known = ours.members.get(address);
    if (known !== undefined) {
      if (mergeRecord(record, known) !== record) members.set(address, known);
      continue;
    }
    const dead = ours.tombstones.get(address);
    if (dead !== undefined && dead.incarnation >= record.member.incarnation) {
      tombstones.set(address, dead);
    }
  }
  for (const [address, tombstone] of theirs.tombstones) {
    const known = ours.members.get(address);
    if (known !== undefined && known.member.incarnation > tombstone.incarnation) {
      members.set(address, known);
    }
  }
  return { members, tombstones };
}

/** The records of some addresses. */
export function aboutOnly(state: GossipState, addresses: Iterable<string>): GossipState {
  const members = new Map<string, MemberRecord>();
  for (const address of addresses) {
    const record = state.members.get(address);
    if (record !== undefined) members.set(address, record);
  }
  return { members, tombstones: new Map() };
}

/** The state with one member replaced; its seen digest and accusations stay within an incarnation. */
export function withMember(state: GossipState, member: Member): GossipState {
  const old = state.members.get(member.address);
  const record = old !== undefined && old.member.incarnation === member.incarnation
    ? { ...old, member }
    : newRecord(member);
  return withRecord(state, record);
}

/** The state with one record replaced. */
export function withRecord(state: GossipState, record: MemberRecord): GossipState {
  const { address } = record.member;
  const members = new Map(state.members).set(address, record);
  if (!state.tombstones.has(address)) return { members, tombstones: state.tombstones };
  const tombstones = new Map(state.tombstones);
  tombstones.delete(address);
  return { members, tombstones };
}

/** The state with a member replaced by its tombstone. */
export function withoutMember(state: GossipState, address: string, now: number): GossipState {
  const record = state.members.get(address);
  if (record === undefined) return state;
  const { incarnation, evidence } = record.member;
  const members = new Map(state.members);
  members.delete(address);
  const tombstone = { address, incarnation, removedAt: now, ...(evidence && { evidence }) };
  return { members, tombstones: new Map(state.tombstones).set(address, tombstone) };
}

/** The state without the record of an address, and without a tombstone of it. */
export function withoutRecord(state: GossipState, address: string): GossipState {
  const members = new Map(state.members);
  members.delete(address);
  return { members, tombstones: state.tombstones };
}

/** The state without tombstones from before `oldest`, and with at most `limit` of them, the newest. */
export function withoutOldTombstones(
  state: GossipState,
  oldest: number,
  limit: number,
): GossipState {
  const kept = [...state.tombstones.values()].filter(({ removedAt }) => removedAt >= oldest)
    .sort((a, b) => b.removedAt - a.removedAt || compareText(a.address, b.address))
    .slice(0, limit);
  if (kept.length === state.tombstones.size) return state;
  return { members: state.members, tombstones: new Map(kept.map((tomb) => [tomb.address, tomb])) };
}

function mergeRecord(a: MemberRecord, b: MemberRecord): MemberRecord {
  if (a === b) return a;
  if (a.member.incarnation !== b.member.incarnation) {
    return a.member.incarnation > b.member.incarnation ? a : b;
  }
  const member = mergeMember(a.member, b.member);
  const seen = compareSeen(a.seen, b.seen) >= 0 ? a.seen : b.seen;
  const reachability = compareReachability(a.reachability, b.reachability) >= 0
    ? a.reachability
    : b.reachability;
  if (member === a.member && seen === a.seen && reachability === a.reachability) return a;
  return { member, seen, reachability };
}

function mergeTombstone(a: Tombstone, b: Tombstone): Tombstone {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation ? a : b;
  const evidence = mergeEvidence(a.evidence, b.evidence);
  if (a.removedAt <= b.removedAt && compareEvidence(evidence, a.evidence) === 0) return a;
  const { address, incarnation } = a;
  const removedAt = Math.min(a.removedAt, b.removedAt);
  return { address, incarnation, removedAt, ...(evidence && { evidence }) };
}

/** Orders by counter. Equal counters with different digests are a fault, but need a total order. */
export function compareSeen(a: Seen, b: Seen): number {
  return a.counter - b.counter || compareText(a.digest, b.digest);
}

/** Orders by version. Equal versions with different content are a fault, but need a total order. */
export function compareReachability(a: Reachability, b: Reachability): number {
  if (a.version !== b.version) return a.version - b.version;
  if (a.unreachable === b.unreachable) return 0;
  return compareText(subjectsText(a), subjectsText(b));
}

function subjectsText({ unreachable, refutation }: Reachability): string {
  const subjects = unreachable.map((subject) => [
    subject.address,
    subject.incarnation,
    subject.refutation,
    subject.reason,
    subject.early,
  ]);
  return JSON.stringify([subjects, refutation]);
}
