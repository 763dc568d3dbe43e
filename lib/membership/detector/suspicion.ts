/**
 * When a member accuses another one of being unreachable, in its own record: only after indirect
 * probes have failed, and later while its own local health is bad.
 *
 * @module
 */
import { commit } from "../machine/commit.ts";
import { type Subject, type UnreachableReason, withRecord } from "../state/gossip_state.ts";
import { log, type Machine, selfAddress } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import { noteSuspicion } from "../joining/corroboration.ts";
import { fieldLimits } from "../machine/message_fields.ts";
import { probeIndirectly, vouch } from "./probing.ts";
import { accusedBy, nextReachability, refutedSubjects } from "./reachability.ts";
import { type MonitoredPeer, unreachableReason } from "./monitored_peer.ts";

/** How long the answer of a stall responder counts, in heartbeat intervals. */
const stallValidity = 6;
/** How long an accusation waits for that answer, in heartbeat intervals. */
const stallAnswerTime = 2.5;

/** Updates the accusations in this node's own record. */
export function accuse(m: Machine, now: number): void {
  const record = m.state.members.get(selfAddress(m));
  if (m.phase !== "member" || record === undefined) return;
  for (const address of refutedSubjects(m.state, record)) {
    const peer = m.monitoring.peers.get(address);
    if (peer !== undefined) vouch(m, peer, now);
  }
  const before = accusedBy(m.state, record);
  // Without early ones: these neither hasten nor delay the accusation for silence.
  const silentBefore = accusedBy(m.state, record, "silence");
  const subjects: Subject[] = [];
  const phis = new Map(record.reachability.unreachable.map(({ address, phi }) => [address, phi]));
  for (const [address, peer] of m.monitoring.peers) {
    const subject = m.state.members.get(address);
    if (subject === undefined || !isAlive(subject.member)) continue;
    const isSilent = mustAccuse(m, address, peer, silentBefore.has(address), now);
    const reason = reasonOf(m, peer, now);
    if (!isSilent && reason !== "gone") continue;
    noteSuspicion(m, address, subject.member.incarnation, now);
    if (!before.has(address)) logAccusation(m, address, peer, reason, now);
    const { incarnation } = subject.member;
    const { refutation } = subject.reachability;
    subjects.push({
      address,
      incarnation,
      ...(refutation !== undefined && { refutation }),
      ...(reason !== "silent" && { reason }),
      phi: (silentBefore.has(address) ? phis.get(address) : undefined) ?? phiOf(peer, now),
      ...(!isSilent && { early: true }),
    });
  }
  const reachability = nextReachability(record.reachability, subjects);
  if (reachability === record.reachability) return;
  commit(m, withRecord(m.state, { ...record, reachability }), now);
  m.gossip.nextAt = now;
}

/** Why this node accuses a peer. */
export function reasonOf(m: Machine, peer: MonitoredPeer, now: number): UnreachableReason {
  const { heartbeatInterval, stallLimit } = m.config;
  return unreachableReason(peer, stallValidity * heartbeatInterval, stallLimit, now);
}

function mustAccuse(
  m: Machine,
  address: string,
  peer: MonitoredPeer,
  isAccused: boolean,
  now: number,
): boolean {
  const { detector } = peer;
  const { localHealth, abstainUntil } = m.monitoring;
  if (!detector.isOverdue(now)) {
    peer.probeRound = undefined;
    peer.stall = undefined;
    return false;
  }
  probeIndirectly(m, address, peer, isAccused, now);
  if (now < peer.vouchedUntil) return false;
  // An accusation holds until the member responds, whatever the local health is meanwhile.
  if (isAccused) return !detector.isAvailable(now);
  if (awaitsStallAnswer(m, peer, now)) return false;
  const extraPause = localHealth.degradation * m.config.detector.acceptablePause;
  return !detector.isAvailable(now - extraPause) && now >= abstainUntil &&
    peer.probeFailedAt > detector.lastHeard;
}

function phiOf({ detector }: MonitoredPeer, now: number): number {
  return Math.min(fieldLimits.phi, Math.round(detector.phi(now) * 10) / 10);
}

/** Whether the first accusation still waits for the answer of the stall responder. */
function awaitsStallAnswer(
  m: Machine,
  { stallProbedAt, stallAnsweredAt, detector }: MonitoredPeer,
  now: number,
): boolean {
  return stallProbedAt !== undefined && stallAnsweredAt < detector.lastHeard &&
    now - stallProbedAt < stallAnswerTime * m.config.heartbeatInterval;
}

function logAccusation(
  m: Machine,
  address: string,
  { detector }: MonitoredPeer,
  reason: UnreachableReason,
  now: number,
): void {
  const phi = detector.phi(now).toFixed(1);
  const silentFor = Math.round(now - detector.lastHeard);
  log(m, "warn", "member does not respond", { member: address, reason, phi, silentFor });
}
