import { assertEquals, assertRejects } from "@std/assert";
// @ts-types="../../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import { memoryJournal, PersistenceError, projection } from "../../lib/persistence/mod.ts";
import {
  postgresProjectionStore,
  type PostgresTransaction,
} from "../../lib/persistence/postgres/postgres_projection_store.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { VirtualSystem } from "../actor/virtual_system.ts";
import { EventWriter } from "./event_writer.ts";
import { missing, PostgresServer } from "./postgres_server.ts";
import { storeChecks, type StoreUnderTest, transactionChecks } from "./projection_store_checks.ts";

const range = { from: 0, to: 1_023 };

async function execute<R>(server: PostgresServer, sql: string): Promise<R[]> {
  const client = new pg.Client(server.url);
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows as R[];
}

async function underTest(
  server: PostgresServer,
): Promise<Required<StoreUnderTest<PostgresTransaction>>> {
  await execute(
    server,
    "drop table if exists casty_projection_schema, casty_projections, casty_offsets, totals; " +
      "create table totals (key text primary key, total bigint)",
  );
  return {
    store: await postgresProjectionStore(server.url),
    add: async ({ query }, key, amount) => {
      await query(
        "insert into totals values ($1, $2) " +
          "on conflict (key) do update set total = totals.total + excluded.total",
        [key, amount],
      );
    },
    clear: async ({ query }) => void await query("delete from totals"),
    total: async (key) => {
      const [row] = await execute<{ total: string }>(
        server,
        `select total from totals where key = '${key}'`,
      );
      return Number(row?.total ?? 0);
    },
    again: () => postgresProjectionStore(server.url),
  };
}

Deno.test({
  name: `projections in PostgreSQL${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  ignore: missing !== undefined,
  fn: async (t) => {
    await using server = await PostgresServer.create();
    const check = (
      name: string,
      run: (under: Required<StoreUnderTest<PostgresTransaction>>) => Promise<void>,
    ) =>
      t.step(name, async () => {
        const under = await underTest(server);
        try {
          await run(under);
        } finally {
          await under.store.close();
        }
      });

    for (const [name, run] of Object.entries({ ...storeChecks, ...transactionChecks })) {
      await check(name, run);
    }

    await check("processes that start at once make the tables once", async ({ again }) => {
      await execute(server, "drop table casty_projection_schema, casty_projections, casty_offsets");
      const stores = await Promise.all(Array.from({ length: 8 }, () => again()));
      await Promise.all(stores.map((store) => store.close()));
    });

    await check("tables of another version are refused", async ({ again }) => {
      await execute(server, "update casty_projection_schema set version = 99");
      await assertRejects(() => again(), PersistenceError, "version 99");
    });

    await check("a connection that is cut in a handler is no event's fault", async (under) => {
      const { store, add, total } = under;
      const { fence } = await store.open("a", range, undefined);
      const saved = { range, fence, offsets: new Map([[1, 1n]]) };
      const error = await assertRejects(
        () =>
          store.transact!("a", saved, async (transaction) => {
            await add(transaction, "x", 1);
            await execute(
              server,
              "select pg_terminate_backend(pid) from pg_stat_activity " +
                "where application_name = 'casty' and state like '%transaction'",
            );
            await add(transaction, "x", 1);
          }),
        PersistenceError,
      );
      assertEquals((error as PersistenceError).code, "storeUnavailable");
      assertEquals(await total("x"), 0);
      await store.transact!("a", saved, (transaction) => add(transaction, "x", 1));
      assertEquals(await total("x"), 1);
    });

    await check(
      "an error that a handler hides does not lose what it has written",
      async (under) => {
        const { store, add, total } = under;
        const { fence } = await store.open("a", range, undefined);
        const saved = { range, fence, offsets: new Map([[1, 1n]]) };
        const hidden = store.transact!("a", saved, async (transaction) => {
          await add(transaction, "x", 1);
          await transaction.query("select nothing").catch(() => {});
        });
        await assertRejects(() => hidden, Error, "nothing");
        assertEquals((await store.open("a", range, undefined)).offsets.size, 0);
        const second = await store.open("a", range, undefined);
        // A savepoint keeps the transaction.
        await store.transact!("a", { ...saved, fence: second.fence }, async (transaction) => {
          await add(transaction, "x", 2);
          await transaction.query("savepoint try");
          await transaction.query("select nothing").catch(() => {});
          await transaction.query("rollback to savepoint try");
        });
        assertEquals(await total("x"), 2);
      },
    );

    await check("a query after the end of its handler goes nowhere", async ({ store }) => {
      const { fence } = await store.open("a", range, undefined);
      let kept: PostgresTransaction;
      await store.transact!(
        "a",
        { range, fence, offsets: new Map() },
        (transaction) => void (kept = transaction),
      );
      await assertRejects(() => kept.query("select 1"), PersistenceError, "is over");
    });

    await check("after kill -9 of the server and cut connections each event counts once", async (
      { store, add },
    ) => {
      const journal = memoryJournal();
      await using system = new ActorSystem({ runtime: { logger: silentLogger } });
      const running = projection<number, PostgresTransaction>({
        name: "killed",
        journal,
        store,
        batchSize: 10,
        backoff: { min: 20, max: 200 },
        handle: ({ event, id }, transaction) => add(transaction, id, event),
      }).start(system);
      const writer = new EventWriter(journal);
      const ids = Array.from({ length: 30 }, (_, n) => `account|${n}`);
      const handled = async () => (await running.status()).handled;
      const until = async (condition: () => Promise<boolean>) => {
        while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 10));
      };
      for (let round = 1; round <= 12; round++) {
        for (const id of ids) await writer.write(id, [1, 2, 3]);
        const before = await handled();
        await until(async () => await handled() > before);
        // In the middle of transactions.
        if (round % 6 === 0) {
          await server.kill();
          await server.start();
        } else {
          await execute(
            server,
            "select pg_terminate_backend(pid) from pg_stat_activity " +
              "where application_name = 'casty'",
          );
        }
      }
      await until(async () => (await running.status()).behind === 0);
      const rows = await execute<{ key: string; total: string }>(server, "select * from totals");
      assertEquals(
        new Map(rows.map(({ key, total }) => [key, Number(total)])),
        new Map(ids.map((id) => [id, 72])),
      );
      assertEquals((await running.status()).skipped, 0);
    });

    await check("an event whose error the handler hides is found and skipped", async (under) => {
      const { store, add, total } = under;
      const journal = memoryJournal();
      await using virtual = new VirtualSystem();
      const running = projection<number, PostgresTransaction>({
        name: "hiding",
        journal,
        workers: 1,
        store,
        retries: 0,
        afterRetries: "skip",
        handle: async ({ event, id }, transaction) => {
          await add(transaction, id, event);
          if (event === 3) await transaction.query("select nothing").catch(() => {});
        },
      }).start(virtual.system);
      await new EventWriter(journal).write("a", [1, 2, 3, 4]);
      const until = async (condition: () => Promise<boolean>) => {
        while (!await condition()) {
          await virtual.clock.advance(50);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      };
      await until(async () => await total("a") === 7);
      const { skipped } = await virtual.clock.resolve(running.status());
      assertEquals(skipped, 1);
      await until(async () => {
        const { state } = await virtual.clock.resolve(running.status());
        return state === "waiting";
      });
    });
  },
});
