/**
 * Which part of a peer's gossip a node merges. Members relay records of others, so a node cannot
 * detect most forgeries of a hostile member (see `SECURITY.md`). But no other member writes this
 * node's own record, and tables are bounded.
 *
 * @module
 */
import type { GossipState, MemberRecord, Tombstone } from "../state/gossip_state.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import { fieldLimits } from "../machine/message_fields.ts";
import { rules } from "../../runtime/rules.ts";

/** The part of a state to merge; the same object if it is all of it. */
export function admitted(m: Machine, theirs: GossipState): GossipState {
  const members = admittedMembers(m, theirs.members);
  const tombstones = admittedTombstones(m, theirs.tombstones);
  if (members === theirs.members && tombstones === theirs.tombstones) return theirs;
  return { members, tombstones };
}

/** Concurrent joins through several members may exceed `maxMembers` by a few. */
function mostMembers({ config }: Machine): number {
  return Math.min(2 * config.maxMembers, fieldLimits.members);
}

function admittedMembers(
  m: Machine,
  theirs: ReadonlyMap<string, MemberRecord>,
): ReadonlyMap<string, MemberRecord> {
  let result: Map<string, MemberRecord> | undefined;
  let { size } = m.state.members;
  const most = mostMembers(m);
  if (size + theirs.size > most && rules.memberTableIsBounded) {
    for (const address of theirs.keys()) {
      if (m.state.members.has(address)) continue;
      if (size < most) size++;
      else (result ??= new Map(theirs)).delete(address);
    }
  }
  const own = theirs.get(selfAddress(m));
  const known = m.state.members.get(selfAddress(m));
  if (own === undefined || known === undefined) return result ?? theirs;
  const admissible = protectOwnRecord(known, own);
  if (admissible !== own && rules.ownRecordIsProtected) {
    (result ??= new Map(theirs)).set(selfAddress(m), admissible);
  }
  return result ?? theirs;
}

/** Another version of this node's own record is stale or forged: outbids its version numbers. */
function protectOwnRecord(own: MemberRecord, theirs: MemberRecord): MemberRecord {
  if (own.member.incarnation !== theirs.member.incarnation) return theirs;
  const seen = { ...own.seen, counter: above(own.seen.counter, theirs.seen.counter) };
  const version = above(own.reachability.version, theirs.reachability.version);
  if (seen.counter === own.seen.counter && version === own.reachability.version) {
    // Equal version numbers with different content are a forgery, too.
    return { ...theirs, seen: own.seen, reachability: own.reachability };
  }
  return { ...theirs, seen, reachability: { ...own.reachability, version } };
}

function above(own: number, theirs: number): number {
  return theirs > own && theirs < Number.MAX_SAFE_INTEGER ? theirs + 1 : own;
}

function admittedTombstones(
  m: Machine,
  theirs: ReadonlyMap<string, Tombstone>,
): ReadonlyMap<string, Tombstone> {
  let { size } = m.state.tombstones;
  const most = m.config.maxTombstones;
  if (size + theirs.size <= most) return theirs;
  const result = new Map<string, Tombstone>();
  for (const [address, tombstone] of theirs) {
    const isNew = !m.state.tombstones.has(address);
    // The tombstone of a known member is never dropped.
    if (isNew && size >= most && !m.state.members.has(address)) continue;
    if (isNew) size++;
    result.set(address, tombstone);
  }
  return result;
}
