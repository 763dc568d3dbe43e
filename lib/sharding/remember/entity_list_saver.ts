import { rules } from "../../runtime/rules.ts";
import { ShardingError } from "../errors.ts";
import type { EntityListStamp, EntityStore, StampedEntities } from "./remember_options.ts";

/** How often a node that leaves has the store save a list. */
const saveAttempts = 3;

/** Dependencies of {@linkcode EntityListSaver}. */
export interface EntityListSaverPort {
  /** Whether this node owns a shard: only the owner saves its list. */
  owns(shard: number): boolean;
  /** The present list of a shard. */
  idsOf(shard: number): readonly string[];
  /** Describes the present list of a shard. */
  stampOf(shard: number): EntityListStamp;
  /** A saved list was read. */
  onRead(shard: number, list: readonly string[] | StampedEntities): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * Reads and saves the lists of the shards that a node owns in a store.
 *
 * Invariants: one call of the store for each shard at a time; a list that was not read yet is never
 * overwritten, nor one that another node has saved since, nor that of a later owner: a node that does
 * not know yet that it was replaced has read that one, but does not have its entities. A call that
 * fails is repeated with a later tick.
 */
export class EntityListSaver {
  readonly #shardType: string;
  readonly #store: EntityStore;
  readonly #port: EntityListSaverPort;
  /** Shards whose saved list has not been read. */
  readonly #unread = new Set<number>();
  /** Shards whose list has changed since it was saved. */
  readonly #unsaved = new Set<number>();
  /** The stamp of the list that was read last, for each shard. */
  readonly #readStamps = new Map<number, EntityListStamp | undefined>();
  /** The end of the store's last call for each shard. */
  readonly #calls = new Map<number, Promise<void>>();

  constructor(shardType: string, store: EntityStore, port: EntityListSaverPort) {
    this.#shardType = shardType;
    this.#store = store;
    this.#port = port;
  }

  /** This node owns the shard from now on. */
  onStarted(shard: number): void {
    this.#unread.add(shard);
    this.#read(shard);
  }

  /** The shard moves to another node. Unread ids in the store stay in its list. */
  onStopped(shard: number): void {
    if (!this.#port.owns(shard)) return;
    const stamp = this.#port.stampOf(shard);
    const ids = this.#port.idsOf(shard);
    const unread = this.#unread.delete(shard);
    this.#unsaved.delete(shard);
    const save = async () => {
      await this.#calls.get(shard);
      const kept = unread ? idsIn(await this.#load(shard)) : [];
      if (this.#isReplaced(shard, stamp)) return;
      // If another node has saved the list since, that is its owner now.
      await this.#store.save(this.#shardType, shard, [...new Set([...kept, ...ids])], stamp);
    };
    this.#track(shard, "saved", save());
  }

  /** The list of a shard has changed: the next tick saves it. */
  onChanged(shard: number): void {
    this.#unsaved.add(shard);
  }

  /** Retries failed reads, and saves changed lists. */
  tick(): void {
    for (const shard of [...this.#unread]) this.#read(shard);
    for (const shard of [...this.#unsaved]) this.#save(shard);
  }

  /** Resolves when the store has all lists, or has failed several times. */
  async saved(): Promise<void> {
    for (let attempt = 1; attempt <= saveAttempts; attempt++) {
      this.tick();
      while (this.#calls.size > 0) await Promise.all(this.#calls.values());
      if (this.#unsaved.size + this.#unread.size === 0) return;
    }
  }

  #read(shard: number): void {
    if (this.#calls.has(shard)) return;
    const read = async () => {
      const list = await this.#load(shard);
      if (!this.#unread.delete(shard)) return;
      this.#port.onRead(shard, list);
    };
    this.#track(shard, "read", read());
  }

  #save(shard: number): void {
    if (this.#unread.has(shard) || !this.#port.owns(shard)) {
      return void this.#unsaved.delete(shard);
    }
    if (this.#calls.has(shard)) return;
    const save = async () => {
      this.#unsaved.delete(shard);
      const stamp = this.#port.stampOf(shard);
      if (this.#isReplaced(shard, stamp)) return;
      try {
        await this.#store.save(this.#shardType, shard, this.#port.idsOf(shard), stamp);
      } catch (error) {
        if (this.#port.owns(shard)) this.#saveAgain(shard, error);
        throw error;
      }
    };
    this.#track(shard, "saved", save());
  }

  async #load(shard: number): Promise<readonly string[] | StampedEntities> {
    const list = await this.#store.load(this.#shardType, shard);
    this.#readStamps.set(shard, "stamp" in list ? list.stamp : undefined);
    return list;
  }

  /** Whether the list that was read is of a later owner than the one that saves with this stamp. */
  #isReplaced(shard: number, { cluster, epoch }: EntityListStamp): boolean {
    const read = this.#readStamps.get(shard);
    return rules.laterListsAreKept && read?.cluster === cluster && read.epoch > epoch;
  }

  #saveAgain(shard: number, error: unknown): void {
    this.#unsaved.add(shard);
    // A list saved by another node is read first and merged before saving.
    if (error instanceof ShardingError && error.code === "entityListChanged") {
      this.#unread.add(shard);
    }
  }

  #track(shard: number, done: "read" | "saved", work: Promise<void>): void {
    const call: Promise<void> = work.catch((error) => {
      this.#port.log(`the entities of a shard could not be ${done}`, { shard, error });
    }).then(() => {
      if (this.#calls.get(shard) === call) this.#calls.delete(shard);
    });
    this.#calls.set(shard, call);
  }
}

function idsIn(list: readonly string[] | StampedEntities): readonly string[] {
  return "stamp" in list ? list.ids : list;
}
