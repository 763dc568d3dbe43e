/** One shard's owner. A grant with a higher epoch overrules one with a lower. */
export interface ShardGrant {
  /** Address of the node that runs the shard's entities. */
  readonly owner: string;
  /** Counts the grants of this shard type; at least 1. */
  readonly epoch: number;
}

/**
 * Chooses the owner of a shard that has none: the candidate with the fewest shards; among equals
 * the one whose address sorts first, so that every coordinator would choose the same.
 *
 * @returns `undefined` when there is no candidate.
 */
export function leastShards(
  shardCounts: ReadonlyMap<string, number>,
  candidates: Iterable<string>,
): string | undefined {
  let chosen: string | undefined;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const count = shardCounts.get(candidate) ?? 0;
    if (count < fewest || (count === fewest && chosen !== undefined && candidate < chosen)) {
      chosen = candidate;
      fewest = count;
    }
  }
  return chosen;
}
