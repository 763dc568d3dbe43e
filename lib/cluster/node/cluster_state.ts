import type { UnreachableReason } from "../../membership/state/gossip_state.ts";
import type { HealthReport, PeerHealth } from "../../membership/detector/health.ts";
import type { Member } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";

/** A member of the cluster, as one node sees it now. */
export interface ClusterMember extends Member {
  /** Whether it is reachable in this view. True for down members, which are not monitored. */
  readonly reachable: boolean;
  /** Why it is unreachable, and which observers say so; only while it is. */
  readonly unreachable?: {
    /** `silent`, `gone` or `stalled`. */
    readonly reason: UnreachableReason;
    /** Addresses of the observers; sorted. */
    readonly observers: readonly string[];
  };
  /** Its health as this node monitors it; only for monitored members. */
  readonly health?: PeerHealth;
}

/** A snapshot of the view that a node has of its cluster. Frozen. */
export interface ClusterState {
  /** Set by the bootstrap node; none before joining. */
  readonly clusterId: string | undefined;
  /** This node; `joining` until it is a member. */
  readonly self: ClusterMember;
  /** All members, including down ones: the oldest first, joining ones last. */
  readonly members: readonly ClusterMember[];
  /** Addresses of unreachable members; sorted. */
  readonly unreachable: readonly string[];
  /** Address of the leader; none before joining and after the end. */
  readonly leader: string | undefined;
  /** Whether all reachable members have seen this state. */
  readonly converged: boolean;
  /** Addresses of members that have not confirmed it; sorted. */
  readonly missing: readonly string[];
}

/** Builds the snapshot from the parts of a node. */
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
