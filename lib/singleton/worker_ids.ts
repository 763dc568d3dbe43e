import { shardOf } from "../sharding/routing/shard_hash.ts";

/** The id of the worker of a number: it is in the shard of that number. The same on all nodes. */
export function workerId(index: number, count: number): string {
  for (let attempt = 0;; attempt++) {
    const id = `${index}.${attempt}`;
    if (shardOf(id, count) === index) return id;
  }
}

/** The ids of all workers of a name, in the order of their numbers. */
export function workerIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => workerId(index, count));
}
