/**
 * What follows from a new state: this node says that it has seen it, learns whether it is still a
 * member, works out its view, and does what a leader does.
 *
 * @module
 */
import { convergence } from "../state/convergence.ts";
import { contentDigest, fullDigest } from "../state/digest.ts";
import { type GossipState, withMember, withoutMember, withRecord } from "../state/gossip_state.ts";
import { compareAge, type DownEvidence, isAlive, type Member } from "../state/member.ts";
import { leaderActions, leaderOf } from "./leader.ts";
import { log, type Machine, selfAddress, send } from "./machine.ts";
import {
  refutation,
  sameUnreachability,
  unreachabilityOf,
  unreachableMembers,
} from "../detector/reachability.ts";
import { eventsBetween, sameSet, sameView, stalledOf } from "../state/view.ts";

/** Takes a new state in. */
export function commit(m: Machine, state: GossipState, now: number): void {
  if (state === m.state || m.phase !== "member") return;
  m.state = state;
  while (!handleOwnRemoval(m)) {
    m.state = refuteAndMarkSeen(m);
    derive(m, now);
    const next = lead(m, now);
    if (next === undefined) break;
    m.state = next;
    m.gossip.nextAt = now;
  }
  publish(m);
  if (m.phase === "member" && m.view.self.status === "exiting" && m.view.converged) leave(m);
}

/** This node is no member any more, as it wished. */
export function leave(m: Machine): void {
  endView(m, "left", { ...m.view.self, status: "removed" });
  publish(m);
  m.effects.push({ type: "left" });
}

/** This node is no member any more, against its will. */
export function onSelfDowned(m: Machine, evidence: DownEvidence): void {
  if (m.view.self.status === "leaving" || m.view.self.status === "exiting") return leave(m);
  endView(m, "downed", { ...m.view.self, status: "down", evidence });
  publish(m);
  log(m, "error", "this node was declared down", {
    by: evidence.by,
    why: evidence.why,
    observers: evidence.observers.join(", "),
  });
  m.effects.push({ type: "downed", ...evidence });
}

/** Why a node is no member any more whose later life is one. */
export function replacedBy(incarnation: number): string {
  return `a later life of this node has joined (incarnation ${incarnation})`;
}

/** Whether the state says that this node is no member any more; acts on it. */
function handleOwnRemoval(m: Machine): boolean {
  const address = selfAddress(m);
  const own = m.state.members.get(address)?.member;
  const { incarnation } = m.identity;
  if (own !== undefined && own.incarnation === incarnation && isAlive(own)) return false;
  const dead = m.state.tombstones.get(address);
  const replaced = own !== undefined && own.incarnation !== incarnation;
  onSelfDowned(
    m,
    (replaced ? undefined : own?.evidence ?? dead?.evidence) ?? {
      by: address,
      why: replaced ? replacedBy(own.incarnation) : "the cluster has removed this node",
      observers: [],
    },
  );
  return true;
}

/** A view without members: work that needs a cluster ends. */
function endView(m: Machine, phase: "left" | "downed", self: Member): void {
  m.phase = phase;
  m.monitoring.peers.clear();
  const others = m.view.members.filter(({ address }) => address !== self.address);
  m.view = { ...m.view, members: others, leader: undefined, self, converged: false };
}

/** The state in which this node's own record says what is true. */
function refuteAndMarkSeen(m: Machine): GossipState {
  let record = m.state.members.get(selfAddress(m))!;
  const reachability = refutation(m.state, selfAddress(m));
  if (reachability !== undefined) {
    // Others do not hear this node: perhaps it is slow to answer, and so to hear as well.
    m.monitoring.localHealth.degrade(1);
    record = { ...record, reachability };
  }
  m.digest = contentDigest(m.state);
  if (record.seen.digest !== m.digest) {
    const seen = { counter: record.seen.counter + 1, digest: m.digest };
    record = { ...record, seen };
  }
  return record === m.state.members.get(selfAddress(m)) ? m.state : withRecord(m.state, record);
}

function derive(m: Machine, now: number): void {
  const { state, view } = m;
  const self = state.members.get(selfAddress(m))!.member;
  let unreachable = unreachableMembers(state, self.address);
  if (sameSet(unreachable, view.unreachable)) unreachable = view.unreachable;
  else m.monitoring.stableSince = now;
  let unreachability = unreachabilityOf(state, self.address, unreachable);
  if (sameUnreachability(unreachability, view.unreachability)) unreachability = view.unreachability;
  else if (!sameSet(stalledOf(unreachability), stalledOf(view.unreachability))) {
    m.monitoring.stableSince = now;
  }
  const { converged, missing } = convergence(state, unreachable, m.digest);
  const members = sortedMembers(m);
  m.fullDigest = fullDigest(state);
  m.missing = missing;
  m.view = {
    members,
    unreachable,
    unreachability,
    leader: leaderOf(members, unreachable),
    self,
    converged,
    clusterId: m.clusterId,
  };
  if (!converged) m.gossip.nextAt = Math.min(m.gossip.nextAt, now + m.config.gossipInterval / 4);
}

/** Members by age; the same array while they are the same. */
function sortedMembers({ state, view }: Machine): readonly Member[] {
  const same = view.members.length === state.members.size &&
    view.members.every((member) => state.members.get(member.address)?.member === member);
  if (same) return view.members;
  return Array.from(state.members.values(), ({ member }) => member).sort(compareAge);
}

/** The state after the leader's actions, if this node leads and there is something to do. */
function lead(m: Machine, now: number): GossipState | undefined {
  const { view } = m;
  if (!view.converged || view.leader !== selfAddress(m)) return undefined;
  const { moved, removed } = leaderActions(view.members, view.unreachable);
  if (moved.length + removed.length === 0) return undefined;
  let state = m.state;
  for (const member of moved) state = withMember(state, member);
  for (const { address, incarnation, evidence } of removed) {
    state = withoutMember(state, address, now);
    // Nobody gossips with it any more, so it is told now.
    if (address !== selfAddress(m)) {
      send(m, address, {
        type: "removed",
        clusterId: m.clusterId!,
        incarnation,
        ...(evidence && { evidence }),
      });
    }
  }
  return state;
}

function publish(m: Machine): void {
  const before = m.published;
  const after = m.view;
  if (sameView(before, after)) return;
  m.published = after;
  // This node itself has the last account of itself.
  const gone = (address: string) =>
    address === after.self.address ? after.self : m.state.tombstones.get(address);
  for (const event of eventsBetween(before, after, gone)) {
    m.effects.push({ type: "publish", event });
  }
  m.effects.push({ type: "viewChanged", view: after });
}
