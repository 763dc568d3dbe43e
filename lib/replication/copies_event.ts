/** The log of a shard is open: a copy was promoted, or the shard has begun. Published at the owner. */
export interface ShardOpened {
  /** Names the event. */
  readonly type: "shardOpened";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the owner's grant: the higher is the later. */
  readonly epoch: number;
}

/** A shard has waited for 2 s, or waits for something else now. Published at the owner. */
export interface ShardWaiting {
  /** Names the event. */
  readonly type: "shardWaiting";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the owner's grant: the higher is the later. */
  readonly epoch: number;
  /** What it waits for, as `explain("replication")` says it. */
  readonly waitsFor: string;
}

/** Other copies count than before. Published at the owner. */
export interface ShardCopiesChanged {
  /** Names the event. */
  readonly type: "shardCopiesChanged";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the owner's grant: the higher is the later. */
  readonly epoch: number;
  /** Addresses of the nodes whose copies count. */
  readonly copies: readonly string[];
}

/** A copy has got all that it lacked, by a back-fill. Published at the owner. */
export interface ShardCopyFilled {
  /** Names the event. */
  readonly type: "shardCopyFilled";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the owner's grant: the higher is the later. */
  readonly epoch: number;
  /** Address of the node with the copy. */
  readonly node: string;
}

/** A shard goes on without events that were confirmed, as somebody has permitted. Published at the owner. */
export interface ShardLossAccepted {
  /** Names the event. */
  readonly type: "shardLossAccepted";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the owner's grant: the higher is the later. */
  readonly epoch: number;
}

/** The copy at this node takes part in nothing any more: its store has failed, or it contradicts others. */
export interface ShardCopyFailed {
  /** Names the event. */
  readonly type: "shardCopyFailed";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** What has happened. */
  readonly reason: string;
}

/** A copy at this node that had failed takes part again. */
export interface ShardCopyRecovered {
  /** Names the event. */
  readonly type: "shardCopyRecovered";
  /** Name of the sharded actor. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
}

/** An event about the copies of a replicated shard. */
export type ShardCopiesEvent =
  | ShardOpened
  | ShardWaiting
  | ShardCopiesChanged
  | ShardCopyFilled
  | ShardLossAccepted
  | ShardCopyFailed
  | ShardCopyRecovered;
