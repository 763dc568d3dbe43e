import { type BootstrapRecord, noBootstrap } from "../../lib/replication/bootstrap_record.ts";
import {
  applyStoreOperation,
  type CopyRecord,
  noCopy,
  type StoreOperation,
} from "../../lib/replication/copy_record.ts";
import type { LogEntry } from "../../lib/replication/shard_log.ts";

/** One value in the journal of the model: the index of its entry, and itself. */
export type Stored = readonly [index: number, value: number];

/** What is written in order: the operations of a copy, or entries for the journal. */
export interface Write {
  readonly token?: number;
  readonly operations?: readonly StoreOperation[];
  readonly apply?: readonly LogEntry[];
}

/** The bytes of an entry of the model. */
export function payloadOf(key: string, value: number): Uint8Array {
  return new TextEncoder().encode(`${key}=${value}`);
}

/** The key and the value of an entry; undefined: an epoch begins. */
export function valueOf({ payload }: LogEntry): readonly [string, number] | undefined {
  if (payload.length === 0) return undefined;
  const [key, value] = new TextDecoder().decode(payload).split("=");
  return [key!, Number(value)];
}

/**
 * A store, as far as it is durable: the record of the copy, and a journal of values by key. Writes are
 * durable in their order.
 */
export class WorldDisk {
  readonly store: number;
  record: CopyRecord = noCopy;
  bootstrap: BootstrapRecord = noBootstrap;
  readonly journal = new Map<string, Stored[]>();
  /** Up to which index entries are in the journal. */
  applied = 0;

  constructor(store: number) {
    this.store = store;
  }

  write({ operations = [], apply = [] }: Write): void {
    for (const operation of operations) {
      this.record = applyStoreOperation(this.record, operation);
      if (operation.type === "bootstrap") this.bootstrap = operation.record;
      else if (operation.type === "reset") {
        this.journal.clear();
        this.applied = 0;
      } else if (operation.type === "filled") this.applied = this.record.base.index;
      else if (operation.type === "chunk") this.#fill(operation.bytes);
    }
    if (this.record.acked > this.applied) throw new Error("marked as applied before it was");
    for (const entry of apply) {
      const [key, value] = valueOf(entry) ?? [];
      if (key !== undefined) this.#put(key, [entry.index, value!]);
      this.applied = Math.max(this.applied, entry.index);
      const { base, entries } = this.record;
      if (this.applied > (entries.at(-1) ?? base).index) throw new Error("applied beyond the log");
    }
  }

  /** A part of the journal for a back-fill: some keys, each as it is now. */
  chunk(cursor: string, keys: number): { bytes: Uint8Array; next: string; done: boolean } {
    const rest = [...this.journal.keys()].sort().filter((key) => key > cursor);
    const part = rest.slice(0, keys);
    const content = part.map((key) => [key, this.journal.get(key)]);
    const bytes = new TextEncoder().encode(JSON.stringify(content));
    return { bytes, next: part.at(-1) ?? cursor, done: part.length === rest.length };
  }

  #fill(bytes: Uint8Array): void {
    const content: [string, Stored[]][] = JSON.parse(new TextDecoder().decode(bytes));
    for (const [key, values] of content) this.journal.set(key, values);
  }

  /** What is there already is not put again. */
  #put(key: string, stored: Stored): void {
    const values = this.journal.get(key) ?? [];
    if ((values.at(-1)?.[0] ?? 0) >= stored[0]) return;
    this.journal.set(key, [...values, stored]);
  }
}
