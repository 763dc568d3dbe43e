import { assert, assertEquals, assertRejects } from "@std/assert";
// @ts-types="../../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { type Journal, PersistenceError } from "../../lib/persistence/mod.ts";
import { postgresJournal } from "../../lib/persistence/postgres/postgres_journal.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { journalConformance } from "../../lib/testkit/journal_conformance.ts";
import { accountOn } from "./killed_account.ts";
import { missing, PostgresServer } from "./postgres_server.ts";

const tables = ["casty_logs", "casty_events", "casty_snapshots", "casty_schema"];

async function execute(server: PostgresServer, sql: string): Promise<void> {
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(sql);
  await client.end();
}

const reset = (server: PostgresServer) => execute(server, `drop table if exists ${tables.join()}`);

const event = (text: string) => {
  const payload = new TextEncoder().encode(text);
  return { payload, version: 0, at: 1, checksum: crc32c(payload) };
};

async function numbersOf(journal: Journal, id: string): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { seq } of journal.read(id)) numbers.push(seq);
  return numbers;
}

Deno.test({
  name: `PostgreSQL${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  ignore: missing !== undefined,
  fn: async (t) => {
    await using server = await PostgresServer.create();
    const check = (name: string, run: () => Promise<void>) =>
      t.step(name, async () => {
        await reset(server);
        await run();
      });

    const checks = journalConformance(async () => {
      await reset(server);
      const open = [await postgresJournal(server.url)];
      return {
        journal: open[0]!,
        reopen: async () => {
          await open.at(-1)!.close();
          open.push(await postgresJournal(server.url));
          return open.at(-1)!;
        },
        dispose: () => open.at(-1)!.close(),
      };
    });
    for (const { name, run } of checks) await t.step(name, run);

    await check("processes that start at once make the tables once", async () => {
      const journals = await Promise.all(
        Array.from({ length: 8 }, () => postgresJournal(server.url)),
      );
      await Promise.all(journals.map((journal) => journal.close()));
    });

    await check("tables of another version are refused", async () => {
      await (await postgresJournal(server.url)).close();
      await execute(server, "update casty_schema set version = 99");
      await assertRejects(() => postgresJournal(server.url), PersistenceError, "version 99");
    });

    await check(
      "a server that loses confirmed events is refused, unless it is wanted",
      async () => {
        const url = `${server.url}?options=-c%20synchronous_commit%3Doff`;
        await assertRejects(() => postgresJournal(url), PersistenceError, "synchronous_commit");
        await (await postgresJournal(url, { allowAsynchronousCommit: true })).close();
      },
    );

    await check("connections that are cut under load: nothing is lost or doubled", async () => {
      const journal = await postgresJournal(server.url);
      const ids = Array.from({ length: 8 }, (_, n) => `cut|${n}`);
      let over = false;
      let confirmed = 0;
      const writers = ids.map(async (id) => {
        const { epoch } = await journal.open(id, undefined);
        let last = 0;
        while (!over) {
          const entry = { id, expectedSeq: last, epoch, events: [event(`${last}`), event("b")] };
          const [result] = await journal.append([entry]);
          assertEquals(result!.outcome, "appended");
          last += 2;
          confirmed += 2;
        }
        return last;
      });
      for (let cut = 0; cut < 20; cut++) {
        const before = confirmed;
        while (confirmed < before + 20) await new Promise((resolve) => setTimeout(resolve, 5));
        await execute(
          server,
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'casty'",
        );
      }
      over = true;
      const lasts = await Promise.all(writers);
      for (const [index, id] of ids.entries()) {
        const numbers = await numbersOf(journal, id);
        assertEquals(numbers, Array.from({ length: lasts[index]! }, (_, n) => n + 1));
      }
      await journal.close();
    });

    await check("after kill -9 of the server every confirmed deposit is there, once", async () => {
      const journal = await postgresJournal(server.url);
      await using system = new ActorSystem({ runtime: { logger: silentLogger } });
      const accounts = Array.from({ length: 10 }, (_, n) => {
        const behavior = Behaviors.supervise(accountOn(journal, `${n}`), {
          maxRestarts: Infinity,
          backoff: { min: 50, max: 200, jitter: 0.2 },
        });
        return system.spawn(behavior, `account-${n}`);
      });
      const ask = (ref: typeof accounts[0], type: "deposit" | "get", timeout: number) =>
        system.ask(ref!, (replyTo: ActorRef<number>) => ({ type, replyTo }), { timeout });
      let over = false;
      let total = 0;
      const until = async (count: number) => {
        while (total < count) await new Promise((resolve) => setTimeout(resolve, 10));
      };
      const working = accounts.map(async (ref) => {
        const seen = { confirmed: 0, balance: 0, failed: 0 };
        while (!over) {
          try {
            seen.balance = await ask(ref, "deposit", 2_000);
            seen.confirmed++;
            total++;
          } catch {
            seen.failed++;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
        return seen;
      });
      for (let kill = 0; kill < 2; kill++) {
        await until(150 * (kill + 1));
        await server.kill();
        await server.start();
      }
      await until(450);
      over = true;
      const results = await Promise.all(working);
      for (const [index, { confirmed, balance, failed }] of results.entries()) {
        let now = -1;
        for (let attempt = 0; now < 0; attempt++) {
          now = await ask(accounts[index]!, "get", 2_000).catch((error) => {
            if (attempt === 20) throw error;
            return -1;
          });
        }
        assert(now >= balance && now <= confirmed + failed, `${now}, ${balance}, ${confirmed}`);
        const numbers = await numbersOf(journal, `account|${index}`);
        assertEquals(numbers.length, now);
      }
      await system.shutdown();
      await journal.close();
    });

    await check(
      "a store that is gone is told at once, and used again when it is back",
      async () => {
        const journal = await postgresJournal(server.url);
        const { epoch } = await journal.open("gone|a", undefined);
        await server.stop();
        const entry = { id: "gone|a", expectedSeq: 0, epoch, events: [event("x")] };
        const begun = performance.now();
        const error = await assertRejects(() => journal.append([entry]), PersistenceError);
        assertEquals((error as PersistenceError).code, "storeUnavailable");
        assert(performance.now() - begun < 5_000);
        await server.start();
        assertEquals(await journal.append([entry]), [{ outcome: "appended", lastSeq: 1 }]);
        await journal.close();
      },
    );
  },
});
