import { assert, assertEquals, assertRejects } from "@std/assert";
// @ts-types="../../lib/persistence/postgres/pg_types.d.ts"
import pg from "pg";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import {
  type Journal,
  PersistenceError,
  sliceCount,
  type SliceEvent,
  sliceOf,
} from "../../lib/persistence/mod.ts";
import { appendValues } from "../../lib/persistence/postgres/append_values.ts";
import * as sql from "../../lib/persistence/postgres/statements.ts";
import { postgresJournal } from "../../lib/persistence/postgres/postgres_journal.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { journalConformance } from "../../lib/testkit/journal_conformance.ts";
import { accountOn } from "./killed_account.ts";
import { noSmallDisk, SmallDisk } from "./small_disk.ts";
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

const upTo = (last: number) => Array.from({ length: last }, (_, n) => n + 1);

async function sliceEvents(journal: Journal, after: ReadonlyMap<number, bigint> = new Map()) {
  const events: SliceEvent[] = [];
  for (;;) {
    const page = await journal.readSlices({
      slices: { from: 0, to: sliceCount - 1 },
      after,
      limit: 100,
    });
    if (page.events.length === 0) return { events, next: page.next };
    events.push(...page.events);
    after = page.next;
  }
}

async function rowsOf(server: PostgresServer, sql: string): Promise<unknown[]> {
  const client = new pg.Client(server.url);
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

/** The tables of version 1, as they were. */
const version1 = `
create table casty_schema (version integer not null);
create table casty_logs (
  id text collate "C" primary key, epoch bigint not null, last_seq bigint not null
);
create table casty_events (
  position bigint generated always as identity,
  id text collate "C" not null, seq bigint not null, epoch bigint not null, at bigint not null,
  version integer not null, checksum bigint not null, payload bytea not null, tags text,
  primary key (id, seq)
);
create table casty_snapshots (
  id text collate "C" not null, seq bigint not null, epoch bigint not null, at bigint not null,
  version integer not null, checksum bigint not null, payload bytea not null,
  primary key (id, seq)
);
insert into casty_schema (version) values (1);
`;

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

    await check("tables of version 1 are upgraded, with all that is in them", async () => {
      const ids = Array.from({ length: 20 }, (_, n) => `u|${n}`);
      const rows = ids.flatMap((id) =>
        upTo(50).map((seq) => {
          const { payload, checksum } = event(`${id} ${seq}`);
          return `('${id}', ${seq}, 3, 5, 2, ${checksum}, '\\x${payload.toHex()}', ` +
            `${seq === 2 ? `'["red"]'` : "null"})`;
        })
      );
      const heads = ids.map((id) => `('${id}', 4, 50)`);
      await execute(
        server,
        `${version1}
        insert into casty_logs values ${heads.join()}, ('u|deleted', 9, 5);
        insert into casty_events (id, seq, epoch, at, version, checksum, payload, tags)
          values ${rows.join()};
        insert into casty_snapshots values ('u|1', 40, 3, 5, 1, 7, 'state')`,
      );
      const journals = await Promise.all([1, 2, 3].map(() => postgresJournal(server.url)));
      for (const journal of journals) {
        for (const id of ids) assertEquals(await numbersOf(journal, id), upTo(50));
        assertEquals((await journal.loadSnapshot("u|1"))?.seq, 40);
        const { events } = await sliceEvents(journal);
        assertEquals(events.length, 1_000);
        for (const { id, slice } of events) assertEquals(slice, sliceOf(id));
        assertEquals([events[1]!.tags, events[1]!.at, events[1]!.epoch], [["red"], 5, 3]);
      }
      const [journal] = journals;
      assertEquals(await journal!.open("u|deleted", undefined), { epoch: 10, lastSeq: 5 });
      const { next } = await sliceEvents(journal!);
      const entry = { id: "u|0", expectedSeq: 50, epoch: 4, events: [event("u|0 51")] };
      assertEquals(await journal!.append([entry]), [{ outcome: "appended", lastSeq: 51 }]);
      const news = await sliceEvents(journal!, next);
      assertEquals(news.events.map(({ seq }) => seq), [51]);
      await Promise.all(journals.map((journal) => journal.close()));
    });

    await check("slices: a transaction that commits late is not passed by readers", async () => {
      const journal = await postgresJournal(server.url);
      for (const id of ["slow|a", "slow|b", "fast|a"]) await journal.open(id, 1);
      const entryOf = (id: string, expectedSeq: number) => ({
        id,
        expectedSeq,
        epoch: 1,
        events: [event(`${id} ${expectedSeq + 1}`), event(`${id} ${expectedSeq + 2}`)],
      });
      const slow = new pg.Client(server.url);
      const undone = new pg.Client(server.url);
      let after: ReadonlyMap<number, bigint> = new Map();
      try {
        for (const [client, id] of [[slow, "slow|a"], [undone, "slow|b"]] as const) {
          await client.connect();
          await client.query("begin");
          await client.query({ text: sql.append, values: appendValues([entryOf(id, 0)]) });
        }
        for (let last = 0; last < 20; last += 2) {
          await journal.append([entryOf("fast|a", last)]);
          const { events, next } = await sliceEvents(journal, after);
          assertEquals(events.length, 0);
          after = next;
        }
        await undone.query("rollback");
        await slow.query("commit");
      } finally {
        await slow.end();
        await undone.end();
      }
      const { events, next } = await sliceEvents(journal, after);
      assertEquals(events.map(({ id, seq }) => `${id} ${seq}`), [
        "slow|a 1",
        "slow|a 2",
        ...upTo(20).map((seq) => `fast|a ${seq}`),
      ]);
      assertEquals((await sliceEvents(journal, next)).events.length, 0);
      await journal.close();
    });

    await check("slices: a reader finds its own by an index, and reads no others", async () => {
      const journal = await postgresJournal(server.url);
      const ids = upTo(200).map((n) => `x|${n}`);
      for (const id of ids) await journal.open(id, 1);
      for (let last = 0; last < 20; last++) {
        await journal.append(
          ids.map((id) => ({ id, expectedSeq: last, epoch: 1, events: [event(id)] })),
        );
      }
      await journal.close();
      await execute(server, "vacuum analyze casty_events");
      // As a connection of the journal plans it: once, for any values.
      const client = new pg.Client(server.url);
      await client.connect();
      await client.query(sql.settings);
      for (const [statement, more] of [[sql.slices, ""], [sql.taggedSlices, ", 'red'"]] as const) {
        await client.query(`prepare read as ${statement}`);
        const { rows } = await client.query(
          `explain (analyze, timing off, summary off) execute read (0, 64, 127, 500, 10000${more})`,
        );
        await client.query("deallocate read");
        const plan = rows.map((row) => (row as Record<string, string>)["QUERY PLAN"]!);
        const scans = plan.filter((line) => line.includes(" on casty_events"));
        assert(scans.every((line) => line.includes("using casty_events_slices")), plan.join("\n"));
        const [scan, ...others] = scans.filter((line) => line.includes("Index Scan"));
        assertEquals(others, []);
        const condition = plan[plan.indexOf(scan!) + 1]!;
        assert(condition.includes("Index Cond") && condition.includes("slice >="), plan.join("\n"));
        assert(!plan.some((line) => more === "" && line.includes("Rows Removed")), plan.join("\n"));
        // The window is looked for once, and not for each part of the answer.
        assertEquals(scans.length, 2, plan.join("\n"));
      }
      const { rows } = await client.query(
        `explain ${sql.countSlices.replace(/\$\d/g, "0")}`,
      );
      assert(JSON.stringify(rows).includes("Index Only Scan using casty_events_slices"));
      await client.end();
    });

    await check(
      "slices: with 16 writers, slow commits and holes each event is read once",
      async () => {
        const journal = await postgresJournal(server.url, { connections: 8 });
        let isOver = false;
        const committed = new Set<string>();
        const writers = upTo(16).map(async (n) => {
          const id = `h|${n}`;
          await journal.open(id, 1);
          const own = new pg.Client(server.url);
          await own.connect();
          for (let [last, round] = [0, 0]; round < 30; round++) {
            const texts = [event(`${id} ${last + 1}`), event(`${id} ${last + 2}`)];
            const entry = { id, expectedSeq: last, epoch: 1, events: texts };
            if (round % 3 === 0) {
              // Holds its transaction open, and gives up every second time.
              await own.query("begin");
              await own.query({ text: sql.append, values: appendValues([entry]) });
              await own.query(`select pg_sleep(${(n % 5) / 200})`);
              await own.query(round % 2 === 0 ? "rollback" : "commit");
              if (round % 2 === 0) continue;
            } else {
              const [result] = await journal.append([entry]);
              assertEquals(result!.outcome, "appended");
            }
            for (const seq of [last + 1, last + 2]) committed.add(`${id} ${seq}`);
            last += 2;
          }
          await own.end();
        });
        const written = Promise.all(writers).finally(() => isOver = true);
        const read: SliceEvent[] = [];
        let after: ReadonlyMap<number, bigint> = new Map();
        for (let isLast = false; !isLast;) {
          isLast = isOver;
          const { events, next } = await sliceEvents(journal, after);
          read.push(...events);
          after = next;
        }
        await written;
        const places = read.map(({ id, seq }) => `${id} ${seq}`);
        assertEquals(new Set(places).size, places.length);
        assertEquals(new Set(places), committed);
        for (const n of upTo(16)) {
          const seqs = read.filter(({ id }) => id === `h|${n}`).map(({ seq }) => seq);
          assertEquals(seqs, upTo(seqs.length));
        }
        const again = await sliceEvents(journal);
        assertEquals(again.events.map(({ position }) => position), read.map((e) => e.position));
        await journal.close();
      },
    );

    await check("slices: positions grow on in a server that has restored a dump", async () => {
      let journal = await postgresJournal(server.url);
      await journal.open("d|1", 1);
      const entry = { id: "d|1", expectedSeq: 0, epoch: 1, events: [event("d|1 1")] };
      await journal.append([entry]);
      await journal.close();
      // As if they came from a server that has had many more transactions.
      await execute(
        server,
        "update casty_events set position = position + (1000000::bigint << 20)",
      );
      journal = await postgresJournal(server.url);
      const { events, next } = await sliceEvents(journal);
      assertEquals(events.length, 1);
      await journal.append([{ ...entry, expectedSeq: 1 }]);
      const news = await sliceEvents(journal, next);
      assertEquals(news.events.map(({ seq }) => seq), [2]);
      await journal.close();
      const { base } = (await rowsOf(server, "select base::text from casty_schema"))[0] as {
        base: string;
      };
      await (await postgresJournal(server.url)).close();
      assertEquals(await rowsOf(server, "select base::text from casty_schema"), [{ base }]);
    });

    await check(
      "processes hear of each other's appends, also after a broken connection",
      async () => {
        const [writer, reader] = [
          await postgresJournal(server.url),
          await postgresJournal(server.url),
        ];
        let told = 0;
        const end = reader.onAppended!(() => told++);
        await writer.open("n|1", 1);
        let last = 0;
        const hear = async () => {
          for (const before = told; told === before;) {
            const entry = { id: "n|1", expectedSeq: last++, epoch: 1, events: [event("x")] };
            await writer.append([entry]);
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
        };
        await hear();
        await execute(
          server,
          "select pg_terminate_backend(pid) from pg_stat_activity where query ~* '^listen'",
        );
        await hear();
        await hear();
        end();
        await reader.close();
        await writer.close();
      },
    );

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
      "a statement that takes too long is ended, and nothing of it is stored",
      async () => {
        const journal = await postgresJournal(server.url, { statementTimeout: 300 });
        for (const id of ["slow|a", "slow|b"]) await journal.open(id, 1);
        const other = new pg.Client(server.url);
        await other.connect();
        await other.query("begin; select from casty_logs where id = 'slow|a' for update");
        const entryOf = (id: string) => ({ id, expectedSeq: 0, epoch: 1, events: [event("x")] });
        const failure = await assertRejects(
          () => journal.append([entryOf("slow|a")]),
          PersistenceError,
          "timeout",
        );
        assertEquals((failure as PersistenceError).code, "storeUnavailable");
        assertEquals(await journal.append([entryOf("slow|b")]), [{
          outcome: "appended",
          lastSeq: 1,
        }]);
        await other.query("rollback");
        await other.end();
        assertEquals(await numbersOf(journal, "slow|a"), []);
        assertEquals(await journal.append([entryOf("slow|a")]), [{
          outcome: "appended",
          lastSeq: 1,
        }]);
        await journal.close();
      },
    );

    await check("two batches that wait for each other's ids: neither is lost", async () => {
      const journals = await Promise.all([1, 2, 3].map(() => postgresJournal(server.url)));
      const ids = upTo(30).map((n) => `both|${n}`);
      for (const id of ids) await journals[0]!.open(id, 1);
      const last = new Map(ids.map((id) => [id, 0]));
      let appended = 0;
      await Promise.all(journals.map(async (journal) => {
        for (let round = 0; round < 20; round++) {
          const entries = ids.map((id) => ({
            id,
            expectedSeq: last.get(id)!,
            epoch: 1,
            events: [event(`${round}`)],
          }));
          const results = await journal.append(entries);
          for (const [index, result] of results.entries()) {
            if (result.outcome === "fenced") throw new Error("nobody fences");
            if (result.outcome === "appended") appended++;
            const id = ids[index]!;
            last.set(id, Math.max(last.get(id)!, result.lastSeq));
          }
        }
      }));
      let stored = 0;
      for (const id of ids) {
        const numbers = await numbersOf(journals[0]!, id);
        assertEquals(numbers, upTo(last.get(id)!));
        stored += numbers.length;
      }
      assertEquals(stored, appended);
      await Promise.all(journals.map((journal) => journal.close()));
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

Deno.test({
  name: `PostgreSQL: a full disk loses and doubles nothing, and is used again when it has room${
    missing === undefined && noSmallDisk === undefined
      ? ""
      : ` (skipped: ${missing ?? noSmallDisk})`
  }`,
  ignore: missing !== undefined || noSmallDisk !== undefined,
  fn: async () => {
    await using disk = await SmallDisk.create(150);
    await using server = await PostgresServer.create(disk.folder);
    const journal = await postgresJournal(server.url);
    await journal.open("full|a", 1);
    const free = Number(
      (await new Deno.Command("df", { args: ["--output=avail", "-B1", disk.folder] }).output()
        .then(({ stdout }) => new TextDecoder().decode(stdout))).split("\n")[1],
    );
    await Deno.writeFile(`${disk.folder}/ballast`, new Uint8Array(free - 3_000_000));
    // The server compresses what it can.
    const text = crypto.getRandomValues(new Uint8Array(25_000)).toHex();
    let last = 0;
    const append = async () => {
      const entry = {
        id: "full|a",
        expectedSeq: last,
        epoch: 1,
        events: [event(`${last}${text}`)],
      };
      const [result] = await journal.append([entry]);
      if (result!.outcome === "appended") last++;
      return result!;
    };
    const failure = await assertRejects(async () => {
      while (last < 1_000) assertEquals((await append()).outcome, "appended");
    }, PersistenceError) as PersistenceError;
    assert(["storeUnavailable", "outcomeUnknown"].includes(failure.code), failure.code);
    await Deno.remove(`${disk.folder}/ballast`);
    if (server.hasEnded) await server.start();
    // It restarts by itself when it could not write its log; the circuit breaker may be open.
    const end = performance.now() + 60_000;
    for (;;) {
      const result = await append().catch((error) => error);
      if (result.outcome === "appended") break;
      // Only after an unknown outcome it may be there.
      if (result.outcome === "conflict") {
        assertEquals([failure.code, result.lastSeq], ["outcomeUnknown", last + 1]);
        last++;
      }
      if (performance.now() > end) throw result;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assertEquals(await numbersOf(journal, "full|a"), upTo(last));
    await journal.close();
  },
});
