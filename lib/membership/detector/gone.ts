/**
 * When a member counts as gone: the system of its host has closed or reset all connections without a
 * close frame, and refuses new ones to its main port and to its stall port. No process listens there any
 * more, so silence need not be awaited, only that no other member reaches it. A firewall that answers for the host can look the same, so the
 * accusation is early (`Subject.early`): it ends as soon as the member is heard or refutes it, and
 * downing does not count it.
 *
 * @module
 */
import { accuse } from "./suspicion.ts";
import { type Machine, type PortsAnswerEvent, selfAddress } from "../machine/machine.ts";
import { gossipToAll } from "../machine/gossiping.ts";
import type { LostConnections, MonitoredPeer } from "./monitored_peer.ts";
import { askHelpers, endInquiry } from "./probing.ts";
import { aboutOnly } from "../state/gossip_state.ts";
import { isAlive } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** Pause after the first inquiry about a member, milliseconds; each next one is twice as long. */
const firstPause = 100;
/** How long a helper may take to answer that it reaches the member, milliseconds. */
const helperTime = 150;
/** How many members are told at once, the oldest first; the others learn it by gossip. */
const toldAtOnce = 16;

/** All connections to a member were ended by its own system. */
export function onConnectionsLost(
  m: Machine,
  address: string,
  peer: MonitoredPeer,
  now: number,
): void {
  peer.lost = {
    inquiry: undefined,
    startedAt: now,
    portsRefuse: !rules.goneNeedsRefusedPorts,
    nextAt: now,
    pause: firstPause,
    isGone: false,
  };
  inquire(m, address, peer, peer.lost, now);
}

/**
 * Begins or ends inquiries. One that does not find the member gone is repeated: a process that ends
 * closes its ports one by one, and a helper may still read what the member has sent before.
 */
export function inquireLostPeers(m: Machine, now: number): void {
  if (m.phase !== "member") return;
  for (const [address, peer] of m.monitoring.peers) {
    const { lost } = peer;
    if (lost === undefined || lost.isGone) continue;
    if (lost.inquiry === undefined) inquire(m, address, peer, lost, now);
    else if (lost.portsRefuse && now - lost.startedAt >= helperTime) concludeGone(m, lost, now);
  }
}

/** Handles the answer of a probe of ports. */
export function onPortsAnswer(
  m: Machine,
  { address, sequence, refused }: PortsAnswerEvent,
  now: number,
): void {
  const lost = m.monitoring.peers.get(address)?.lost;
  // The answer may belong to connections that were lost before the last ones.
  if (m.phase !== "member" || lost === undefined || lost.inquiry !== sequence) return;
  if (refused) lost.portsRefuse = true;
  else if (rules.goneNeedsRefusedPorts) endInquiry(lost, now);
}

function inquire(
  m: Machine,
  address: string,
  { translated, incarnation, stallPort }: MonitoredPeer,
  lost: LostConnections,
  now: number,
): void {
  if (now < lost.nextAt || stallPort === undefined) return;
  // What refuses may be the translation, not the host.
  if (translated && rules.translatedMembersAreNotGone) return;
  const sequence = lost.inquiry = ++m.monitoring.sequence;
  lost.startedAt = now;
  if (rules.helpersAreAskedFirst) askHelpers(m, address, sequence);
  m.effects.push({ type: "probePorts", address, incarnation, stallPort, sequence });
}

/** Accuses the member and tells others at once: two observers must know of each other. */
function concludeGone(m: Machine, lost: LostConnections, now: number): void {
  lost.isGone = true;
  const before = m.state;
  accuse(m, now);
  if (m.state === before || m.phase !== "member" || !rules.goneIsToldAtOnce) return;
  const self = selfAddress(m);
  const others = m.view.members.filter((member) =>
    isAlive(member) && member.address !== self && !m.view.unreachable.has(member.address)
  );
  const told = others.slice(0, toldAtOnce).map(({ address }) => address);
  gossipToAll(m, told, aboutOnly(m.state, [self]), now);
}
