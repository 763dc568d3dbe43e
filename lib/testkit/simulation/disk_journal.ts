import { crc32c } from "../../persistence/crc32c.ts";
import type { CopyableJournal, LogPart } from "../../persistence/copyable_journal.ts";
import { PersistenceError } from "../../persistence/errors.ts";
import { storeClosed } from "../../persistence/journal_errors.ts";
import type {
  AppendEntry,
  AppendResult,
  DueLog,
  LogHead,
  OpenedLog,
  ReadDueOptions,
  ReadOptions,
  ReadSlicesOptions,
  SlicePage,
  StoredEvent,
  StoredSnapshot,
} from "../../persistence/journal.ts";
import type { LogChange } from "../../persistence/log_change.ts";
import { copyableMemoryJournal } from "../../persistence/memory_journal.ts";
import { reportOutputs } from "../../persistence/output_reports.ts";
import { replaceFile } from "../../runtime/atomic_file.ts";
import type { Clock } from "../../runtime/clock.ts";
import { folderOf, isNotFound, type Storage, type StorageFile } from "../../runtime/storage.ts";
import { Codec } from "../../wire/codec.ts";
import type { JournalLedger } from "./journal_ledger.ts";

/** A change of the store, as it is written to the file. */
type Change =
  | { readonly type: "open"; readonly id: string; readonly epoch: number }
  | { readonly type: "append"; readonly entries: readonly AppendEntry[] }
  | { readonly type: "importLog"; readonly part: LogPart }
  | { readonly type: "forget"; readonly ids: readonly string[] }
  | LogChange;

/** Length and checksum before each change in the file. */
const headerLength = 8;

/** What a journal on a disk needs. */
export interface DiskJournalOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Name of the machine whose disk it is. */
  readonly machine: string;
  readonly path: string;
  readonly ledger: JournalLedger;
}

/**
 * A store in one file of a simulated disk, in the place of SQLite: each change is appended and synced
 * before it is acknowledged, and what a power failure has torn off the end is cut at the next start.
 * One process has it open.
 *
 * A change is made in memory first, and refused calls are told after the sync as well, since another
 * change that is not durable yet may be the reason.
 */
export class DiskJournal implements CopyableJournal {
  readonly name: string;
  readonly #options: DiskJournalOptions;
  readonly #codec: Codec;
  /** What the file says; undefined: it has to be read. */
  #memory: CopyableJournal | undefined;
  #file: StorageFile | undefined;
  /** Calls are carried out one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: DiskJournalOptions) {
    this.name = `disk:${options.machine}:${options.path}`;
    this.#options = options;
    reportOutputs(this, (id, lastSeq) => options.ledger.reportsOf(id, lastSeq));
    const refuse = (): never => {
      throw new TypeError("a store has no references");
    };
    this.#codec = new Codec({
      now: () => options.clock.now(),
      resolve: refuse,
      onRefEncoded: refuse,
      trusted: true,
    });
  }

  open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    return this.#write(
      (memory) => memory.open(id, epoch),
      (opened) => ({ type: "open", id, epoch: opened.epoch }),
    ).then((opened) => {
      this.#options.ledger.opened(this.name, id, opened.epoch);
      return opened;
    });
  }

  async append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const { ledger } = this.#options;
    const results = await this.#write((memory) => memory.append(entries), () => ({
      type: "append",
      entries,
    }));
    ledger.carriedOut(this.name, entries, results);
    ledger.acknowledged(this.name, entries, results);
    return results;
  }

  async *read(id: string, options?: ReadOptions): AsyncIterable<StoredEvent> {
    yield* await this.#run(async (memory) => {
      const events: StoredEvent[] = [];
      for await (const event of memory.read(id, options)) events.push(event);
      return events;
    });
  }

  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined> {
    return this.#run((memory) => memory.loadSnapshot(id, maxSeq));
  }

  saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    return this.#write(
      (memory) => memory.saveSnapshot(id, snapshot, keep),
      () => ({ type: "saveSnapshot", id, snapshot, keep }),
    );
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    this.#options.ledger.deleting(this.name, id, upTo);
    return this.#write(
      (memory) => memory.deleteEvents(id, upTo, epoch),
      () => ({ type: "deleteEvents", id, upTo, epoch }),
    );
  }

  delete(id: string, epoch: number): Promise<void> {
    this.#options.ledger.deleting(this.name, id, Infinity);
    return this.#write(
      (memory) => memory.delete(id, epoch),
      () => ({ type: "delete", id, epoch }),
    );
  }

  head(id: string): Promise<LogHead> {
    return this.#run((memory) => memory.head(id));
  }

  exportLog(id: string, after: number, maxBytes: number): Promise<LogPart | undefined> {
    return this.#run((memory) => memory.exportLog(id, after, maxBytes));
  }

  importLog(part: LogPart): Promise<void> {
    this.#options.ledger.forgetting(this.name, part.id);
    return this.#write(
      (memory) => memory.importLog(part),
      () => ({ type: "importLog", part }),
    );
  }

  forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#options.ledger.forgetting(this.name, id);
    return this.#write((memory) => memory.forget(ids), () => ({ type: "forget", ids }));
  }

  readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    return this.#run((memory) => memory.readSlices(options));
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    return this.#run((memory) => memory.readDue(options));
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#turn.then(() => this.#file?.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Takes its turn: no reader sees what is not durable yet. */
  #run<T>(work: (memory: CopyableJournal) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(storeClosed(this.name));
    const done = this.#turn.then(async () => work(this.#memory ?? await this.#recover()));
    this.#turn = done.catch(() => {});
    return done;
  }

  #write<T>(
    work: (memory: CopyableJournal) => Promise<T>,
    change: (result: T) => Change,
  ): Promise<T> {
    return this.#run(async (memory) => {
      const result = await work(memory);
      try {
        await this.#file!.append(this.#record(change(result)));
        await this.#file!.sync();
      } catch (cause) {
        // The file may have it, have a part of it, or lose it with the power: it is written anew.
        this.#memory = undefined;
        this.#options.ledger.counts.unknown++;
        throw new PersistenceError("outcomeUnknown", `${this.name}: the write has failed`, {
          cause,
        });
      }
      return result;
    });
  }

  #record(change: Change): Uint8Array {
    const body = this.#codec.encode(change);
    const record = new Uint8Array(headerLength + body.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, body.length);
    view.setUint32(4, crc32c(body));
    record.set(body, headerLength);
    return record;
  }

  /** Makes what the file says durable, without what was torn off its end, and reads it. */
  async #recover(): Promise<CopyableJournal> {
    const { storage, path, ledger } = this.#options;
    try {
      await this.#file?.close();
      await storage.makeFolder(folderOf(path));
      const bytes = await storage.read(path).catch((error) => {
        if (isNotFound(error)) return new Uint8Array(0);
        throw error;
      });
      const memory = copyableMemoryJournal();
      const end = await this.#replay(bytes, memory);
      await replaceFile(storage, path, bytes.subarray(0, end));
      this.#file = await storage.open(path, "append");
      this.#memory = memory;
    } catch (cause) {
      ledger.counts.refused++;
      throw new PersistenceError("storeUnavailable", `${this.name} cannot be read`, { cause });
    }
    for (const id of ledger.ids(this.name)) {
      const events: StoredEvent[] = [];
      for await (const event of this.#memory.read(id)) events.push(event);
      ledger.found(this.name, id, events);
    }
    return this.#memory;
  }

  /** Returns the end of the last whole change. */
  async #replay(bytes: Uint8Array, memory: CopyableJournal): Promise<number> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at + headerLength <= bytes.length) {
      const end = at + headerLength + view.getUint32(at);
      const body = bytes.subarray(at + headerLength, end);
      if (end > bytes.length || body.length === 0) break;
      if (crc32c(body) !== view.getUint32(at + 4)) break;
      await make(memory, this.#codec.decode(body, 0, body.length) as Change);
      at = end;
    }
    return at;
  }
}

/** What was written has been accepted before, so it is again. */
async function make(memory: CopyableJournal, change: Change): Promise<void> {
  switch (change.type) {
    case "open":
      await memory.open(change.id, change.epoch);
      return;
    case "append":
      await memory.append(change.entries);
      return;
    case "saveSnapshot":
      return await memory.saveSnapshot(change.id, change.snapshot, change.keep);
    case "deleteEvents":
      return await memory.deleteEvents(change.id, change.upTo, change.epoch);
    case "delete":
      return await memory.delete(change.id, change.epoch);
    case "importLog":
      return await memory.importLog(change.part);
    case "forget":
      return await memory.forget(change.ids);
  }
}
