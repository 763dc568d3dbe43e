/**
 * Commits a new gossip state: marks it as seen, checks whether this node is still a member, derives
 * the view and, on the leader, carries out the leader's actions.
 *
 * @module
 */
import { convergence } from "../state/convergence.ts";
import { contentDigest, fullDigest } from "../state/digest.ts";
import { type GossipState, withMember, withoutMember, withRecord } from "../state/gossip_state.ts";
import {
  compareAge,
  type DownEvidence,
  isAlive,
  isLeaving,
  isNumbered,
  type Member,
} from "../state/member.ts";
import { leaderActions, leaderOf } from "./leader.ts";
import { log, type Machine, selfAddress, send } from "./machine.ts";
import { logRejection } from "./rejection_log.ts";
import { rules } from "../../runtime/rules.ts";
import {
  type Counted,
  hasEarly,
  refutation,
  sameUnreachability,
  unreachabilityOf,
  unreachableMembers,
} from "../detector/reachability.ts";
import { eventsBetween, type MembershipView, sameSet, sameView, stalledOf } from "../state/view.ts";

/** Commits a new state. */
export function commit(m: Machine, state: GossipState, now: number): void {
  if (state === m.state || m.phase !== "member") return;
  m.state = state;
  while (!handleOwnRemoval(m)) {
    const { digest } = m;
    m.state = refuteAndMarkSeen(m, now);
    derive(m, now, digest !== m.digest);
    const next = lead(m, now);
    if (next === undefined) break;
    m.state = next;
    m.gossip.nextAt = now;
  }
  publish(m);
  if (m.phase === "member" && m.view.self.status === "exiting" && m.view.converged) leave(m);
}

/** Ends the membership of this node after it has left. */
export function leave(m: Machine): void {
  endView(m, "left", { ...m.view.self, status: "removed" });
  publish(m);
  m.effects.push({ type: "left" });
}

/** Ends the membership of this node after its cluster has lost all full members. */
export function abandonCluster(m: Machine): void {
  const contacts = m.view.members.map(({ address }) => address)
    .filter((address) => address !== selfAddress(m));
  endView(m, "lost", { ...m.view.self, status: "removed" });
  publish(m);
  m.effects.push({ type: "clusterLost", contacts });
}

/** Ends the membership of this node after it was declared down. */
export function onSelfDowned(m: Machine, evidence: DownEvidence): void {
  // Only a node that leaves by its own decision ends without `whenDowned`.
  if (m.leaveBy !== undefined) return leave(m);
  endView(m, "downed", { ...m.view.self, status: "down", evidence });
  publish(m);
  log(m, "error", "this node was declared down", {
    by: evidence.by,
    reason: evidence.why,
    observers: evidence.observers.join(", "),
  });
  m.effects.push({ type: "downed", ...evidence });
}

/** The reason of a removal by a later incarnation of the same node. */
export function replacedBy(incarnation: number): string {
  return `a later incarnation of this node has joined (incarnation ${incarnation})`;
}

/** Whether the state has removed this node; if so, ends its membership. */
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

/** Publishes no leader and no convergence, so that work which needs a cluster ends. */
function endView(m: Machine, phase: "left" | "downed" | "lost", self: Member): void {
  m.phase = phase;
  m.monitoring.peers.clear();
  const others = m.view.members.filter(({ address }) => address !== self.address);
  m.view = { ...m.view, members: others, leader: undefined, self, converged: false };
}

/** The state with this node's own record brought up to date. */
function refuteAndMarkSeen(m: Machine, now: number): GossipState {
  let record = m.state.members.get(selfAddress(m))!;
  if (isLeaving(record.member) && m.leaveBy === undefined && rules.ownStatusIsRefuted) {
    record = { ...record, member: refutedStatus(m, record.member, now) };
    m.state = withRecord(m.state, record);
  }
  const reachability = refutation(m.state, selfAddress(m));
  if (reachability !== undefined) {
    // Other members do not receive this node's answers: it may be overloaded.
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

/** Others say that this node leaves, and it does not. */
function refutedStatus(m: Machine, told: Member, now: number): Member {
  const { status } = m.view.self;
  const statusRefutation = (told.statusRefutation ?? 0) + 1;
  logRejection(m, selfAddress(m), "ownStatus", now, () => {
    log(m, "warn", "another member claims that this node leaves; refuted", {
      claimed: told.status,
    });
  });
  return { ...told, status, statusRefutation };
}

/** `hasNews`: the state says something new of a member, and not only who has seen it. */
function derive(m: Machine, now: number, hasNews: boolean): void {
  const { state, silenceView } = m;
  const members = sortedMembers(m);
  m.fullDigest = fullDigest(state);
  const { view, missing } = viewOf(m, members, m.view, "all");
  // Downing decides as if there were no early accusations, so that these never hasten it.
  m.silenceView = hasEarly(state) && rules.goneDoesNotHastenDowning
    ? viewOf(m, members, silenceView, "silence").view
    : view;
  m.view = view;
  m.missing = missing;
  const after = m.silenceView;
  if (
    !sameSet(after.unreachable, silenceView.unreachable) ||
    !sameSet(stalledOf(after.unreachability), stalledOf(silenceView.unreachability))
  ) m.monitoring.stableSince = now;
  if (!view.converged) {
    // News that waits for the next round waits at each node on its way. What has been seen is told in
    // the rounds: if it hastened them as well, each answer would lead to the next message.
    const soon = m.config.gossipInterval / (hasNews ? 16 : 4);
    m.gossip.nextAt = Math.min(m.gossip.nextAt, now + soon);
  }
}

/** The view that follows from the accusations that count; keeps equal parts of `before`. */
function viewOf(
  m: Machine,
  members: readonly Member[],
  before: MembershipView,
  counted: Counted,
): { readonly view: MembershipView; readonly missing: readonly string[] } {
  const { state, clusterId } = m;
  const self = state.members.get(selfAddress(m))!.member;
  let unreachable = unreachableMembers(state, self.address, counted);
  if (sameSet(unreachable, before.unreachable)) unreachable = before.unreachable;
  let unreachability = unreachabilityOf(state, self.address, unreachable, counted);
  if (sameUnreachability(unreachability, before.unreachability)) {
    unreachability = before.unreachability;
  }
  const { converged, missing } = convergence(state, unreachable, m.digest);
  const leader = leaderOf(members, unreachable);
  const view = { members, unreachable, unreachability, leader, self, converged, clusterId };
  return { view, missing };
}

/** Members by age; the same array while members are unchanged. */
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
  // Invariant: only a full member makes others full; the bootstrap node is one from the start. So a
  // cluster ends with its last full member, and nodes that are joining it do not keep it alive.
  const promotes = isNumbered(view.self) || !rules.onlyFullMembersPromote;
  const { moved, removed } = leaderActions(view.members, view.unreachable, promotes);
  if (moved.length + removed.length === 0) return undefined;
  let state = m.state;
  for (const member of moved) state = withMember(state, member);
  for (const { address, incarnation, evidence } of removed) {
    state = withoutMember(state, address, now);
    m.heardFrom.delete(address);
    // Gossip no longer reaches a removed member, so notify it now.
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
  // The view of this node has the latest record of itself.
  const gone = (address: string) =>
    address === after.self.address ? after.self : m.state.tombstones.get(address);
  for (const event of eventsBetween(before, after, gone)) {
    m.effects.push({ type: "publish", event });
  }
  m.effects.push({ type: "viewChanged", view: after });
}
