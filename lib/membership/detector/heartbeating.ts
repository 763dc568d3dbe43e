/**
 * How members watch each other. Silence makes a member unreachable, no more; and a node that was
 * deaf itself accuses nobody for a while (local health awareness, after Lifeguard; Dadgar et al.,
 * 2018).
 *
 * @module
 */
import { accuse } from "./suspicion.ts";
import { lagPenalty } from "./local_health.ts";
import { type Machine, selfAddress, type StallAnswerEvent } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import { monitoredMembers, monitoringRing } from "./monitoring.ts";
import { PhiAccrualDetector } from "./phi_accrual.ts";
import { endRelays, sendHeartbeat, settleRelays } from "./probing.ts";
import { accusedBy } from "./reachability.ts";
import { newMonitoredPeer } from "./monitored_peer.ts";
import { rules } from "../../runtime/rules.ts";

/** How many times silence is looked for in one heartbeat interval. */
const checksPerHeartbeat = 4;
/** The longest time for which a stall of this node makes it abstain, milliseconds. */
const longestAbstention = 10_000;

/** Sends heartbeats and looks for silence when it is time. */
export function heartbeatTick(m: Machine, now: number): void {
  const { monitoring, config } = m;
  if (now >= monitoring.checkAt) {
    monitoring.checkAt = now + config.heartbeatInterval / checksPerHeartbeat;
    watch(m, now);
    accuse(m, now);
    endRelays(m, now);
  }
  if (m.phase !== "member" || now < monitoring.heartbeatAt) return;
  monitoring.heartbeatAt = now + config.heartbeatInterval;
  monitoring.localHealth.improve();
  for (const address of monitoring.peers.keys()) sendHeartbeat(m, address);
}

/** Something has arrived from a node that is a member. */
export function heard(m: Machine, from: string, now: number): void {
  settleRelays(m, from);
  const peer = m.monitoring.peers.get(from);
  if (peer === undefined) return;
  const wasSilent = !peer.detector.isAvailable(now);
  peer.detector.heartbeat(now);
  if (wasSilent) accuse(m, now);
}

/** A watched member has answered, and says where its stall responder listens. */
export function onHeartbeatAck(
  m: Machine,
  from: string,
  stallPort: number | undefined,
  now: number,
): void {
  const peer = m.monitoring.peers.get(from);
  if (peer !== undefined) peer.stallPort = stallPort;
  heard(m, from, now);
}

/** What the stall responder of a silent member says, or that it does not answer. */
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
  // A loop that runs but is not heard is stuck elsewhere, and not for ever: it counts as stalled.
  const since = outcome === "alive" ? peer.detector.lastHeard : now - ms;
  if (outcome === "unknown") peer.stall = undefined;
  else peer.stall = { outcome: outcome === "gone" ? "gone" : "stalled", at: now, since };
  accuse(m, now);
}

/** The connection to a node has ended: that proves nothing, but is worth a question. */
export function onPeerGone(m: Machine, address: string): void {
  if (m.phase === "member" && m.monitoring.peers.has(address)) sendHeartbeat(m, address);
}

/** This node did not run for a while: what it did not hear is its own fault. */
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
}

/** Brings the set of watched members up to date. Those that are accused stay in it. */
function watch(m: Machine, now: number): void {
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
