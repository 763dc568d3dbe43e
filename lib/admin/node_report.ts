/**
 * What a node reports to an admin, as data.
 *
 * @module
 */
import type { ClusterMember } from "../cluster/node/cluster_state.ts";
import type { ExtensionHealth } from "../cluster/node/node_extension.ts";
import type { KnownType } from "../sharding/sharding.ts";
import { pageLength } from "./admin_protocol.ts";
import type { ExplainPort, OwnCertificate } from "./explanation/explain_port.ts";

/** One node in short. */
export interface NodeStatus {
  readonly address: string;
  readonly nodeId: string;
  readonly status: string;
  readonly clusterId?: string;
  readonly leader?: string;
  readonly converged: boolean;
  /** Number of members by status. */
  readonly members: Readonly<Record<string, number>>;
  readonly unreachable: readonly string[];
  /** Members that have not confirmed the current state. */
  readonly missing: readonly string[];
  readonly extensions: Readonly<Record<string, ExtensionHealth>>;
  readonly certificate?: OwnCertificate;
  /** Milliseconds since the node has started. */
  readonly uptime: number;
}

/** A member, as the node sees it. */
export interface MemberRow {
  readonly address: string;
  readonly nodeId: string;
  readonly status: string;
  readonly reachable: boolean;
  readonly leader: boolean;
  readonly incarnation: number;
  readonly roles: readonly string[];
  readonly zone?: string;
  readonly appVersion?: string;
  /** Why it is unreachable. */
  readonly reason?: string;
  readonly observers?: readonly string[];
}

/** A page of the members. */
export interface MembersReport {
  readonly total: number;
  readonly members: readonly MemberRow[];
}

/** A shard, as the node knows it. */
export interface ShardRow {
  readonly shard: number;
  readonly owner?: string;
  readonly epoch?: number;
  /** Known to the coordinator only. */
  readonly phase?: string;
}

/** The types that the node knows, or a page of the shards of one. */
export interface ShardsReport {
  readonly types: readonly KnownType[];
  readonly shardType?: string;
  /** Whether this node coordinates, so that it knows all owners. */
  readonly coordinates: boolean;
  readonly leader?: string;
  readonly shards: readonly ShardRow[];
}

/** The node in short. `startedAt` is on the clock of `now`. */
export function nodeStatus(port: ExplainPort, uptime: number): NodeStatus {
  const { self, clusterId, leader, converged, members, unreachable, missing } = port.state();
  const counts: Record<string, number> = {};
  for (const { status } of members) counts[status] = (counts[status] ?? 0) + 1;
  const certificate = port.certificate();
  return {
    address: self.address,
    nodeId: self.nodeId,
    status: self.status,
    ...(clusterId !== undefined && { clusterId }),
    ...(leader !== undefined && { leader }),
    converged,
    members: counts,
    unreachable: unreachable.slice(0, pageLength),
    missing: missing.slice(0, pageLength),
    extensions: port.health().extensions,
    ...(certificate !== undefined && { certificate }),
    uptime,
  };
}

/** A page of the members. */
export function membersReport(port: ExplainPort, from: number): MembersReport {
  const { members, leader } = port.state();
  return {
    total: members.length,
    members: members.slice(from, from + pageLength).map((member) => memberRow(member, leader)),
  };
}

function memberRow(member: ClusterMember, leader: string | undefined): MemberRow {
  const { address, nodeId, status, reachable, incarnation, roles, zone, appVersion } = member;
  const { reason, observers } = member.unreachable ?? {};
  return {
    address,
    nodeId,
    status,
    reachable,
    leader: address === leader,
    incarnation,
    roles,
    ...(zone !== undefined && { zone }),
    ...(appVersion !== undefined && { appVersion }),
    ...(reason !== undefined && { reason }),
    ...(observers !== undefined && { observers }),
  };
}

/** The types that are known here; with a type, a page of its shards as well. */
export function shardsReport(port: ExplainPort, shardType: string, from: number): ShardsReport {
  const { leader } = port.state();
  const table = shardType === "" ? [] : port.sharding.shardTable(shardType);
  const shards = table.slice(from, from + pageLength).map((place, index): ShardRow => {
    const shard = from + index;
    if (place === undefined) return { shard };
    const phase = port.grantPhase(shardType, shard);
    const { owner, epoch } = place;
    return { shard, owner, epoch, ...(phase !== undefined && { phase }) };
  });
  return {
    types: port.types().filter(({ shardType: name }) => shardType === "" || name === shardType)
      .slice(0, pageLength),
    ...(shardType !== "" && { shardType }),
    coordinates: leader === port.address,
    ...(leader !== undefined && { leader }),
    shards,
  };
}
