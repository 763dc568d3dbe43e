/**
 * How a member leaves gracefully: it becomes leaving; on convergence the leader makes it exiting;
 * on the next convergence it stops, and the leader removes it.
 *
 * @module
 */
import { commit, leave } from "../machine/commit.ts";
import { aboutOnly, withMember, withoutMember } from "../state/gossip_state.ts";
import { gossipToAll } from "../machine/gossiping.ts";
import { log, type Machine, selfAddress, send } from "../machine/machine.ts";
import { isAlive, isLeaving, type Member } from "../state/member.ts";
import { isEnded } from "./corroboration.ts";
import type { LeftMessage, RemovedMessage } from "../machine/messages.ts";
import { rules } from "../../runtime/rules.ts";

/** How many members are told at once, the oldest first; others believe two that say so. */
const toldAtOnce = 16;

/** Starts to leave. */
export function startLeaving(m: Machine, now: number): void {
  if (m.phase === "left") return;
  if (m.phase !== "member") {
    m.phase = "left";
    m.effects.push({ type: "left" });
    return;
  }
  if (m.leaveBy !== undefined) return;
  if (reachableOthers(m).length === 0) return leave(m);
  m.leaveBy = now + m.config.leaveTimeout;
  if (!isLeaving(m.view.self) && rules.leavingIsAnnounced) {
    commit(m, withMember(m.state, { ...m.view.self, status: "leaving" }), now);
  }
  m.gossip.nextAt = now;
  const told = reachableOthers(m).slice(0, toldAtOnce).map(({ address }) => address);
  gossipToAll(m, told, aboutOnly(m.state, [selfAddress(m)]), now);
}

/** Stops without convergence when the deadline has passed. */
export function leavingTick(m: Machine, now: number): void {
  if (m.leaveBy === undefined || now < m.leaveBy) return;
  log(m, "warn", "leave timed out before convergence", {
    leaveTimeout: m.config.leaveTimeout,
    missing: m.missing.join(", "),
  });
  for (const to of oldestOthers(m)) sendLeft(m, to, m.clusterId!);
  leave(m);
}

/** Notifies a node that this one is no member of that cluster. */
export function sendLeft(m: Machine, to: string, clusterId: string): void {
  send(m, to, { type: "left", clusterId, incarnation: m.identity.incarnation });
}

/** A node has announced that it is no member of this cluster any more. */
export function onLeft(m: Machine, from: string, message: LeftMessage, now: number): void {
  if (m.phase !== "member" || message.clusterId !== m.clusterId) return;
  const member = m.state.members.get(from)?.member;
  if (member === undefined || !isAlive(member) || member.incarnation > message.incarnation) return;
  const evidence = {
    by: from,
    why: "it has announced that it is no member any more",
    observers: [],
  };
  const next: Member = isLeaving(member)
    ? { ...member, status: "exiting" }
    : { ...member, status: "down", evidence };
  commit(m, withMember(m.state, next), now);
  m.gossip.nextAt = now;
}

/** Handles the removal of this node. */
export function onRemoved(m: Machine, from: string, message: RemovedMessage, now: number): void {
  if (m.phase !== "member" || message.clusterId !== m.clusterId) return;
  if (message.incarnation < m.identity.incarnation) return;
  if (!isEnded(m, m.identity, from, now)) return;
  const { evidence } = message;
  if (evidence !== undefined) {
    const self: Member = { ...m.view.self, status: "down", evidence };
    return commit(m, withMember(m.state, self), now);
  }
  commit(m, withoutMember(m.state, selfAddress(m), now), now);
}

function reachableOthers(m: Machine): Member[] {
  return m.view.members.filter((member) =>
    member.address !== selfAddress(m) && isAlive(member) && !m.view.unreachable.has(member.address)
  );
}

/** The oldest other members, the leader first. */
function oldestOthers(m: Machine): string[] {
  const others = reachableOthers(m).map(({ address }) => address);
  return others.slice(0, m.config.gossipFanout);
}
