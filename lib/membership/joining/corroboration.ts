/**
 * What a node believes of another member that the member itself has not said. One member that lies
 * must not end, vote out or multiply others, so two must say so: two members that this node has heard
 * themselves, on their own connections, or one of them and this node's own failure detector. By
 * induction no honest member believes what only one other has made up.
 *
 * | claim about a member               | believed                                                     |
 * | ---------------------------------- | ------------------------------------------------------------ |
 * | it is down, removed or replaced    | from itself, if it leaves, or with two witnesses             |
 * | it is leaving, or exiting          | from itself, or with two witnesses                           |
 * | it exists, is full or has a vote   | from the leader or two members, or if it has spoken itself   |
 *
 * What is not believed stays out of the own state, and is told again in each exchange while the states
 * differ; so what is true is believed as soon as a second member knows it.
 *
 * @module
 */
import { accusedBy } from "../detector/reachability.ts";
import { decideNow } from "../downing/outlook.ts";
import { log, type Machine, selfAddress } from "../machine/machine.ts";
import { logRejection } from "../machine/rejection_log.ts";
import { isAlive, isLeaving, type Member } from "../state/member.ts";
import type { MembershipView } from "../state/view.ts";
import { rules } from "../../runtime/rules.ts";
import type { ClaimKind } from "./claims.ts";

/** Members that must say the same. */
const neededWitnesses = 2;
/** How long this node's own accusation of a member counts after it was withdrawn, milliseconds. */
const suspicionLifetime = 30_000;
/** How long a joining node that only this one knows is kept while it is silent, milliseconds. */
const strayLifetime = 10_000;
/** After which a claim that nobody else makes is logged, milliseconds: gossip takes less. */
const doubtAfter = 5_000;

/** Whether to believe that the known incarnation of a member has ended. */
export function isEnded(
  m: Machine,
  { address, incarnation }: { readonly address: string; readonly incarnation: number },
  from: string,
  now: number,
): boolean {
  const known = m.state.members.get(address)?.member;
  if (!rules.endsNeedTwoWitnesses || known === undefined || from === address) return true;
  if (known.incarnation > incarnation || !isAlive(known)) return true;
  // What others say of this node's leaving it has not decided.
  if (isLeaving(known) && (address !== selfAddress(m) || m.leaveBy !== undefined)) return true;
  const { speakers, since } = m.claims.tell("ended", address, known.incarnation, from, now);
  const witnesses = speakers + (hasSuspected(m, known, now) ? 1 : 0);
  if (witnesses >= witnessesNeeded(m, address) || leaderGivesUp(m, from)) return true;
  if (now - since >= doubtAfter) doubt(m, from, address, now);
  return false;
}

/** Whether to believe what is claimed of a member that the member has not said itself. */
export function isAgreed(
  m: Machine,
  kind: ClaimKind,
  member: Member,
  from: string,
  now: number,
): boolean {
  const { address, incarnation } = member;
  if (!rules.hearsayNeedsTwoSpeakers) return true;
  // Nobody gives itself a vote, and nobody comes as one that has ended: if only one member had heard
  // that, the others would not agree with it.
  if (from === address && kind !== "votes" && (kind === "leaves" || isAlive(member))) return true;
  if (kind !== "leaves" && from === m.view.leader) return true;
  // A node that has spoken itself exists, and a leader may have made it full before it was lost.
  if (kind !== "leaves" && from !== address && hasSpoken(m, member)) return true;
  const { speakers } = m.claims.tell(kind, address, incarnation, from, now);
  // One that has told a single member that it leaves, and is silent since.
  const witnesses = speakers + (kind === "leaves" && hasSuspected(m, member, now) ? 1 : 0);
  return witnesses >= neededWitnesses;
}

/** Another member knows of a joining node that this one knows. */
export function noteTold(
  m: Machine,
  { address, incarnation }: Member,
  from: string,
  now: number,
): void {
  m.claims.tell("exists", address, incarnation, from, now);
}

/**
 * The joining nodes that have ended before they could speak to any other member than this one: the
 * others do not believe in them, and would not agree with this node.
 */
export function unknownToOthers(m: Machine, now: number): readonly string[] {
  const { view } = m;
  if (view.leader === selfAddress(m)) return [];
  const accused = accusedBy(m.state, m.state.members.get(selfAddress(m)));
  return view.members.filter((member) => {
    const { address, incarnation, upNumber } = member;
    if (upNumber > 0 || view.unreachable.has(address)) return false;
    // One that has said itself that it is down is not monitored any more.
    if (!isAlive(member)) noteSuspicion(m, address, incarnation, now);
    else if (!accused.has(address)) return false;
    const since = m.suspected.get(address)?.since ?? now;
    return now - since >= strayLifetime && !m.claims.has("exists", address, incarnation);
  }).map(({ address }) => address);
}

/** This node accuses the member: it is a witness of its end. */
export function noteSuspicion(m: Machine, address: string, incarnation: number, now: number): void {
  const known = m.suspected.get(address);
  const isSame = known?.incarnation === incarnation && now - known.at < suspicionLifetime;
  m.suspected.set(address, { incarnation, since: isSame ? known.since : now, at: now });
}

/** Forgets what was said and noted of members that are gone. */
export function forgetGone({ state, suspected, heardFrom }: Machine): void {
  for (const address of suspected.keys()) {
    if (!state.members.has(address)) suspected.delete(address);
  }
  for (const address of heardFrom.keys()) {
    if (!state.members.has(address)) heardFrom.delete(address);
  }
}

function hasSpoken(m: Machine, { address, incarnation }: Member): boolean {
  return m.heardFrom.get(address) === incarnation;
}

/** Whether this node accuses the member, or has done so not long ago. */
export function hasSuspected(m: Machine, { address, incarnation }: Member, now: number): boolean {
  const suspicion = m.suspected.get(address);
  if (suspicion === undefined) return false;
  if (now - suspicion.at < suspicionLifetime) return suspicion.incarnation === incarnation;
  m.suspected.delete(address);
  return false;
}

/** As many as there can be: after a partition a side may consist of one member. */
function witnessesNeeded(m: Machine, subject: string): number {
  const self = selfAddress(m);
  const accused = accusedBy(m.state, m.state.members.get(self));
  let possible = m.monitoring.peers.has(subject) ? 1 : 0;
  for (const { member } of m.state.members.values()) {
    const { address } = member;
    if (address === self || address === subject || !isAlive(member) || accused.has(address)) {
      continue;
    }
    if (++possible >= neededWitnesses) return neededWitnesses;
  }
  return 1;
}

/** Whether the side of a partition that a view shows needs the lease; decided once for each view. */
const needsLease = new WeakMap<MembershipView, boolean>();

/** The leader has not got the lease that this side of a partition needs: the side stops as a whole. */
function leaderGivesUp(m: Machine, from: string): boolean {
  const { silenceView } = m;
  if (from !== m.view.leader || silenceView.unreachable.size === 0) return false;
  let needed = needsLease.get(silenceView);
  if (needed === undefined) {
    needed = decideNow(m).outcome === "acquireLease";
    needsLease.set(silenceView, needed);
  }
  return needed;
}

function doubt(m: Machine, from: string, address: string, now: number): void {
  logRejection(m, from, "uncorroborated", now, () => {
    log(m, "warn", "ignored a claim that a member has ended: no other member says so", {
      peer: from,
      member: address,
    });
  });
}
