import { hashText } from "../../runtime/fnv.ts";

/**
 * The shard that an entity belongs to: the same on every node, client and version, forever.
 * Not cryptographic: an adversary who chooses ids can fill one shard.
 *
 * @param entityId any text.
 * @param numShards at least 1.
 * @returns an integer in [0, `numShards`).
 */
export function shardOf(entityId: string, numShards: number): number {
  return (hashText(entityId) >>> 0) % numShards;
}
