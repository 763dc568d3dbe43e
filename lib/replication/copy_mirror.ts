import { applyStoreOperation, type CopyRecord, type StoreOperation } from "./copy_record.ts";
import { ShardLog } from "./shard_log.ts";

/**
 * What a store has of a shard, as {@linkcode applyStoreOperation} says, in one place: for snapshots. Entries
 * are added and forgotten without a copy of the others.
 */
export class CopyMirror {
  /** Without entries, and with a base that is not valid. */
  #rest: CopyRecord;
  #log: ShardLog;

  constructor(record: CopyRecord) {
    this.#rest = { ...record, entries: [] };
    this.#log = new ShardLog(record.base, record.entries);
  }

  /** All of it. */
  get record(): CopyRecord {
    const { epoch, index, chain } = this.#log.base;
    const entries = this.#log.after(index, Infinity, Infinity);
    return { ...this.#rest, base: { epoch, index, chain }, entries };
  }

  /** Becomes what was stored. */
  restore(record: CopyRecord): void {
    this.#rest = { ...record, entries: [] };
    this.#log = new ShardLog(record.base, record.entries);
  }

  /** Takes an operation. */
  apply(operation: StoreOperation): void {
    switch (operation.type) {
      case "entries":
        for (const entry of operation.entries) this.#log.append(entry);
        return;
      case "cut":
        return this.#log.cutAfter(operation.after);
      case "trim":
        return this.#log.trimTo(operation.upTo);
    }
    this.#rest = applyStoreOperation({ ...this.#rest, base: this.#log.base }, operation);
    if (operation.type === "reset") this.#log.reset(operation.at);
  }
}
