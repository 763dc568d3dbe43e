import type { Behavior } from "../actor/behavior/behavior.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import { sharded } from "../sharding/sharded_behavior.ts";
import type { ShardRefs } from "../sharding/sharding.ts";
import { shardedOptionsOf } from "./daemon_options.ts";
import { workerIds } from "./worker_ids.ts";
import type { WorkersOptions } from "./workers_behavior.ts";
import { workersType } from "./workers_place.ts";

/** Numbered actors of which each lives once in the cluster. */
export interface NamedWorkers<M> {
  /** A name for all of them, as of an actor. */
  readonly name: string;
  readonly count: number;
  readonly behavior: (index: number) => Behavior<M>;
  readonly options: WorkersOptions;
}

/**
 * Runs workers at this node and others: daemons of a type of their own, one a shard. Answers their
 * references, in the order of their numbers.
 *
 * @throws {ActorError} code `duplicateName`.
 */
export function startWorkers<M>(
  refs: ShardRefs,
  { name, count, behavior, options }: NamedWorkers<M>,
): readonly EntityRef<M>[] {
  const ids = workerIds(count);
  const described = sharded<M>(
    (id) => behavior(ids.indexOf(id)),
    shardedOptionsOf(options, count),
  );
  const region = refs.spawnDaemons(described, workersType(name), {
    ids,
    actorName: name,
    recipient: undefined,
  });
  return ids.map((id) => region.entity(id));
}
