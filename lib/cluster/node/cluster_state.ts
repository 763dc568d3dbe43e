import type { UnreachableReason } from "../../membership/state/gossip_state.ts";
import type { HealthReport, PeerHealth } from "../../membership/detector/health.ts";
import type { Member } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";

/** A member of the cluster, as one node sees it now. */
export interface ClusterMember extends Member {
  /** Whether it counts as reachable here. Members that are down do too: nobody looks any more. */
  readonly reachable: boolean;
  /** Why it counts as unreachable, and on whose word; only while it does. */
  readonly unreachable?: {
    /** `silent`, `gone` or `stalled`. */
    readonly reason: UnreachableReason;
    /** Addresses of those who cannot reach it; sorted. */
    readonly observers: readonly string[];
  };
  /** How suspicious its silence is to this node; only for the members that this node watches. */
  readonly health?: PeerHealth;
}

/** What a node believes of its cluster, at one moment. Frozen: it does not change later. */
export interface ClusterState {
  /** Made by the founder; none before joining. */
  readonly clusterId: string | undefined;
  /** This node. Before it is a member, `joining`. */
  readonly self: ClusterMember;
  /** Everybody in the table, also those that are down: the oldest first, joining ones last. */
  readonly members: readonly ClusterMember[];
  /** Addresses of members that count as unreachable; sorted. */
  readonly unreachable: readonly string[];
  /** Address of the member that leads; none before joining and after the end. */
  readonly leader: string | undefined;
  /** Whether all reachable members have seen the same. */
  readonly converged: boolean;
  /** Addresses of those who have not, or have not said so; sorted. */
  readonly missing: readonly string[];
}

/** Puts together what the parts of a node know. */
export function clusterState(
  view: MembershipView,
  health: HealthReport,
  missing: readonly string[],
): ClusterState {
  const monitored = new Map(health.peers.map((peer) => [peer.address, peer]));
  const see = (member: Member) => clusterMember(member, view, monitored.get(member.address));
  const members = view.members.map(see);
  const { address } = view.self;
  return Object.freeze({
    clusterId: view.clusterId,
    self: members.find((member) => member.address === address) ?? see(view.self),
    members: Object.freeze(members),
    unreachable: Object.freeze([...view.unreachable].sort()),
    leader: view.leader,
    converged: view.converged,
    missing: Object.freeze([...missing]),
  });
}

function clusterMember(
  member: Member,
  view: MembershipView,
  health: PeerHealth | undefined,
): ClusterMember {
  const { address, evidence } = member;
  const reachable = !view.unreachable.has(address);
  const { reason, observers } = view.unreachability.get(address) ??
    { reason: "silent", observers: [] };
  return Object.freeze({
    ...member,
    roles: Object.freeze([...member.roles]),
    ...(evidence && { evidence: Object.freeze({ ...evidence }) }),
    reachable,
    ...(!reachable && {
      unreachable: Object.freeze({ reason, observers: Object.freeze([...observers]) }),
    }),
    ...(health && { health: Object.freeze({ ...health }) }),
  });
}
