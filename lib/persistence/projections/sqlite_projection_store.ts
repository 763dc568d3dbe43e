import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PersistenceError } from "../errors.ts";
import type { SliceRange } from "../journal.ts";
import { storeClosed } from "../journal_errors.ts";
import { type OffsetRow, readOffsets, takeOver, writeOffsets } from "./offset_rows.ts";
import { fencedWorker, otherTables } from "./projection_errors.ts";
import { offsetTablesVersion } from "./offset_tables.ts";
import type { OpenedOffsets, ProjectionStore, SavedOffsets } from "./projection_store.ts";

/** A store in an SQLite file, with its connection. */
export interface SqliteProjectionStore extends ProjectionStore<DatabaseSync> {
  /**
   * The connection with which handlers write, for tables, prepared statements and queries. Synchronous:
   * a long query stops the event loop. Do not end or begin transactions with it in a handler.
   */
  readonly database: DatabaseSync;
}

/**
 * Keeps offsets in an SQLite file, beside the tables of the view: handlers get its connection, and what
 * they write is committed together with the offset, so that each event counts exactly once. Handlers
 * are synchronous: one that returns a promise is refused with `asyncHandler`.
 *
 * A page of events is handled without a break in the event loop: 500 upserts take some milliseconds; a
 * smaller `batchSize` takes less. A commit does not wait for the disk (`synchronous = NORMAL`): a power failure may lose the last ones,
 * view and offset together, and their events are handled again. Use a file apart from the journal's,
 * whose commits it would wait for.
 *
 * @param path of the file; it is made if it is missing, its folder is not. Needs `--allow-read` and
 * `--allow-write` for the folder.
 * @throws {PersistenceError} codes `storeUnavailable`, `futureVersion`.
 *
 * @example
 * ```ts
 * import { memoryJournal, projection, sqliteProjectionStore } from "@casty/casty/persistence";
 *
 * const folder = await Deno.makeTempDir();
 * const store = await sqliteProjectionStore(`${folder}/views.db`);
 * store.database.exec("create table if not exists totals (id text primary key, total integer)");
 * const add = store.database.prepare(
 *   "insert into totals values (?, ?) on conflict (id) do update set total = total + excluded.total",
 * );
 * const totals = projection({
 *   name: "totals",
 *   journal: memoryJournal(),
 *   store,
 *   handle: ({ id, event }: { id: string; event: { amount: number } }) =>
 *     void add.run(id, event.amount),
 * });
 * console.assert(totals.name === "totals");
 * await store.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function sqliteProjectionStore(path: string): Promise<SqliteProjectionStore> {
  const { DatabaseSync } = await import("node:sqlite");
  const name = `sqlite:${path}`;
  let database: DatabaseSync;
  try {
    // A lock of another process is waited for by the worker's back-off, and not by the event loop.
    database = new DatabaseSync(path, { timeout: 100 });
    database.exec("pragma journal_mode = wal; pragma synchronous = normal");
  } catch (cause) {
    throw unavailable(name, cause);
  }
  try {
    makeTables(database, name);
  } catch (error) {
    database.close();
    throw error instanceof PersistenceError ? error : unavailable(name, error);
  }
  return new SqliteStore(name, database);
}

const tables = `
create table if not exists casty_projection_schema (version integer not null);
create table if not exists casty_projections (
  name text primary key, paused integer not null
) without rowid;
create table if not exists casty_offsets (
  projection text not null, first integer not null, last integer not null,
  fence integer not null, granted integer not null, positions text not null,
  primary key (projection, first)
) without rowid;
insert into casty_projection_schema
  select ${offsetTablesVersion} where not exists (select * from casty_projection_schema);
`;

function makeTables(database: DatabaseSync, name: string): void {
  database.exec(`begin immediate; ${tables} commit`);
  const { version } = database.prepare("select version from casty_projection_schema").get() as {
    version: number;
  };
  if (version !== offsetTablesVersion) throw otherTables(name, version);
}

interface Row {
  readonly first: number;
  readonly last: number;
  readonly fence: number;
  readonly granted: number;
  readonly positions: string;
}

class SqliteStore implements SqliteProjectionStore {
  readonly name: string;
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #closed = false;

  constructor(name: string, database: DatabaseSync) {
    this.name = name;
    this.database = database;
  }

  open(
    projection: string,
    range: SliceRange,
    grant: number | undefined,
  ): Promise<OpenedOffsets> {
    return this.#commit(() => {
      const { from, to } = range;
      const found = this.#statement(
        "select first, last, fence, granted, positions from casty_offsets " +
          "where projection = ? and first <= ? and last >= ?",
      ).all(projection, to, from) as unknown as Row[];
      const result = takeOver(found.map(rowOf), range, grant);
      if (result.outcome === "fenced") throw fencedWorker(projection, range);
      const { own, rest } = result;
      for (const { first } of found) {
        this.#run(
          "delete from casty_offsets where projection = ? and first = ?",
          projection,
          first,
        );
      }
      for (const row of [own, ...rest]) {
        this.#run(
          "insert into casty_offsets values (?, ?, ?, ?, ?, ?)",
          projection,
          row.from,
          row.to,
          row.fence,
          row.grant,
          writeOffsets(row, row.offsets),
        );
      }
      const kept = this.#statement("select paused from casty_projections where name = ?")
        .get(projection) as { paused: number } | undefined;
      const { fence, offsets } = own;
      return { fence, offsets, paused: kept?.paused === 1, opened: found.length > 0 };
    });
  }

  save(projection: string, saved: SavedOffsets): Promise<void> {
    return this.#commit(() => this.#save(projection, saved));
  }

  transact(
    projection: string,
    saved: SavedOffsets,
    work: (database: DatabaseSync) => void | Promise<void>,
  ): Promise<void> {
    return this.#commit(() => {
      this.#work(work);
      this.#save(projection, saved);
    });
  }

  setPaused(projection: string, paused: boolean): Promise<void> {
    return this.#commit(() =>
      this.#run(
        "insert into casty_projections values (?, ?) " +
          "on conflict (name) do update set paused = excluded.paused",
        projection,
        paused ? 1 : 0,
      )
    );
  }

  reset(
    projection: string,
    clear: ((database: DatabaseSync) => void | Promise<void>) | undefined,
  ): Promise<void> {
    return this.#commit(() => {
      this.#run(
        "update casty_offsets set fence = fence + 1, positions = '0' where projection = ?",
        projection,
      );
      if (clear !== undefined) this.#work(clear);
    });
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#statements.clear();
      this.database.close();
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #save(projection: string, { range, fence, offsets }: SavedOffsets): void {
    const { changes } = this.#statement(
      "update casty_offsets set positions = ? " +
        "where projection = ? and first = ? and last = ? and fence = ?",
    ).run(writeOffsets(range, offsets), projection, range.from, range.to, fence);
    if (Number(changes) === 0) throw fencedWorker(projection, range);
  }

  /** A handler throws its own error; a promise would leave the transaction open for others. */
  #work(work: (database: DatabaseSync) => void | Promise<void>): void {
    const result: unknown = callHandler(work, this.database);
    if (typeof result !== "object" || result === null || !("then" in result)) return;
    void Promise.resolve(result).catch(() => {});
    throw new PersistenceError("asyncHandler", `${this.name}: a handler has returned a promise`, {
      value: this.name,
      remedy: "let it use the database synchronously, or take a store that waits for handlers",
    });
  }

  /** Runs in one transaction, without letting anything else run. */
  #commit<R>(work: () => R): Promise<R> {
    return new Promise((resolve) => {
      if (this.#closed) throw storeClosed(this.name);
      this.#do("begin immediate");
      let result: R;
      try {
        result = work();
      } catch (error) {
        this.#rollBack();
        if (error instanceof HandlerError) throw error.cause;
        throw error instanceof PersistenceError ? error : unavailable(this.name, error);
      }
      try {
        this.#do("commit");
      } catch (error) {
        this.#rollBack();
        throw error;
      }
      resolve(result);
    });
  }

  #do(sql: string): void {
    try {
      this.database.exec(sql);
    } catch (cause) {
      throw unavailable(this.name, cause);
    }
  }

  #rollBack(): void {
    try {
      this.database.exec("rollback");
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.database.prepare(sql));
    return statement;
  }

  #run(sql: string, ...values: (string | number)[]): void {
    this.#statement(sql).run(...values);
  }
}

/** Tells the errors of a handler from those of the store. */
class HandlerError extends Error {}

function callHandler(
  work: (database: DatabaseSync) => void | Promise<void>,
  database: DatabaseSync,
): unknown {
  try {
    return work(database);
  } catch (cause) {
    // Not the event's fault: it must not be skipped for that.
    if (isOfDisk(cause)) throw cause;
    throw new HandlerError("a handler has thrown", { cause });
  }
}

/**
 * SQLite's texts (`sqlite3_errstr`) for faults of the file, the disk or another connection. Deno gives
 * no number with errors of `exec`.
 */
const diskFaults: readonly string[] = [
  "database is locked",
  "database table is locked",
  "out of memory",
  "attempt to write a readonly database",
  "disk I/O error",
  "database disk image is malformed",
  "database or disk is full",
  "unable to open database file",
  "locking protocol",
];

function isOfDisk(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "ERR_SQLITE_ERROR" &&
    diskFaults.some((text) => error.message.includes(text));
}

function rowOf({ first: from, last: to, fence, granted: grant, positions }: Row): OffsetRow {
  return { from, to, fence, grant, offsets: readOffsets({ from, to }, positions) };
}

function unavailable(name: string, cause: unknown): PersistenceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PersistenceError("storeUnavailable", `${name}: ${why}`, {
    value: name,
    cause,
    remedy: "see the cause; nothing of this was written",
  });
}
