import { isBelow, isCount, isName, isRecord } from "../routing/message_fields.ts";
import { maxNumShards, maxRememberedPerShard } from "../../options/tables/sharding_tables.ts";
import { isEntityId } from "../routing/protocol.ts";

/** Where nodes replicate which entities run. */
export const rememberedPath = "/_cluster/remembered";

/** The version of a list of entities: the epoch of its owner's grant, then a count of changes. */
export type ListVersion = readonly [epoch: number, change: number];

/** A shard and the version of its list. */
export type ListDigest = readonly [shard: number, epoch: number, change: number];

/** Between nodes, at {@linkcode rememberedPath}. */
export type RememberMessage =
  /** Owner to others: these entities have started and stopped since the change before this one. */
  | {
    readonly type: "changed";
    readonly shardType: string;
    readonly shard: number;
    readonly epoch: number;
    readonly change: number;
    readonly started: readonly string[];
    readonly stopped: readonly string[];
  }
  /** Owner to others: the versions of its lists. */
  | { readonly type: "digest"; readonly shardType: string; readonly shards: readonly ListDigest[] }
  /** To the owner: requests lists. */
  | { readonly type: "want"; readonly shardType: string; readonly shards: readonly number[] }
  /** New owner to others: requests lists that are newer than these. */
  | { readonly type: "recall"; readonly shardType: string; readonly shards: readonly ListDigest[] }
  | ListMessage;

/** All entities of a shard that run, or are to run. */
export interface ListMessage {
  readonly type: "list";
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
  readonly change: number;
  readonly ids: readonly string[];
}

/** Shards in one message. */
export const maxDigest = 4_096;

/** Negative if `a` is older than `b`. */
export function compareLists(a: ListVersion, b: ListVersion): number {
  return a[0] !== b[0] ? a[0] - b[0] : a[1] - b[1];
}

/** The message, or `undefined` if the value is none. */
export function parseRememberMessage(value: unknown): RememberMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type, shardType, shard, epoch, change, started, stopped, shards, ids } = value;
  if (!isName(shardType)) return undefined;
  switch (type) {
    case "digest":
    case "recall":
      return areDigests(shards) ? { type, shardType, shards } : undefined;
    case "want": {
      if (!Array.isArray(shards) || shards.length > maxDigest || !shards.every(isShard)) {
        return undefined;
      }
      return { type, shardType, shards };
    }
    case "changed":
      if (!isShard(shard) || !isCount(epoch) || !isCount(change)) return undefined;
      if (!areIds(started) || !areIds(stopped)) return undefined;
      return { type, shardType, shard, epoch, change, started, stopped };
    case "list":
      if (!isShard(shard) || !isCount(epoch) || !isCount(change) || !areIds(ids)) return undefined;
      return { type, shardType, shard, epoch, change, ids };
    default:
      return undefined;
  }
}

function areDigests(value: unknown): value is ListDigest[] {
  return Array.isArray(value) && value.length <= maxDigest &&
    value.every((entry) =>
      Array.isArray(entry) && entry.length === 3 && isShard(entry[0]) && isCount(entry[1]) &&
      isCount(entry[2])
    );
}

function areIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= maxRememberedPerShard && value.every(isEntityId);
}

function isShard(value: unknown): value is number {
  return isBelow(value, maxNumShards);
}
