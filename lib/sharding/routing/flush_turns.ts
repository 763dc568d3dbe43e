/** Bytes, estimated, that go out in one turn; a larger message has a turn for itself. */
export const flushedBytes = 131_072;

/**
 * Which shards' waiting messages go out in this turn of the event loop. A message that was read in turns
 * is encoded at once when it goes on: with many of them the owners of some shards, learned in one
 * message, would hold the loop for seconds. Pure.
 */
export class FlushTurns {
  /** Shards with messages that have a turn to come, the one that has waited longest first. */
  readonly #shards = new Set<number>();
  #left = flushedBytes;

  /** Whether messages of the shard wait for a turn only. */
  has(shard: number): boolean {
    return this.#shards.size > 0 && this.#shards.has(shard);
  }

  /** Whether something is left of this turn. */
  get isOpen(): boolean {
    return this.#left > 0;
  }

  /** Whether no turn has to follow: nothing waits, and nothing has gone out in this one. */
  get isRested(): boolean {
    return this.#shards.size === 0 && this.#left === flushedBytes;
  }

  /** The shard that has waited longest. */
  get next(): number | undefined {
    const [shard] = this.#shards;
    return shard;
  }

  /** Messages of the shard wait for a turn. */
  add(shard: number): void {
    this.#shards.add(shard);
  }

  /** Messages of the shard wait for nothing more, or for its location. */
  remove(shard: number): void {
    this.#shards.delete(shard);
  }

  /** A message with so many bytes, estimated, goes out. */
  spend(size: number): void {
    this.#left -= size;
  }

  /** A new turn begins. */
  begin(): void {
    this.#left = flushedBytes;
  }
}
