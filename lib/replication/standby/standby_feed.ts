/**
 * The owner's part: tells the nodes that stand by for its shards which entities run, and what is in the
 * database of them. What is lost on the way costs a standby a reading, and no event.
 *
 * @module
 */
import type { AppendEntry } from "../../persistence/journal.ts";
import { FeedBatch, feedBytes, type FeedItem } from "./standby_form.ts";

/** What it needs. */
export interface StandbyFeedPort {
  /** Entities of all shards that are remembered, so that a node that begins to stand by hears of them. */
  readonly maxEntities: number;
  /** The shard of an id; undefined: it is not that of an entity of the type. */
  shardOf(id: string): number | undefined;
  /** The nodes that shall stand by for a shard. */
  standbysOf(shard: number): readonly string[];
  /** Ids of a shard that have not started here yet, and their last numbers. */
  idleIds(shard: number): Iterable<readonly [id: string, seq: number]>;
  send(to: string, bytes: Uint8Array): void;
  /** Runs a task after the present turn. */
  defer(task: () => void): void;
  readonly shardType: string;
}

interface OwnedShard {
  epoch: number;
  standbys: readonly string[];
  /** Those that have the ids of what runs. */
  readonly told: Set<string>;
}

/** Bytes of a message beyond which another one begins. */
const maxMessageBytes = 64 * 1_024;
/** Bytes of events that are sent, at most. */
const maxEntryBytes = 256 * 1_024;

/** See the module's text. */
export class StandbyFeed {
  readonly #port: StandbyFeedPort;
  readonly #shards = new Map<number, OwnedShard>();
  /** The number of the last event of entities that have started here; the least recently written first. */
  readonly #ids = new Map<string, number>();
  readonly #batches = new Map<string, FeedBatch>();
  #isDeferred = false;

  constructor(port: StandbyFeedPort) {
    this.#port = port;
  }

  /** Whether this node owns a shard. */
  owns(shard: number): boolean {
    return this.#shards.has(shard);
  }

  /** How many shards this node owns, and of how many a node less than `replicas` stands by. */
  counts(replicas: number): { readonly owned: number; readonly lacking: number } {
    let lacking = 0;
    for (const { standbys } of this.#shards.values()) if (standbys.length < replicas) lacking++;
    return { owned: this.#shards.size, lacking };
  }

  /** This node owns a shard, perhaps by a new grant. */
  start(shard: number, epoch: number): void {
    const known = this.#shards.get(shard);
    if (known !== undefined) known.epoch = epoch;
    else this.#shards.set(shard, { epoch, standbys: [], told: new Set() });
    this.choose([shard]);
  }

  /** It does not own it any more. */
  stop(shard: number): void {
    if (!this.#shards.delete(shard)) return;
    for (const id of this.#ids.keys()) if (this.#port.shardOf(id) === shard) this.#ids.delete(id);
  }

  /** The nodes have changed: chooses anew who stands by. */
  choose(shards: Iterable<number> = this.#shards.keys()): void {
    for (const shard of shards) {
      const owned = this.#shards.get(shard)!;
      const standbys = this.#port.standbysOf(shard);
      for (const address of owned.standbys) {
        if (standbys.includes(address)) continue;
        owned.told.delete(address);
        this.#add(address, { type: "release", shard });
      }
      const more = standbys.filter((address) => !owned.standbys.includes(address));
      owned.standbys = standbys;
      this.#sendShard(shard, owned, more);
    }
  }

  /** A node stands by for a shard: tells it once what runs. */
  following(
    from: string,
    shards: readonly { readonly shard: number; readonly epoch: number }[],
  ): void {
    const asked = new Set<number>();
    for (const { shard, epoch } of shards) {
      const owned = this.#shards.get(shard);
      if (owned?.epoch !== epoch || !owned.standbys.includes(from) || owned.told.has(from)) {
        continue;
      }
      owned.told.add(from);
      asked.add(shard);
    }
    if (asked.size > 0) this.#sendIds(from, asked);
  }

  /** Says again for which shards nodes stand by: the first time may be lost. */
  repeat(): void {
    for (const [shard, owned] of this.#shards) this.#sendShard(shard, owned, owned.standbys);
  }

  /** An entity has started. */
  opened(id: string, seq: number): void {
    const owned = this.#ownedOf(id);
    if (owned === undefined) return;
    this.#note(id, seq);
    if (seq > 0) this.#tellNumber(id, owned);
  }

  /** Events are in the database. */
  appended(entry: AppendEntry): void {
    const { id, expectedSeq, events } = entry;
    const owned = this.#ownedOf(id);
    if (owned === undefined) return;
    this.#note(id, expectedSeq + events.length);
    if (owned.standbys.length === 0) return;
    const size = events.reduce((sum, { payload }) => sum + payload.length, 0);
    if (size > maxEntryBytes) return this.#tellNumber(id, owned);
    const bytes = feedBytes(entry);
    for (const address of owned.standbys) {
      this.#batchOf(address).addAppend(bytes);
      this.#added(address);
    }
  }

  /** What is large is read from the database. */
  #tellNumber(id: string, { standbys }: OwnedShard): void {
    const seq = this.#ids.get(id)!;
    for (const address of standbys) this.#add(address, { type: "running", id, seq });
  }

  /** A snapshot is in the database. */
  saved(id: string, seq: number): void {
    this.#tell(id, { type: "saved", id, seq });
  }

  /** All events of an entity were deleted. */
  deleted(id: string): void {
    this.#ids.delete(id);
    this.#tell(id, { type: "forget", id });
  }

  #tell(id: string, item: Exclude<FeedItem, { readonly type: "append" }>): void {
    for (const address of this.#ownedOf(id)?.standbys ?? []) this.#add(address, item);
  }

  #ownedOf(id: string): OwnedShard | undefined {
    const shard = this.#port.shardOf(id);
    return shard === undefined ? undefined : this.#shards.get(shard);
  }

  #note(id: string, seq: number): void {
    this.#ids.delete(id);
    this.#ids.set(id, seq);
    if (this.#ids.size <= this.#port.maxEntities) return;
    for (const oldest of this.#ids.keys()) return void this.#ids.delete(oldest);
  }

  #sendShard(shard: number, { epoch }: OwnedShard, to: readonly string[]): void {
    for (const address of to) this.#add(address, { type: "follow", shard, epoch });
  }

  /** In one pass, however many shards. */
  #sendIds(to: string, shards: ReadonlySet<number>): void {
    for (const [id, seq] of this.#ids) {
      if (seq > 0 && shards.has(this.#port.shardOf(id)!)) {
        this.#add(to, { type: "running", id, seq });
      }
    }
    for (const shard of shards) {
      for (const [id, seq] of this.#port.idleIds(shard)) {
        this.#add(to, { type: "running", id, seq });
      }
    }
  }

  #add(address: string, item: Exclude<FeedItem, { readonly type: "append" }>): void {
    this.#batchOf(address).add(item);
    this.#added(address);
  }

  #batchOf(address: string): FeedBatch {
    let batch = this.#batches.get(address);
    if (batch === undefined) this.#batches.set(address, batch = new FeedBatch());
    return batch;
  }

  #added(address: string): void {
    const batch = this.#batches.get(address)!;
    if (batch.length >= maxMessageBytes) return this.#flush(address, batch);
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#port.defer(() => {
      this.#isDeferred = false;
      for (const [to, each] of this.#batches) this.#flush(to, each);
      this.#batches.clear();
    });
  }

  #flush(to: string, batch: FeedBatch): void {
    if (!batch.isEmpty) this.#port.send(to, batch.take(this.#port.shardType));
  }
}
