import type {
  AppendEntry,
  AppendResult,
  DueLog,
  Journal,
  OpenedLog,
  ReadDueOptions,
  ReadOptions,
  ReadSlicesOptions,
  SlicePage,
  StoredEvent,
  StoredSnapshot,
} from "../../lib/persistence/journal.ts";

/** A call of a store, or an event that was read. */
export interface JournalCall {
  readonly method:
    | "open"
    | "append"
    | "read"
    | "event"
    | "loadSnapshot"
    | "saveSnapshot"
    | "deleteEvents"
    | "delete";
  readonly id: string;
}

/** A store that says what is asked of it. */
export class CountingJournal implements Journal {
  readonly name: string;
  readonly isShared: boolean;
  readonly #inner: Journal;
  readonly #onCall: (call: JournalCall) => void;

  constructor(inner: Journal, onCall: (call: JournalCall) => void) {
    this.#inner = inner;
    this.#onCall = onCall;
    this.name = inner.name;
    this.isShared = inner.isShared === true;
  }

  open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    this.#onCall({ method: "open", id });
    return this.#inner.open(id, epoch);
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    for (const { id } of entries) this.#onCall({ method: "append", id });
    return this.#inner.append(entries);
  }

  async *read(id: string, options?: ReadOptions): AsyncIterable<StoredEvent> {
    this.#onCall({ method: "read", id });
    for await (const event of this.#inner.read(id, options)) {
      this.#onCall({ method: "event", id });
      yield event;
    }
  }

  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined> {
    this.#onCall({ method: "loadSnapshot", id });
    return this.#inner.loadSnapshot(id, maxSeq);
  }

  saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    this.#onCall({ method: "saveSnapshot", id });
    return this.#inner.saveSnapshot(id, snapshot, keep);
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    this.#onCall({ method: "deleteEvents", id });
    return this.#inner.deleteEvents(id, upTo, epoch);
  }

  delete(id: string, epoch: number): Promise<void> {
    this.#onCall({ method: "delete", id });
    return this.#inner.delete(id, epoch);
  }

  readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    return this.#inner.readSlices(options);
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    return this.#inner.readDue(options);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
