import { leastShards, type ShardGrant } from "./allocation.ts";

interface Entry {
  owner: string | undefined;
  epoch: number;
  /** The owner has said that it runs the shard. */
  confirmed: boolean;
  /** Who waits to hear where the shard is. */
  readonly waiters: Set<string>;
}

/** What the coordinator knows of one shard type. Holds no clock and sends nothing. */
export class ShardTable {
  /** Nodes that can own shards of this type. */
  readonly regions: Set<string> = new Set();
  readonly numShards: number;
  readonly #entries = new Map<number, Entry>();
  #lastEpoch = 0;

  /** An empty table. */
  constructor(numShards: number) {
    this.numShards = numShards;
  }

  /** The newest epoch that anybody has reported or that was granted here. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** Makes sure that grants made here overrule all that the reporter knows of. */
  raiseEpoch(epoch: number): void {
    if (epoch > this.#lastEpoch) this.#lastEpoch = epoch;
  }

  /** The current grant, whether confirmed or not. */
  grant(shard: number): (ShardGrant & { readonly confirmed: boolean }) | undefined {
    const entry = this.#entries.get(shard);
    if (entry?.owner === undefined) return undefined;
    return { owner: entry.owner, epoch: entry.epoch, confirmed: entry.confirmed };
  }

  /** Takes over what a region says that it runs, unless a newer grant is known. */
  adopt(shard: number, owner: string, epoch: number): boolean {
    this.raiseEpoch(epoch);
    const entry = this.#entry(shard);
    if (entry.epoch > epoch && entry.owner !== undefined) return false;
    if (entry.epoch === epoch && entry.owner !== undefined && entry.owner !== owner) return false;
    entry.owner = owner;
    entry.epoch = epoch;
    entry.confirmed = true;
    return true;
  }

  /** Grants an unowned shard to the least loaded of `candidates`, with a new epoch. */
  allocate(shard: number, candidates: Iterable<string>): ShardGrant | undefined {
    const owner = leastShards(this.#counts(), candidates);
    if (owner === undefined) return undefined;
    const entry = this.#entry(shard);
    entry.owner = owner;
    entry.epoch = ++this.#lastEpoch;
    entry.confirmed = false;
    return { owner, epoch: entry.epoch };
  }

  /** The owner runs the shard now. Answers who waited for it. */
  confirm(shard: number, owner: string, epoch: number): readonly string[] {
    const entry = this.#entries.get(shard);
    if (entry === undefined || entry.owner !== owner || entry.epoch !== epoch) return [];
    entry.confirmed = true;
    return this.takeWaiters(shard);
  }

  /** Remembers that `node` wants to know where the shard is. */
  wait(shard: number, node: string): void {
    this.#entry(shard).waiters.add(node);
  }

  /** Those who wait, once. */
  takeWaiters(shard: number): readonly string[] {
    const waiters = this.#entries.get(shard)?.waiters;
    if (waiters === undefined || waiters.size === 0) return [];
    const list = [...waiters];
    waiters.clear();
    return list;
  }

  /** Shards that are waited for and have no owner. */
  *unowned(): IterableIterator<number> {
    for (const [shard, entry] of this.#entries) {
      if (entry.owner === undefined && entry.waiters.size > 0) yield shard;
    }
  }

  /** Grants that their owner has not confirmed. */
  *unconfirmed(): IterableIterator<{ shard: number; owner: string; epoch: number }> {
    for (const [shard, { owner, epoch, confirmed }] of this.#entries) {
      if (owner !== undefined && !confirmed) yield { shard, owner, epoch };
    }
  }

  /** A node owns these shards and no others; grants that it has not confirmed are on their way. */
  retain(node: string, shards: ReadonlySet<number>): void {
    for (const [shard, entry] of this.#entries) {
      if (entry.owner === node && entry.confirmed && !shards.has(shard)) entry.owner = undefined;
    }
  }

  /** Forgets a node: its region, its shards, what it waits for. Epochs stay. */
  drop(node: string): void {
    this.regions.delete(node);
    for (const entry of this.#entries.values()) {
      entry.waiters.delete(node);
      if (entry.owner === node) {
        entry.owner = undefined;
        entry.confirmed = false;
      }
    }
  }

  #entry(shard: number): Entry {
    let entry = this.#entries.get(shard);
    if (entry === undefined) {
      entry = { owner: undefined, epoch: 0, confirmed: false, waiters: new Set() };
      this.#entries.set(shard, entry);
    }
    return entry;
  }

  #counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { owner } of this.#entries.values()) {
      if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return counts;
  }
}
