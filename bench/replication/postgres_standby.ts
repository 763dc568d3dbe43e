/**
 * PostgreSQL with one synchronous standby on the same machine: each commit is confirmed when the standby has
 * it on disk as well. Connections are over loopback without TLS.
 *
 * @module
 */
// @ts-types="../../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import { missing, PostgresServer } from "../../tests/persistence/postgres_server.ts";
import { PostgresStandby } from "../../tests/persistence/postgres_standby.ts";
import type { RivalFigure } from "./mnesia.ts";

/** Why it cannot be measured; undefined: it can. */
export const standbyMissing: string | undefined = missing;

const text = "x".repeat(100);
const warmUp = 1_000;

/** Runs it for some seconds for each figure. */
export async function standbyFigures(seconds: number): Promise<RivalFigure[]> {
  await using server = await PostgresServer.create();
  await using standby = await PostgresStandby.create(server);
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query("create table events (id text, seq bigint, payload text)");
  await standby.makeSynchronous(admin);
  const figures: RivalFigure[] = [];
  for (const [clients, rows] of [[1, 1], [32, 1], [4, 16]] as const) {
    figures.push(await inserts(server.url, clients, rows, seconds));
  }
  const count = async (of: string) => {
    const { rows: [row] } = await admin.query(`select count(*)::int as count from ${of}`);
    return (row as { count: number }).count;
  };
  if (await count("pg_stat_replication where sync_state = 'sync'") !== 1) {
    throw new Error("the standby was not synchronous at the end");
  }
  const [here, there] = [await count("events"), await standby.count("events")];
  if (there !== here) throw new Error(`the standby has ${there} of ${here} rows`);
  await admin.end();
  return figures;
}

/** Clients that insert rows, each commit after the one before. */
async function inserts(
  url: string,
  clients: number,
  rows: number,
  seconds: number,
): Promise<RivalFigure> {
  const pool = new pg.Pool({ connectionString: url, max: clients });
  const begin = performance.now() + warmUp;
  const end = begin + seconds * 1_000;
  const times: number[] = [];
  const numbers = Array.from({ length: rows }, (_, n) => n);
  const texts = numbers.map(() => text);
  await Promise.all(Array.from({ length: clients }, async () => {
    for (let at = performance.now(); at < end;) {
      await pool.query(
        "insert into events select 'e', s, p from unnest($1::bigint[], $2::text[]) as t (s, p)",
        [numbers, texts],
      );
      const now = performance.now();
      if (at >= begin && now < end) times.push(now - at);
      at = now;
    }
  }));
  await pool.end();
  const sorted = times.toSorted((a, b) => a - b);
  return {
    name: `${clients} ${clients === 1 ? "client" : "clients"}, ${rows} in each commit`,
    rate: rows * sorted.length / seconds,
    p50: sorted[sorted.length >> 1]!,
    p99: sorted[Math.floor(sorted.length * 0.99)]!,
  };
}
