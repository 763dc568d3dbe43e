/**
 * What nodes tell each other of types that have hot standbys, in the control lane: few and small.
 *
 * @module
 */
import { maxNumShards } from "../../options/tables/sharding_tables.ts";
import { isBelow, isCount, isName, isRecord } from "../../sharding/routing/message_fields.ts";

/** To all members: whether this node runs a type, and so can stand by for its shards. */
export interface AnnounceStandbyMessage {
  readonly type: "announceStandby";
  readonly shardType: string;
  readonly runs: boolean;
  /** It leaves: it shall stand by for none. */
  readonly retiring: boolean;
  /** Answers one. */
  readonly isAnswer: boolean;
}

/** What a node has ready of a shard: for the grant with this epoch, so many entities. */
export type StandbyShard = readonly [shard: number, epoch: number, entities: number];

/** Node to coordinator: all shards for which it stands by. */
export interface StandbyShardsMessage {
  readonly type: "standbyShards";
  readonly shardType: string;
  readonly shards: readonly StandbyShard[];
}

/** Any of them. */
export type StandbyMessage = AnnounceStandbyMessage | StandbyShardsMessage;

/** The message, or `undefined` if it is none. */
export function parseStandby(value: unknown): StandbyMessage | undefined {
  if (!isRecord(value) || !isName(value.shardType)) return undefined;
  const { type, shardType } = value;
  if (type === "announceStandby") {
    const { runs, retiring, isAnswer } = value;
    if (![runs, retiring, isAnswer].every((flag) => typeof flag === "boolean")) return undefined;
    return { type, shardType, runs, retiring, isAnswer } as AnnounceStandbyMessage;
  }
  const { shards } = value;
  if (type !== "standbyShards" || !Array.isArray(shards) || shards.length > maxNumShards) {
    return undefined;
  }
  return shards.every(isStandbyShard) ? { type, shardType, shards } : undefined;
}

function isStandbyShard(value: unknown): value is StandbyShard {
  return Array.isArray(value) && value.length === 3 && isBelow(value[0], maxNumShards) &&
    isCount(value[1]) && isCount(value[2]);
}
