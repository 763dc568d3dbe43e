/**
 * The shard of an entity: the same on every node, client and version.
 *
 * FNV-1a (Fowler, Noll, Vo) over the UTF-16 code units of the id, low byte first, then the final
 * mix of MurmurHash3 (Appleby), modulo the number of shards. Not cryptographic: an adversary who
 * chooses ids can fill one shard.
 *
 * @param entityId any text.
 * @param numShards at least 1.
 * @returns a whole number in [0, `numShards`).
 */
export function shardOf(entityId: string, numShards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < entityId.length; i++) {
    const unit = entityId.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % numShards;
}
