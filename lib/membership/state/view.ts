import { compareEvidence, isLeaving, type Member, statusRank } from "./member.ts";
import type { MemberEvent } from "./member_event.ts";
import { sameUnreachability, type Unreachability } from "../detector/reachability.ts";
import { rules } from "../../runtime/rules.ts";

/** The view that a node has of its cluster. Immutable. */
export interface MembershipView {
  /** All members, including down ones: the oldest first, joining ones last. */
  readonly members: readonly Member[];
  /** Addresses of unreachable members, without down ones. */
  readonly unreachable: ReadonlySet<string>;
  /** Reason and observers of each unreachable member, by address. */
  readonly unreachability: ReadonlyMap<string, Unreachability>;
  /** Address of the leader; none before joining and after the end. */
  readonly leader: string | undefined;
  /** This node; `joining` until it is a member. */
  readonly self: Member;
  /** Whether all reachable members have seen this state. */
  readonly converged: boolean;
  /** Set by the bootstrap node; none before joining. */
  readonly clusterId: string | undefined;
}

/** Whether two views have equal content. */
export function sameView(a: MembershipView, b: MembershipView): boolean {
  return a.leader === b.leader && a.converged === b.converged && a.clusterId === b.clusterId &&
    a.self === b.self && sameSet(a.unreachable, b.unreachable) &&
    sameUnreachability(a.unreachability, b.unreachability) &&
    (a.members === b.members ||
      (a.members.length === b.members.length &&
        a.members.every((member, index) => member === b.members[index])));
}

/** Addresses of members that are stalled although their process is alive. */
export function stalledOf(
  unreachability: ReadonlyMap<string, Unreachability>,
): ReadonlySet<string> {
  const stalled = new Set<string>();
  if (!rules.stalledMembersAreSpared) return stalled;
  for (const [address, { reason }] of unreachability) {
    if (reason === "stalled") stalled.add(address);
  }
  return stalled;
}

/** Whether two sets have equal content. */
export function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const item of a) if (!b.has(item)) return false;
  return true;
}

/**
 * The events between two views: members first, then reachability, then leadership. Status changes
 * that happened between the views are reported as well.
 *
 * @param gone returns the last known record of a member that is no longer in `after`.
 */
export function eventsBetween(
  before: MembershipView,
  after: MembershipView,
  gone: (address: string) => Pick<Member, "evidence"> | undefined,
): MemberEvent[] {
  const events: MemberEvent[] = [];
  if (before.members !== after.members) {
    const old = new Map(before.members.map((member) => [member.address, member]));
    for (const member of after.members) {
      const known = old.get(member.address);
      old.delete(member.address);
      if (known !== member) moveOn(known, member, events);
    }
    for (const member of old.values()) remove(member, gone(member.address)?.evidence, events);
  }
  reachabilityEvents(before, after, events);
  if (before.leader !== after.leader) {
    events.push({ type: "leaderChanged", leader: after.leader });
  }
  return events;
}

function moveOn(known: Member | undefined, member: Member, events: MemberEvent[]): void {
  if (known !== undefined && known.incarnation !== member.incarnation) {
    // A member that was leaving has ended by itself: others may remove it sooner than this node saw.
    const evidence = isLeaving(known) ? undefined : {
      by: member.address,
      why: `a later incarnation of the node is joining (incarnation ${member.incarnation})`,
      observers: [],
    };
    remove(known, evidence, events);
    known = undefined;
  }
  const { status, evidence } = member;
  const from = known === undefined ? -1 : statusRank(known.status);
  if (known === undefined) events.push({ type: "memberJoined", member });
  if (status === "weaklyUp" && from < statusRank("weaklyUp")) {
    events.push({ type: "memberWeaklyUp", member });
  }
  const returns = status === "up" && (known?.status === "leaving" || known?.status === "exiting");
  if (((known?.upNumber ?? 0) === 0 && member.upNumber > 0) || returns) {
    events.push({ type: "memberUp", member });
  }
  if ((status === "leaving" || status === "exiting") && from < statusRank("leaving")) {
    events.push({ type: "memberLeft", member });
  }
  if (status === "down" && from < statusRank("down") && evidence !== undefined) {
    events.push({ type: "memberDowned", member, evidence });
  }
}

function remove(
  member: Member,
  evidence: Member["evidence"],
  events: MemberEvent[],
): void {
  if (evidence !== undefined && member.status !== "down") {
    events.push({ type: "memberDowned", member, evidence });
  } else if (statusRank(member.status) < statusRank("leaving")) {
    events.push({ type: "memberLeft", member });
  }
  const kept = compareEvidence(evidence, member.evidence) > 0 ? evidence : member.evidence;
  events.push({
    type: "memberRemoved",
    member: { ...member, status: "removed", ...(kept && { evidence: kept }) },
  });
}

function reachabilityEvents(
  before: MembershipView,
  after: MembershipView,
  events: MemberEvent[],
): void {
  if (before.unreachable === after.unreachable) return;
  const find = (address: string) => after.members.find((member) => member.address === address);
  for (const address of after.unreachable) {
    const member = before.unreachable.has(address) ? undefined : find(address);
    if (member === undefined) continue;
    const { reason, observers } = after.unreachability.get(address) ??
      { reason: "silent", observers: [] };
    events.push({ type: "unreachableMember", member, reason, observers });
  }
  for (const address of before.unreachable) {
    const member = after.unreachable.has(address) ? undefined : find(address);
    // A member that is down or has a new incarnation did not become reachable.
    if (member === undefined || member.status === "down") continue;
    const known = before.members.find((candidate) => candidate.address === address);
    if (known?.incarnation === member.incarnation) {
      events.push({ type: "reachableMember", member });
    }
  }
}
