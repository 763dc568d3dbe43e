/**
 * Which part of a peer's gossip a node merges. Members relay records of others, so a node cannot
 * detect every forgery of a hostile member (see `SECURITY.md`). But the member itself has the last
 * word on its labels and its status, nobody can raise a counter beyond a limit
 * (`counter_limits.ts`), no other member writes this node's own record, and tables are bounded.
 *
 * @module
 */
import {
  compareReachability,
  compareSeen,
  type GossipState,
  type MemberRecord,
  type Tombstone,
  withRecord,
} from "../state/gossip_state.ts";
import { isPlausible, maxAhead, maxJump, outbid } from "../state/counter_limits.ts";
import { isAlive, isLeaving, type Member, statusRank } from "../state/member.ts";
import { isFull, votingAge } from "../downing/downing.ts";
import { isAgreed, isEnded, noteTold } from "./corroboration.ts";
import { type Machine, selfAddress } from "../machine/machine.ts";
import { fieldLimits } from "../machine/message_fields.ts";
import { rules } from "../../runtime/rules.ts";

/** Two states to merge. */
export interface Admitted {
  /** The own state, with what only the sender may say of itself. */
  readonly ours: GossipState;
  /** The admissible part of the sender's state; the same object if it is all of it. */
  readonly theirs: GossipState;
  /** Whether a claim of the sender was beyond the limits. */
  readonly refused: boolean;
}

/** What to merge of a state that the node at `from` has sent. */
export function admitted(m: Machine, theirs: GossipState, from: string, now: number): Admitted {
  let ours = m.state;
  let refused = false;
  const ceiling = highestIncarnation(m, now);
  const changes = new Map<string, MemberRecord | undefined>();
  const room = roomForMembers(m, theirs);
  const told: Told = { from, now };
  for (const [address, record] of theirs.members) {
    if (m.state.members.get(address) === record) continue;
    if (!room(address)) {
      changes.set(address, undefined);
      continue;
    }
    const judged = judge(m, record, told, ceiling);
    if (judged.record !== record) changes.set(address, judged.record);
    refused ||= judged.refused;
    if (judged.own !== undefined) ours = withRecord(ours, judged.own);
  }
  const tombstones = admittedTombstones(m, theirs.tombstones, told, ceiling);
  refused ||= tombstones.refused;
  if (changes.size === 0 && tombstones.kept === theirs.tombstones) return { ours, theirs, refused };
  const members = new Map(theirs.members);
  for (const [address, record] of changes) {
    if (record === undefined) members.delete(address);
    else members.set(address, record);
  }
  return { ours, theirs: { members, tombstones: tombstones.kept }, refused };
}

/** The records and tombstones of a welcome that can be true. */
export function possiblePart(m: Machine, state: GossipState, now: number): GossipState {
  const ceiling = highestIncarnation(m, now);
  const members = new Map(state.members);
  for (const [address, record] of members) {
    const isTrue = record.member.incarnation <= ceiling && isPossible(m, record);
    if (!isTrue) members.delete(address);
  }
  const tombstones = new Map(state.tombstones);
  for (const [address, { incarnation }] of tombstones) {
    if (incarnation > ceiling) tombstones.delete(address);
  }
  return { members, tombstones };
}

/** The highest incarnation that a node can have now, by this node's clock. */
export function highestIncarnation(m: Machine, now: number): number {
  if (!rules.countersHaveCeilings) return Infinity;
  return m.config.wallTime + (now - m.joining.startedAt) + maxAhead;
}

/** Whether the record of a member that is not known fits into the table. */
function roomForMembers(m: Machine, { members }: GossipState): (address: string) => boolean {
  // Concurrent joins through several members may exceed `maxMembers` by a few.
  const most = Math.min(2 * m.config.maxMembers, fieldLimits.members);
  let { size } = m.state.members;
  if (size + members.size <= most || !rules.memberTableIsBounded) return () => true;
  return (address) => m.state.members.has(address) || size++ < most;
}

/** The admissible part of one record, and what it changes in the known one. */
interface Judged {
  readonly record: MemberRecord | undefined;
  readonly refused: boolean;
  /** The known record, with what the member has said itself. */
  readonly own?: MemberRecord;
}

/** Who has sent a state, and when. */
interface Told {
  readonly from: string;
  readonly now: number;
}

function judge(m: Machine, record: MemberRecord, told: Told, ceiling: number): Judged {
  const { from, now } = told;
  const { address, incarnation } = record.member;
  if (incarnation > ceiling) return { record: undefined, refused: true };
  const known = m.state.members.get(address);
  const same = known !== undefined && known.member.incarnation === incarnation;
  if (address === selfAddress(m)) {
    if (!same || !rules.ownRecordIsProtected) {
      const isLater = incarnation > m.identity.incarnation;
      const isTrue = !isLater || isEnded(m, m.identity, from, now);
      return { record: isTrue ? record : undefined, refused: false };
    }
    return protectOwnRecord(m, known, record, told);
  }
  if (same) {
    return from === address ? ownWord(m, known, record, told) : hearsay(m, known, record, told);
  }
  // What is told of an earlier incarnation was true once, and changes nothing any more.
  const latest = known?.member.incarnation ?? m.state.tombstones.get(address)?.incarnation ?? -1;
  if (incarnation <= latest) return { record, refused: false };
  if (!isPossible(m, record)) return { record: undefined, refused: true };
  return { record: isKnownToExist(m, record, told) ? record : undefined, refused: false };
}

/** Whether to believe in an incarnation of which the sender is the first to tell. */
function isKnownToExist(m: Machine, { member }: MemberRecord, { from, now }: Told): boolean {
  const known = m.state.members.get(member.address)?.member;
  const isNew = known === undefined;
  if (isNew ? !isAgreed(m, "exists", member, from, now) : !isEnded(m, known, from, now)) {
    return false;
  }
  if (!hasVote(member) || (!isNew && takesVoteOf(known, member))) return true;
  return isAgreed(m, "votes", member, from, now);
}

/** Whether the vote of the later incarnation is the one that the known one has. */
function takesVoteOf(known: Member, { upNumber, status, inheritedNumber }: Member): boolean {
  return upNumber === 0 && status !== "up" && isFull(known) &&
    inheritedNumber === votingAge(known);
}

/** A member's own record, from itself: it replaces what others may have claimed of it. */
function ownWord(m: Machine, known: MemberRecord, record: MemberRecord, by: Told): Judged {
  if (!hasVote(known.member) && hasVote(record.member)) {
    if (!isAgreed(m, "votes", known.member, by.from, by.now)) {
      // It decides itself that it leaves, also where the others have to say that it has a vote: both
      // come in one record when this node has not seen it up.
      const { status } = record.member;
      const leaves = isLeaving(record.member) && isAlive(known.member) &&
        !isLeaving(known.member) && rules.leavingNeedsNoVote;
      const member = leaves ? { ...known.member, status } : known.member;
      return { record: { ...record, member }, refused: false };
    }
  }
  const upNumber = admittedNumber(m, record.member, known.member.upNumber);
  const member = upNumber === record.member.upNumber
    ? record.member
    : { ...record.member, upNumber };
  const keepsLabels = sameLabels(known.member, member) || !rules.membersDescribeThemselves;
  if (lacksNumber(member)) return { record: { ...record, member: known.member }, refused: true };
  const labelled = keepsLabels ? known.member : withLabelsOf(member, known.member);
  const corrected: MemberRecord = {
    member: known.member.statusRefutation === undefined ||
        isPlausible(known.member.statusRefutation, member.statusRefutation ?? 0)
      ? labelled
      : { ...labelled, status: member.status, statusRefutation: member.statusRefutation ?? 0 },
    seen: isPlausible(known.seen.counter, record.seen.counter) ? known.seen : record.seen,
    reachability: isPlausible(known.reachability.version, record.reachability.version) &&
        isPlausible(known.reachability.refutation ?? 0, record.reachability.refutation ?? 0)
      ? known.reachability
      : record.reachability,
  };
  const isCorrected = corrected.member !== known.member || corrected.seen !== known.seen ||
    corrected.reachability !== known.reachability;
  return {
    record: member === record.member ? record : { ...record, member },
    refused: upNumber !== record.member.upNumber,
    ...(isCorrected && { own: corrected }),
  };
}

/** The record of a known member, from another one. */
function hearsay(m: Machine, known: MemberRecord, record: MemberRecord, by: Told): Judged {
  if (!rules.membersDescribeThemselves) return { record, refused: false };
  const { member: own } = known;
  const { member: told } = record;
  if (own.upNumber === 0) noteTold(m, own, by.from, by.now);
  let member = sameLabels(own, told) ? told : withLabelsOf(own, told);
  const upNumber = admittedNumber(m, told, own.upNumber);
  if (upNumber !== told.upNumber) member = { ...member, upNumber };
  if (!mayRefute(own, told) || lacksNumber(member) || !isCredible(m, own, told, by)) member = own;
  const isSeen = isPlausible(record.seen.counter, known.seen.counter);
  const { version, refutation = 0 } = record.reachability;
  const isReached = isPlausible(version, known.reachability.version) &&
    isPlausible(refutation, known.reachability.refutation ?? 0);
  const limited = rules.countersHaveCeilings && !(isSeen && isReached);
  if (member === told && !limited) return { record, refused: false };
  return {
    record: {
      member,
      seen: isSeen || !limited ? record.seen : known.seen,
      reachability: isReached || !limited ? record.reachability : known.reachability,
    },
    refused: limited || upNumber !== told.upNumber,
  };
}

/** Whether to believe what another member tells of the status and the vote of a known one. */
function isCredible(m: Machine, own: Member, told: Member, { from, now }: Told): boolean {
  if (!isAlive(told)) return isEnded(m, own, from, now);
  if (isLeaving(told) && !isLeaving(own) && isAlive(own)) {
    return isAgreed(m, "leaves", own, from, now);
  }
  return hasVote(own) || !hasVote(told) || isAgreed(m, "votes", own, from, now);
}

function hasVote({ status, upNumber, inheritedNumber }: Member): boolean {
  return status === "up" || upNumber > 0 || inheritedNumber !== undefined;
}

/** The leader makes a member up and gives it its number in one step: no member has only one of them. */
function lacksNumber({ status, upNumber }: Member): boolean {
  return status === "up" && upNumber === 0;
}

/** Whether a member may have refuted its status so: it does not go back to one before `up`. */
function mayRefute(own: Member, told: Member): boolean {
  const [known, claimed] = [own.statusRefutation ?? 0, told.statusRefutation ?? 0];
  if (!isPlausible(claimed, known)) return false;
  return claimed <= known || own.upNumber === 0 || statusRank(told.status) >= statusRank("up");
}

/**
 * Another version of this node's own record is stale or forged: outbids its version numbers, also where they
 * are its own: of two contents under one number all take the same one, which need not be the true one.
 */
function protectOwnRecord(
  m: Machine,
  own: MemberRecord,
  theirs: MemberRecord,
  { from, now }: Told,
): Judged {
  const counter = outbid(
    own.seen.counter,
    theirs.seen.counter,
    compareSeen(theirs.seen, own.seen) > 0,
  );
  const seen = { ...own.seen, counter };
  const version = outbid(
    own.reachability.version,
    theirs.reachability.version,
    compareReachability(theirs.reachability, own.reachability) > 0,
  );
  const reachability = version === own.reachability.version
    ? own.reachability
    : { ...own.reachability, version };
  const mine = own.member.statusRefutation ?? 0;
  const claimed = theirs.member.statusRefutation ?? 0;
  const isMine = isPlausible(claimed, mine);
  const isTrue = isMine && (isAlive(theirs.member) || isEnded(m, own.member, from, now));
  let member = isTrue ? theirs.member : own.member;
  // Only this node refutes its status: a higher number is a lie, whatever the status is.
  if (isMine && claimed > mine && isAlive(member)) {
    member = { ...own.member, statusRefutation: outbid(mine, claimed) };
  }
  if (!sameLabels(own.member, member)) member = withLabelsOf(own.member, member);
  const upNumber = admittedNumber(m, member, own.member.upNumber);
  if (upNumber !== member.upNumber) member = { ...member, upNumber };
  const record = {
    member,
    seen: seen.counter === own.seen.counter ? own.seen : seen,
    reachability,
  };
  return {
    record,
    refused: !isMine || !isPlausible(theirs.seen.counter, own.seen.counter) ||
      !isPlausible(theirs.reachability.version, own.reachability.version),
  };
}

/** Whether a member that is not known in this incarnation may be as the record says. */
function isPossible(m: Machine, { member, seen, reachability }: MemberRecord): boolean {
  if (!rules.countersHaveCeilings) return true;
  const { version, refutation = 0 } = reachability;
  const counters = [seen.counter, version, refutation, member.statusRefutation ?? 0];
  return counters.every((counter) => isPlausible(counter, undefined)) && !lacksNumber(member) &&
    (member.upNumber === 0 || admittedNumber(m, member, 0) === member.upNumber);
}

/**
 * The up number of a member. It is set once, by the leader; two leaders may have done so at the same
 * time, and then the smaller one counts. But no member becomes older than the leader by a claim.
 */
function admittedNumber(m: Machine, { address, upNumber }: Member, known: number): number {
  if (upNumber === known || upNumber === 0 || !rules.countersHaveCeilings) return upNumber;
  const highest = highestNumber(m);
  if (highest > 0 && upNumber > highest + maxJump) return known;
  const { leader } = m.view;
  if (leader === undefined || leader === address) return upNumber;
  return upNumber > (m.state.members.get(leader)?.member.upNumber ?? 0) ? upNumber : known;
}

const highestNumbers = new WeakMap<GossipState, number>();

/** The highest up number that is known; computed once for each state. */
function highestNumber({ state }: Machine): number {
  let highest = highestNumbers.get(state);
  if (highest !== undefined) return highest;
  highest = 0;
  for (const { member } of state.members.values()) highest = Math.max(highest, member.upNumber);
  highestNumbers.set(state, highest);
  return highest;
}

function sameLabels(a: Member, b: Member): boolean {
  return a.nodeId === b.nodeId && a.appVersion === b.appVersion && a.zone === b.zone &&
    (a.roles === b.roles ||
      (a.roles.length === b.roles.length &&
        a.roles.every((role, index) => role === b.roles[index])));
}

/** A member with the labels of another version of it. */
function withLabelsOf({ nodeId, roles, appVersion, zone }: Member, member: Member): Member {
  const { appVersion: _version, zone: _zone, ...rest } = member;
  return {
    ...rest,
    nodeId,
    roles,
    ...(appVersion !== undefined && { appVersion }),
    ...(zone !== undefined && { zone }),
  };
}

function admittedTombstones(
  m: Machine,
  theirs: ReadonlyMap<string, Tombstone>,
  { from, now }: Told,
  ceiling: number,
): { readonly kept: ReadonlyMap<string, Tombstone>; readonly refused: boolean } {
  let { size } = m.state.tombstones;
  const most = m.config.maxTombstones;
  let isPossible = true;
  const doubted = new Set<string>();
  for (const tombstone of theirs.values()) {
    if (tombstone.incarnation > ceiling) isPossible = false;
    else if (!isEnded(m, tombstone, from, now)) doubted.add(tombstone.address);
  }
  if (size + theirs.size <= most && isPossible && doubted.size === 0) {
    return { kept: theirs, refused: false };
  }
  const result = new Map<string, Tombstone>();
  for (const [address, tombstone] of theirs) {
    if (tombstone.incarnation > ceiling || doubted.has(address)) continue;
    const isNew = !m.state.tombstones.has(address);
    // The tombstone of a known member is never dropped.
    if (isNew && size >= most && !m.state.members.has(address)) continue;
    if (isNew) size++;
    result.set(address, tombstone);
  }
  return { kept: result, refused: !isPossible };
}
