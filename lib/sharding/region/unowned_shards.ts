/** Shards without a known owner that one tick locates, at most. */
const maxLocated = 256;

/** What {@linkcode locateUnowned} needs to know of shards. */
export interface UnownedShardsPort {
  /** Whether this node owns a shard. */
  owns(shard: number): boolean;
  /** Whether another node is known to own a shard. */
  isOwned(shard: number): boolean;
  /** Makes the coordinator grant the shard to a node. */
  locate(shard: number): void;
}

/** Requests owners for shards whose entities should run: perhaps no message is ever sent to them. */
export function locateUnowned(shards: Iterable<number>, port: UnownedShardsPort): void {
  let left = maxLocated;
  for (const shard of shards) {
    if (left === 0) return;
    if (port.owns(shard) || port.isOwned(shard)) continue;
    port.locate(shard);
    left--;
  }
}
