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
import { monitoringRing, watchedMembers } from "./monitoring.ts";
import { PhiAccrualDetector } from "./phi_accrual.ts";
import { endRelays, sendHeartbeat, settleRelays } from "./probing.ts";
import { accusedBy } from "./reachability.ts";
import { newWatched } from "./monitored_peer.ts";
import { rules } from "../../runtime/rules.ts";

/** How many times silence is looked for in one heartbeat interval. */
const checksPerHeartbeat = 4;
/** The longest time for which a stall of this node makes it abstain, milliseconds. */
const longestAbstention = 10_000;

/** Sends heartbeats and looks for silence when it is time. */
export function heartbeatTick(m: Machine, now: number): void {
  const { watching, config } = m;
  if (now >= watching.checkAt) {
    watching.checkAt = now + config.heartbeatInterval / checksPerHeartbeat;
    watch(m, now);
    accuse(m, now);
    endRelays(m, now);
  }
  if (m.phase !== "member" || now < watching.heartbeatAt) return;
  watching.heartbeatAt = now + config.heartbeatInterval;
  watching.awareness.improve();
  for (const address of watching.watched.keys()) sendHeartbeat(m, address);
}

/** Something has arrived from a node that is a member. */
export function heard(m: Machine, from: string, now: number): void {
  settleRelays(m, from);
  const watched = m.watching.watched.get(from);
  if (watched === undefined) return;
  const wasSilent = !watched.detector.isAvailable(now);
  watched.detector.heartbeat(now);
  if (wasSilent) accuse(m, now);
}

/** A watched member has answered, and says where its stall responder listens. */
export function onHeartbeatAck(
  m: Machine,
  from: string,
  stallPort: number | undefined,
  now: number,
): void {
  const watched = m.watching.watched.get(from);
  if (watched !== undefined) watched.stallPort = stallPort;
  heard(m, from, now);
}

/** What the stall responder of a silent member says, or that it does not answer. */
export function onStallAnswer(
  m: Machine,
  { address, incarnation, outcome, ms }: StallAnswerEvent,
  now: number,
): void {
  const watched = m.watching.watched.get(address);
  if (m.phase !== "member" || watched?.incarnation !== incarnation) return;
  watched.stallAskedAt = undefined;
  watched.stallAnsweredAt = now;
  if (!watched.detector.isOverdue(now)) return;
  // A loop that runs but is not heard is stuck elsewhere, and not for ever: it counts as stalled.
  const since = outcome === "alive" ? watched.detector.lastHeard : now - ms;
  if (outcome === "unknown") watched.stall = undefined;
  else watched.stall = { outcome: outcome === "gone" ? "gone" : "stalled", at: now, since };
  accuse(m, now);
}

/** The connection to a node has ended: that proves nothing, but is worth a question. */
export function onPeerGone(m: Machine, address: string): void {
  if (m.phase === "member" && m.watching.watched.has(address)) sendHeartbeat(m, address);
}

/** This node did not run for a while: what it did not hear is its own fault. */
export function onLag(m: Machine, ms: number, now: number): void {
  if (!(ms > 0) || !rules.ownLagExcusesSilence) return;
  const { watching } = m;
  watching.awareness.degrade(lagPenalty(ms));
  for (const { detector } of watching.watched.values()) detector.excuse(ms, now);
  watching.abstainUntil = Math.max(
    watching.abstainUntil,
    now + Math.min(ms, longestAbstention),
  );
  watching.stableSince = Math.min(now, watching.stableSince + ms);
}

/** Brings the set of watched members up to date. Those that are accused stay in it. */
function watch(m: Machine, now: number): void {
  const { watching, state, config } = m;
  const self = selfAddress(m);
  if (watching.ringFor !== m.digest) {
    watching.ringFor = m.digest;
    const living = m.view.members.filter(isAlive).map(({ address }) => address);
    watching.ring = monitoringRing(living);
  }
  const accused = accusedBy(state, state.members.get(self));
  const wanted = new Set(watchedMembers(watching.ring, self, config.watchers, accused));
  for (const address of accused) wanted.add(address);
  for (const [address, { incarnation }] of watching.watched) {
    const current = state.members.get(address)?.member.incarnation;
    if (!wanted.has(address) || current !== incarnation) watching.watched.delete(address);
  }
  for (const address of wanted) {
    if (watching.watched.has(address)) continue;
    const { incarnation } = state.members.get(address)!.member;
    const detector = new PhiAccrualDetector(config.detector, now);
    watching.watched.set(address, newWatched(incarnation, detector));
  }
}
