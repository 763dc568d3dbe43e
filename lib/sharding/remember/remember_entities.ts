/**
 * Gives {@linkcode RememberedEntities} time, connections and a store: tells other nodes what runs here,
 * starts what has run elsewhere, a few at a time, and saves the lists. Decides nothing by itself.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { CheckedRemember } from "./remember_options.ts";
import type { RememberMessage } from "./remember_protocol.ts";
import { RememberedEntities, type Remembrance } from "./remembered_entities.ts";

/** Milliseconds in which changes are collected before others are told. */
const newsDelay = 10;
/** Ticks between two digests. */
const ticksPerDigest = 8;
/** How often a node that goes asks the store to save. */
const saveAttempts = 3;
/** Shards without a known owner that one tick asks for, at most. */
const maxLocated = 256;

/** What {@linkcode RememberEntities} needs. */
export interface RememberPort {
  readonly clock: Clock;
  readonly numShards: number;
  /** Addresses of the other nodes. */
  others(): readonly string[];
  send(to: string, message: RememberMessage): void;
  /** Starts an entity, if it does not run. */
  wake(shard: number, id: string): void;
  /** Whether a shard's owner is known. */
  isOwned(shard: number): boolean;
  /** Makes the coordinator give the shard an owner. */
  locate(shard: number): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/** See the module's text. One for each type of entities at a node. */
export class RememberEntities {
  readonly #shardType: string;
  readonly #options: CheckedRemember;
  readonly #port: RememberPort;
  readonly #remembered: RememberedEntities;
  /** Shards whose saved list has not been read, and those whose list has changed since it was saved. */
  readonly #unread = new Set<number>();
  readonly #unsaved = new Set<number>();
  /** The end of what the store has been asked for, for each shard. */
  readonly #work = new Map<number, Promise<void>>();
  #news: Timer | undefined;
  #starts: Timer | undefined;
  #ticks = 0;
  #closed = false;

  /** Remembers nothing yet. */
  constructor(shardType: string, options: CheckedRemember, port: RememberPort) {
    this.#shardType = shardType;
    this.#options = options;
    this.#port = port;
    this.#remembered = new RememberedEntities(shardType, options.maxPerShard);
  }

  /** The shard is this node's from now on; or not any more, if there is no epoch. */
  onShard(shard: number, epoch: number | undefined): void {
    if (this.#closed) return;
    if (epoch === undefined) {
      this.#saveLast(shard);
      return this.#remembered.leave(shard);
    }
    this.#send(this.#remembered.own(shard, epoch));
    if (this.#options.store !== undefined) {
      this.#unread.add(shard);
      this.#read(shard);
    }
    this.#startSome(0);
  }

  /** An entity has started. */
  onStarted(shard: number, id: string): void {
    if (this.#closed) return;
    if (!this.#remembered.started(shard, id)) {
      const { maxPerShard } = this.#options;
      const limit = `rememberEntities.maxPerShard: ${maxPerShard}`;
      this.#port.log("an entity is not remembered: its shard has too many", { id, shard, limit });
    }
    this.#noteChange(shard);
  }

  /** An entity has stopped, and is to start with a message only. */
  onStopped(shard: number, id: string): void {
    if (this.#closed) return;
    this.#remembered.stopped(shard, id);
    this.#noteChange(shard);
  }

  /** Another node has said something. */
  receive(from: string, message: RememberMessage): void {
    if (this.#closed) return;
    this.#send(this.#remembered.receive(from, message));
    this.#startSome(0);
    this.#tellNews();
  }

  /** Repeats what may have been lost, saves what has changed, and sees that shards have owners. */
  tick(): void {
    if (++this.#ticks % ticksPerDigest === 0) this.#send(this.#remembered.remind());
    for (const shard of [...this.#unread]) this.#read(shard);
    for (const shard of [...this.#unsaved]) this.#save(shard);
    // Nobody may ever send a message to a shard whose entities should run.
    let left = maxLocated;
    const { store } = this.#options;
    const shards = store === undefined
      ? this.#remembered.inhabited()
      : Array.from({ length: this.#port.numShards }, (_, shard) => shard);
    for (const shard of shards) {
      if (left === 0) return;
      if (this.#remembered.owns(shard) || this.#port.isOwned(shard)) continue;
      this.#port.locate(shard);
      left--;
    }
  }

  /** Resolves when the store has all. */
  async saved(): Promise<void> {
    for (let attempt = 1; attempt <= saveAttempts; attempt++) {
      for (const shard of [...this.#unsaved]) this.#save(shard);
      while (this.#work.size > 0) await Promise.all(this.#work.values());
      if (this.#unsaved.size === 0) return;
    }
  }

  /** Remembers no further changes: what stops now stops with its node. */
  close(): void {
    this.#closed = true;
    this.#news?.cancel();
    this.#starts?.cancel();
  }

  #noteChange(shard: number): void {
    if (this.#options.store !== undefined) this.#unsaved.add(shard);
    this.#tellNews();
  }

  #tellNews(): void {
    if (this.#news !== undefined || !this.#remembered.hasNews) return;
    this.#news = this.#port.clock.schedule(newsDelay, () => {
      this.#news = undefined;
      this.#send(this.#remembered.takeNews());
    });
  }

  #startSome(delay: number): void {
    if (this.#starts !== undefined || !this.#remembered.hasWaiting) return;
    const { batch, interval } = this.#options;
    this.#starts = this.#port.clock.schedule(delay, () => {
      this.#starts = undefined;
      for (const [shard, id] of this.#remembered.takeWaiting(batch)) this.#port.wake(shard, id);
      this.#startSome(interval);
    });
  }

  #send(remembrances: readonly Remembrance[]): void {
    for (const { to, message } of remembrances) {
      if (to !== undefined) this.#port.send(to, message);
      else for (const other of this.#port.others()) this.#port.send(other, message);
    }
  }

  #read(shard: number): void {
    this.#enqueue(shard, "read", async (store) => {
      const ids = await store.load(this.#shardType, shard);
      this.#unread.delete(shard);
      if (this.#closed) return;
      this.#remembered.loaded(shard, ids);
      this.#noteChange(shard);
      this.#startSome(0);
    });
  }

  /** What was not read yet must not be overwritten. */
  #save(shard: number): void {
    if (this.#unread.has(shard) || !this.#remembered.owns(shard)) {
      return void this.#unsaved.delete(shard);
    }
    this.#enqueue(shard, "saved", async (store) => {
      this.#unsaved.delete(shard);
      try {
        await store.save(this.#shardType, shard, this.#remembered.idsOf(shard));
      } catch (error) {
        this.#unsaved.add(shard);
        throw error;
      }
    });
  }

  /** The shard goes to another node. What the store has and was not read yet stays in its list. */
  #saveLast(shard: number): void {
    const { store } = this.#options;
    if (store === undefined || !this.#remembered.owns(shard)) return;
    const ids = this.#remembered.idsOf(shard);
    const unread = this.#unread.delete(shard);
    this.#unsaved.delete(shard);
    const save = async () => {
      await this.#work.get(shard);
      const kept = unread ? await store.load(this.#shardType, shard) : [];
      await store.save(this.#shardType, shard, [...new Set([...kept, ...ids])]);
    };
    this.#track(shard, "saved", save());
  }

  /** One call of the store for each shard at a time; one that fails is repeated by a later tick. */
  #enqueue(
    shard: number,
    done: "read" | "saved",
    work: (store: NonNullable<CheckedRemember["store"]>) => Promise<void>,
  ): void {
    const { store } = this.#options;
    if (store === undefined || this.#work.has(shard)) return;
    this.#track(shard, done, work(store));
  }

  #track(shard: number, done: "read" | "saved", work: Promise<void>): void {
    const running: Promise<void> = work.catch((error) => {
      const { log } = this.#port;
      log(`the entities of a shard could not be ${done}`, { shard, error });
    }).then(() => {
      if (this.#work.get(shard) === running) this.#work.delete(shard);
    });
    this.#work.set(shard, running);
  }
}
