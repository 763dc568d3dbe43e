/**
 * Second opinions before an accusation: whoever does not hear a member asks others to try (indirect
 * probes, after SWIM; Das et al., 2002). Helpers answer also when they do not hear it either, so
 * that a helper who says nothing at all speaks against the one who asked (Lifeguard's nack).
 *
 * @module
 */
import { hash64 } from "../state/digest.ts";
import { log, type Machine, selfAddress, send } from "../machine/machine.ts";
import { isAlive } from "../state/member.ts";
import type { IndirectAnswerMessage, IndirectProbeMessage } from "../machine/messages.ts";
import { pick } from "../machine/pick.ts";
import { accusedBy } from "./reachability.ts";
import type { MonitoredPeer } from "./monitored_peer.ts";
import { rules } from "../../runtime/rules.ts";

/** How long helpers wait for a sign of life, in heartbeat intervals. */
const relayTime = 1;
/** How long the one who asks waits for helpers, in heartbeat intervals. */
const probeRoundTime = 1.5;
/** How long a good answer counts, in heartbeat intervals. */
const vouchTime = 2.5;
/** Between two inquiries about a member that is accused already, in heartbeat intervals. */
const accusedPause = 2;
/** When a question to a stall responder is taken for lost, milliseconds. */
const longestStallProbe = 10_000;
/** How many probes are carried for others at a time; more are ignored. */
const maxRelays = 1_000;
/** How many of them for one member. It asks about those that it watches, a few at a time. */
const maxRelaysEach = 50;

/** Asks others about a member that is late, ends what has lasted too long. */
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
    // Not even a "no": perhaps it is this node that nobody hears.
    if (probeRound.waitingFor.size > 0) m.monitoring.localHealth.degrade(1);
    return conclude(m, peer, isAccused, now);
  }
  if (now < peer.nextProbeAt) return;
  begin(m, address, peer, now);
  // Nobody to ask: then what this node hears is all there is.
  if (peer.probeRound!.waitingFor.size === 0) conclude(m, peer, isAccused, now);
}

/** A helper has answered. */
export function onIndirectAnswer(
  m: Machine,
  from: string,
  { target, sequence, alive }: IndirectAnswerMessage,
  now: number,
): boolean {
  const peer = m.monitoring.peers.get(target);
  const probeRound = peer?.probeRound;
  if (peer === undefined || probeRound?.sequence !== sequence) return false;
  if (!probeRound.waitingFor.delete(from)) return false;
  if (alive && rules.indirectProbesVouch) {
    log(m, "info", "a silent member is heard by another", { address: target, by: from });
    vouch(m, peer, now);
    return true;
  }
  if (probeRound.waitingFor.size === 0) conclude(m, peer, isAccused(m, target), now);
  return true;
}

/** Somebody else has proof that the member lives. */
export function vouch(m: Machine, peer: MonitoredPeer, now: number): void {
  const { heartbeatInterval } = m.config;
  peer.probeRound = undefined;
  peer.nextProbeAt = now + heartbeatInterval;
  peer.vouchedUntil = now + vouchTime * heartbeatInterval;
}

/** A member asks this one to try another. */
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

/** A member was heard: good news for those who have asked about it. */
export function settleRelays(m: Machine, target: string): void {
  const { monitoring } = m;
  if (monitoring.relays.length === 0) return;
  monitoring.relays = monitoring.relays.filter((relay) => {
    if (relay.target !== target) return true;
    answer(m, relay.asker, target, relay.sequence, true);
    return false;
  });
}

/** Says no where nothing was heard in time. */
export function endRelays(m: Machine, now: number): void {
  const { monitoring } = m;
  if (monitoring.relays.length === 0) return;
  monitoring.relays = monitoring.relays.filter((relay) => {
    if (now < relay.until) return true;
    answer(m, relay.asker, relay.target, relay.sequence, false);
    return false;
  });
}

/** Asks a node for a sign of life. */
export function sendHeartbeat(m: Machine, address: string): void {
  send(m, address, {
    type: "heartbeat",
    clusterId: m.clusterId!,
    incarnation: m.identity.incarnation,
  });
}

function begin(m: Machine, target: string, peer: MonitoredPeer, now: number): void {
  const sequence = ++m.monitoring.sequence;
  const accused = accusedBy(m.state, m.state.members.get(selfAddress(m)));
  const helpers = m.view.members.filter((member) =>
    isAlive(member) && member.address !== target && member.address !== selfAddress(m) &&
    !accused.has(member.address) && !m.view.unreachable.has(member.address)
  );
  // Who is asked need not be random, only different each time and for each.
  const [seed] = hash64(`${selfAddress(m)} ${target} ${sequence}`);
  const waitingFor = new Set(
    pick(helpers, m.config.indirectProbes, seed / 0x1_0000_0000).map(({ address }) => address),
  );
  peer.probeRound = {
    sequence,
    waitingFor,
    until: now + probeRoundTime * m.config.heartbeatInterval,
  };
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
  sendHeartbeat(m, target);
  if (peer.stallPort !== undefined && !(peer.stallProbedAt! > now - longestStallProbe)) {
    peer.stallProbedAt = now;
    const { incarnation, stallPort: port } = peer;
    m.effects.push({ type: "probeStall", address: target, incarnation, port });
  }
}

function conclude(m: Machine, peer: MonitoredPeer, isAccused: boolean, now: number): void {
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
