import type { Behavior } from "../actor/behavior.ts";
import { ShardingError } from "./errors.ts";
import { maxNumShards } from "./protocol.ts";

/** Options of `Behaviors.sharded`. */
export interface ShardedOptions {
  /**
   * How many shards the entities are spread over, 1 to 65 536. The same on every node and client.
   * Default 256.
   */
  readonly numShards?: number;
}

/** Makes the behaviour of one entity. */
export type EntityFactory<M> = (entityId: string) => Behavior<M>;

/**
 * What `Behaviors.sharded` makes: not a behaviour, but a description of entities that only a
 * clustered system can spawn.
 */
export class ShardedBehavior<M> {
  /** Makes the behaviour of one entity. */
  readonly factory: EntityFactory<M>;
  /** How many shards the entities are spread over. */
  readonly numShards: number;

  /** Checks the options. */
  constructor(factory: EntityFactory<M>, options: ShardedOptions = {}) {
    this.factory = factory;
    this.numShards = checkNumShards(options.numShards ?? 256);
  }
}

/**
 * Describes entities that live once in the cluster, each on the node that owns its shard, started
 * by its first message.
 *
 * @throws {ShardingError} code `badShardCount`.
 */
export function sharded<M>(
  factory: EntityFactory<M>,
  options: ShardedOptions = {},
): ShardedBehavior<M> {
  return new ShardedBehavior(factory, options);
}

/**
 * The number, if it can be a number of shards.
 *
 * @throws {ShardingError} code `badShardCount`.
 */
export function checkNumShards(numShards: number): number {
  if (!Number.isInteger(numShards) || numShards < 1 || numShards > maxNumShards) {
    throw new ShardingError("badShardCount", `numShards: ${numShards} is not allowed`, {
      value: numShards,
      remedy: `use a whole number from 1 to ${maxNumShards}`,
    });
  }
  return numShards;
}
