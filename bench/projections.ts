/**
 * How many stored events a second a projection brings into a view, on SQLite and PostgreSQL, beside the
 * engine with the same statements in transactions of the same size.
 *
 *     deno run -A bench/projections.ts
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
// @ts-types="../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import { ActorSystem } from "../lib/actor/system/actor_system.ts";
import {
  type Journal,
  memoryProjectionStore,
  projection,
  type ProjectionOptions,
  sqliteJournal,
  sqliteProjectionStore,
} from "../lib/persistence/mod.ts";
import { postgresJournal } from "../lib/persistence/postgres/postgres_journal.ts";
import {
  postgresProjectionStore,
  type PostgresTransaction,
} from "../lib/persistence/postgres/postgres_projection_store.ts";
import { StoredForm } from "../lib/persistence/schema.ts";
import { missing, PostgresServer } from "../tests/persistence/postgres_server.ts";
import { loadAverage, machine } from "./report.ts";

interface Added {
  readonly text: string;
}

const ids = Array.from({ length: 1_000 }, (_, n) => `counter|${n}`);
const events = Number(Deno.args[0] ?? 40_000);
const batchSize = 500;
const payload: Added = { text: "x".repeat(100) };

/** Fills a journal: all ids have the same number of events. */
async function fill(journal: Journal): Promise<void> {
  const form = new StoredForm<Added, never>();
  const each = Array.from({ length: events / ids.length }, () => form.writeEvent(payload, 1));
  await Promise.all(ids.map(async (id) => {
    const { epoch } = await journal.open(id, undefined);
    const [result] = await journal.append([{ id, epoch, expectedSeq: 0, events: each }]);
    if (result!.outcome !== "appended") throw new Error(`${id}: ${result!.outcome}`);
  }));
}

let runs = 0;

/** Events a second until all are handled. */
async function projected<T>(
  options: Pick<ProjectionOptions<Added, T>, "journal" | "store" | "handle" | "handleBatch">,
  workers = 8,
): Promise<number> {
  const system = new ActorSystem();
  const begun = performance.now();
  const running = projection<Added, T>({ name: `bench${runs++}`, batchSize, workers, ...options })
    .start(system);
  // Counting what is behind would read it once more.
  let isDone = false;
  while (!isDone) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    isDone = (await running.status()).handled >= events;
  }
  const rate = events / (performance.now() - begun) * 1_000;
  await system.shutdown();
  return rate;
}

const perSecond = (rate: number) => `${Math.round(rate).toLocaleString("en")}/s`;
function row(what: string, value: string): void {
  console.log(`| ${what.padEnd(62)} | ${value.padStart(12)} |`);
}
const beside = (rate: number, raw: number) => `${Math.round(rate / raw * 100)} %`;

const upsertSqlite = "insert into view values (?, 1) " +
  "on conflict (id) do update set count = count + 1";
const upsertPostgres = "insert into view values ($1, 1) " +
  "on conflict (id) do update set count = view.count + 1";
const upsertMany = "insert into view select id, count(*) from unnest($1::text[]) as t (id) " +
  "group by id order by id on conflict (id) do update set count = view.count + excluded.count";

/** The id of the n-th event. */
const idOf = (n: number) => ids[n % ids.length]!;

function rawSqlite(file: string): number {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = normal");
  database.exec("create table view (id text primary key, count integer)");
  const upsert = database.prepare(upsertSqlite);
  const begun = performance.now();
  for (let n = 0; n < events;) {
    database.exec("begin immediate");
    const end = n + batchSize;
    for (; n < end; n++) upsert.run(idOf(n));
    database.exec("commit");
  }
  database.close();
  return events / (performance.now() - begun) * 1_000;
}

async function rawPostgres(url: string, together: boolean): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  await pool.query("truncate view");
  const begun = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
    // As slices do: what a connection counts is no other's.
    const own = ids.filter((_, n) => n % 8 === worker);
    const client = await pool.connect();
    while (next < events) {
      next += batchSize;
      await client.query("begin");
      const some = Array.from({ length: batchSize }, (_, n) => own[n % own.length]!);
      if (together) await client.query({ text: upsertMany, values: [some] });
      else for (const id of some) await client.query({ text: upsertPostgres, values: [id] });
      await client.query("commit");
    }
    client.release();
  }));
  const rate = events / (performance.now() - begun) * 1_000;
  await pool.end();
  return rate;
}

console.log(`\n## Projections\n\n${machine()}; ${loadAverage()}\n`);
row(`${events.toLocaleString("en")} events of 100 B, ${batchSize} in a transaction`, "measured");
row("---", "---:");

const folder = await Deno.makeTempDir();
{
  const journal = await sqliteJournal(`${folder}/journal.db`);
  await fill(journal);
  const nothing = await projected({ journal, store: memoryProjectionStore(), handle: () => {} });
  row("SQLite, a handler that does nothing", perSecond(nothing));
  const raw = rawSqlite(`${folder}/raw.db`);
  row("SQLite, raw: one upsert for each event", perSecond(raw));
  const store = await sqliteProjectionStore(`${folder}/views.db`);
  store.database.exec("create table view (id text primary key, count integer)");
  const upsert = store.database.prepare(upsertSqlite);
  const exact = await projected({ journal, store, handle: ({ id }) => void upsert.run(id) });
  row("SQLite, exactly once: one upsert for each event", perSecond(exact));
  row("  of the raw rate", beside(exact, raw));
  const alone = await projected({ journal, store, handle: ({ id }) => void upsert.run(id) }, 1);
  row("  with one worker", perSecond(alone));
  await store.close();
  await journal.close();
}
await Deno.remove(folder, { recursive: true });

if (missing !== undefined) console.log(`PostgreSQL is not measured: ${missing}`);
else {
  await using server = await PostgresServer.create();
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query("create table view (id text primary key, count bigint)");
  await client.end();
  const journal = await postgresJournal(server.url);
  await fill(journal);
  const store = await postgresProjectionStore(server.url);
  const nothing = await projected({ journal, store: memoryProjectionStore(), handle: () => {} });
  row("PostgreSQL, a handler that does nothing", perSecond(nothing));
  const raw = await rawPostgres(server.url, false);
  row("PostgreSQL, raw: one upsert for each event, 8 connections", perSecond(raw));
  const exact = await projected<PostgresTransaction>({
    journal,
    store,
    handle: async ({ id }, { query }) => void await query(upsertPostgres, [id]),
  });
  row("PostgreSQL, exactly once: one upsert for each event", perSecond(exact));
  row("  of the raw rate", beside(exact, raw));
  const rawMany = await rawPostgres(server.url, true);
  row("PostgreSQL, raw: one upsert for each transaction", perSecond(rawMany));
  const many = await projected<PostgresTransaction>({
    journal,
    store,
    handleBatch: async (batch, { query }) =>
      void await query(upsertMany, [batch.map(({ id }) => id)]),
  });
  row("PostgreSQL, exactly once: handleBatch with one upsert", perSecond(many));
  row("  of the raw rate", beside(many, rawMany));
  await store.close();
  await journal.close();
}
