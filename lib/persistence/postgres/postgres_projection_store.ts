// @ts-types="./pg_types.d.ts"
import pg, { type Pool, type PoolClient } from "pg";
import { resolveOptions } from "../../options/check_options.ts";
import { postgresProjectionStoreTable } from "../../options/tables/persistence_tables.ts";
import { PersistenceError } from "../errors.ts";
import type { SliceRange } from "../journal.ts";
import { storeClosed } from "../journal_errors.ts";
import { type OffsetRow, readOffsets, takeOver, writeOffsets } from "../projections/offset_rows.ts";
import { offsetTablesVersion } from "../projections/offset_tables.ts";
import { fencedWorker, otherTables } from "../projections/projection_errors.ts";
import type {
  OpenedOffsets,
  ProjectionStore,
  SavedOffsets,
} from "../projections/projection_store.ts";

import { answeredWithin, isPassing, isRefusal, textOf, withoutPassword } from "./server_errors.ts";

/** Options of {@linkcode postgresProjectionStore}. */
export interface PostgresProjectionStoreOptions {
  /** Connections: so many workers of this process handle events at once. Default 8. */
  readonly connections?: number;
  /** Milliseconds after which the server ends a statement. Default 10 000. */
  readonly statementTimeout?: number;
}

/** What a handler writes with: the connection whose transaction saves the offset. */
export interface PostgresTransaction {
  /** Runs a statement. Do not begin or end transactions with it; savepoints are fine. */
  query<R = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: readonly R[] }>;
  /** The client of `pg`, for libraries that take one. */
  readonly client: unknown;
}

/**
 * Keeps offsets in PostgreSQL 14 or later, beside the tables of the view: handlers get the transaction
 * that saves the offset, so that each event counts exactly once. The tables `casty_projections` and
 * `casty_offsets` are made at the first start.
 *
 * @param url such as `"postgres://user:password@host:5432/views"`. It need not be the journal's.
 * @throws {PersistenceError} codes `storeUnavailable`, `futureVersion`.
 * @throws {OptionError}.
 *
 * @example
 * ```ts ignore
 * import { projection } from "@casty/casty/persistence";
 * import { postgresProjectionStore, type PostgresTransaction } from "@casty/casty/postgres";
 *
 * const totals = projection<{ amount: number }, PostgresTransaction>({
 *   name: "totals",
 *   journal,
 *   store: await postgresProjectionStore(Deno.env.get("DATABASE_URL")!),
 *   async handle({ id, event }, transaction) {
 *     await transaction.query(
 *       `insert into totals values ($1, $2)
 *          on conflict (id) do update set total = totals.total + excluded.total`,
 *       [id, event.amount],
 *     );
 *   },
 * });
 * ```
 */
export async function postgresProjectionStore(
  url: string,
  options: PostgresProjectionStoreOptions = {},
): Promise<ProjectionStore<PostgresTransaction>> {
  const settings = resolveOptions(postgresProjectionStoreTable, options) as Required<
    PostgresProjectionStoreOptions
  >;
  const store = new PostgresStore(url, settings);
  try {
    await store.prepare();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Held while tables are made. */
const migrationLock = 0x6361737480;

const migration = `
create table if not exists casty_projection_schema (version integer not null);
create table if not exists casty_projections (
  name text collate "C" primary key, paused boolean not null
);
create table if not exists casty_offsets (
  projection text collate "C" not null, first integer not null, last integer not null,
  fence bigint not null, granted bigint not null, positions text not null,
  primary key (projection, first)
) with (fillfactor = 50);
insert into casty_projection_schema
  select ${offsetTablesVersion} where not exists (select from casty_projection_schema);
`;

interface Row {
  readonly first: number;
  readonly last: number;
  readonly fence: string;
  readonly granted: string;
  readonly positions: string;
}

class PostgresStore implements ProjectionStore<PostgresTransaction> {
  readonly name: string;
  readonly #pool: Pool;
  #closed = false;

  constructor(
    url: string,
    { connections, statementTimeout }: Required<PostgresProjectionStoreOptions>,
  ) {
    this.name = withoutPassword(url);
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: statementTimeout,
      statement_timeout: statementTimeout,
      query_timeout: answeredWithin * statementTimeout,
      application_name: "casty",
    });
    // A connection that ends would end the process; its query, if there is one, fails as well.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Makes the tables. */
  async prepare(): Promise<void> {
    const version = await this.#commit(async ({ query }) => {
      await query(`select pg_advisory_xact_lock(${migrationLock})`);
      for (const statement of migration.split(";\n")) {
        if (statement.trim() !== "") await query(statement);
      }
      const { rows } = await query<{ version: number }>(
        "select version from casty_projection_schema",
      );
      return rows[0]!.version;
    });
    if (version !== offsetTablesVersion) throw otherTables(this.name, version);
  }

  open(
    projection: string,
    range: SliceRange,
    grant: number | undefined,
  ): Promise<OpenedOffsets> {
    const { from, to } = range;
    return this.#commit(async ({ query }) => {
      // One opens at a time: their ranges may overlap in rows that are not there yet.
      await query(
        "insert into casty_projections values ($1, false) on conflict (name) do nothing",
        [projection],
      );
      const { rows: kept } = await query<{ paused: boolean }>(
        "select paused from casty_projections where name = $1 for update",
        [projection],
      );
      const { rows: found } = await query<Row>(
        "select first, last, fence, granted, positions from casty_offsets " +
          "where projection = $1 and first <= $2 and last >= $3 for update",
        [projection, to, from],
      );
      const result = takeOver(found.map(rowOf), range, grant);
      if (result.outcome === "fenced") throw fencedWorker(projection, range);
      const { own, rest } = result;
      await query("delete from casty_offsets where projection = $1 and first = any ($2::int[])", [
        projection,
        found.map(({ first }) => first),
      ]);
      for (const row of [own, ...rest]) {
        await query("insert into casty_offsets values ($1, $2, $3, $4, $5, $6)", [
          projection,
          row.from,
          row.to,
          row.fence,
          row.grant,
          writeOffsets(row, row.offsets),
        ]);
      }
      const { fence, offsets } = own;
      return { fence, offsets, paused: kept[0]!.paused, opened: found.length > 0 };
    });
  }

  save(projection: string, saved: SavedOffsets): Promise<void> {
    return this.#commit((transaction) => save(transaction, projection, saved));
  }

  transact(
    projection: string,
    saved: SavedOffsets,
    work: (transaction: PostgresTransaction) => void | Promise<void>,
  ): Promise<void> {
    return this.#commit(async (transaction) => {
      await transaction.handle(work);
      await save(transaction, projection, saved);
    });
  }

  setPaused(projection: string, paused: boolean): Promise<void> {
    return this.#commit(async ({ query }) => {
      await query(
        "insert into casty_projections values ($1, $2) " +
          "on conflict (name) do update set paused = excluded.paused",
        [projection, paused],
      );
    });
  }

  reset(
    projection: string,
    clear: ((transaction: PostgresTransaction) => void | Promise<void>) | undefined,
  ): Promise<void> {
    return this.#commit(async (transaction) => {
      await transaction.query(
        "update casty_offsets set fence = fence + 1, positions = '0' where projection = $1",
        [projection],
      );
      if (clear !== undefined) await transaction.handle(clear);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs in one transaction. */
  async #commit<R>(work: (transaction: Transaction) => Promise<R>): Promise<R> {
    if (this.#closed) throw storeClosed(this.name);
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (cause) {
      throw this.#unavailable(cause);
    }
    const transaction = new Transaction(client);
    let isGone = false;
    try {
      await transaction.query("begin");
      let result: R;
      try {
        result = await work(transaction);
      } catch (error) {
        // Without a connection nothing is committed.
        await client.query("rollback").catch(() => isGone = true);
        throw this.#errorOf(transaction, error, isGone);
      }
      try {
        await client.query("commit");
      } catch (cause) {
        isGone = true;
        if (isRefusal(cause)) throw this.#unavailable(cause);
        throw new PersistenceError(
          "outcomeUnknown",
          `${this.name}: the connection has ended in a commit: ${textOf(cause)}`,
          { value: this.name, cause, remedy: "none is needed: the offset tells what was stored" },
        );
      }
      return result;
    } catch (error) {
      throw error instanceof PersistenceError || transaction.failed?.error === error
        ? error
        : this.#unavailable(error);
    } finally {
      transaction.end();
      client.release(isGone);
    }
  }

  /** That of the handler, unless the store itself is the reason. */
  #errorOf(transaction: Transaction, error: unknown, isGone: boolean): unknown {
    const { failed, failedStatement } = transaction;
    const isOfStore = isGone || isPassing(error) || isPassing(failedStatement);
    if (failed?.error === error && !isOfStore) return error;
    if (error instanceof PersistenceError && failed?.error !== error) return error;
    return this.#unavailable(isOfStore && failedStatement !== undefined ? failedStatement : error);
  }

  #unavailable(cause: unknown): PersistenceError {
    return new PersistenceError("storeUnavailable", `${this.name}: ${textOf(cause)}`, {
      value: this.name,
      cause,
      remedy: "see the cause; nothing of this was written",
    });
  }
}

/** A transaction while it is open. */
class Transaction implements PostgresTransaction {
  readonly client: PoolClient;
  /** The error of a handler. */
  failed: { readonly error: unknown } | undefined;
  /** The first error of a statement: after it the server refuses all others. */
  failedStatement: unknown = undefined;
  #isOver = false;

  constructor(client: PoolClient) {
    this.client = client;
  }

  /** An arrow function, since handlers may take it apart. */
  readonly query = async <R = Record<string, unknown>>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<{ readonly rows: readonly R[] }> => {
    // A handler that has not waited for it would write into the next transaction.
    if (this.#isOver) {
      throw new PersistenceError("storeUnavailable", "the transaction of this handler is over", {
        value: text,
        remedy: "await all queries in the handler",
      });
    }
    try {
      return await this.client.query({ text, values: values as unknown[] }) as { rows: R[] };
    } catch (error) {
      this.failedStatement ??= error;
      throw error;
    }
  };

  /** Remembers the error of a handler, which may be any. */
  async handle(work: (transaction: PostgresTransaction) => void | Promise<void>): Promise<void> {
    try {
      await work(this);
    } catch (error) {
      this.failed = { error };
      throw error;
    }
    if (this.failedStatement === undefined) return;
    // It has caught the error of a statement, and the transaction is lost. With a savepoint it is not.
    try {
      await this.client.query("select 1");
    } catch {
      this.failed = { error: this.failedStatement };
      throw this.failedStatement;
    }
    this.failedStatement = undefined;
  }

  end(): void {
    this.#isOver = true;
  }
}

async function save(
  { query }: PostgresTransaction,
  projection: string,
  { range, fence, offsets }: SavedOffsets,
): Promise<void> {
  const { rows } = await query(
    "update casty_offsets set positions = $1 " +
      "where projection = $2 and first = $3 and last = $4 and fence = $5 returning 1",
    [writeOffsets(range, offsets), projection, range.from, range.to, fence],
  );
  if (rows.length === 0) throw fencedWorker(projection, range);
}

function rowOf({ first: from, last: to, fence, granted, positions }: Row): OffsetRow {
  const offsets = readOffsets({ from, to }, positions);
  return { from, to, fence: Number(fence), grant: Number(granted), offsets };
}
