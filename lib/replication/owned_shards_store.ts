/**
 * Finds the entities of open shards of this node that have work to do: reminders that are due, messages to
 * deliver. Nothing else is asked of it: each entity is stored in the journal of its shard.
 *
 * @module
 */
import type { DueLog, Journal, ReadDueOptions } from "../persistence/journal.ts";
import { partsOfId } from "../persistence/persistence_id.ts";
import type { DurableStore } from "../runtime/durable_store.ts";
import { shardOf } from "../sharding/routing/shard_hash.ts";
import type { ShardJournal } from "./shard_journal.ts";

/** Ids that are read at once, at most, to find those of the shards here. */
const maxRead = 65_536;

/** What it looks through. */
export interface OwnedShardsPort {
  readonly shardType: string;
  readonly numShards: number;
  /** The shards of which there is something here. */
  shards(): ReadonlyMap<number, { readonly journal: ShardJournal }>;
  /** Where the content of all shards is; undefined: each has its own. */
  readonly content: Pick<Journal, "readDue"> | undefined;
}

/** See the module's text. */
export class OwnedShardsStore implements DurableStore {
  readonly name: string;
  readonly #port: OwnedShardsPort;

  constructor(name: string, port: OwnedShardsPort) {
    this.name = name;
    this.#port = port;
  }

  open(): Promise<never> {
    return this.#refuse();
  }

  append(): Promise<never> {
    return this.#refuse();
  }

  async *read(): AsyncIterable<never> {
    yield await this.#refuse();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Those of shards that are open here, the earliest first. */
  async readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    const { content } = this.#port;
    if (content !== undefined) return await this.#readOwn(content, options);
    const due: DueLog[] = [];
    for (const { journal } of this.#port.shards().values()) {
      due.push(...await journal.readDue(options));
    }
    return due.sort((a, b) => a.wake - b.wake).slice(0, options.limit);
  }

  /** The store has the copies of shards that others own, too, and perhaps of other types. */
  async #readOwn(
    content: Pick<Journal, "readDue">,
    options: ReadDueOptions,
  ): Promise<readonly DueLog[]> {
    for (let limit = options.limit;; limit *= 4) {
      const found = await content.readDue({ ...options, limit: Math.min(limit, maxRead) });
      const own = found.filter(({ id }) => this.#isOpen(id));
      if (own.length >= options.limit || found.length < limit) return own.slice(0, options.limit);
    }
  }

  #isOpen(id: string): boolean {
    const { shardType, numShards } = this.#port;
    const parts = partsOfId(id);
    if (parts?.kind !== shardType) return false;
    return this.#port.shards().get(shardOf(parts.name, numShards))?.journal.isOpen ?? false;
  }

  #refuse(): Promise<never> {
    return Promise.reject(new TypeError(`${this.name} stores nothing itself`));
  }
}
