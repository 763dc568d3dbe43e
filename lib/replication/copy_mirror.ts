import { applyStoreOperation, type CopyRecord, type StoreOperation } from "./copy_record.ts";
import type { LogEntry } from "./shard_log.ts";

/** What a store has of a shard, as {@linkcode applyStoreOperation} says, in one place: for snapshots. */
export class CopyMirror {
  /** Without entries. */
  #rest: CopyRecord;
  #entries: LogEntry[];

  constructor(record: CopyRecord) {
    this.#rest = { ...record, entries: [] };
    this.#entries = [...record.entries];
  }

  /** All of it. */
  get record(): CopyRecord {
    return { ...this.#rest, entries: [...this.#entries] };
  }

  /** Becomes what was stored. */
  restore(record: CopyRecord): void {
    this.#rest = { ...record, entries: [] };
    this.#entries = [...record.entries];
  }

  /** Takes an operation. Entries are added without a copy of those before. */
  apply(operation: StoreOperation): void {
    switch (operation.type) {
      case "entries":
        for (const entry of operation.entries) this.#entries.push(entry);
        return;
      case "cut":
      case "trim":
        return this.restore(applyStoreOperation(this.record, operation));
      case "reset":
        this.#entries = [];
    }
    this.#rest = applyStoreOperation(this.#rest, operation);
  }
}
