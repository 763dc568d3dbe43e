import { assertEquals, assertRejects } from "@std/assert";
import type { DatabaseSync } from "node:sqlite";
import {
  atLeastOnce,
  memoryProjectionStore,
  PersistenceError,
  sqliteProjectionStore,
} from "../../lib/persistence/mod.ts";
import { storeChecks, type StoreUnderTest, transactionChecks } from "./projection_store_checks.ts";

for (const [name, check] of Object.entries(storeChecks)) {
  Deno.test(`memory: ${name}`, () => check({ store: memoryProjectionStore() }));
}

async function withSqlite(
  use: (under: Required<StoreUnderTest<DatabaseSync>>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/views.db`;
  const store = await sqliteProjectionStore(path);
  store.database.exec("create table totals (key text primary key, total integer)");
  const upsert = "insert into totals values (?, ?) " +
    "on conflict (key) do update set total = total + excluded.total";
  try {
    await use({
      store,
      add: (database, key, amount) => void database.prepare(upsert).run(key, amount),
      clear: (database) => database.exec("delete from totals"),
      total: (key) => {
        const row = store.database.prepare("select total from totals where key = ?").get(key);
        return Promise.resolve(Number(row?.total ?? 0));
      },
      again: () => sqliteProjectionStore(path),
    });
  } finally {
    await store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, check] of Object.entries({ ...storeChecks, ...transactionChecks })) {
  Deno.test(`SQLite: ${name}`, () => withSqlite(check));
}

const range = { from: 0, to: 1_023 };

for (const [name, check] of Object.entries(storeChecks)) {
  Deno.test(`at least once on SQLite: ${name}`, () =>
    withSqlite(({ store, again }) =>
      check({ store: atLeastOnce(store), again: async () => atLeastOnce(await again()) })
    ));
}

Deno.test("at least once: a store's transactions are left out, and clear runs after the reset", async () => {
  await withSqlite(async ({ store }) => {
    const own = atLeastOnce(store);
    assertEquals(own.transact, undefined);
    const { fence } = await own.open("a", range, undefined);
    await own.save("a", { range, fence, offsets: new Map([[1, 1n]]) });
    let cleared: unknown = "not";
    await own.reset("a", async (transaction) => {
      cleared = transaction;
      // It may wait: no transaction is open.
      await store.setPaused("a", true);
    });
    assertEquals(cleared, undefined);
    const { offsets, paused } = await own.open("a", range, undefined);
    assertEquals([offsets.size, paused], [0, true]);
  });
});

Deno.test("SQLite: a handler that returns a promise is refused, and has written nothing", async () => {
  await withSqlite(async ({ store, add, total }) => {
    const { fence } = await store.open("a", range, undefined);
    const error = await assertRejects(
      () =>
        store.transact!("a", { range, fence, offsets: new Map() }, async (database) => {
          add(database, "x", 1);
          await Promise.reject(new Error("nobody waits for this"));
        }),
      PersistenceError,
    );
    assertEquals((error as PersistenceError).code, "asyncHandler");
    assertEquals(await total("x"), 0);
  });
});

Deno.test("SQLite: a file that another process has locked is unavailable, and no event's fault", async () => {
  await withSqlite(async ({ store, add, again }) => {
    const { fence } = await store.open("a", range, undefined);
    const locking = await again() as Awaited<ReturnType<typeof sqliteProjectionStore>>;
    locking.database.exec("begin immediate");
    const error = await assertRejects(
      () => store.transact!("a", { range, fence, offsets: new Map() }, (tx) => add(tx, "x", 1)),
      PersistenceError,
    );
    assertEquals((error as PersistenceError).code, "storeUnavailable");
    locking.database.exec("rollback");
    await locking.close();
    await store.transact!("a", { range, fence, offsets: new Map() }, (tx) => add(tx, "x", 1));
  });
});

Deno.test("SQLite: a full disk in a handler is the store's fault", async () => {
  await withSqlite(async ({ store }) => {
    const { fence } = await store.open("a", range, undefined);
    const error = await assertRejects(
      () =>
        store.transact!("a", { range, fence, offsets: new Map() }, (database) => {
          database.exec("pragma max_page_count = 1");
          database.exec("create table more (x); insert into more values (zeroblob(1000000))");
        }),
      PersistenceError,
    );
    assertEquals((error as PersistenceError).code, "storeUnavailable");
  });
});

Deno.test("SQLite: tables of another version are refused", async () => {
  await withSqlite(async ({ store, again }) => {
    const { database } = store as Awaited<ReturnType<typeof sqliteProjectionStore>>;
    database.exec("update casty_projection_schema set version = 99");
    const error = await assertRejects(() => again(), PersistenceError, "version 99");
    assertEquals((error as PersistenceError).code, "futureVersion");
  });
});
