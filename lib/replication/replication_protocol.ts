/**
 * What copies of a shard send each other, each for one shard. A message may be lost, repeated, and
 * overtaken by later ones. `docs/replication_protocol.md` has the states and the argument.
 *
 * @module
 */
import type { BootstrapRecord } from "./bootstrap_record.ts";
import type { LogPosition } from "./log_position.ts";
import type { ReplicaConfig, ReplicaVersion, StoreId } from "./replica_config.ts";
import type { LogEntry } from "./shard_log.ts";

/** How far a back-fill has come. */
export interface FillPoint {
  /** Where the log goes on when it is done. */
  readonly at: LogPosition;
  /** What was stored last, such as a persistence id; empty: nothing. What it means is the journal's affair. */
  readonly cursor: string;
}

/** What a store has of a shard. */
export interface CopyState {
  /** The newest configuration that it has stored; undefined: it has no copy. */
  readonly config?: ReplicaConfig;
  /** Position of its last entry. */
  readonly last: LogPosition;
  /** Up to which index it knows that entries are acknowledged. */
  readonly acked: number;
  /** How often its content was dropped. */
  readonly generation: number;
  /** Its content is not complete: it counts for nothing. */
  readonly filling?: FillPoint;
}

/** Primary to all nodes of the type: obey no lower epoch any more, and tell what you have. */
export interface PromiseEpochMessage {
  readonly type: "promiseEpoch";
  readonly epoch: number;
  /** To be merged with the receiver's own before it answers. */
  readonly bootstrap: BootstrapRecord;
}

/** Answers `promiseEpoch`, once the promise is durable. */
export interface EpochPromisedMessage {
  readonly type: "epochPromised";
  readonly epoch: number;
  readonly store: StoreId;
  readonly copy: CopyState;
  readonly bootstrap: BootstrapRecord;
}

/** Answers any message of an owner whose epoch is lower than a promised one. */
export interface EpochRefusedMessage {
  readonly type: "epochRefused";
  /** The epoch that was refused. */
  readonly epoch: number;
  readonly promised: number;
}

/** Primary to copy: entries, and up to where they are acknowledged. Without entries a heartbeat. */
export interface AppendLogMessage {
  readonly type: "appendLog";
  readonly epoch: number;
  /** The position before the first entry. */
  readonly previous: LogPosition;
  readonly entries: readonly LogEntry[];
  /** All entries up to this index are acknowledged. */
  readonly acked: number;
  /** Entries up to this index need not be kept once the journal has them. */
  readonly trim: number;
}

/** Answers `appendLog`, once all is durable: the copy has what the primary has, up to an index. */
export interface LogAppendedMessage {
  readonly type: "logAppended";
  readonly epoch: number;
  readonly store: StoreId;
  /** See `CopyState`: what was confirmed before the content was dropped does not count. */
  readonly generation: number;
  readonly through: number;
}

/** Answers `appendLog`: the copy lacks entries before them. */
export interface LogGapMessage {
  readonly type: "logGap";
  readonly epoch: number;
  readonly store: StoreId;
  /** The last position of the copy that may be in the primary's log too. */
  readonly last: LogPosition;
  readonly filling?: FillPoint;
}

/** Primary to copy: which copies count. */
export interface StoreConfigMessage {
  readonly type: "storeConfig";
  readonly epoch: number;
  readonly config: ReplicaConfig;
}

/** Answers `storeConfig`, once it is durable. */
export interface ConfigStoredMessage {
  readonly type: "configStored";
  readonly epoch: number;
  readonly store: StoreId;
  /** The newest version that the copy has. */
  readonly version: ReplicaVersion;
}

/** Primary to a copy that is not in sync: a part of what the journal has. */
export interface FillCopyMessage {
  readonly type: "fillCopy";
  readonly epoch: number;
  /** Of the content that the first part drops: a repeated one drops nothing that has come since. */
  readonly generation: number;
  /** Where the copy stands before this part. */
  readonly point: FillPoint;
  readonly bytes: Uint8Array;
  /** The cursor after this part. */
  readonly next: string;
  /** It is the last part. */
  readonly done: boolean;
}

/** Answers `fillCopy`, once the part is durable. */
export interface CopyFilledMessage {
  readonly type: "copyFilled";
  readonly epoch: number;
  readonly store: StoreId;
  readonly generation: number;
  readonly point: FillPoint;
  readonly done: boolean;
}

/** Primary to a copy that is not in sync and not wanted: drop the content. */
export interface ReleaseCopyMessage {
  readonly type: "releaseCopy";
  readonly epoch: number;
  /** Of the content that is dropped. */
  readonly generation: number;
}

/** Answers `releaseCopy`. The configuration is kept: the shard is not new. */
export interface CopyReleasedMessage {
  readonly type: "copyReleased";
  readonly epoch: number;
  readonly store: StoreId;
  readonly generation: number;
}

/** From the primary of a shard. */
export type PrimaryMessage =
  | PromiseEpochMessage
  | AppendLogMessage
  | StoreConfigMessage
  | FillCopyMessage
  | ReleaseCopyMessage;

/** To the primary of a shard. */
export type ReplicaMessage =
  | EpochPromisedMessage
  | EpochRefusedMessage
  | LogAppendedMessage
  | LogGapMessage
  | ConfigStoredMessage
  | CopyFilledMessage
  | CopyReleasedMessage;

/** All of them. On the wire each has `shardType` and `shard` besides. */
export type ReplicationMessage = PrimaryMessage | ReplicaMessage;
