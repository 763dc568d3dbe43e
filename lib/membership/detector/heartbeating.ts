/**
 * Heartbeats between members. A member that does not respond becomes unreachable, no more. A node
 * that was stalled itself makes no accusations for a while (local health awareness, after
 * Lifeguard; Dadgar et al., 2018).
 *
 * @module
 */
import { accuse } from "./suspicion.ts";
import { lagPenalty } from "./local_health.ts";
import { inquireLostPeers, onConnectionsLost } from "./gone.ts";
import {
  type Machine,
  type PeerGoneEvent,
  selfAddress,
  send,
  type StallAnswerEvent,
} from "../machine/machine.ts";
import type { HeartbeatAckMessage } from "../machine/messages.ts";
import { commit } from "../machine/commit.ts";
import { unknownToOthers } from "../joining/corroboration.ts";
import { withoutRecord } from "../state/gossip_state.ts";
import { isAlive } from "../state/member.ts";
import { monitoredMembers, monitoringRing, observersOf } from "./monitoring.ts";
import { PhiAccrualDetector } from "./phi_accrual.ts";
import { endRelays, sendHeartbeat, settleRelays } from "./probing.ts";
import { accusedBy } from "./reachability.ts";
import { newMonitoredPeer } from "./monitored_peer.ts";
import { rules } from "../../runtime/rules.ts";

/** Checks of all monitored peers per heartbeat interval. */
const checksPerHeartbeat = 4;
/** The longest time without accusations after a stall of this node, milliseconds. */
const longestAbstention = 10_000;

/** Sends heartbeats and checks monitored peers when the next round is due. */
export function heartbeatTick(m: Machine, now: number): void {
  const { monitoring, config } = m;
  inquireLostPeers(m, now);
  if (now >= monitoring.checkAt) {
    monitoring.checkAt = now + config.heartbeatInterval / checksPerHeartbeat;
    updateMonitored(m, now);
    accuse(m, now);
    endRelays(m, now);
    forgetStrays(m, now);
  }
  if (m.phase !== "member" || now < monitoring.heartbeatAt) return;
  monitoring.heartbeatAt = now + config.heartbeatInterval;
  monitoring.localHealth.improve();
  for (const address of monitoring.peers.keys()) sendHeartbeat(m, address);
}

function forgetStrays(m: Machine, now: number): void {
  if (m.phase !== "member") return;
  const strays = unknownToOthers(m, now);
  if (strays.length === 0) return;
  let { state } = m;
  for (const address of strays) state = withoutRecord(state, address);
  commit(m, state, now);
}

/** Handles traffic from a member. */
export function heard(m: Machine, from: string, now: number): void {
  settleRelays(m, from);
  const peer = m.monitoring.peers.get(from);
  if (peer === undefined) return;
  const wasAccused = peer.lost?.isGone === true || !peer.detector.isAvailable(now);
  peer.detector.heartbeat(now);
  peer.lost = undefined;
  if (wasAccused) accuse(m, now);
}

/** Answers a heartbeat. */
export function acknowledgeHeartbeat(m: Machine, to: string): void {
  const { stallPort } = m.monitoring;
  send(m, to, {
    type: "heartbeatAck",
    incarnation: m.identity.incarnation,
    ...(stallPort !== undefined && { stallPort }),
    ...(m.config.translated && { translated: true }),
  });
}

/**
 * This node's stall responder listens, or has ended: tells its observers without awaiting their next
 * heartbeats, since until then they cannot find it gone.
 */
export function onStallResponder(m: Machine, port: number | undefined): void {
  m.monitoring.stallPort = port;
  if (m.phase !== "member" || !rules.stallPortIsAnnounced) return;
  const living = m.view.members.filter(isAlive).map(({ address }) => address);
  const observers = observersOf(
    monitoringRing(living),
    selfAddress(m),
    m.config.monitorsPerMember,
  );
  for (const observer of observers) acknowledgeHeartbeat(m, observer);
}

/** Handles a heartbeat acknowledgement. */
export function onHeartbeatAck(
  m: Machine,
  from: string,
  { stallPort, translated = false }: HeartbeatAckMessage,
  now: number,
): void {
  const peer = m.monitoring.peers.get(from);
  if (peer !== undefined) Object.assign(peer, { stallPort, translated });
  heard(m, from, now);
}

/** Handles the answer of a stall responder, or its absence. */
export function onStallAnswer(
  m: Machine,
  { address, incarnation, outcome, ms }: StallAnswerEvent,
  now: number,
): void {
  const peer = m.monitoring.peers.get(address);
  if (m.phase !== "member" || peer?.incarnation !== incarnation) return;
  peer.stallProbedAt = undefined;
  peer.stallAnsweredAt = now;
  if (!peer.detector.isOverdue(now)) return;
  // An event loop that runs although no heartbeat arrives is blocked elsewhere: it counts as stalled.
  const since = outcome === "alive" ? peer.detector.lastHeard : now - ms;
  const answers = outcome === "alive" || outcome === "stalled";
  if (answers && rules.lifeVoidsGone) peer.lost = undefined;
  peer.stall = answers ? { at: now, since } : undefined;
  accuse(m, now);
}

/** Probes a member whose connection has ended, which alone proves nothing. */
export function onPeerGone(m: Machine, { address, cutOff }: PeerGoneEvent, now: number): void {
  const peer = m.monitoring.peers.get(address);
  if (m.phase !== "member" || peer === undefined) return;
  sendHeartbeat(m, address);
  if (cutOff === peer.incarnation) onConnectionsLost(m, address, peer, now);
}

/** This node was stalled: excuses its peers for that time. */
export function onLag(m: Machine, ms: number, now: number): void {
  if (!(ms > 0) || !rules.ownLagExcusesSilence) return;
  const { monitoring } = m;
  monitoring.localHealth.degrade(lagPenalty(ms));
  for (const { detector } of monitoring.peers.values()) detector.excuse(ms, now);
  monitoring.abstainUntil = Math.max(
    monitoring.abstainUntil,
    now + Math.min(ms, longestAbstention),
  );
  monitoring.stableSince = Math.min(now, monitoring.stableSince + ms);
  m.fullHeardAt = Math.min(now, m.fullHeardAt + ms);
}

/** Updates the set of monitored peers. Accused peers stay in it. */
function updateMonitored(m: Machine, now: number): void {
  const { monitoring, state, config } = m;
  const self = selfAddress(m);
  if (monitoring.ringFor !== m.digest) {
    monitoring.ringFor = m.digest;
    const living = m.view.members.filter(isAlive).map(({ address }) => address);
    monitoring.ring = monitoringRing(living);
  }
  const accused = accusedBy(state, state.members.get(self));
  const wanted = new Set(
    monitoredMembers(monitoring.ring, self, config.monitorsPerMember, accused),
  );
  for (const address of accused) wanted.add(address);
  for (const [address, { incarnation }] of monitoring.peers) {
    const current = state.members.get(address)?.member.incarnation;
    if (!wanted.has(address) || current !== incarnation) monitoring.peers.delete(address);
  }
  for (const address of wanted) {
    if (monitoring.peers.has(address)) continue;
    const { incarnation } = state.members.get(address)!.member;
    const detector = new PhiAccrualDetector(config.detector, now);
    monitoring.peers.set(address, newMonitoredPeer(incarnation, detector));
  }
}
