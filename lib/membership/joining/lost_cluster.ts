/**
 * How a node that is not a full member yet gives its cluster up. Only full members admit nodes and
 * make them full, so a cluster whose full members are all lost has ended: its joining nodes begin
 * again, and bootstrap the next cluster by the rules for seeds. They own nothing and have decided
 * nothing, so this is as safe as a crash and a restart.
 *
 * @module
 */
import { abandonCluster } from "../machine/commit.ts";
import { log, type Machine } from "../machine/machine.ts";
import { isLeaving, isNumbered, type Member } from "../state/member.ts";
import { accusedBy } from "../detector/reachability.ts";
import { stableTime } from "../downing/outlook.ts";
import { rules } from "../../runtime/rules.ts";

/** Addresses of members that can admit nodes, as far as this node can tell: the oldest first. */
export function reachableFullMembers(m: Machine): string[] {
  const accused = accusedBy(m.state, m.state.members.get(m.view.self.address));
  return m.view.members.filter((member) => {
    const { address, status } = member;
    if (m.view.unreachable.has(address) || accused.has(address)) return false;
    return status === "up" && !isProvenDead(m, member);
  }).map(({ address }) => address);
}

/**
 * A later incarnation of a member asks this node to join, which proves that the member is dead. This
 * node only notes it: a full member that admits the later one lets it inherit the vote.
 */
export function noteReplaced(m: Machine, { address, incarnation }: Member): void {
  const known = m.state.members.get(address)?.member;
  if (known === undefined || incarnation <= known.incarnation) return;
  if (rules.replacedMembersAreProvenDead) m.provenDead.set(address, incarnation);
}

/** A message of the member's current incarnation has arrived. */
export function noteFullMember(m: Machine, from: string, now: number): void {
  if (isNumbered(m.view.self)) return;
  const member = m.state.members.get(from)?.member;
  if (member !== undefined && isFullUntilGone(member)) m.fullHeardAt = now;
}

/**
 * Gives the cluster up when no full member was heard for as long as suspicion and downing together
 * take about; at once if none can be alive. Full members gossip with each node and send it
 * heartbeats. Their silence counts, and not what this node's observers say: other joining nodes that
 * have given the cluster up accuse nobody any more.
 */
export function lostClusterTick(m: Machine, now: number): void {
  const { view: { members, self, clusterId }, config } = m;
  if (isNumbered(self) || isLeaving(self) || !rules.lostClustersAreGivenUp) return;
  const possible = members.filter((one) => isFullUntilGone(one) && !isProvenDead(m, one));
  const wait = stableTime(m) + config.heartbeatInterval + config.detector.acceptablePause;
  if (possible.length > 0 && now - m.fullHeardAt < wait) return;
  log(m, "warn", "no full member of the cluster is left; joining again", {
    clusterId: clusterId ?? "",
    silent: possible.map(({ address }) => address).join(", "),
  });
  abandonCluster(m);
}

/** Whether the member is full, or was until it left: it may still make this node full. */
function isFullUntilGone(member: Member): boolean {
  return member.status === "up" || isNumbered(member) && isLeaving(member);
}

function isProvenDead({ provenDead }: Machine, { address, incarnation }: Member): boolean {
  const later = provenDead.get(address);
  return later !== undefined && later > incarnation;
}
