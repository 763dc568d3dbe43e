/**
 * What of a peer's gossip a node takes in. Members are trusted to pass on what others say, so much
 * of what a bad one tells cannot be told from the truth (see `SECURITY.md`). But nobody speaks for
 * this node itself, and nobody makes its tables grow without end.
 *
 * @module
 */
import type { GossipState, MemberRecord, Tombstone } from "../state/gossip_state.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import { fieldLimits } from "../machine/message_fields.ts";
import { rules } from "../../runtime/rules.ts";

/** The part of a state that is taken in. The same one, if that is all of it. */
export function admitted(m: Machine, theirs: GossipState): GossipState {
  const members = admittedMembers(m, theirs.members);
  const tombstones = admittedTombstones(m, theirs.tombstones);
  if (members === theirs.members && tombstones === theirs.tombstones) return theirs;
  return { members, tombstones };
}

/** Those who joined at once through several members may be a few more than `maxMembers`. */
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

/** What others say of this node's own word is older than that, or wrong: then it overrules them. */
function protectOwnRecord(own: MemberRecord, theirs: MemberRecord): MemberRecord {
  if (own.member.incarnation !== theirs.member.incarnation) return theirs;
  const seen = { ...own.seen, counter: above(own.seen.counter, theirs.seen.counter) };
  const version = above(own.reachability.version, theirs.reachability.version);
  if (seen.counter === own.seen.counter && version === own.reachability.version) {
    // Equal numbers with other content are a forgery as well.
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
    // That a member is gone must be heard in any case.
    if (isNew && size >= most && !m.state.members.has(address)) continue;
    if (isNew) size++;
    result.set(address, tombstone);
  }
  return result;
}
