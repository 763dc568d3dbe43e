/**
 * Fingerprints of a gossip state. Each record is hashed once and the hashes are summed, so a digest
 * does not depend on order and costs one addition per member.
 *
 * @module
 */
import { fnvOffset, fnvStep, mixBits } from "../../runtime/fnv.ts";
import type { GossipState, MemberRecord } from "./gossip_state.ts";
import type { Member } from "./member.ts";

/** Two lanes of 32 bits. */
export type Hash = readonly [number, number];

const contentHashes = new WeakMap<Member, Hash>();
const recordHashes = new WeakMap<MemberRecord, Hash>();
/** Cache by address; cleared as a whole when it is full. */
const addressHashes = new Map<string, Hash>();
const maxAddressHashes = 20_000;

/**
 * Fingerprint of the members and their statuses: equal on all members after convergence. Excludes
 * tombstones, evidence, seen digests and reachability; and labels, on which only the member itself has
 * the last word, so that a lie about one that is gone keeps nobody waiting. 16 hexadecimal digits.
 */
export function contentDigest(state: GossipState): string {
  return sum(state, (record) => contentHash(record.member));
}

/** Fingerprint of everything but tombstones: equal if two nodes have nothing to exchange. */
export function fullDigest(state: GossipState): string {
  return sum(state, recordHash);
}

/** Cached {@linkcode hash64} of an address. */
export function addressHash(address: string): Hash {
  let known = addressHashes.get(address);
  if (known === undefined) {
    if (addressHashes.size >= maxAddressHashes) addressHashes.clear();
    known = hash64(address);
    addressHashes.set(address, known);
  }
  return known;
}

function sum(state: GossipState, hashOf: (record: MemberRecord) => Hash): string {
  let high = 0;
  let low = 0;
  for (const record of state.members.values()) {
    const [first, second] = hashOf(record);
    high = (high + first) >>> 0;
    low = (low + second) >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

function contentHash(member: Member): Hash {
  let known = contentHashes.get(member);
  if (known === undefined) {
    const { address, incarnation, status, upNumber, inheritedNumber } = member;
    known = hash64(JSON.stringify([address, incarnation, status, upNumber, inheritedNumber]));
    contentHashes.set(member, known);
  }
  return known;
}

/** 64 bits of hash for a whole record. */
export function recordHash(record: MemberRecord): Hash {
  let known = recordHashes.get(record);
  if (known === undefined) {
    const { member, seen, reachability } = record;
    const { nodeId, roles, appVersion, zone, statusRefutation } = member;
    const { by, why, observers } = member.evidence ?? {};
    const [high, low] = contentHash(member);
    const subjects = reachability.unreachable.map((subject) => [
      subject.address,
      subject.incarnation,
      subject.refutation,
      subject.reason,
      subject.early,
    ]);
    known = hash64(JSON.stringify([
      [high, low, by, why, observers],
      [nodeId, roles, appVersion, zone, statusRefutation],
      [seen.counter, seen.digest, reachability.version, subjects, reachability.refutation],
    ]));
    recordHashes.set(record, known);
  }
  return known;
}

/** 64 bits of hash for a text. The first half is FNV-1a over UTF-16 code units. */
export function hash64(text: string): Hash {
  let high = fnvOffset;
  let low = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = fnvStep(high, unit);
    low = Math.imul(low ^ unit, 0x5bd1e995);
    low ^= low >>> 15;
  }
  return [mixBits(high) >>> 0, mixBits(low ^ high) >>> 0];
}
