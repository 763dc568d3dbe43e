import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import { sqliteJournalTable } from "../../options/tables/persistence_tables.ts";
import { platform } from "../../runtime/platform.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Thread, ThreadPort } from "../../runtime/platform_port.ts";
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
  type Found,
  type Refusals,
  resultOf,
  type SqliteLog,
  type SqliteRead,
  type SqliteWrite,
} from "./database.ts";
import type { SqliteSlices } from "./slice_reader.ts";
import { folderOf, type Storage, type StorageFile } from "../../runtime/storage.ts";
import { systemStorage } from "../../runtime/system_storage.ts";
import { GroupSync } from "./group_sync.ts";
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
export function sqliteJournal(
  path: string,
  options: SqliteJournalOptions = {},
): Promise<Journal> {
  const { threads } = platform;
  return openSqliteJournal(path, options, { threads, clock: systemClock, storage: systemStorage });
}

/** What a store uses of its process. */
export interface SqliteRuntime {
  readonly threads: ThreadPort;
  readonly clock: Clock;
  readonly storage: Pick<Storage, "open" | "size" | "syncFolder">;
  /** Whether commits wait for the disk themselves, which `storage` does not see. Default: see `CommitPace`. */
  readonly waitsInCommits?: boolean | undefined;
}

/** The same with another runtime, for tests. */
export async function openSqliteJournal(
  path: string,
  options: SqliteJournalOptions,
  runtime: SqliteRuntime,
): Promise<Journal> {
  checkOptions(sqliteJournalTable, options);
  const { synchronous, maxWaiting } = resolveOptions(sqliteJournalTable, options);
  const name = `sqlite:${path}`;
  const writer = await SqliteThread.start(name, runtime, { path, readOnly: false });
  let reader: SqliteThread | undefined;
  try {
    reader = await SqliteThread.start(name, runtime, { path, readOnly: true });
    const log = synchronous === "FULL"
      ? await openLog(name, runtime.storage, `${writer.path}-wal`)
      : undefined;
    const { clock, waitsInCommits } = runtime;
    return new SqliteJournal({ name, writer, reader, log, maxWaiting, clock, waitsInCommits });
  } catch (error) {
    await writer.close();
    await reader?.close();
    throw error;
  }
}

/**
 * Opens the log of a file to wait for the disk, which has all of it then. The connections keep the log from
 * being replaced.
 */
async function openLog(
  name: string,
  storage: SqliteRuntime["storage"],
  path: string,
): Promise<StorageFile> {
  let log: StorageFile | undefined;
  try {
    // `open` would make a new one.
    await storage.size(path);
    log = await storage.open(path, "append");
    await log.sync();
    await storage.syncFolder(folderOf(path));
    return log;
  } catch (cause) {
    await log?.close().catch(() => {});
    throw new PersistenceError("storeUnavailable", `${name}: its log cannot be made durable`, {
      value: path,
      cause,
      remedy: "see the cause",
    });
  }
}

/** Milliseconds that a commit may take: SQLite itself waits up to 10 s for another process. */
const callTimeout = 60_000;
/** Milliseconds that closing the file may take, which copies its log to it; the next start does it else. */
const closeTimeout = 5_000;

interface Waiting {
  /** Whether it changes something: then its outcome is unknown if there is no answer. */
  readonly isWrite: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection, in a thread. Answers come in the order of the messages. */
class SqliteThread {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #thread: Thread | undefined;
  #end: PersistenceError | undefined;
  #path = "";

  private constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
  }

  static async start(
    name: string,
    { threads, clock }: SqliteRuntime,
    options: Omit<Extract<ToSqlite, { type: "start" }>, "type">,
  ): Promise<SqliteThread> {
    const thread = new SqliteThread(name, clock);
    const ending = import.meta.url.endsWith(".js") ? "js" : "ts";
    try {
      thread.#thread = await threads.start(
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
      thread.#path = await thread.ask<string>({ type: "start", ...options });
    } catch (error) {
      thread.#thread.terminate();
      throw error;
    }
    return thread;
  }

  /** The file, without links. */
  get path(): string {
    return this.#path;
  }

  /** Why it has ended. */
  get end(): string | undefined {
    return this.#end?.message;
  }

  ask<T>(message: ToSqlite): Promise<T> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ isWrite: message.type === "write", resolve, reject });
      this.#thread!.post(message);
    });
  }

  /** A thread that hangs in the kernel is left after `closeTimeout`, with the outcome of its writes unknown. */
  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    await settledWithin(this.#clock, closeTimeout, this.ask({ type: "close" }));
    // Only what has no answer: it may be carried out still.
    this.#fail("it did not answer when it was closed");
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
    for (const { isWrite, reject } of this.#waiting.splice(0)) {
      reject(isWrite ? unknown : this.#end);
    }
  }
}

/** Resolves when a promise has settled, or after so many milliseconds. */
async function settledWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: timedOut, resolve } = Promise.withResolvers<void>();
  const timer = clock.schedule(ms, resolve);
  await Promise.race([promise.catch(() => {}), timedOut]);
  timer.cancel();
}

type WriteMessage = Extract<ToSqlite, { type: "write" }>;

const isUnknown = (error: unknown) =>
  error instanceof PersistenceError && error.code === "outcomeUnknown";

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

interface SqliteParts {
  readonly name: string;
  readonly writer: SqliteThread;
  readonly reader: SqliteThread;
  /** The log of the file; undefined: nothing waits for the disk. */
  readonly log: StorageFile | undefined;
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly waitsInCommits: boolean | undefined;
}

/**
 * Invariant: nothing is answered that rests on what the disk has not. A commit of the thread does not wait
 * for a slow disk, so that the next one is carried out meanwhile: its answer waits, as do answers to reads,
 * which may have seen what it or another process has committed.
 */
class SqliteJournal implements CopyableJournal {
  readonly name: string;
  readonly #clock: Clock;
  readonly #writer: SqliteThread;
  readonly #reader: SqliteThread;
  readonly #guard: StoreGuard;
  readonly #listeners = new Set<() => void>();
  /** For the next commit. */
  #writes: WaitingWrite[] = [];
  #entries: WaitingEntry[] = [];
  readonly #pace = new CommitPace();
  readonly #waitsInCommits: boolean | undefined;
  #isDeferred = false;
  readonly #log: StorageFile | undefined;
  readonly #disk: GroupSync | undefined;
  /** The disk has what readers see at this version. */
  #durableVersion = -1;
  /** Commits that were sent and not answered. */
  #unanswered = 0;
  /** A wait for the disk has failed. */
  #broken: PersistenceError | undefined;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ name, writer, reader, log, maxWaiting, clock, waitsInCommits }: SqliteParts) {
    this.name = name;
    this.#clock = clock;
    this.#waitsInCommits = waitsInCommits;
    this.#log = log;
    this.#disk = log && new GroupSync(() => log.sync(), (cause) => this.#onSyncFailed(cause));
    this.#writer = writer;
    this.#reader = reader;
    this.#guard = new StoreGuard({ name, maxWaiting, callTimeout, clock });
  }

  get failure(): string | undefined {
    return this.#broken?.message ?? this.#writer.end ?? this.#reader.end ?? this.#guard.failure;
  }

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    return resultOf(await this.#write({ type: "open", id, epoch }));
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const refusal = this.#refusal(entries.length);
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
    const log = await this.#read<SqliteLog | undefined>({ type: "exportLog", id, after, maxBytes });
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

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#guard.close();
    if (!this.#isIdle) {
      const { promise: idle, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      // Each commit may take so long: if the first one hangs, the others are not sent after it.
      await settledWithin(this.#clock, callTimeout, idle);
      this.#rejectUnsent(storeClosed(this.name));
    }
    this.#disk?.fail(storeClosed(this.name));
    await this.#writer.close();
    await this.#reader.close();
    const log = this.#log;
    if (log !== undefined) await settledWithin(this.#clock, closeTimeout, log.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read<T>(read: SqliteRead): Promise<T> {
    if (this.#closing !== undefined) throw storeClosed(this.name);
    if (this.#broken !== undefined) throw this.#broken;
    const { value, version } = await this.#reader.ask<Found>({ type: "read", read });
    if (this.#disk !== undefined && version !== this.#durableVersion) {
      await this.#disk.wait().catch(() => {
        throw this.#broken ?? storeClosed(this.name);
      });
      if (version > this.#durableVersion) this.#durableVersion = version;
    }
    return value as T;
  }

  #refusal(count: number): PersistenceError | undefined {
    return this.#broken ?? this.#guard.refusal(this.#pace.waiting, count);
  }

  /** What has no answer yet may be on the disk or not, and stay so: see {@linkcode GroupSync}. */
  #onSyncFailed(cause: unknown): void {
    if (this.#closing !== undefined) return;
    this.#broken = new PersistenceError(
      "storeUnavailable",
      `${this.name} has ended: a wait for the disk has failed`,
      {
        value: this.name,
        cause,
        remedy: "see to the disk, and open the store anew: what it finds then is what it has",
      },
    );
    this.#rejectUnsent(this.#broken);
  }

  #rejectUnsent(error: PersistenceError): void {
    for (const { reject } of this.#writes.splice(0)) reject(error);
    for (const { reject } of this.#entries.splice(0)) reject(error);
  }

  #write(write: SqliteWrite): Promise<unknown> {
    const refusal = this.#refusal(1);
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
    this.#clock.defer(() => {
      this.#isDeferred = false;
      this.#sendMore();
    });
  }

  #sendMore(): void {
    for (;;) {
      // None is left when the store was closed before they were sent.
      const count = Math.min(this.#pace.next(), this.#writes.length + this.#entries.length);
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
    const durable = this.#disk !== undefined && (this.#waitsInCommits ?? this.#pace.isDurable);
    this.#pace.begin(writes.length + entries.length, durable);
    const message: WriteMessage = {
      type: "write",
      writes: [...writes.map(({ write }) => write), ...appended],
      durable,
    };
    this.#unanswered++;
    this.#commit(message).then((results) => {
      for (const [index, { resolve }] of writes.entries()) resolve(results[index]);
      if (entries.length > 0) this.#resolve(entries, results.at(-1) as Refusals);
    }, (error) => {
      for (const { reject } of writes) reject(error);
      for (const { reject } of entries) reject(error);
    }).then(() => {
      this.#unanswered--;
      if (this.#disk === undefined) this.#sendAgain();
      if (this.#isIdle) this.#onIdle?.();
    });
  }

  /** Resolves when it is durable. The next commit may be sent before that. */
  async #commit(message: WriteMessage): Promise<readonly unknown[]> {
    let written: Written | undefined;
    try {
      written = await this.#guard.run(() => this.#carryOut(message));
    } finally {
      // Invariant: commits end in the order in which they were sent.
      this.#pace.end(written?.ms);
      if (this.#disk !== undefined) this.#sendAgain();
    }
    // A commit that has changed nothing has waited for nothing, but its answer may rest on those before. Nor
    // does its wait count if another one has failed meanwhile.
    if (!written.isDurable || this.#broken !== undefined) await this.#durable();
    return written.results;
  }

  /** The thread carries out a commit. If that has waited for the disk in vain, no later wait proves anything. */
  async #carryOut(message: WriteMessage): Promise<Written> {
    try {
      return await this.#writer.ask<Written>(message);
    } catch (error) {
      const hasAnswered = this.#writer.end === undefined;
      if (message.durable && hasAnswered && isUnknown(error)) this.#disk!.fail(error);
      throw error;
    }
  }

  /** Resolves when the disk has what is committed now. Other errors would say that nothing was written. */
  async #durable(): Promise<void> {
    const disk = this.#disk;
    if (disk === undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    disk.wait().then(resolve, reject);
    const timer = this.#clock.schedule(callTimeout, () => {
      reject(new Error(`the disk has not answered within ${callTimeout} ms`));
    });
    try {
      await promise;
    } catch (cause) {
      throw new PersistenceError("outcomeUnknown", `${this.name}: a wait for the disk has failed`, {
        value: this.name,
        cause,
        remedy: "see to the disk, and open the store anew: actors find then what is stored",
      });
    } finally {
      timer.cancel();
    }
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

  #sendAgain(): void {
    if (this.#pace.isDivided) this.#sendMore();
    else {
      // Actors that have just been answered may write again at once.
      this.#clock.yield(() => this.#sendMore());
    }
  }

  get #isIdle(): boolean {
    return this.#unanswered === 0 && this.#writes.length === 0 && this.#entries.length === 0;
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
