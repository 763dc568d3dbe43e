/**
 * Copies that will never be back, so that the owners of a node need not wait for them: those in the memory of
 * nodes that are no members any more, and those that a person has retired.
 *
 * @module
 */
import { storesOf } from "./replica_config.ts";
import type { ReplicatedShard } from "./replicated_shard.ts";
import type { Retirement } from "./retirement.ts";

/** Milliseconds that a node is no member until its copies in memory count as gone, and between two looks. */
const goneDelay = 5_000;
const goneInterval = 1_000;

/** What decides. */
export interface GoneCopiesPort {
  /** The address of the node. */
  readonly self: string;
  /** Whether copies are in memory, which ends with its process. */
  readonly inMemory: boolean;
  /** The shards of the node. */
  shards(): Iterable<ReplicatedShard>;
  isMember(address: string): boolean;
  holdsLease(): boolean;
}

/** See the module's text. */
export class GoneCopies {
  readonly #port: GoneCopiesPort;
  /** Up to when nodes have stored what will never be back, by address. */
  readonly #retired = new Map<string, number>();
  /** Since when nodes of which copies count are no members, by address. */
  readonly #absentSince = new Map<string, number>();
  #lookedAt = -Infinity;

  constructor(port: GoneCopiesPort) {
    this.#port = port;
  }

  /** Tells the owners here what is gone. */
  tick(now: number): void {
    if (now - this.#lookedAt < goneInterval) return;
    this.#lookedAt = now;
    this.#tellRetired();
    if (this.#port.inMemory) this.#tellAbsent(now);
  }

  /**
   * Copies in the memory of a node that was declared down, or has left, will never be back: that process is
   * not admitted again. Without this a shard with as many replicas as `minAcks` could never replace one.
   *
   * Invariant: while such a process still runs it holds no lease, and no coordinator grants it a shard. So the
   * node here must have been in contact with a majority all the time (its lease), and the delay is longer
   * than a lease and the spreading of a view. A disk may come back, so nothing is concluded about one.
   */
  #tellAbsent(now: number): void {
    const { self } = this.#port;
    if (!this.#port.holdsLease()) return this.#absentSince.clear();
    const absent = new Set<string>();
    for (const { shard, epoch, stores } of this.#counted()) {
      for (const store of stores) {
        const { address } = store;
        if (address === self || this.#port.isMember(address)) continue;
        absent.add(address);
        const since = this.#absentSince.get(address) ?? now;
        this.#absentSince.set(address, since);
        if (now - since >= goneDelay) shard.step({ type: "retire", epoch, store });
      }
    }
    for (const address of this.#absentSince.keys()) {
      if (!absent.has(address)) this.#absentSince.delete(address);
    }
  }

  /**
   * A person says that all will never be back which a node has stored up to now.
   *
   * @param now milliseconds since the Unix epoch.
   */
  retirementOf(address: string, now: number): Retirement {
    // The clock of that node may have been fast.
    let until = now;
    for (const { machine: { copy, primary } } of this.#port.shards()) {
      for (const config of [copy.config, primary?.config]) {
        const store = config && storesOf(config).find((id) => id.address === address)?.store;
        if (store !== undefined && store > until) until = store;
      }
    }
    return { address, until };
  }

  /** Goes by what a person has said, now or before the node was restarted. Returns how many shards it concerns. */
  retire({ address, until }: Retirement): number {
    this.#retired.set(address, Math.max(until, this.#retired.get(address) ?? -Infinity));
    return this.#tellRetired(address);
  }

  /** Shards of which stores count that a person has retired do not wait for these. */
  #tellRetired(counted?: string): number {
    let count = 0;
    if (this.#retired.size === 0) return count;
    for (const { shard, epoch, stores } of this.#counted()) {
      const gone = stores.filter(({ address, store }) =>
        store <= (this.#retired.get(address) ?? -Infinity)
      );
      for (const store of gone) shard.step({ type: "retire", epoch, store });
      if (gone.some(({ address }) => address === counted)) count++;
    }
    return count;
  }

  /** The copies that count, of the shards that this node owns. */
  *#counted() {
    for (const shard of this.#port.shards()) {
      const { primary } = shard.machine;
      if (primary?.config === undefined || primary.phase === "closed") continue;
      yield { shard, epoch: primary.epoch, stores: storesOf(primary.config) };
    }
  }
}
