// @ts-types="./pg_types.d.ts"
import pg, { type Pool, type PoolClient } from "pg";
import { CircuitBreaker } from "../../actor/services/circuit_breaker.ts";
import { ActorError } from "../../actor/errors.ts";
import { resolveOptions } from "../../options/check_options.ts";
import { postgresJournalTable } from "../../options/tables/persistence_tables.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { PersistenceError } from "../errors.ts";
import {
  type AppendEntry,
  type AppendResult,
  type Journal,
  judgeAppend,
  type LogHead,
  type OpenedLog,
  type ReadOptions,
  type StoredEvent,
  type StoredSnapshot,
} from "../journal.ts";
import { fenced, storeClosed } from "../journal_errors.ts";
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

/** How often an append is tried whose connection has ended. */
const attempts = 5;
/** Milliseconds before the second attempt; doubled before each further one. */
const firstPause = 50;

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
export async function postgresJournal(
  url: string,
  options: PostgresJournalOptions = {},
): Promise<Journal> {
  const settings = resolveOptions(postgresJournalTable, options) as Required<
    PostgresJournalOptions
  >;
  const journal = new PostgresJournal(url, settings);
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
  readonly #settings: Required<PostgresJournalOptions>;
  readonly #pool: Pool;
  readonly #breaker: CircuitBreaker;
  #waiting: WaitingEntry[] = [];
  #appending = 0;
  #idle: (() => void) | undefined;
  #closed = false;

  constructor(url: string, settings: Required<PostgresJournalOptions>) {
    this.#settings = settings;
    this.name = withoutPassword(url);
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 2 * settings.connections,
      connectionTimeoutMillis: settings.statementTimeout,
      statement_timeout: settings.statementTimeout,
      application_name: "casty",
    });
    // A connection that ends would end the process; its query, if there is one, fails as well.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#breaker = new CircuitBreaker({
      callTimeout: 2 * settings.statementTimeout * attempts,
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
      await client.query(
        `begin; select pg_advisory_xact_lock(${sql.migrationLock}); ${sql.migration} commit`,
      );
    } catch (cause) {
      throw this.#unavailable(cause);
    } finally {
      client.release(true);
    }
    const [row] = await this.#query<{ version: number }>("select version from casty_schema", []);
    if (row!.version !== sql.schemaVersion) {
      throw new PersistenceError(
        "futureVersion",
        `${this.name} has tables of version ${row!.version}`,
        {
          value: row!.version,
          remedy: `use a version of Casty that knows it; this one knows ${sql.schemaVersion}`,
        },
      );
    }
  }

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    // Opening again with the same epoch changes nothing, so that it may be repeated.
    const rows = epoch === undefined
      ? await this.#query<HeadRow>(sql.openNext, [id])
      : await this.#repeated<HeadRow>(sql.openWith, [id, epoch]);
    const [row] = rows;
    if (row === undefined) {
      const [other] = await this.#query<HeadRow>(sql.head, [id]);
      throw fenced(id, epoch!, Number(other!.epoch));
    }
    return { epoch: Number(row.epoch), lastSeq: Number(row.last_seq) };
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    if (this.#closed) return Promise.reject(storeClosed(this.name));
    if (this.#waiting.length + entries.length > this.#settings.maxWaiting) {
      return Promise.reject(
        new PersistenceError(
          "storeUnavailable",
          `${this.name}: ${this.#waiting.length} entries wait already`,
          { value: this.#settings.maxWaiting, remedy: "let clients repeat it later" },
        ),
      );
    }
    const results = entries.map((entry) =>
      new Promise<AppendResult>((resolve, reject) => {
        this.#waiting.push({ entry, resolve, reject });
      })
    );
    this.#appendMore();
    return Promise.all(results);
  }

  /** Begins appends while connections are free. */
  #appendMore(): void {
    while (this.#appending < this.#settings.connections && this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      this.#appending++;
      void this.#appendBatch(batch).finally(() => {
        this.#appending--;
        this.#appendMore();
        if (this.#appending === 0) this.#idle?.();
      });
    }
  }

  /** Takes entries that wait: of each id the first one, up to the size of a batch. */
  #nextBatch(): WaitingEntry[] {
    const ids = new Set<string>();
    const batch: WaitingEntry[] = [];
    const rest: WaitingEntry[] = [];
    let events = 0;
    for (const one of this.#waiting) {
      const { id, events: { length } } = one.entry;
      const fits = batch.length === 0 || events + length <= this.#settings.maxBatch;
      if (!fits || ids.has(id)) {
        rest.push(one);
        // A later entry of this id must not overtake it.
        ids.add(id);
        continue;
      }
      ids.add(id);
      events += length;
      batch.push(one);
    }
    this.#waiting = rest;
    return batch;
  }

  async #appendBatch(batch: readonly WaitingEntry[]): Promise<void> {
    try {
      const results = await this.#append(batch.map(({ entry }) => entry));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #append(entries: readonly AppendEntry[]): Promise<AppendResult[]> {
    const values = appendValues(entries);
    let isRepeated = false;
    const rows = await this.#repeated<HeadRow>(sql.append, values, () => isRepeated = true);
    const heads = new Map(rows.map((row) => [row.id, headOf(row)]));
    const missing = entries.filter(({ id }) => !heads.has(id)).map(({ id }) => id);
    if (missing.length > 0) {
      await this.#repeated(sql.makeHeads, [missing]);
      const again = await this.#append(entries.filter(({ id }) => missing.includes(id)));
      const found = new Map(missing.map((id, index) => [id, again[index]!]));
      return await Promise.all(
        entries.map((entry) =>
          found.get(entry.id) ?? this.#result(heads.get(entry.id)!, entry, isRepeated)
        ),
      );
    }
    return await Promise.all(
      entries.map((entry) => this.#result(heads.get(entry.id)!, entry, isRepeated)),
    );
  }

  /** The head before the append tells whether it was done; after a repetition, what is stored. */
  async #result(head: LogHead, entry: AppendEntry, isRepeated: boolean): Promise<AppendResult> {
    const result = judgeAppend(head, entry);
    if (result.outcome !== "conflict" || !isRepeated) return result;
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
      const rows = await this.#query<Row>(sql.events, [id, next, to, batch]);
      if (rows.length === 0) return;
      for (const found of rows) {
        const { tags, ...event } = found;
        yield {
          ...storedOf(event),
          ...(tags !== null && tags !== undefined && { tags: JSON.parse(tags) }),
        };
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
    const values = [id, seq, epoch, at, version, checksum, payload, keep - 1];
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

  // Next commit.
  delete(): Promise<void> {
    return Promise.reject(storeClosed(this.name));
  }

  readSlices(): Promise<never> {
    return Promise.reject(storeClosed(this.name));
  }

  readDue(): Promise<never> {
    return Promise.reject(storeClosed(this.name));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#appending > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    await this.#pool.end();
  }

  /** A statement that may be repeated when its connection has ended. */
  async #repeated<R extends object>(
    text: string,
    values: readonly unknown[],
    onRepeat: () => void = () => {},
  ): Promise<R[]> {
    let isUnknown = false;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#query<R>(text, values);
      } catch (error) {
        if (!(error instanceof PersistenceError) || error.code === "fenced") throw error;
        isUnknown ||= error.code === "outcomeUnknown";
        const mayRepeat = error.code === "outcomeUnknown" || isUnknown;
        if (!mayRepeat || attempt === attempts || this.#closed) {
          throw isUnknown && error.code !== "outcomeUnknown"
            ? new PersistenceError("outcomeUnknown", error.message, { cause: error })
            : error;
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
    try {
      return await this.#breaker.run(() => this.#queryOnce<R>(text, values));
    } catch (error) {
      throw error instanceof ActorError ? this.#unavailable(error) : error;
    }
  }

  async #queryOnce<R extends object>(text: string, values: readonly unknown[]): Promise<R[]> {
    const client = await this.#connect();
    try {
      const { rows } = await client.query({ text, values: values as unknown[] });
      client.release();
      return rows as R[];
    } catch (cause) {
      // A connection with an error may be in any state.
      client.release(true);
      if (isRefusal(cause)) throw this.#unavailable(cause);
      throw new PersistenceError(
        "outcomeUnknown",
        `${this.name}: the connection has ended: ${textOf(cause)}`,
        { value: this.name, cause },
      );
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (cause) {
      throw this.#unavailable(cause);
    }
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

/** Whether the server itself has refused a statement, and so has not done it. */
function isRefusal(error: unknown): boolean {
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown };
  // FATAL and PANIC end the connection, perhaps after the commit (57P01: the server shuts down).
  return typeof code === "string" && severity === "ERROR";
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}

interface Row {
  readonly seq: string;
  readonly epoch: string;
  readonly at: string;
  readonly version: number;
  readonly checksum: string;
  readonly payload: Uint8Array;
  readonly tags?: string | null;
}

function storedOf({ seq, epoch, at, version, checksum, payload }: Row): StoredSnapshot {
  return {
    seq: Number(seq),
    epoch: Number(epoch),
    at: Number(at),
    version,
    checksum: Number(checksum),
    payload: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
  };
}

function headOf({ epoch, last_seq }: HeadRow): LogHead {
  return { epoch: Number(epoch), lastSeq: Number(last_seq) };
}

/** The values of the statement `append`. */
function appendValues(entries: readonly AppendEntry[]): unknown[] {
  const bytes = entries.reduce(
    (sum, { events }) => sum + events.reduce((part, { payload }) => part + payload.length, 0),
    0,
  );
  const payloads = new Uint8Array(bytes);
  const columns: unknown[][] = Array.from({ length: 8 }, () => []);
  let start = 0;
  for (const { id, expectedSeq, events } of entries) {
    for (const [index, { at, version, checksum, payload, tags }] of events.entries()) {
      payloads.set(payload, start);
      // SQL counts bytes from 1.
      const row = [id, expectedSeq + 1 + index, at, version, checksum, start + 1, payload.length];
      for (const [column, value] of row.entries()) columns[column]!.push(value);
      columns[7]!.push(tags === undefined ? null : JSON.stringify(tags));
      start += payload.length;
    }
  }
  return [
    entries.map(({ id }) => id),
    entries.map(({ expectedSeq }) => expectedSeq),
    entries.map(({ epoch }) => epoch),
    entries.map(({ events }) => events.length),
    payloads,
    ...columns,
  ];
}

/** A URL for logs. */
function withoutPassword(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "postgres";
  }
}
