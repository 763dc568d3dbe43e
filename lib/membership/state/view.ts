import { compareEvidence, type Member, statusRank } from "./member.ts";
import type { MemberEvent } from "./member_event.ts";
import { sameUnreachability, type Unreachability } from "../detector/reachability.ts";
import { rules } from "../../runtime/rules.ts";

/** What a node believes of its cluster. Never changed in place. */
export interface MembershipView {
  /** Everybody in the table, also those that are down: the oldest first, joining ones last. */
  readonly members: readonly Member[];
  /** Addresses of members that count as unreachable. Down ones are not among them. */
  readonly unreachable: ReadonlySet<string>;
  /** Why each of them counts as unreachable, and on whose word; by address. */
  readonly unreachability: ReadonlyMap<string, Unreachability>;
  /** Address of the member that leads; none before joining and after the end. */
  readonly leader: string | undefined;
  /** This node. Before it is a member, `joining`. */
  readonly self: Member;
  /** Whether all reachable members have seen the same. */
  readonly converged: boolean;
  /** Made by the founder; none before joining. */
  readonly clusterId: string | undefined;
}

/** Whether two views tell the same. */
export function sameView(a: MembershipView, b: MembershipView): boolean {
  return a.leader === b.leader && a.converged === b.converged && a.clusterId === b.clusterId &&
    a.self === b.self && sameSet(a.unreachable, b.unreachable) &&
    sameUnreachability(a.unreachability, b.unreachability) &&
    (a.members === b.members ||
      (a.members.length === b.members.length &&
        a.members.every((member, index) => member === b.members[index])));
}

/** Addresses of those who stand still although their process lives. */
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

/** Whether two sets hold the same. */
export function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const item of a) if (!b.has(item)) return false;
  return true;
}

/**
 * What has happened between two views, in an order that makes sense: members first, then who can be
 * reached, then who leads. Steps that were too quick to be seen are told all the same.
 *
 * @param gone the last account of members that are not in `after` any more, where one is known.
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
    remove(known, {
      by: member.address,
      why: `a later life of the node joins (incarnation ${member.incarnation})`,
      observers: [],
    }, events);
    known = undefined;
  }
  const { status, evidence } = member;
  const from = known === undefined ? -1 : statusRank(known.status);
  if (known === undefined) events.push({ type: "memberJoined", member });
  if (status === "weaklyUp" && from < statusRank("weaklyUp")) {
    events.push({ type: "memberWeaklyUp", member });
  }
  if ((known?.upNumber ?? 0) === 0 && member.upNumber > 0) {
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
    // A member that is down or in a new life has not come back.
    if (member === undefined || member.status === "down") continue;
    const known = before.members.find((candidate) => candidate.address === address);
    if (known?.incarnation === member.incarnation) {
      events.push({ type: "reachableMember", member });
    }
  }
}
