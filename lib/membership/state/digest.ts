/**
 * Short fingerprints of a gossip state. Each record is hashed once in its life and the hashes are
 * added up, so a digest does not depend on any order and costs one addition per member.
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
/** Addresses stay the same for a cluster's whole life; others are forgotten all at once. */
const addressHashes = new Map<string, Hash>();
const maxAddressHashes = 20_000;

/**
 * Fingerprint of who is a member and in which status: equal on all members that have converged.
 * Leaves out tombstones, evidence and what members say. 16 hexadecimal digits.
 */
export function contentDigest(state: GossipState): string {
  return sum(state, (record) => contentHash(record.member));
}

/** Fingerprint of everything but tombstones: equal on two nodes that have nothing to tell. */
export function fullDigest(state: GossipState): string {
  return sum(state, recordHash);
}

/** 64 bits of hash for an address. */
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
    const { address, nodeId, incarnation, status, upNumber, roles, appVersion, zone } = member;
    const labels = [roles, appVersion, zone];
    known = hash64(JSON.stringify([address, nodeId, incarnation, status, upNumber, labels]));
    contentHashes.set(member, known);
  }
  return known;
}

/** 64 bits of hash for a record and all that is in it. */
export function recordHash(record: MemberRecord): Hash {
  let known = recordHashes.get(record);
  if (known === undefined) {
    const { member, seen, reachability } = record;
    const { by, why, observers } = member.evidence ?? {};
    const [high, low] = contentHash(member);
    const subjects = reachability.unreachable.map((subject) => [
      subject.address,
      subject.incarnation,
      subject.refutation,
      subject.reason,
    ]);
    known = hash64(JSON.stringify([
      [high, low, by, why, observers],
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
