/**
 * The split-brain resolver: how unreachable members become down. The decision itself is that of a
 * {@linkcode DowningStrategy}. It sees the view without early accusations, so that a member that seems
 * to be gone is downed no sooner than a silent one.
 *
 * @module
 */
import { commit, onSelfDowned } from "../machine/commit.ts";
import { aboutOnly, type GossipState, withMember } from "../state/gossip_state.ts";
import { gossipToAll } from "../machine/gossiping.ts";
import { abandonRequest, requestLease } from "./leasing.ts";
import { type DeclareDownEvent, log, type Machine, selfAddress } from "../machine/machine.ts";
import { type DownEvidence, isAlive, isLeaving, isNumbered, type Member } from "../state/member.ts";
import { fieldLimits } from "../machine/message_fields.ts";
import { decideNow, stableTime } from "./outlook.ts";
import { accusedBy, observersAgainst } from "../detector/reachability.ts";
import { stalledOf } from "../state/view.ts";
import { rules } from "../../runtime/rules.ts";

/** Number of members that a node notifies when it downs itself. */
const maxDownNotices = 10;

/** A decision waits for suspicions until the set has been stable for so many times as long as else. */
const suspectWaits = 2;

/** Acts when the set of unreachable members has been stable for long enough. */
export function resolvingTick(m: Machine, now: number): void {
  const { silenceView: view, monitoring } = m;
  if (view.unreachable.size === 0) return abandonRequest(m, now);
  // Leaving members, and members that have been stalled, do not decide.
  if (isLeaving(view.self) || now < monitoring.abstainUntil) return;
  const wait = stableTime(m);
  if (now - monitoring.stableSince < wait) return abandonRequest(m, now);
  const decision = decideNow(m);
  const why = `${decision.why} for ${wait} ms`;
  // All members on this side reach the same decision; only the leader acts, after convergence: one
  // of them may be about to leave and have no vote any more. Without a full member, a side does not
  // survive, even with a majority of inherited votes: its nodes give the cluster up.
  const isLeader = view.leader === selfAddress(m) &&
    (isNumbered(view.self) || !rules.onlyFullMembersDown);
  switch (decision.outcome) {
    case "keep":
      return abandonRequest(m, now);
    case "downSelf":
      return downSelf(m, why, now);
    case "downUnreachable":
      if (!isLeader || !view.converged) return;
      // Suspicion can take longer than the set is stable: a minority would take members that it
      // cannot reach for a part of itself.
      if (hasSuspects(m, now) && now - monitoring.stableSince < suspectWaits * wait) return;
      return downUnreachable(m, why, now);
    case "acquireLease": {
      if (!isLeader) return;
      const verdict = requestLease(m, monitoring.stableSince + wait + (decision.delay ?? 0), now);
      if (verdict.outcome === "granted" && view.converged) {
        downUnreachable(m, `${why}; this side holds the lease`, now);
      } else if (verdict.outcome === "denied") downReachable(m, `${why}; ${verdict.why}`, now);
    }
  }
}

/** Whether this node counts on a member that it does not hear, and that others have not accused yet. */
function hasSuspects(m: Machine, now: number): boolean {
  if (!rules.decisionsWaitForSuspicions) return false;
  const { silenceView: { unreachable }, monitoring, state } = m;
  const accused = accusedBy(state, state.members.get(selfAddress(m)), "silence");
  for (const [address, { detector }] of monitoring.peers) {
    if (unreachable.has(address) || !isLiveMember(state, address)) continue;
    if (accused.has(address) || detector.isOverdue(now)) return true;
  }
  return false;
}

function isLiveMember({ members }: GossipState, address: string): boolean {
  const record = members.get(address);
  return record !== undefined && isAlive(record.member);
}

function downUnreachable(m: Machine, why: string, now: number): void {
  const { unreachable, members, unreachability } = m.silenceView;
  const stalled = stalledOf(unreachability);
  const targets = members.filter((member) =>
    isAlive(member) && unreachable.has(member.address) && !stalled.has(member.address)
  );
  const state = declareDown(m, targets, `unreachable; ${why}`);
  // The link may be broken in one direction only, and gossip to them ends soon.
  const addresses = targets.map(({ address }) => address);
  gossipToAll(m, addresses, aboutOnly(state, addresses), now);
  commit(m, state, now);
  m.gossip.nextAt = now;
}

/** The other side may survive: this side stops as a whole. */
function downReachable(m: Machine, why: string, now: number): void {
  const { unreachable, members } = m.silenceView;
  const targets = members.filter((member) => isAlive(member) && !unreachable.has(member.address));
  const state = declareDown(m, targets, why);
  const addresses = targets.map(({ address }) => address);
  const others = addresses.filter((address) => address !== selfAddress(m));
  gossipToAll(m, others, aboutOnly(state, addresses), now);
  commit(m, state, now);
}

function downSelf(m: Machine, why: string, now: number): void {
  const { members, self, unreachable } = m.silenceView;
  const evidence: DownEvidence = {
    by: self.address,
    why,
    observers: [...unreachable].sort().slice(0, fieldLimits.observers),
  };
  const others = members.filter((member) => member !== self && isAlive(member))
    .map(({ address }) => address);
  const state = withMember(m.state, down(self, evidence));
  gossipToAll(m, others.slice(0, maxDownNotices), aboutOnly(state, [self.address]), now);
  onSelfDowned(m, evidence);
}

/**
 * A person has decided that a member is down. Others believe it when two members say so, or if their
 * own failure detector has accused the member: the person tells several members.
 */
export function onDeclareDown(m: Machine, { address, why }: DeclareDownEvent, now: number): void {
  if (m.phase !== "member" || address === selfAddress(m)) return;
  const member = m.state.members.get(address)?.member;
  if (member === undefined || !isAlive(member)) return;
  const state = declareDown(m, [member], why);
  // It may run still, and learns in this way that it has to stop.
  gossipToAll(m, [address], aboutOnly(state, [address]), now);
  commit(m, state, now);
  m.gossip.nextAt = now;
}

function declareDown(m: Machine, targets: readonly Member[], why: string): GossipState {
  let { state } = m;
  for (const member of targets) {
    const { address } = member;
    const unreachable = m.silenceView.unreachability.get(address);
    const reason = unreachable === undefined || unreachable.reason === "silent"
      ? ""
      : `${unreachable.reason}, `;
    const accusers = observersAgainst(state, address).slice(0, fieldLimits.observers);
    const evidence: DownEvidence = {
      by: selfAddress(m),
      why: `${reason}${why}`.slice(0, fieldLimits.sentence),
      observers: rules.evidenceNamesObservers ? accusers.map(({ observer }) => observer) : [],
      phi: accusers.map(({ phi }) => phi),
    };
    state = withMember(state, down(member, evidence));
    log(m, "warn", "member declared down", { member: address, reason: evidence.why });
  }
  return state;
}

function down(member: Member, evidence: DownEvidence): Member {
  return { ...member, status: "down", evidence };
}
