import { isBelow, isCount, isName, isRecord } from "./message_fields.ts";
import { maxNumShards } from "../../options/tables/sharding_tables.ts";

/** Where clients subscribe to shard tables, and where they receive them. */
export const shardTablePath = "/_shardtable";

/** A client subscribes to the table of a type: all of it, then each change. Repeated to renew. */
export interface ShardTableSubscribe {
  readonly shardType: string;
  readonly numShards: number;
  /** The version of this node's table that the client has; 0: none. */
  readonly have: number;
}

/** Locations of shards: all of a type, or a delta with the moved ones. */
export interface ShardTablePush {
  readonly shardType: string;
  readonly numShards: number;
  /** Counts the changes at the node that publishes. */
  readonly version: number;
  /** Addresses that `shards` refers to. */
  readonly owners: readonly string[];
  /** The incarnations of the owners, in the same order; 0: not known. */
  readonly incarnations: readonly number[];
  readonly shards: readonly (readonly [shard: number, owner: number, epoch: number])[];
}

/** The table, or `undefined` if the value is none. */
export function parseShardTable(value: unknown): ShardTablePush | undefined {
  if (!isRecord(value)) return undefined;
  const { shardType, numShards, version, owners, incarnations, shards } = value;
  if (!isName(shardType) || !isBelow(numShards, maxNumShards + 1) || !isCount(version)) {
    return undefined;
  }
  if (!Array.isArray(owners) || owners.length > maxNumShards || !owners.every(isName)) {
    return undefined;
  }
  if (!Array.isArray(incarnations) || incarnations.length !== owners.length) return undefined;
  if (!incarnations.every((each) => isCount(each))) return undefined;
  if (!Array.isArray(shards) || shards.length > numShards) return undefined;
  for (const entry of shards) {
    if (!Array.isArray(entry) || !isBelow(entry[0], numShards)) return undefined;
    if (!isBelow(entry[1], owners.length) || !isCount(entry[2])) return undefined;
  }
  return value as unknown as ShardTablePush;
}

/** The subscription, or `undefined` if the value is none. */
export function parseShardTableSubscribe(value: unknown): ShardTableSubscribe | undefined {
  if (!isRecord(value)) return undefined;
  const { shardType, numShards, have } = value;
  if (!isName(shardType) || !isBelow(numShards, maxNumShards + 1) || !isCount(have)) {
    return undefined;
  }
  return { shardType, numShards, have };
}
