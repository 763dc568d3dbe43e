/**
 * What tools of operators see of sharding at a node, and may do there.
 *
 * @module
 */
import type { LocalRef } from "../actor/ref/local_ref.ts";
import type { Sharding } from "./sharding.ts";

/** A shard, as a node knows it. */
export interface InspectedShard {
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the owner. */
  readonly owner: string;
  /** Of the grant. */
  readonly epoch: number;
  /** Of the grant; known at the coordinator only. */
  readonly phase?: "granted" | "running" | "handingOff";
  /** The node that it moves to; known at the coordinator only. */
  readonly target?: string;
}

/** A shard type, as a node knows it. */
export interface InspectedType {
  readonly shardType: string;
  readonly numShards: number;
  /** Whether only some of the shards were looked at. */
  readonly cut?: boolean;
  /** The shards that have an owner. */
  readonly shards: readonly InspectedShard[];
  /** Entities of the type that run here. */
  readonly entities: number;
  /** Messages that wait here for the owners of their shards. */
  readonly waiting: number;
  /** Why nothing of it can run, as far as this node knows. */
  readonly obstacle?: string;
}

/** See the module's text. */
export interface ShardInspector {
  /** The member that coordinates; undefined: none is known. */
  readonly leader: string | undefined;
  /** Whether the tables are those of an active coordinator, and so complete. */
  readonly coordinates: boolean;
  /** The names of the types that are known here, sorted; at most `limit`. */
  names(limit: number): readonly string[];
  /**
   * The types that are known here, sorted by name: at most `limit`, with at most `maxShards` shards
   * together, so that the work is bounded however many a peer claims that a type has.
   */
  types(limit: number, maxShards: number): readonly InspectedType[];
  /** The actor of an entity that runs here. */
  entity(shardType: string, entityId: string): LocalRef<unknown> | undefined;
  /** Stops an entity that runs here, once it has handled its messages. Returns whether it runs. */
  passivate(shardType: string, entityId: string): boolean;
  /** A round of rebalancing now, at the coordinator only. Returns whether the type is known to it. */
  balance(shardType: string): boolean;
}

const inspectors = new WeakMap<Sharding, ShardInspector>();

/** Called by sharding, once. */
export function setShardInspector(sharding: Sharding, inspector: ShardInspector): void {
  inspectors.set(sharding, inspector);
}

/** The sharding of a node, for tools. */
export function shardInspectorOf(sharding: Sharding): ShardInspector {
  return inspectors.get(sharding)!;
}
