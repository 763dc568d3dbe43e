/**
 * Where workers are in the shards of a cluster: each is the one entity of its shard, in a type of their
 * own, so that the allocation of shards spreads and moves them. No type of users has such a name.
 *
 * @module
 */
import type { AskOptions } from "../actor/behavior/ask_options.ts";
import { checkValue } from "../options/check_options.ts";
import { whole } from "../options/option.ts";
import { entityTypeName } from "../options/tables/sharding_tables.ts";
import { workerCount } from "../options/tables/singleton_tables.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import type { NumberedWorkers } from "../sharding/routing/numbered_workers.ts";
import { workerId } from "./worker_ids.ts";

/** The sharded type of the workers of a name. */
export function workersType(name: string): string {
  return `_workers-${name}`;
}

/** How the references of a process lead to the entities of a type. */
export type EntitiesOf<M, O extends AskOptions> = (
  shardType: string,
  numShards: number,
) => { entity(entityId: string): EntityRef<M, O> };

/**
 * The workers of a name, which this process need not have spawned.
 *
 * @throws {OptionError} the name or the number is none.
 */
export function workersOf<M, O extends AskOptions>(
  name: string,
  count: number,
  entitiesOf: EntitiesOf<M, O>,
): NumberedWorkers<M, O> {
  checkValue("name", entityTypeName, name);
  checkValue("count", workerCount, count);
  const entities = entitiesOf(workersType(name), count);
  return {
    count,
    worker(index) {
      checkValue("index", whole(0, count - 1), index);
      return entities.entity(workerId(index, count));
    },
  };
}
