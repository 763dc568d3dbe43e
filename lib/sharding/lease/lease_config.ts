import { rules } from "../../runtime/rules.ts";
import { compareTerms, type Term } from "../routing/term.ts";

/** One incarnation of a member: it may hold a lease, and vote. */
export interface HolderId {
  readonly address: string;
  readonly incarnation: number;
}

/** A holder, and how long before the message it was acknowledged last, in milliseconds. */
export interface HolderAge {
  readonly holder: HolderId;
  readonly age: number;
}

/** Orders configurations: the term of the coordinator that proposed it, then a counter. */
export type ConfigVersion = readonly [term: Term, count: number];

/**
 * Who acknowledges leases, and who gets none. One replicated register, changed by joint consensus
 * (Raft, Ongaro): while `previous` is there, decisions need a quorum of both sets.
 */
export interface LeaseConfig {
  readonly version: ConfigVersion;
  /** Never empty; the first one decides when halves are equal. */
  readonly voters: readonly HolderId[];
  readonly previous?: readonly HolderId[];
  readonly excluded: readonly HolderId[];
}

/** Identifies a holder in maps. */
export function holderKey({ address, incarnation }: HolderId): string {
  return `${address}/${incarnation}`;
}

/** Whether two ids name the same incarnation of a member. */
export function sameHolder(a: HolderId, b: HolderId): boolean {
  return a.incarnation === b.incarnation && a.address === b.address;
}

/** Negative if `a` is the older one. */
export function compareVersions(a: ConfigVersion, b: ConfigVersion): number {
  return compareTerms(a[0], b[0]) || a[1] - b[1];
}

/** Whether a configuration excludes a holder. */
export function excludes({ excluded }: LeaseConfig, id: HolderId): boolean {
  return excluded.some((other) => sameHolder(other, id));
}

/** All that have a vote, each once. */
export function votersOf({ voters, previous }: LeaseConfig): readonly HolderId[] {
  if (previous === undefined) return voters;
  return [...voters, ...previous.filter((id) => !voters.some((other) => sameHolder(other, id)))];
}

/** The sets of a configuration of which decisions need a quorum each; see {@linkcode LeaseConfig}. */
export interface Electorate<Voter> {
  readonly voters: readonly Voter[];
  readonly previous?: readonly Voter[] | undefined;
}

/** Whether the voters for which `has` holds can decide for this configuration. */
export function isQuorum<Voter>(
  { voters, previous }: Electorate<Voter>,
  has: (voter: Voter) => boolean,
): boolean {
  return isQuorumOf(voters, has) && (previous === undefined || isQuorumOf(previous, has));
}

/**
 * More than half, or exactly half with the first one. Two quorums of one set always share a member;
 * of two nodes the first can decide alone, as with `keepMajority`.
 */
function isQuorumOf<Voter>(set: readonly Voter[], has: (voter: Voter) => boolean): boolean {
  let count = 0;
  for (const voter of set) if (has(voter)) count++;
  if (!rules.leaseNeedsQuorum) return count > 0;
  return 2 * count > set.length || (2 * count === set.length && set.length > 0 && has(set[0]!));
}

/** Whether a change from one set to the other needs a joint step. */
export function sameVoters(a: readonly HolderId[], b: readonly HolderId[]): boolean {
  return a.length === b.length && sameHolder(a[0]!, b[0]!) &&
    a.every((id) => b.some((other) => sameHolder(other, id)));
}
