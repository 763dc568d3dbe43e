/**
 * Numbered actors that are kept alive somewhere in the cluster (as Akka's sharded daemon process): each
 * is an entity with a shard of its own, so that the allocation of shards spreads them evenly, and it
 * follows its shard to another node. Every node wakes all of them now and then.
 *
 * @module
 */
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { Workers } from "../actor/system/worker_host.ts";
import { shardOf } from "./routing/shard_hash.ts";
import type { ShardRegionRef } from "./routing/shard_proxy.ts";
import { sharded, type ShardedBehavior } from "./sharded_behavior.ts";

/** Between two messages that wake a worker, milliseconds. A remembered worker needs none. */
const wakeInterval = 10_000;

/** What it needs of a node. */
export interface WorkerNode {
  spawn<M>(behavior: ShardedBehavior<M>, name: string): ShardRegionRef<M>;
  spawnSystem(behavior: Behavior<"wake">, name: string): ActorRef<"wake">;
}

/** Starts workers on this node and others. */
export function startShardedWorkers<M>(
  { name, count, behavior, wake, role }: Workers<M>,
  node: WorkerNode,
): readonly ActorRef<M>[] {
  const ids = workerIds(count);
  const region = node.spawn(
    sharded<M>((id) => behavior(ids.indexOf(id)), {
      numShards: count,
      passivation: false,
      rememberEntities: true,
      clients: () => false,
      ...(role !== undefined && { role }),
    }),
    name,
  );
  const workers = ids.map((id) => region.entity(id));
  node.spawnSystem(
    Behaviors.setup(({ timers }) => {
      const wakeAll = () => {
        for (const worker of workers) worker.tell(wake);
      };
      timers.startFixedDelay("wake", "wake", wakeInterval);
      wakeAll();
      return Behaviors.receive(() => {
        wakeAll();
        return Behaviors.same();
      });
    }),
    `_workers-${name}`,
  );
  return workers;
}

/** Ids of which each is in the shard of its number. The same on all nodes. */
export function workerIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    for (let attempt = 0;; attempt++) {
      const id = `${index}.${attempt}`;
      if (shardOf(id, count) === index) return id;
    }
  });
}
