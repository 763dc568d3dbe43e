/** A shard has an owner, which runs it from now on. Published at the node of the coordinator. */
export interface ShardAllocated {
  /** Names the event. */
  readonly type: "shardAllocated";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the owner. */
  readonly owner: string;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/** A shard begins to move: its owner stops its entities. Published at the node of the coordinator. */
export interface ShardHandOffStarted {
  /** Names the event. */
  readonly type: "shardHandOffStarted";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the owner that hands it off. */
  readonly from: string;
  /** Of the grant that ends. */
  readonly epoch: number;
}

/** A shard has no owner for now. Published at the node of the coordinator. */
export interface ShardFreed {
  /** Names the event. */
  readonly type: "shardFreed";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the last owner. */
  readonly from: string;
  /** `stopped`: it has stopped its entities; `ownerGone`: it is not a member any more. */
  readonly reason: "stopped" | "ownerGone";
}

/** This node runs a shard from now on. Published at the owner. */
export interface ShardStarted {
  /** Names the event. */
  readonly type: "shardStarted";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/** This node does not run a shard any more. Published at the former owner. */
export interface ShardStopped {
  /** Names the event. */
  readonly type: "shardStopped";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the grant that has ended. */
  readonly epoch: number;
  /** `handedOff`: all entities have stopped; `fenced`: a newer grant is elsewhere. */
  readonly reason: "handedOff" | "fenced";
}

/** An event of sharding. */
export type ShardEvent =
  | ShardAllocated
  | ShardHandOffStarted
  | ShardFreed
  | ShardStarted
  | ShardStopped;
