/**
 * When a member counts as gone: the system of its host has closed or reset all connections without a
 * close frame, and refuses new ones to its main port and to its stall port. No process listens there any
 * more, so silence need not be awaited. A firewall that answers for the host can look the same, so the
 * accusation is early (`Subject.early`): it ends as soon as the member is heard or refutes it, and
 * downing does not count it.
 *
 * @module
 */
import { accuse } from "./suspicion.ts";
import { type Machine, type PortsAnswerEvent, selfAddress } from "../machine/machine.ts";
import { gossipToAll } from "../machine/gossiping.ts";
import type { MonitoredPeer } from "./monitored_peer.ts";
import { aboutOnly } from "../state/gossip_state.ts";
import { isAlive } from "../state/member.ts";
import { rules } from "../../runtime/rules.ts";

/** First and longest pause between two probes of the ports of one member, milliseconds. */
const firstPause = 100;
const longestPause = 10_000;
/** How many members are told at once, the oldest first; the others learn it by gossip. */
const toldAtOnce = 16;

/** All connections to a member were ended by its own system. */
export function onConnectionsLost(
  m: Machine,
  address: string,
  peer: MonitoredPeer,
  now: number,
): void {
  peer.lost = { probe: undefined, nextProbeAt: now, pause: firstPause, refused: false };
  if (rules.goneNeedsRefusedPorts) return probePorts(m, address, peer, now);
  concludeGone(m, peer, now);
}

/** Probes the ports again where they have not refused: a process that ends closes them one by one. */
export function probeLostPeers(m: Machine, now: number): void {
  if (m.phase !== "member") return;
  for (const [address, peer] of m.monitoring.peers) probePorts(m, address, peer, now);
}

/** Handles the answer of a probe of ports. */
export function onPortsAnswer(
  m: Machine,
  { address, sequence, refused }: PortsAnswerEvent,
  now: number,
): void {
  const peer = m.monitoring.peers.get(address);
  const lost = peer?.lost;
  // The probe may be older than the connections that were lost last.
  if (m.phase !== "member" || lost === undefined || lost.probe !== sequence) return;
  lost.probe = undefined;
  if (refused) return concludeGone(m, peer!, now);
  lost.nextProbeAt = now + lost.pause;
  lost.pause = Math.min(longestPause, 2 * lost.pause);
}

function probePorts(m: Machine, address: string, peer: MonitoredPeer, now: number): void {
  const { lost, stallPort, incarnation } = peer;
  if (lost === undefined || lost.refused || lost.probe !== undefined) return;
  if (now < lost.nextProbeAt || stallPort === undefined) return;
  // What refuses may be the translation, not the host.
  if (peer.translated && rules.translatedMembersAreNotGone) return;
  const sequence = lost.probe = ++m.monitoring.sequence;
  m.effects.push({ type: "probePorts", address, incarnation, stallPort, sequence });
}

/** Accuses the member and tells others at once: two observers must know of each other. */
function concludeGone(m: Machine, peer: MonitoredPeer, now: number): void {
  peer.lost!.refused = true;
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
