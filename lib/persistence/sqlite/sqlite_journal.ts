import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import { sqliteJournalTable } from "../../options/tables/persistence_tables.ts";
import { platform } from "../../runtime/platform.ts";
import type { Thread } from "../../runtime/platform_port.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { PersistenceError } from "../errors.ts";
import { maxBatchBytes, packedOf, sizeOf } from "../append_columns.ts";
import { type CopyableJournal, type LogPart, partOfLog } from "../copyable_journal.ts";
import {
  advanced,
  type AppendEntry,
  type AppendResult,
  type DueLog,
  type Journal,
  type LogHead,
  lowest,
  type OpenedLog,
  type ReadDueOptions,
  type ReadOptions,
  type ReadSlicesOptions,
  type SliceEvent,
  type SlicePage,
  type StoredEvent,
  type StoredSnapshot,
} from "../journal.ts";
import { storeClosed } from "../journal_errors.ts";
import { StoreGuard } from "../store_guard.ts";
import { type PackedEvents, unpackEvents } from "./packed_events.ts";
import { CommitPace } from "./commit_pace.ts";
import {
  type Refusals,
  resultOf,
  type SqliteLog,
  type SqliteRead,
  type SqliteSlices,
  type SqliteWrite,
} from "./database.ts";
import type { FromSqlite, ToSqlite, Written } from "./sqlite_worker.ts";

/** Options of {@linkcode sqliteJournal}. */
export interface SqliteJournalOptions {
  /**
   * When a write is durable: `FULL`: the disk has it (fsync); `NORMAL`: the process may be killed, but
   * a power failure may lose the last commits. Default `"FULL"`.
   */
  readonly synchronous?: "FULL" | "NORMAL";
  /** Writes that may wait; more are refused with `storeUnavailable`. Default 10 000. */
  readonly maxWaiting?: number;
}

/**
 * A store in one SQLite file, for the processes of one machine. Writes that arrive while a commit is
 * under way share the next one. Reading does not wait for writing: it has a thread of its own.
 *
 * @param path of the file; it is made if it is missing, its folder is not. Needs `--allow-read` and
 * `--allow-write` for the folder: SQLite keeps two more files beside it.
 * @throws {PersistenceError} codes `storeUnavailable`, `futureVersion`.
 * @throws {OptionError}.
 *
 * @example
 * ```ts
 * import { sqliteJournal } from "@casty/casty/persistence";
 *
 * const folder = await Deno.makeTempDir();
 * const journal = await sqliteJournal(`${folder}/bank.db`);
 * console.assert((await journal.open("account/alice", undefined)).lastSeq === 0);
 * await journal.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function sqliteJournal(
  path: string,
  options: SqliteJournalOptions = {},
): Promise<Journal> {
  checkOptions(sqliteJournalTable, options);
  const { synchronous, maxWaiting } = resolveOptions(sqliteJournalTable, options);
  const name = `sqlite:${path}`;
  const writer = await SqliteThread.start(name, { path, synchronous, readOnly: false });
  try {
    const reader = await SqliteThread.start(name, { path, synchronous, readOnly: true });
    return new SqliteJournal(name, writer, reader, maxWaiting);
  } catch (error) {
    await writer.close();
    throw error;
  }
}

/** Milliseconds that a commit may take: SQLite itself waits up to 10 s for another process. */
const callTimeout = 60_000;

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection, in a thread. Answers come in the order of the messages. */
class SqliteThread {
  readonly #name: string;
  readonly #waiting: Waiting[] = [];
  #thread: Thread | undefined;
  #end: PersistenceError | undefined;

  private constructor(name: string) {
    this.#name = name;
  }

  static async start(
    name: string,
    options: Omit<Extract<ToSqlite, { type: "start" }>, "type">,
  ): Promise<SqliteThread> {
    const thread = new SqliteThread(name);
    const ending = import.meta.url.endsWith(".js") ? "js" : "ts";
    try {
      thread.#thread = await platform.threads.start(
        new URL(`./sqlite_worker.${ending}`, import.meta.url),
        "casty sqlite",
        {
          onMessage: (message) => thread.#onAnswer(message as FromSqlite),
          onError: (reason) => thread.#fail(reason),
        },
      );
    } catch (cause) {
      throw new PersistenceError("storeUnavailable", `${name} cannot start its thread`, {
        value: name,
        cause,
        remedy: "see the cause; the thread loads its modules from where the library is",
      });
    }
    try {
      await thread.ask({ type: "start", ...options });
    } catch (error) {
      thread.#thread.terminate();
      throw error;
    }
    return thread;
  }

  ask<T>(message: ToSqlite): Promise<T> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#thread!.post(message);
    });
  }

  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    await this.ask({ type: "close" }).catch(() => {});
    this.#end = storeClosed(this.#name);
    this.#thread!.terminate();
  }

  #onAnswer(answer: FromSqlite): void {
    const { resolve, reject } = this.#waiting.shift()!;
    if (answer.type === "done") return resolve(answer.value as never);
    reject(
      new PersistenceError(answer.code, `${this.#name}: ${answer.message}`, { value: this.#name }),
    );
  }

  /** The thread is gone: what it was doing may have been committed. */
  #fail(reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = new PersistenceError("storeUnavailable", `${this.#name} has ended: ${reason}`, {
      value: this.#name,
    });
    const unknown = new PersistenceError("outcomeUnknown", `${this.#name} has ended: ${reason}`, {
      value: this.#name,
    });
    for (const { reject } of this.#waiting.splice(0)) reject(unknown);
  }
}

interface WaitingWrite {
  readonly write: SqliteWrite;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingEntry {
  readonly entry: AppendEntry;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

class SqliteJournal implements CopyableJournal {
  readonly name: string;
  readonly #writer: SqliteThread;
  readonly #reader: SqliteThread;
  readonly #guard: StoreGuard;
  readonly #listeners = new Set<() => void>();
  /** For the next commit. */
  #writes: WaitingWrite[] = [];
  #entries: WaitingEntry[] = [];
  readonly #pace = new CommitPace();
  #isDeferred = false;
  #onIdle: (() => void) | undefined;
  #closed = false;

  constructor(name: string, writer: SqliteThread, reader: SqliteThread, maxWaiting: number) {
    this.name = name;
    this.#writer = writer;
    this.#reader = reader;
    this.#guard = new StoreGuard({ name, maxWaiting, callTimeout, clock: systemClock });
  }

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    return resultOf(await this.#write({ type: "open", id, epoch }));
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const refusal = this.#guard.refusal(this.#pace.waiting, entries.length);
    if (refusal !== undefined) return Promise.reject(refusal);
    const [first] = entries;
    // An actor appends one entry at a time.
    const appended = entries.length === 1
      ? new Promise<readonly AppendResult[]>((resolve, reject) => {
        this.#entries.push({ entry: first!, resolve: (result) => resolve([result]), reject });
      })
      : Promise.all(entries.map((entry) =>
        new Promise<AppendResult>((resolve, reject) => {
          this.#entries.push({ entry, resolve, reject });
        })
      ));
    this.#pace.add(entries.length);
    this.#sendSoon();
    return appended;
  }

  async *read(id: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    const { from = 1, batch = 500 } = options;
    const to = options.to ?? await this.#read<number>({ type: "lastSeq", id });
    const load = (next: number) => {
      const part = this.#read<PackedEvents>({
        type: "events",
        id,
        from: next,
        to,
        limit: batch,
      });
      // A reader that ends early does not wait for it.
      part.catch(() => {});
      return part;
    };
    for (let part = from > to ? undefined : load(from); part !== undefined;) {
      const events = unpackEvents(await part);
      const next = (events.at(-1)?.seq ?? to) + 1;
      // The thread reads on while the caller uses what is there.
      part = events.length < batch || next > to ? undefined : load(next);
      yield* events;
    }
  }

  loadSnapshot(
    id: string,
    maxSeq = Number.MAX_SAFE_INTEGER,
  ): Promise<StoredSnapshot | undefined> {
    return this.#read({ type: "snapshot", id, maxSeq });
  }

  async saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    resultOf(await this.#write({ type: "saveSnapshot", id, snapshot, keep }));
  }

  async deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    resultOf(await this.#write({ type: "deleteEvents", id, upTo, epoch }));
  }

  async delete(id: string, epoch: number): Promise<void> {
    resultOf(await this.#write({ type: "delete", id, epoch }));
  }

  head(id: string): Promise<LogHead> {
    return this.#read({ type: "head", id });
  }

  async exportLog(id: string, after: number, maxBytes: number): Promise<LogPart | undefined> {
    const log = await this.#read<SqliteLog | undefined>({ type: "exportLog", id, after });
    return log && partOfLog(id, log, unpackEvents(log.events), after, maxBytes, log.hasMore);
  }

  async importLog(part: LogPart): Promise<void> {
    await this.#write({ type: "importLog", part });
  }

  async forget(ids: readonly string[]): Promise<void> {
    await this.#write({ type: "forget", ids });
  }

  async readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    const { slices, after, limit = 500, tag } = options;
    const events: SliceEvent[] = [];
    let read = lowest(options);
    for (;;) {
      const part = await this.#read<SqliteSlices>({
        type: "slices",
        slices,
        after: read,
        limit: limit - events.length,
        tag,
      });
      for (const event of part.events) {
        if (event.position > (after.get(event.slice) ?? 0n)) events.push(event);
      }
      read = part.read;
      if (events.length >= limit || !part.hasMore) break;
    }
    return { events, next: advanced(options, read) };
  }

  countSlices(options: ReadSlicesOptions): Promise<number> {
    const { slices, limit = 500, tag } = options;
    return this.#read({ type: "countSlices", slices, after: lowest(options), limit, tag });
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    return this.#read({ type: "due", options });
  }

  onAppended(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#guard.close();
    if (!this.#pace.isIdle || this.#pace.waiting > 0) {
      await new Promise<void>((resolve) => this.#onIdle = resolve);
    }
    await this.#writer.close();
    await this.#reader.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read<T>(read: SqliteRead): Promise<T> {
    if (this.#closed) return Promise.reject(storeClosed(this.name));
    return this.#reader.ask({ type: "read", read });
  }

  #write(write: SqliteWrite): Promise<unknown> {
    const refusal = this.#guard.refusal(this.#pace.waiting, 1);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#writes.push({ write, resolve, reject });
      this.#pace.add(1);
      this.#sendSoon();
    });
  }

  /** What is called in the same turn shares a commit. */
  #sendSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    systemClock.defer(() => {
      this.#isDeferred = false;
      this.#sendMore();
    });
  }

  #sendMore(): void {
    for (;;) {
      const count = this.#pace.next();
      if (count === 0) return;
      this.#send(count);
      // The rest is the next commit's.
    }
  }

  #send(count: number): void {
    const writes = this.#writes.splice(0, count);
    const entries = this.#takeEntries(count - writes.length);
    const appended: SqliteWrite[] = entries.length === 0
      ? []
      : [{ type: "append", packed: packedOf(entries.map(({ entry }) => entry)) }];
    this.#pace.begin(writes.length + entries.length);
    const message: ToSqlite = {
      type: "write",
      writes: [...writes.map(({ write }) => write), ...appended],
    };
    this.#guard.run(() => this.#writer.ask<Written>(message)).then(({ results, ms }) => {
      for (const [index, { resolve }] of writes.entries()) resolve(results[index]);
      if (entries.length > 0) this.#resolve(entries, results.at(-1) as Refusals);
      return ms;
    }, (error) => {
      for (const { reject } of writes) reject(error);
      for (const { reject } of entries) reject(error);
    }).then((ms) => this.#onEnded(ms as number | undefined));
  }

  /** Up to so many, and of so many bytes. */
  #takeEntries(most: number): WaitingEntry[] {
    let bytes = 0;
    let count = 0;
    for (; count < most && bytes < maxBatchBytes; count++) {
      bytes += sizeOf(this.#entries[count]!.entry);
    }
    return this.#entries.splice(0, count);
  }

  /** `ms`: undefined if the commit has failed. */
  #onEnded(ms: number | undefined): void {
    this.#pace.end(ms);
    if (this.#pace.isDivided) this.#sendMore();
    else {
      // Actors that have just been answered may write again at once.
      systemClock.yield(() => this.#sendMore());
    }
    if (this.#pace.isIdle && this.#pace.waiting === 0) this.#onIdle?.();
  }

  #resolve(entries: readonly WaitingEntry[], refusals: Refusals): void {
    const refused = new Map(refusals);
    for (const [index, { entry, resolve }] of entries.entries()) {
      const lastSeq = entry.expectedSeq + entry.events.length;
      resolve(refused.get(index) ?? { outcome: "appended", lastSeq });
    }
    for (const listener of this.#listeners) listener();
  }
}
