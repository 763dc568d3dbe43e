import type { ShardGrant } from "./allocation.ts";

/** Bounds of what waits for the location of its shard. */
export interface ShardBufferLimits {
  /** Messages that wait for one shard. Default 1 000. */
  readonly maxBufferedPerShard: number;
  /** Messages that wait for all shards of one type together. Default 100 000. */
  readonly maxBuffered: number;
  /** Milliseconds that a message waits at most. Default 10 000. */
  readonly maxBufferedTime: number;
}

/** The defaults of {@linkcode ShardBufferLimits}. */
export const defaultShardBufferLimits: ShardBufferLimits = {
  maxBufferedPerShard: 1_000,
  maxBuffered: 100_000,
  maxBufferedTime: 10_000,
};

/** A message that waits for the location of its shard. */
export interface Buffered<T> {
  readonly item: T;
  readonly since: number;
}

/**
 * Where each shard of one type is, as far as this node or client knows, and the messages that wait
 * for shards whose place is not known. Holds no clock and sends nothing.
 */
export class ShardRoutes<T> {
  readonly numShards: number;
  readonly #grants: (ShardGrant | undefined)[];
  readonly #buffers = new Map<number, Buffered<T>[]>();
  readonly #limits: ShardBufferLimits;
  #lastEpoch = 0;
  #buffered = 0;

  /** Knows nothing yet. */
  constructor(numShards: number, limits: Partial<ShardBufferLimits> = {}) {
    this.numShards = numShards;
    this.#grants = new Array(numShards).fill(undefined);
    this.#limits = { ...defaultShardBufferLimits, ...limits };
  }

  /** The newest epoch that was learned. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The node that owns the shard, if it is known. */
  ownerOf(shard: number): string | undefined {
    return this.#grants[shard]?.owner;
  }

  /** The epoch of the grant that is known, or 0. */
  epochOf(shard: number): number {
    return this.#grants[shard]?.epoch ?? 0;
  }

  /** Takes over a grant unless a newer one is known. */
  learn(shard: number, owner: string, epoch: number): boolean {
    if (shard >= this.numShards) return false;
    const known = this.#grants[shard];
    if (known !== undefined && known.epoch > epoch) return false;
    this.#grants[shard] = { owner, epoch };
    if (epoch > this.#lastEpoch) this.#lastEpoch = epoch;
    return true;
  }

  /** Forgets where a shard is; its epoch stays in `lastEpoch`. */
  forget(shard: number): void {
    this.#grants[shard] = undefined;
  }

  /** Forgets all shards of nodes that are not in `present`. */
  retainOwners(present: ReadonlySet<string>): void {
    const grants = this.#grants;
    for (let shard = 0; shard < grants.length; shard++) {
      const grant = grants[shard];
      if (grant !== undefined && !present.has(grant.owner)) grants[shard] = undefined;
    }
  }

  /**
   * Keeps a message until its shard is found.
   *
   * @returns whether the shard must be asked for (`"ask"`), is asked for (`"wait"`), or the buffer
   * is full (`"full"`) and the message was not kept.
   */
  buffer(shard: number, item: T, now: number): "ask" | "wait" | "full" {
    const waiting = this.#buffers.get(shard);
    if (this.#buffered >= this.#limits.maxBuffered) return "full";
    if (waiting === undefined) {
      this.#buffers.set(shard, [{ item, since: now }]);
      this.#buffered++;
      return "ask";
    }
    if (waiting.length >= this.#limits.maxBufferedPerShard) return "full";
    waiting.push({ item, since: now });
    this.#buffered++;
    return "wait";
  }

  /** Whether messages wait for the shard; a newer one must not overtake them. */
  isBuffering(shard: number): boolean {
    return this.#buffers.size > 0 && this.#buffers.has(shard);
  }

  /** Takes out what waits for the shard, oldest first. */
  takeBuffered(shard: number): readonly T[] {
    const waiting = this.#buffers.get(shard);
    if (waiting === undefined) return [];
    this.#buffers.delete(shard);
    this.#buffered -= waiting.length;
    return waiting.map(({ item }) => item);
  }

  /** Takes out what has waited too long, of all shards. */
  takeExpired(now: number): readonly T[] {
    const expired: T[] = [];
    for (const [shard, waiting] of this.#buffers) {
      let count = 0;
      while (
        count < waiting.length && now - waiting[count]!.since >= this.#limits.maxBufferedTime
      ) {
        expired.push(waiting[count++]!.item);
      }
      this.#buffered -= count;
      if (count === waiting.length) this.#buffers.delete(shard);
      else if (count > 0) waiting.splice(0, count);
    }
    return expired;
  }

  /** Shards that messages wait for. */
  wanted(): number[] {
    return [...this.#buffers.keys()];
  }
}
