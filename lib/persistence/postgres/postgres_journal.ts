// @ts-types="./pg_types.d.ts"
import pg, { type Pool, type PoolClient } from "pg";
import { resolveOptions } from "../../options/check_options.ts";
import { postgresJournalTable } from "../../options/tables/persistence_tables.ts";
import type { Timer } from "../../runtime/clock.ts";
import { randomId } from "../../runtime/random.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { systemRandom } from "../../runtime/system_random.ts";
import { PersistenceError } from "../errors.ts";
import {
  advanced,
  type AppendEntry,
  type AppendResult,
  claimOf,
  type DueLog,
  type Journal,
  judgeAppend,
  type LogHead,
  lowest,
  type OpenedLog,
  type ReadDueOptions,
  type ReadOptions,
  type ReadSlicesOptions,
  type SliceEvent,
  sliceOf,
  type SlicePage,
  type StoredEvent,
  type StoredSnapshot,
} from "../journal.ts";
import { fenced, storeClosed } from "../journal_errors.ts";
import { StoreGuard } from "../store_guard.ts";
import { maxBatchBytes, sizeOf } from "../append_columns.ts";
import { AppendListener } from "./append_listener.ts";
import { appendValues, headValues } from "./append_values.ts";
import { migrate } from "./migrate.ts";
import { answeredWithin, isRefusal, textOf, withoutPassword } from "./server_errors.ts";
import * as sql from "./statements.ts";

/** Options of {@linkcode postgresJournal}. */
export interface PostgresJournalOptions {
  /** Connections that write at once, and as many that read. Default 4. */
  readonly connections?: number;
  /** Events that are appended in one commit. Default 1 000. */
  readonly maxBatch?: number;
  /** Entries that may wait; more are refused with `storeUnavailable`. Default 10 000. */
  readonly maxWaiting?: number;
  /** Milliseconds after which the server ends a statement. Default 10 000. */
  readonly statementTimeout?: number;
  /**
   * Accepts a server with `synchronous_commit = off`, which loses confirmed events when it crashes.
   * Default false.
   */
  readonly allowAsynchronousCommit?: boolean;
}

/** How often an append is tried whose connection has ended or does not answer. */
const attempts = 5;
/** Times `statementTimeout` after which it is not tried again. */
const repeatedFor = 3;
/** Milliseconds before the second attempt; doubled before each further one. */
const firstPause = 50;
/** Entries from which on they are divided between connections. */
const minBatch = 16;
/** Milliseconds between two notices of appends to other processes, at least. */
const noticePause = 20;
/** Events that one reading of slices looks at, so that the server does not search for long. */
const sliceWindow = 10_000;

/**
 * A store in PostgreSQL 14 or later. Entries that wait are appended in one statement for each free
 * connection. If a connection ends in the middle of a commit, the append is sent again: that it
 * expects the same last number tells whether the first one was done.
 *
 * @param url such as `"postgres://user:password@host:5432/bank"`.
 * @throws {PersistenceError} codes `storeUnavailable`, `futureVersion`.
 * @throws {OptionError}.
 *
 * @example
 * ```ts ignore
 * import { postgresJournal } from "@casty/casty/postgres";
 *
 * const journal = await postgresJournal(Deno.env.get("DATABASE_URL")!);
 * ```
 */
export function postgresJournal(
  url: string,
  options: PostgresJournalOptions = {},
): Promise<Journal> {
  return postgresJournalWith(url, options, undefined);
}

/** @internal `resetTimeout`: for tests, which need not be without calls for 15 s after 10 failures. */
export async function postgresJournalWith(
  url: string,
  options: PostgresJournalOptions,
  resetTimeout: number | undefined,
): Promise<Journal> {
  const settings = resolveOptions(postgresJournalTable, options) as Required<
    PostgresJournalOptions
  >;
  const journal = new PostgresJournal(url, settings, resetTimeout);
  try {
    await journal.prepare();
  } catch (error) {
    await journal.close();
    throw error;
  }
  return journal;
}

interface WaitingEntry {
  readonly entry: AppendEntry;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

interface HeadRow {
  readonly id: string;
  readonly epoch: string;
  readonly last_seq: string;
}

class PostgresJournal implements Journal {
  readonly name: string;
  readonly isShared = true;
  readonly #settings: Required<PostgresJournalOptions>;
  readonly #pool: Pool;
  readonly #guard: StoreGuard;
  #waiting: WaitingEntry[] = [];
  #isDeferred = false;
  #appending = 0;
  #idle: (() => void) | undefined;
  #closed = false;
  readonly #url: string;
  readonly #listeners = new Set<() => void>();
  #listener: AppendListener | undefined;
  /** Tells other processes which notices are this one's. */
  readonly #token = randomId(systemRandom);
  #notice: Timer | undefined;

  constructor(
    url: string,
    settings: Required<PostgresJournalOptions>,
    resetTimeout: number | undefined,
  ) {
    this.#settings = settings;
    this.#url = url;
    this.name = withoutPassword(url);
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 2 * settings.connections,
      connectionTimeoutMillis: settings.statementTimeout,
      statement_timeout: settings.statementTimeout,
      application_name: "casty",
      onConnect: (client) =>
        client.query({ text: sql.settings, query_timeout: settings.statementTimeout }),
    });
    // A connection that ends would end the process; its query, if there is one, fails as well.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#guard = new StoreGuard({
      name: this.name,
      maxWaiting: settings.maxWaiting,
      // For a connection, and for the statement; both have bounds of their own.
      callTimeout: 3 * settings.statementTimeout,
      resetTimeout,
      clock: systemClock,
    });
  }

  /** Makes the tables, and checks the server. */
  async prepare(): Promise<void> {
    const [shown] = await this.#query<{ synchronous_commit: string }>(
      "show synchronous_commit",
      [],
    );
    if (shown!.synchronous_commit === "off" && !this.#settings.allowAsynchronousCommit) {
      throw new PersistenceError(
        "storeUnavailable",
        `${this.name} has synchronous_commit = off, and so loses confirmed events in a crash`,
        {
          value: "off",
          remedy: "switch it on, or set allowAsynchronousCommit if that is what you want",
        },
      );
    }
    const client = await this.#connect();
    try {
      await migrate(client, this.name);
    } catch (cause) {
      throw this.#unavailable(cause);
    } finally {
      client.release(true);
    }
  }

  get failure(): string | undefined {
    return this.#guard.failure;
  }

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    // Opening again with the same epoch changes nothing, so that it may be repeated.
    const rows = epoch === undefined
      ? await this.#query<HeadRow>(sql.openNext, [id, sliceOf(id)])
      : await this.#repeated<HeadRow>(sql.openWith, [id, epoch, sliceOf(id)]);
    const [row] = rows;
    if (row === undefined) {
      const [other] = await this.#query<HeadRow>(sql.head, [id]);
      throw fenced(id, epoch!, Number(other!.epoch));
    }
    return { epoch: Number(row.epoch), lastSeq: Number(row.last_seq) };
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const refusal = this.#guard.refusal(this.#waiting.length, entries.length);
    if (refusal !== undefined) return Promise.reject(refusal);
    const tooLong = entries.find(({ events }) => events.length > sql.maxEntry);
    if (tooLong !== undefined) return Promise.reject(this.#tooLong(tooLong));
    const results = entries.map((entry) =>
      new Promise<AppendResult>((resolve, reject) => {
        this.#waiting.push({ entry, resolve, reject });
      })
    );
    this.#appendSoon();
    return Promise.all(results);
  }

  #tooLong({ id, events }: AppendEntry): PersistenceError {
    return new PersistenceError(
      "storeUnavailable",
      `${this.name}: ${id} appends ${events.length} events at once, more than ${sql.maxEntry}`,
      { value: events.length, place: { id }, remedy: "persist fewer events with one command" },
    );
  }

  /** What is called in the same turn is divided between the free connections. */
  #appendSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    systemClock.defer(() => {
      this.#isDeferred = false;
      this.#appendMore();
    });
  }

  /** Begins appends while connections are free. */
  #appendMore(): void {
    while (this.#appending < this.#settings.connections && this.#waiting.length > 0) {
      const free = this.#settings.connections - this.#appending;
      const batch = this.#nextBatch(Math.max(minBatch, Math.ceil(this.#waiting.length / free)));
      this.#appending++;
      void this.#appendBatch(batch).finally(() => {
        this.#appending--;
        this.#appendMore();
        if (this.#appending === 0) this.#idle?.();
      });
    }
  }

  /** Takes entries that wait, up to `most`: of each id the first one, up to the size of a batch. */
  #nextBatch(most: number): WaitingEntry[] {
    const ids = new Set<string>();
    const batch: WaitingEntry[] = [];
    const rest: WaitingEntry[] = [];
    let events = 0;
    let bytes = 0;
    for (const one of this.#waiting) {
      const { id, events: { length } } = one.entry;
      const fits = batch.length === 0 ||
        batch.length < most && bytes < maxBatchBytes &&
          events + length <= this.#settings.maxBatch;
      if (!fits || ids.has(id)) {
        rest.push(one);
        // A later entry of this id must not overtake it.
        ids.add(id);
        continue;
      }
      ids.add(id);
      events += length;
      bytes += sizeOf(one.entry);
      batch.push(one);
    }
    this.#waiting = rest;
    return batch;
  }

  async #appendBatch(batch: readonly WaitingEntry[]): Promise<void> {
    try {
      const results = await this.#append(batch.map(({ entry }) => entry));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
      if (!this.#closed) this.#noticeAppended();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** Entries of different ids. */
  async #append(entries: readonly AppendEntry[]): Promise<AppendResult[]> {
    // In one order everywhere, so that two batches do not wait for each other's heads.
    const sorted = [...entries].sort((a, b) => a.id < b.id ? -1 : 1);
    let isRepeated = false;
    const rows = await this.#repeated<{ readonly n: string }>(
      sql.append,
      appendValues(sorted),
      () => isRepeated = true,
    );
    const refused = rows.map(({ n }) => sorted[Number(n) - 1]!);
    const results = new Map<AppendEntry, AppendResult>();
    if (refused.length > 0) await this.#judgeRefused(refused, results, isRepeated);
    return entries.map((entry) => results.get(entry) ?? appended(entry));
  }

  async #judgeRefused(
    refused: readonly AppendEntry[],
    results: Map<AppendEntry, AppendResult>,
    isRepeated: boolean,
  ): Promise<void> {
    const rows = await this.#query<HeadRow>(sql.heads, [refused.map(({ id }) => id)]);
    const heads = new Map(rows.map((row) => [row.id, headOf(row)]));
    const missing = refused.filter(({ id }) => !heads.has(id));
    if (missing.length > 0) {
      await this.#repeated(sql.makeHeads, headValues(missing.map(({ id }) => id)));
      const again = await this.#append(missing);
      for (const [index, entry] of missing.entries()) results.set(entry, again[index]!);
    }
    for (const entry of refused) {
      const head = heads.get(entry.id);
      if (head !== undefined) results.set(entry, await this.#result(head, entry, isRepeated));
    }
  }

  /** Why an entry was refused; after a repetition perhaps because it had been appended before. */
  async #result(head: LogHead, entry: AppendEntry, isRepeated: boolean): Promise<AppendResult> {
    let result = judgeAppend(head, claimOf(entry));
    // Its head has moved to the expected number since: then it was another one.
    if (result.outcome === "appended") result = { outcome: "conflict", lastSeq: head.lastSeq };
    if (!isRepeated) return result;
    const { id, expectedSeq, epoch, events } = entry;
    const lastSeq = expectedSeq + events.length;
    let index = 0;
    for await (const stored of this.read(id, { from: expectedSeq + 1, to: lastSeq })) {
      const own = events[index++]!;
      if (
        stored.epoch !== epoch || stored.checksum !== own.checksum || stored.at !== own.at
      ) return result;
    }
    return index === events.length ? { outcome: "appended", lastSeq } : result;
  }

  async *read(id: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    const { from = 1, batch = 500 } = options;
    const [row] = await this.#query<HeadRow>(sql.head, [id]);
    const last = row === undefined ? 0 : Number(row.last_seq);
    const to = Math.min(options.to ?? last, last);
    for (let next = from; next <= to;) {
      const rows = await this.#query<EventRow>(sql.events, [id, next, to, batch]);
      if (rows.length === 0) return;
      for (const found of rows) {
        yield eventOf(found);
      }
      next = Number(rows.at(-1)!.seq) + 1;
    }
  }

  async loadSnapshot(
    id: string,
    maxSeq = Number.MAX_SAFE_INTEGER,
  ): Promise<StoredSnapshot | undefined> {
    const [row] = await this.#query<Row>(sql.snapshot, [id, maxSeq]);
    return row && storedOf(row);
  }

  async saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    const { seq, epoch, at, version, checksum, payload } = snapshot;
    const { metadata = null } = snapshot;
    const values = [id, seq, epoch, at, version, checksum, payload, keep - 1, metadata];
    await this.#unlessFenced(id, epoch, await this.#repeated(sql.saveSnapshot, values));
  }

  async deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    await this.#unlessFenced(id, epoch, await this.#repeated(sql.deleteEvents, [id, upTo, epoch]));
  }

  async #unlessFenced(id: string, epoch: number, rows: readonly unknown[]): Promise<void> {
    if (rows.length > 0) return;
    const [head] = await this.#query<HeadRow>(sql.head, [id]);
    throw fenced(id, epoch, Number(head?.epoch ?? 0));
  }

  async delete(id: string, epoch: number): Promise<void> {
    await this.#unlessFenced(id, epoch, await this.#repeated(sql.deleteAll, [id, epoch]));
  }

  async readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    const { slices: { from, to }, after, limit = 500, tag } = options;
    const events: SliceEvent[] = [];
    let read = lowest(options);
    for (let hasMore = true; hasMore && events.length < limit;) {
      const most = limit - events.length;
      const values = [String(read), from, to, most, sliceWindow];
      const rows = await (tag === undefined
        ? this.#query<SliceRow>(sql.slices, values)
        : this.#query<SliceRow>(sql.taggedSlices, [...values, tag]));
      for (const row of rows) {
        if (row.position === null) {
          continue;
        }
        const position = BigInt(row.position);
        const { id, slice } = row;
        if (position > (after.get(slice) ?? 0n)) {
          events.push({ ...eventOf(row), id, slice, position });
        }
      }
      const [first] = rows;
      // A full page ends at its last event.
      const isFull = rows.length === most && first!.position !== null;
      read = larger(read, BigInt(isFull ? rows.at(-1)!.position! : first!.read));
      hasMore = isFull || first!.more;
    }
    return { events, next: advanced(options, read) };
  }

  async countSlices(options: ReadSlicesOptions): Promise<number> {
    const { slices: { from, to }, limit = 500, tag } = options;
    const values = [String(lowest(options)), from, to, limit];
    const [row] =
      await (tag === undefined
        ? this.#query<{ readonly count: number }>(sql.countSlices, values)
        : this.#query<{ readonly count: number }>(sql.countTaggedSlices, [...values, tag]));
    return row!.count;
  }

  async readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    const { slices: { from, to }, before, limit } = options;
    const rows = await this.#query<{ readonly id: string; readonly wake: string }>(
      sql.due,
      [Math.floor(before), from, to, limit],
    );
    return rows.map(({ id, wake }) => ({ id, wake: Number(wake) }));
  }

  onAppended(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    if (!this.#closed) {
      this.#listener ??= new AppendListener({
        url: this.#url,
        own: this.#token,
        timeout: this.#settings.statementTimeout,
        onAppended: () => this.#tellListeners(),
      });
    }
    return () => void this.#listeners.delete(own);
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  /**
   * Tells other processes, some time later and apart from the append: a transaction that notifies
   * holds a lock of the whole server at its commit, so that others could not commit at the same time.
   */
  #noticeAppended(): void {
    this.#tellListeners();
    if (this.#notice !== undefined) return;
    this.#notice = systemClock.schedule(noticePause, () => {
      this.#notice = undefined;
      // A hint: that it fails says nothing about appends.
      const { signal } = new AbortController();
      this.#queryOnce(sql.notify, [this.#token], signal).catch(() => {});
    });
    this.#notice.unref?.();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#guard.close();
    if (this.#appending > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    this.#notice?.cancel();
    await this.#listener?.end();
    await this.#pool.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A statement that may be repeated when its connection has ended. */
  async #repeated<R extends object>(
    text: string,
    values: readonly unknown[],
    onRepeat: () => void = () => {},
  ): Promise<R[]> {
    let isUnknown = false;
    const end = systemClock.now() + repeatedFor * this.#settings.statementTimeout;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#query<R>(text, values);
      } catch (error) {
        if (!(error instanceof PersistenceError) || error.code === "fenced") throw error;
        isUnknown ||= error.code === "outcomeUnknown";
        const mayRepeat = isUnknown || isDeadlock(error.cause);
        const isLast = attempt === attempts || systemClock.now() >= end;
        if (!mayRepeat || isLast || this.#closed) {
          throw isUnknown && error.code !== "outcomeUnknown" ? this.#unknown(error.cause) : error;
        }
        onRepeat();
        await new Promise<void>((resolve) => {
          systemClock.schedule(firstPause * 2 ** attempt, resolve);
        });
      }
    }
  }

  async #query<R extends object>(text: string, values: readonly unknown[]): Promise<R[]> {
    if (this.#closed && this.#appending === 0) throw storeClosed(this.name);
    return await this.#guard.run((signal) => this.#queryOnce<R>(text, values, signal));
  }

  async #queryOnce<R extends object>(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<R[]> {
    const client = await this.#connect();
    let isReleased = false;
    const release = (end: boolean) => {
      if (!isReleased) client.release(end);
      isReleased = true;
    };
    // A connection that does not answer must not be kept for the next query.
    signal.addEventListener("abort", () => release(true));
    if (signal.aborted) release(true);
    // Its statement fails then.
    const { statementTimeout } = this.#settings;
    const timer = systemClock.schedule(answeredWithin * statementTimeout, () => release(true));
    try {
      const name = sql.nameOf(text);
      const { rows } = await client.query({ name, text, values: values as unknown[] });
      release(false);
      return rows as R[];
    } catch (cause) {
      // A connection with an error may be in any state.
      release(true);
      if (isRefusal(cause)) throw this.#unavailable(cause);
      throw this.#unknown(cause);
    } finally {
      timer.cancel();
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (cause) {
      throw this.#unavailable(cause);
    }
  }

  #unknown(cause: unknown): PersistenceError {
    return new PersistenceError(
      "outcomeUnknown",
      `${this.name}: the connection has ended, or nothing answers: ${textOf(cause)}`,
      { value: this.name, cause, remedy: "none is needed: actors that were writing recover" },
    );
  }

  #unavailable(cause: unknown): PersistenceError {
    if (cause instanceof PersistenceError) return cause;
    return new PersistenceError("storeUnavailable", `${this.name}: ${textOf(cause)}`, {
      value: this.name,
      cause,
      remedy: "see the cause; nothing of this was written",
    });
  }
}

/** Of two transactions that wait for each other the server ends one, and so has not done it. */
function isDeadlock(error: unknown): boolean {
  return (error as { readonly code?: unknown } | undefined)?.code === "40P01";
}

interface Row {
  readonly seq: string;
  readonly epoch: string;
  readonly at: string;
  readonly version: number;
  readonly checksum: string;
  readonly payload: Uint8Array;
  readonly metadata: Uint8Array | null;
}

interface EventRow extends Row {
  readonly tags: string | null;
}

interface SliceRow extends EventRow {
  readonly read: string;
  readonly more: boolean;
  /** Null: there is no event in this row. */
  readonly position: string | null;
  readonly id: string;
  readonly slice: number;
}

/** Of `pg`, as an array of its own class. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function storedOf({ seq, epoch, at, version, checksum, payload, metadata }: Row): StoredSnapshot {
  return {
    seq: Number(seq),
    epoch: Number(epoch),
    at: Number(at),
    version,
    checksum: Number(checksum),
    payload: bytesOf(payload),
    ...(metadata !== null && { metadata: bytesOf(metadata) }),
  };
}

function eventOf(row: EventRow): StoredEvent {
  return { ...storedOf(row), ...(row.tags !== null && { tags: JSON.parse(row.tags) }) };
}

function appended({ expectedSeq, events }: AppendEntry): AppendResult {
  return { outcome: "appended", lastSeq: expectedSeq + events.length };
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function headOf({ epoch, last_seq }: HeadRow): LogHead {
  return { epoch: Number(epoch), lastSeq: Number(last_seq) };
}
