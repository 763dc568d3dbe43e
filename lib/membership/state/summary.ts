/**
 * How two members find their missing records without sending the whole state: a list of
 * fingerprints, 8 bytes per record (after the digests of Scuttlebutt; van Renesse et al., 2008).
 *
 * Fingerprints may collide. The salt changes with each exchange, so two addresses or records that
 * collide in one exchange differ in the next.
 *
 * @module
 */
import { addressHash, recordHash } from "./digest.ts";
import {
  emptyGossip,
  type GossipState,
  type MemberRecord,
  type Tombstone,
} from "./gossip_state.ts";

/** Bytes of one entry: the address's fingerprint and the record's, big-endian. */
const entryBytes = 8;
/** Bytes of one request: the address's fingerprint. */
const keyBytes = 4;

/** The difference between a state and the summary of another one. */
export interface Difference {
  /** What the other side is missing: records, and tombstones of members that it still has. */
  readonly missing: GossipState;
  /** Fingerprints of addresses whose record differs there, or is unknown here. */
  readonly requested: Uint8Array;
}

/** The fingerprints of all records. */
export function summaryOf(state: GossipState, salt: number): Uint8Array {
  const bytes = new Uint8Array(state.members.size * entryBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [address, record] of state.members) {
    view.setUint32(at, addressKey(address, salt));
    view.setUint32(at + 4, recordKey(record, salt));
    at += entryBytes;
  }
  return bytes;
}

/** Whether the value can be a summary of at most `limit` records. */
export function isSummary(value: unknown, limit: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length % entryBytes === 0 &&
    value.length <= limit * entryBytes;
}

/** Whether the value can be a request for at most `limit` records. */
export function isRequest(value: unknown, limit: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length % keyBytes === 0 &&
    value.length <= limit * keyBytes;
}

function addressesByKey(addresses: Iterable<string>, salt: number): Map<number, string> {
  const byKey = new Map<number, string>();
  for (const address of addresses) byKey.set(addressKey(address, salt), address);
  return byKey;
}

/** Compares a state with the summary of another node. */
export function compareSummary(ours: GossipState, summary: Uint8Array, salt: number): Difference {
  // Looked up by our own addresses: numbers that a peer chooses may have one hash in the engine.
  const byKey = addressesByKey(ours.members.keys(), salt);
  const tombstonesByKey = addressesByKey(ours.tombstones.keys(), salt);
  const theirs = new Map<string, number>();
  const unknown: number[] = [];
  const tombstones = new Map<string, Tombstone>();
  const view = viewOf(summary);
  for (let at = 0; at < summary.length; at += entryBytes) {
    const key = view.getUint32(at);
    const address = byKey.get(key);
    if (address !== undefined) {
      theirs.set(address, view.getUint32(at + 4));
      continue;
    }
    // It may be a later incarnation, so its record is requested as well.
    unknown.push(key);
    const buried = tombstonesByKey.get(key);
    if (buried !== undefined) tombstones.set(buried, ours.tombstones.get(buried)!);
  }
  const members = new Map<string, MemberRecord>();
  const requested: number[] = [];
  for (const [address, record] of ours.members) {
    const known = theirs.get(address);
    if (known === undefined) members.set(address, record);
    else if (known !== recordKey(record, salt)) requested.push(addressKey(address, salt));
  }
  requested.push(...unknown);
  return { missing: { members, tombstones }, requested: encodeKeys(requested) };
}

/** The requested records. */
export function requestedBy(ours: GossipState, requested: Uint8Array, salt: number): GossipState {
  if (requested.length === 0) return emptyGossip;
  const byKey = addressesByKey(ours.members.keys(), salt);
  const wanted = new Set<string>();
  const view = viewOf(requested);
  for (let at = 0; at < requested.length; at += keyBytes) {
    const address = byKey.get(view.getUint32(at));
    if (address !== undefined) wanted.add(address);
  }
  const members = new Map<string, MemberRecord>();
  for (const [address, record] of ours.members) {
    if (wanted.has(address)) members.set(address, record);
  }
  return { members, tombstones: emptyGossip.tombstones };
}

function encodeKeys(keys: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(keys.length * keyBytes);
  const view = new DataView(bytes.buffer);
  keys.forEach((key, index) => view.setUint32(index * keyBytes, key));
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function addressKey(address: string, salt: number): number {
  const [high, low] = addressHash(address);
  return salted(high, low, salt);
}

function recordKey(record: MemberRecord, salt: number): number {
  const [high, low] = recordHash(record);
  return salted(high, low, salt);
}

/** 32 of 64 bits, different with each salt: the final mix of MurmurHash3. */
function salted(high: number, low: number, salt: number): number {
  let word = high ^ salt;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b) ^ low;
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
