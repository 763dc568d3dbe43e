/**
 * How sharding and the replication of shards, which is above it, know each other.
 *
 * @module
 */
import type { DurableStore } from "../runtime/durable_store.ts";
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import type { EntityFactory } from "./routing/entity_factory.ts";
import type { ShardGrant } from "./routing/shard_grant.ts";
import type { ReplicationOptions } from "./sharded_behavior.ts";
import type { Sharding } from "./sharding.ts";

/** A replicated type at this node. */
export interface ReplicatedTypeOptions {
  readonly shardType: string;
  readonly numShards: number;
  /** Whether this node can own shards and have copies; otherwise it only takes part in decisions. */
  readonly runs: boolean;
  readonly replication: ReplicationOptions;
  /** Where the copies of this node are kept. Default: in memory. */
  readonly journal: DurableStore | undefined;
  /** Which node gets a shard of which no node has a copy. */
  readonly strategy: AllocationStrategy | undefined;
  /** Makes the behaviours of entities. */
  readonly factory: EntityFactory<never>;
}

/** What replication does for one type at this node. */
export interface TypeReplication {
  /** Where the entities of this node that have work to do are found. */
  readonly store: DurableStore;
  /** Whether that store is the same at all nodes, so that each looks through a part. Absent: it is not. */
  readonly sharesStore?: boolean;
  /** Grants shards to nodes that have copies. */
  readonly strategy: AllocationStrategy;
  /** The highest epoch that a copy here has promised; 0: none has. */
  readonly highestEpoch: number;
  /** Where the durable entities of a shard are stored. */
  storeOf(shard: number): DurableStore;
  /** Calls back when this node may own shards; at once if it may. */
  whenReady(callback: () => void): void;
  /** The shard is granted to this node, perhaps anew. */
  startShard(shard: number, epoch: number): void;
  /**
   * The entities of the shard are about to stop. Returns whether none of them has recovered by the present
   * grant, nor will: the next owner handles what waits for them.
   */
  stopping(shard: number): boolean;
  /** None of them runs any more, or another node has a later grant. */
  stopped(shard: number): void;
}

/** Replication at this node. */
export interface ShardReplicator {
  /** Adds a type. */
  add(options: ReplicatedTypeOptions): TypeReplication;
  /** Resolves when no shard needs the copies of this node, which leaves and owns none. */
  drained(): Promise<void>;
}

/** A request for another grant of a shard. */
export interface ShardMove {
  readonly shardType: string;
  readonly shard: number;
  /** Of its present grant; if it has another one, nothing is done. */
  readonly epoch: number;
  /** Who shall own it. Undefined: the same node. */
  readonly to: string | undefined;
  /** The next grants of the type have higher epochs. */
  readonly above: number;
}

/** Sharding, as replication sees it. */
export interface ReplicatorHost {
  /** The member whose coordinator is active, or is about to be. */
  readonly leader: string | undefined;
  /** Whether a grant can have an epoch that a peer names: no copy may promise another one. */
  isPlausibleEpoch(epoch: number): boolean;
  /** Of the coordinator, if it is this node's: the present grant of a shard; undefined: none is known. */
  grantOf(shardType: string, shard: number): ShardGrant | undefined;
  /** Of the coordinator, if it is this node's: hands a shard off. May be called again. */
  moveShard(move: ShardMove): void;
  /** From now on types may be replicated. */
  attach(replicator: ShardReplicator): void;
}

const hostOf = new WeakMap<Sharding, ReplicatorHost>();

/** Called by sharding, once. */
export function setReplicatorHost(sharding: Sharding, host: ReplicatorHost): void {
  hostOf.set(sharding, host);
}

/** The sharding of a node, for its replication. */
export function replicatorHostOf(sharding: Sharding): ReplicatorHost {
  return hostOf.get(sharding)!;
}
