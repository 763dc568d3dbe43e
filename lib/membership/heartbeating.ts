/**
 * How members watch each other. Silence makes a member unreachable, no more; and a node that was
 * deaf itself accuses nobody for a while (local health awareness, after Lifeguard; Dadgar et al.,
 * 2018).
 *
 * @module
 */
import { commit } from "./commit.ts";
import { type MemberRecord, withRecord } from "./gossip_state.ts";
import { log, type Machine, selfAddress, send } from "./machine.ts";
import { isAlive } from "./member.ts";
import { monitoringRing, watchedMembers } from "./monitoring.ts";
import { PhiAccrualDetector } from "./phi_accrual.ts";
import { accusedBy, nextReachability } from "./reachability.ts";

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
  }
  if (m.phase !== "member" || now < watching.heartbeatAt) return;
  watching.heartbeatAt = now + config.heartbeatInterval;
  for (const address of watching.watched.keys()) probe(m, address);
}

/** Something has arrived from a node that is a member. */
export function heard(m: Machine, from: string, now: number): void {
  const watched = m.watching.watched.get(from);
  if (watched === undefined) return;
  const wasSilent = !watched.detector.isAvailable(now);
  watched.detector.heartbeat(now);
  if (wasSilent) accuse(m, now);
}

/** The connection to a node has ended: that proves nothing, but is worth a question. */
export function onPeerGone(m: Machine, address: string): void {
  if (m.phase === "member" && m.watching.watched.has(address)) probe(m, address);
}

/** This node did not run for a while: what it did not hear is its own fault. */
export function onLag(m: Machine, ms: number, now: number): void {
  if (!(ms > 0)) return;
  const { watching } = m;
  for (const { detector } of watching.watched.values()) detector.excuse(ms, now);
  watching.abstainUntil = Math.max(
    watching.abstainUntil,
    now + Math.min(ms, longestAbstention),
  );
  watching.stableSince = Math.min(now, watching.stableSince + ms);
}

function probe(m: Machine, address: string): void {
  send(m, address, {
    type: "heartbeat",
    clusterId: m.clusterId!,
    incarnation: m.introduction.incarnation,
  });
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
    watching.watched.set(address, { incarnation, detector });
  }
}

/** Says in the own record who is silent, if that has changed. */
function accuse(m: Machine, now: number): void {
  const record = m.state.members.get(selfAddress(m));
  if (m.phase !== "member" || record === undefined) return;
  const before = accusedBy(m.state, record);
  const silent = [];
  for (const [address, { detector }] of m.watching.watched) {
    const member = m.state.members.get(address)?.member;
    if (member === undefined || !isAlive(member) || detector.isAvailable(now)) continue;
    if (before.has(address)) silent.push(member);
    else if (now >= m.watching.abstainUntil) {
      silent.push(member);
      const phi = detector.phi(now).toFixed(1);
      const silence = Math.round(now - detector.lastHeard);
      log(m, "warn", "a member is silent", { address, phi, silence });
    }
  }
  const dropped = record.reachability.unreachable.length !== before.size;
  const same = silent.length === before.size &&
    silent.every(({ address }) => before.has(address));
  if (same && !dropped) return;
  const reachability = nextReachability(record.reachability, silent);
  const next: MemberRecord = { ...record, reachability };
  commit(m, withRecord(m.state, next), now);
  m.gossip.nextAt = now;
}
