/**
 * When silence becomes an accusation, which a member makes in its own record: only after others
 * were asked, and never while this node has reason to doubt its own ears.
 *
 * @module
 */
import { commit } from "../machine/commit.ts";
import { type Subject, type UnreachableReason, withRecord } from "../state/gossip_state.ts";
import { log, type Machine, selfAddress } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import { fieldLimits } from "../machine/message_fields.ts";
import { inquire, vouch } from "./probing.ts";
import { accusedBy, nextReachability, refutedSubjects } from "./reachability.ts";
import { silenceReason, type Watched } from "./monitored_peer.ts";

/** How long an answer of a stall responder counts, in heartbeat intervals. */
const stallValidity = 6;
/** How long an accusation waits for it, in heartbeat intervals. */
const stallAnswerTime = 2.5;

/** Says in the own record who is silent, and why, if that has changed. */
export function accuse(m: Machine, now: number): void {
  const record = m.state.members.get(selfAddress(m));
  if (m.phase !== "member" || record === undefined) return;
  for (const address of refutedSubjects(m.state, record)) {
    const watched = m.watching.watched.get(address);
    if (watched !== undefined) vouch(m, watched, now);
  }
  const before = accusedBy(m.state, record);
  const silent: Subject[] = [];
  const phis = new Map(record.reachability.unreachable.map(({ address, phi }) => [address, phi]));
  for (const [address, watched] of m.watching.watched) {
    const subject = m.state.members.get(address);
    if (subject === undefined || !isAlive(subject.member)) continue;
    if (!isSilent(m, address, watched, before.has(address), now)) continue;
    const reason = reasonOf(m, watched, now);
    if (!before.has(address)) tell(m, address, watched, reason, now);
    const { incarnation } = subject.member;
    const { refutation } = subject.reachability;
    silent.push({
      address,
      incarnation,
      ...(refutation !== undefined && { refutation }),
      ...(reason !== "silent" && { reason }),
      phi: (before.has(address) ? phis.get(address) : undefined) ?? phiOf(watched, now),
    });
  }
  const reachability = nextReachability(record.reachability, silent);
  if (reachability === record.reachability) return;
  commit(m, withRecord(m.state, { ...record, reachability }), now);
  m.gossip.nextAt = now;
}

/** Why this node does not hear a member. */
export function reasonOf(m: Machine, watched: Watched, now: number): UnreachableReason {
  const { heartbeatInterval, stallLimit } = m.config;
  return silenceReason(watched, stallValidity * heartbeatInterval, stallLimit, now);
}

function isSilent(
  m: Machine,
  address: string,
  watched: Watched,
  isAccused: boolean,
  now: number,
): boolean {
  const { detector } = watched;
  const { awareness, abstainUntil } = m.watching;
  if (!detector.isOverdue(now)) {
    watched.inquiry = undefined;
    watched.stall = undefined;
    return false;
  }
  inquire(m, address, watched, isAccused, now);
  if (now < watched.vouchedUntil) return false;
  // An accusation stands until the member is heard, however this node feels meanwhile.
  if (isAccused) return !detector.isAvailable(now);
  if (awaitsStallAnswer(m, watched, now)) return false;
  const patience = awareness.hesitation * m.config.detector.acceptablePause;
  return !detector.isAvailable(now - patience) && now >= abstainUntil &&
    watched.deniedAt > detector.lastHeard;
}

function phiOf({ detector }: Watched, now: number): number {
  return Math.min(fieldLimits.phi, Math.round(detector.phi(now) * 10) / 10);
}

/** The first accusation tells a stall from a death, if that takes no longer than this. */
function awaitsStallAnswer(
  m: Machine,
  { stallAskedAt, stallAnsweredAt, detector }: Watched,
  now: number,
): boolean {
  return stallAskedAt !== undefined && stallAnsweredAt < detector.lastHeard &&
    now - stallAskedAt < stallAnswerTime * m.config.heartbeatInterval;
}

function tell(
  m: Machine,
  address: string,
  { detector }: Watched,
  reason: UnreachableReason,
  now: number,
): void {
  const phi = detector.phi(now).toFixed(1);
  const silence = Math.round(now - detector.lastHeard);
  log(m, "warn", "a member cannot be reached", { address, reason, phi, silence });
}
