/**
 * Indirect probes before an accusation (SWIM; Das et al., 2002): a node whose peer does not respond
 * asks other members to probe it. Helpers also answer if the probe fails (Lifeguard's nack), so a
 * missing answer counts against the local health of the asker.
 *
 * @module
 */
import { hash64 } from "../state/digest.ts";
import { log, type Machine, selfAddress, send } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import type { IndirectAnswerMessage, IndirectProbeMessage } from "../machine/messages.ts";
import { pick } from "../machine/pick.ts";
import { accusedBy } from "./reachability.ts";
import type { LostConnections, MonitoredPeer } from "./monitored_peer.ts";
import { rules } from "../../runtime/rules.ts";

/** How long a helper waits for the target, in heartbeat intervals. */
const relayTime = 1;
/** How long the asker waits for helpers, in heartbeat intervals. */
const probeRoundTime = 1.5;
/** How long a positive answer counts, in heartbeat intervals. */
const vouchTime = 2.5;
/** Between two probe rounds for an accused member, in heartbeat intervals. */
const accusedPause = 2;
/** When an unanswered stall probe counts as lost, milliseconds. */
const longestStallProbe = 10_000;
/** Longest pause between two inquiries about lost connections of one member, milliseconds. */
const longestInquiryPause = 10_000;
/** Maximum number of relayed probes at a time; more are ignored. */
const maxRelays = 1_000;
/** Maximum number of them for one asker, which needs a few at a time. */
const maxRelaysEach = 50;

/** Starts a probe round for an overdue peer, or ends one that has timed out. */
export function probeIndirectly(
  m: Machine,
  address: string,
  peer: MonitoredPeer,
  isAccused: boolean,
  now: number,
): void {
  const { probeRound } = peer;
  if (probeRound !== undefined) {
    if (now < probeRound.until) return;
    // No answer at all: this node itself may be unreachable.
    if (probeRound.waitingFor.size > 0) m.monitoring.localHealth.degrade(1);
    return endRound(m, peer, isAccused, now);
  }
  if (now < peer.nextProbeAt) return;
  startRound(m, address, peer, now);
  // Without helpers, only this node's own observation counts.
  if (peer.probeRound!.waitingFor.size === 0) endRound(m, peer, isAccused, now);
}

/** Handles the answer of a helper. Returns whether it changed the state of the target. */
export function onIndirectAnswer(
  m: Machine,
  from: string,
  { target, sequence, alive }: IndirectAnswerMessage,
  now: number,
): boolean {
  const peer = m.monitoring.peers.get(target);
  if (alive && peer?.lost?.inquiry === sequence) {
    endInquiry(peer.lost, now);
    return false;
  }
  const probeRound = peer?.probeRound;
  if (peer === undefined || probeRound?.sequence !== sequence) return false;
  if (!probeRound.waitingFor.delete(from)) return false;
  if (alive && rules.indirectProbesVouch) {
    log(m, "info", "indirect probe succeeded", { member: target, helper: from });
    vouch(m, peer, now);
    return true;
  }
  if (probeRound.waitingFor.size === 0) endRound(m, peer, isAccused(m, target), now);
  return true;
}

/** Records that the peer is alive by another member's evidence. */
export function vouch(m: Machine, peer: MonitoredPeer, now: number): void {
  const { heartbeatInterval } = m.config;
  peer.probeRound = undefined;
  if (rules.lifeVoidsGone) peer.lost = undefined;
  peer.nextProbeAt = now + heartbeatInterval;
  peer.vouchedUntil = now + vouchTime * heartbeatInterval;
}

/** Probes a member on behalf of another one. */
export function onIndirectProbe(
  m: Machine,
  from: string,
  { target, sequence }: IndirectProbeMessage,
  now: number,
): void {
  if (target === selfAddress(m)) return answer(m, from, target, sequence, true);
  const { relays } = m.monitoring;
  if (!m.state.members.has(target) || relays.length >= maxRelays) return;
  let own = 0;
  for (const { asker } of relays) {
    if (asker === from && ++own >= maxRelaysEach && rules.relaysAreBounded) return;
  }
  const until = now + relayTime * m.config.heartbeatInterval;
  relays.push({ asker: from, target, sequence, until });
  sendHeartbeat(m, target);
}

/** Answers the relayed probes of a member that has responded. */
export function settleRelays(m: Machine, target: string): void {
  const { monitoring } = m;
  if (monitoring.relays.length === 0) return;
  monitoring.relays = monitoring.relays.filter((relay) => {
    if (relay.target !== target) return true;
    answer(m, relay.asker, target, relay.sequence, true);
    return false;
  });
}

/** Answers relayed probes that have timed out. */
export function endRelays(m: Machine, now: number): void {
  const { monitoring } = m;
  if (monitoring.relays.length === 0) return;
  monitoring.relays = monitoring.relays.filter((relay) => {
    if (now < relay.until) return true;
    answer(m, relay.asker, relay.target, relay.sequence, false);
    return false;
  });
}

/** Sends a heartbeat. */
export function sendHeartbeat(m: Machine, address: string): void {
  send(m, address, {
    type: "heartbeat",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
  });
}

/** Ends an inquiry about lost connections that has not found the peer gone. */
export function endInquiry(lost: LostConnections, now: number): void {
  lost.inquiry = undefined;
  lost.nextAt = now + lost.pause;
  lost.pause = Math.min(longestInquiryPause, 2 * lost.pause);
}

function startRound(m: Machine, target: string, peer: MonitoredPeer, now: number): void {
  const sequence = ++m.monitoring.sequence;
  const waitingFor = askHelpers(m, target, sequence);
  peer.probeRound = {
    sequence,
    waitingFor,
    until: now + probeRoundTime * m.config.heartbeatInterval,
  };
  sendHeartbeat(m, target);
  if (peer.stallPort !== undefined && !(peer.stallProbedAt! > now - longestStallProbe)) {
    peer.stallProbedAt = now;
    const { incarnation, stallPort: port } = peer;
    m.effects.push({ type: "probeStall", address: target, incarnation, port });
  }
}

/** Asks other members to probe one for this node. Returns those that were asked. */
export function askHelpers(m: Machine, target: string, sequence: number): Set<string> {
  const accused = accusedBy(m.state, m.state.members.get(selfAddress(m)));
  const helpers = m.view.members.filter((member) =>
    isAlive(member) && member.address !== target && member.address !== selfAddress(m) &&
    !accused.has(member.address) && !m.view.unreachable.has(member.address)
  );
  // Helpers need not be random, only different in each round and for each asker.
  const [seed] = hash64(`${selfAddress(m)} ${target} ${sequence}`);
  const waitingFor = new Set(
    pick(helpers, m.config.indirectProbes, seed / 0x1_0000_0000).map(({ address }) => address),
  );
  const { clusterId, identity } = m;
  for (const helper of waitingFor) {
    send(m, helper, {
      type: "indirectProbe",
      clusterId: clusterId!,
      incarnation: identity.incarnation,
      target,
      sequence,
    });
  }
  return waitingFor;
}

function endRound(m: Machine, peer: MonitoredPeer, isAccused: boolean, now: number): void {
  peer.probeRound = undefined;
  peer.probeFailedAt = now;
  peer.nextProbeAt = now + (isAccused ? accusedPause * m.config.heartbeatInterval : 0);
}

function isAccused(m: Machine, address: string): boolean {
  return accusedBy(m.state, m.state.members.get(selfAddress(m))).has(address);
}

function answer(m: Machine, to: string, target: string, sequence: number, alive: boolean): void {
  send(m, to, {
    type: "indirectAnswer",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
    target,
    sequence,
    alive,
  });
}
