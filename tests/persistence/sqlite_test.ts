import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import {
  type Journal,
  PersistenceError,
  sliceCount,
  type SliceEvent,
  sliceOf,
  sqliteJournal,
} from "../../lib/persistence/mod.ts";
import { noSmallDisk, SmallDisk } from "./small_disk.ts";

const event = (text: string) => {
  const payload = new TextEncoder().encode(text);
  return { payload, version: 0, at: 1, checksum: crc32c(payload) };
};

const slices = { from: 0, to: sliceCount - 1 };

/** Calls with the path of a file in a folder that is removed. */
async function withFile(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/journal.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function appendTo(journal: Journal, id: string, first: number, count: number) {
  const events = Array.from({ length: count }, (_, n) => event(`${id} ${first + n}`));
  const entry = { id, expectedSeq: first - 1, epoch: 1, events };
  assertEquals(await journal.append([entry]), [{
    outcome: "appended",
    lastSeq: first + count - 1,
  }]);
}

async function numbersOf(journal: Journal, id: string, from = 1, to?: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { seq, payload } of journal.read(id, { from, ...(to && { to }), batch: 700 })) {
    assertEquals(new TextDecoder().decode(payload), `${id} ${seq}`);
    numbers.push(seq);
  }
  return numbers;
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

async function sliceEvents(journal: Journal, after: ReadonlyMap<number, bigint> = new Map()) {
  const events: SliceEvent[] = [];
  for (;;) {
    const page = await journal.readSlices({ slices, after, limit: 1_000 });
    if (page.events.length === 0) return { events, next: after };
    events.push(...page.events);
    after = page.next;
  }
}

Deno.test("SQLite: events are found in the index and behind it", () =>
  withFile(async (path) => {
    let journal = await sqliteJournal(path, { synchronous: "NORMAL" });
    const ids = Array.from({ length: 8 }, (_, n) => `i|${n}`);
    for (const id of ids) await journal.open(id, 1);
    for (let round = 0; round < 17; round++) {
      await Promise.all(ids.map((id) => appendTo(journal, id, round * 50 + 1, 50)));
    }
    // 6 800 events: several thousand in the index, the last of each id behind it.
    const database = new DatabaseSync(path, { readOnly: true });
    const numberOf = (sql: string) => (database.prepare(sql).get() as { n: number }).n;
    const indexed = numberOf(
      "select sum(json_array_length(positions)) as n from casty_index",
    );
    assert(indexed > 0 && indexed < 6_800, `${indexed} events are in the index`);
    // One row for many events.
    assert(numberOf("select count(*) as n from casty_index") < indexed / 100);
    assertEquals(numberOf("select count(*) as n from casty_events"), 6_800);
    database.close();
    for (const id of ids) {
      assertEquals(await numbersOf(journal, id), upTo(850));
      assertEquals(await numbersOf(journal, id, 800), upTo(850, 800));
      assertEquals(await numbersOf(journal, id, 3, 5), [3, 4, 5]);
    }
    const { events, next } = await sliceEvents(journal);
    assertEquals(events.length, 6_800);
    await journal.deleteEvents(ids[0]!, 849, 1);
    assertEquals(await numbersOf(journal, ids[0]!), [850]);
    await journal.close();
    journal = await sqliteJournal(path);
    assertEquals(await journal.open(ids[1]!, 1), { epoch: 1, lastSeq: 850 });
    await appendTo(journal, ids[1]!, 851, 1);
    const news = await sliceEvents(journal, next);
    assertEquals(news.events.map(({ id, seq }) => `${id}:${seq}`), [`${ids[1]}:851`]);
    await journal.close();
  }));

Deno.test("SQLite: events are deleted up to the middle of a row of the index, and read behind it", () =>
  withFile(async (path) => {
    const journal = await sqliteJournal(path, { synchronous: "NORMAL" });
    const id = "d|a";
    await journal.open(id, 1);
    await journal.open("d|b", 1);
    // More than fit in a row, in one pass of the index.
    await appendTo(journal, id, 1, 1_300);
    await appendTo(journal, "d|b", 1, 10);
    await journal.deleteEvents("d|b", 5, 1);
    assertEquals(await numbersOf(journal, id), upTo(1_300));
    let first = 1;
    for (const deleted of [1, 300, 511, 512, 513, 900, 1_250, 1_250, 1_299]) {
      await journal.deleteEvents(id, deleted, 1);
      first = deleted + 1;
      assertEquals(await numbersOf(journal, id), upTo(1_300, first));
      assertEquals(await numbersOf(journal, id, 1_200, 1_260), upTo(1_260, Math.max(1_200, first)));
    }
    await appendTo(journal, id, 1_301, 20);
    assertEquals(await numbersOf(journal, id), upTo(1_320, 1_300));
    await journal.deleteEvents(id, 1_320, 1);
    assertEquals(await numbersOf(journal, id), []);
    assertEquals(await numbersOf(journal, "d|b"), upTo(10, 6));
    await journal.close();
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = (table: string) =>
      (database.prepare(`select count(*) as n from ${table}`).get() as { n: number }).n;
    assertEquals([rows("casty_events"), rows("casty_index")], [5, 1]);
    database.close();
  }));

Deno.test("SQLite: the log of a file grows to 16 MB and not more, while nobody reads", () =>
  withFile(async (path) => {
    const journal = await sqliteJournal(path, { synchronous: "NORMAL" });
    await journal.open("w|a", 1);
    let largest = 0;
    for (let n = 0; n < 500; n++) {
      const entry = { id: "w|a", expectedSeq: n, epoch: 1, events: [event("x".repeat(100_000))] };
      await journal.append([entry]);
      largest = Math.max(largest, (await Deno.stat(`${path}-wal`)).size);
    }
    assert(largest > 15e6 && largest < 18e6, `${largest} bytes`);
    await journal.close();
  }));

Deno.test("SQLite: two stores on one file see each other's writes, and lose none", () =>
  withFile(async (path) => {
    const stores = [
      await sqliteJournal(path, { synchronous: "NORMAL" }),
      await sqliteJournal(path, { synchronous: "NORMAL" }),
    ];
    await stores[0]!.open("shared", 1);
    const own = await Promise.all(stores.map(async (journal, n) => {
      const id = `own|${n}`;
      await journal.open(id, 1);
      let [last, conflicts, shared] = [0, 0, 0];
      for (let round = 0; round < 100; round++) {
        await appendTo(journal, id, last + 1, 30);
        last += 30;
        const { lastSeq } = await journal.open("shared", 1);
        const entry = { id: "shared", expectedSeq: lastSeq, epoch: 1 };
        const events = [event(`shared ${lastSeq + 1}`)];
        const [result] = await journal.append([{ ...entry, events }]);
        if (result!.outcome === "conflict") conflicts++;
        else shared++;
      }
      return { id, last, conflicts, shared };
    }));
    for (const journal of stores) {
      for (const { id, last } of own) {
        assertEquals(await numbersOf(journal, id), upTo(last));
        assertEquals((await journal.open(id, 1)).lastSeq, last);
      }
      const shared = own[0]!.shared + own[1]!.shared;
      assertEquals(await numbersOf(journal, "shared"), upTo(shared));
      assertEquals((await sliceEvents(journal)).events.length, 6_000 + shared);
    }
    // A grant in one store fences the writers of the other.
    await stores[1]!.open("own|0", 7);
    const entry = { id: "own|0", expectedSeq: own[0]!.last, epoch: 1, events: [event("late")] };
    assertEquals(await stores[0]!.append([entry]), [{ outcome: "fenced", epoch: 7 }]);
    for (const journal of stores) await journal.close();
  }));

Deno.test("SQLite: a backup made while writes go on has all that was confirmed before, and goes on", () =>
  withFile(async (path) => {
    const journal = await sqliteJournal(path, { synchronous: "NORMAL" });
    const ids = Array.from({ length: 8 }, (_, n) => `b|${n}`);
    const confirmed = new Map(ids.map((id) => [id, 0]));
    const writing = ids.map(async (id) => {
      await journal.open(id, 1);
      for (let round = 0; round < 60; round++) {
        await appendTo(journal, id, round * 20 + 1, 20);
        confirmed.set(id, round * 20 + 20);
      }
    });
    while (Math.min(...confirmed.values()) < 200) await new Promise((go) => setTimeout(go, 1));
    const before = new Map(confirmed);
    const copy = `${path}.copy`;
    const database = new DatabaseSync(path);
    database.exec(`vacuum into '${copy}'`);
    database.close();
    assert(Math.max(...before.values()) < 1_200, "it was written meanwhile");
    await Promise.all(writing);
    await journal.close();
    await using restored = await sqliteJournal(copy);
    for (const id of ids) {
      const { lastSeq } = await restored.open(id, 1);
      assert(lastSeq >= before.get(id)!, `${id}: ${lastSeq} of ${before.get(id)}`);
      assertEquals(await numbersOf(restored, id), upTo(lastSeq));
      await appendTo(restored, id, lastSeq + 1, 1);
    }
  }));

/** The tables of version 1, as they were. */
const version1 = `
create table casty_logs (
  id text primary key, epoch integer not null, last_seq integer not null
) without rowid, strict;
create table casty_events (
  position integer primary key,
  id text not null, seq integer not null, epoch integer not null, at integer not null,
  version integer not null, checksum integer not null, payload blob not null, tags text,
  unique (id, seq)
) strict;
create table casty_snapshots (
  id text not null, seq integer not null, epoch integer not null, at integer not null,
  version integer not null, checksum integer not null, payload blob not null,
  primary key (id, seq)
) without rowid, strict;
pragma user_version = 1;
`;

Deno.test("SQLite: a file of version 1 is upgraded, with all that is in it", () =>
  withFile(async (path) => {
    const database = new DatabaseSync(path);
    database.exec(version1);
    const add = database.prepare(
      "insert into casty_events (id, seq, epoch, at, version, checksum, payload, tags) " +
        "values (?, ?, 3, 5, 2, ?, ?, ?)",
    );
    database.exec("begin");
    for (let seq = 1; seq <= 200; seq++) {
      for (const id of ["u|1", "u|2"]) {
        const { payload, checksum } = event(`${id} ${seq}`);
        add.run(id, seq, checksum, payload, seq === 2 ? '["red"]' : null);
      }
    }
    database.exec("commit");
    database.exec("insert into casty_logs values ('u|1', 3, 200), ('u|2', 4, 200), ('u|3', 9, 5)");
    const { payload, checksum } = event("state");
    database.prepare("insert into casty_snapshots values ('u|1', 150, 3, 5, 1, ?, ?)")
      .run(checksum, payload);
    database.close();
    for (let run = 0; run < 2; run++) {
      const journal = await sqliteJournal(path);
      for (const id of ["u|1", "u|2"]) assertEquals(await numbersOf(journal, id), upTo(200));
      assertEquals((await journal.loadSnapshot("u|1"))?.seq, 150);
      const { events } = await sliceEvents(journal);
      assertEquals(events.length, 400);
      for (const { id, slice } of events) assertEquals(slice, sliceOf(id));
      assertEquals(events[2]!.tags, ["red"]);
      assertEquals([events[0]!.at, events[0]!.epoch, events[0]!.version], [5, 3, 2]);
      assertEquals(await journal.open("u|3", undefined), { epoch: 10 + run, lastSeq: 5 });
      await assertRejects(() => journal.open("u|2", 3), PersistenceError, "epoch 4");
      await journal.close();
    }
  }));

/** The tables of version 2 that version 3 has not, as they were. */
const version2 = `
create table casty_seqs (
  log integer not null, seq integer not null, position integer not null, primary key (log, seq)
) without rowid, strict;
insert into casty_seqs
  select e.log, e.seq, e.position from casty_events e, casty_meta m where e.position <= m.indexed;
drop table casty_index;
pragma user_version = 2;
`;

Deno.test("SQLite: a file of version 2 is upgraded, with all that is in it", () =>
  withFile(async (path) => {
    const before = await sqliteJournal(path, { synchronous: "NORMAL" });
    const ids = ["v|1", "v|2", "v|3"];
    for (const id of ids) await before.open(id, 4);
    for (let round = 0; round < 20; round++) {
      for (const id of ids) {
        const events = Array.from({ length: 50 }, (_, n) => event(`${id} ${round * 50 + n + 1}`));
        await before.append([{ id, expectedSeq: round * 50, epoch: 4, events }]);
      }
    }
    await before.deleteEvents("v|2", 700, 4);
    await before.append([{ id: "v|3", expectedSeq: 1_000, epoch: 4, events: [event("v|3 1001")] }]);
    await before.close();
    const database = new DatabaseSync(path);
    database.exec(version2);
    database.close();
    for (let run = 0; run < 2; run++) {
      const journal = await sqliteJournal(path);
      assertEquals(await numbersOf(journal, "v|1"), upTo(1_000));
      assertEquals(await numbersOf(journal, "v|2"), upTo(1_000, 701));
      assertEquals(await numbersOf(journal, "v|3", 990), upTo(1_001, 990));
      assertEquals((await journal.open("v|2", undefined)).lastSeq, 1_000);
      assertEquals((await sliceEvents(journal)).events.length, 2_301);
      await journal.close();
    }
    const journal = await sqliteJournal(path);
    await journal.deleteEvents("v|1", 999, 4);
    assertEquals(await numbersOf(journal, "v|1"), [1_000]);
    await journal.close();
  }));

Deno.test({
  name: `SQLite: a full disk loses and doubles nothing, and is used again when it has room${
    noSmallDisk === undefined ? "" : ` (skipped: ${noSmallDisk})`
  }`,
  ignore: noSmallDisk !== undefined,
  fn: async () => {
    await using disk = await SmallDisk.create(2);
    const journal = await sqliteJournal(`${disk.folder}/journal.db`);
    const text = "x".repeat(20_000);
    for (const id of ["full|a", "full|b"]) await journal.open(id, 1);
    let last = 0;
    const append = (id: string, expectedSeq: number) =>
      journal.append([{ id, expectedSeq, epoch: 1, events: [event(text)] }]);
    const failure = await assertRejects(async () => {
      for (; last < 1_000; last++) await append("full|a", last);
    }, PersistenceError) as PersistenceError;
    assertEquals(failure.code, "storeUnavailable");
    assert(failure.message.includes("full"), failure.message);
    // Others are told the same, and what is there can be read.
    await assertRejects(() => append("full|b", 0), PersistenceError);
    let count = 0;
    for await (const { seq } of journal.read("full|a")) assertEquals(seq, ++count);
    assertEquals(count, last);
    await disk.resize(20);
    for (const added of [0, 1, 2]) {
      assertEquals(await append("full|a", last + added), [{
        outcome: "appended",
        lastSeq: last + added + 1,
      }]);
    }
    assertEquals(await append("full|b", 0), [{ outcome: "appended", lastSeq: 1 }]);
    count = 0;
    for await (const { seq } of journal.read("full|a")) assertEquals(seq, ++count);
    assertEquals(count, last + 3);
    await journal.close();
  },
});

Deno.test({
  name: `SQLite: a store that fails on and on is not called for a while${
    noSmallDisk === undefined ? "" : ` (skipped: ${noSmallDisk})`
  }`,
  ignore: noSmallDisk !== undefined,
  fn: async () => {
    await using disk = await SmallDisk.create(1);
    const journal = await sqliteJournal(`${disk.folder}/journal.db`);
    await journal.open("off|a", 1);
    const entry = { id: "off|a", expectedSeq: 0, epoch: 1, events: [event("x".repeat(2e6))] };
    for (let n = 0; n < 10; n++) {
      await assertRejects(() => journal.append([entry]), PersistenceError, "full");
    }
    const refusal = await assertRejects(
      () => journal.append([entry]),
      PersistenceError,
      "is not called",
    );
    assertEquals((refusal as PersistenceError).code, "storeUnavailable");
    await journal.close();
  },
});

Deno.test("SQLite: while another process has the lock, writes wait and then fail; reads go on", () =>
  withFile(async (path) => {
    const journal = await sqliteJournal(path);
    await journal.open("locked|a", 1);
    await appendTo(journal, "locked|a", 1, 3);
    const other = new DatabaseSync(path);
    other.exec("begin immediate");
    const short = appendTo(journal, "locked|a", 4, 1);
    assertEquals(await numbersOf(journal, "locked|a"), [1, 2, 3]);
    other.exec("rollback");
    await short;
    other.exec("begin immediate");
    // SQLite waits for 10 s.
    const failure = await assertRejects(
      () => appendTo(journal, "locked|a", 5, 1),
      PersistenceError,
      "locked",
    );
    assertEquals((failure as PersistenceError).code, "storeUnavailable");
    other.exec("rollback");
    other.close();
    await appendTo(journal, "locked|a", 5, 1);
    assertEquals(await numbersOf(journal, "locked|a"), upTo(5));
    await journal.close();
  }));

Deno.test("SQLite: a file of another kind is refused, and a damaged one fails the ids in its damaged pages", () =>
  withFile(async (path) => {
    await Deno.writeTextFile(path, "this is no database, but it is long enough".repeat(100));
    const refusal = await assertRejects(() => sqliteJournal(path), PersistenceError, path);
    assertEquals((refusal as PersistenceError).code, "storeUnavailable");
    await Deno.remove(path);
    let journal = await sqliteJournal(path);
    await journal.open("damaged|a", 1);
    for (let first = 1; first <= 2_000; first += 500) {
      await appendTo(journal, "damaged|a", first, 500);
    }
    await journal.close();
    const file = await Deno.open(path, { write: true });
    // Events are behind the first pages, which hold the names of the tables.
    const { size } = await file.stat();
    await file.seek(size - 60_000, Deno.SeekMode.Start);
    await file.write(new Uint8Array(40_000).fill(0x5a));
    file.close();
    journal = await sqliteJournal(path);
    const damage = await assertRejects(
      () => numbersOf(journal, "damaged|a"),
      PersistenceError,
      path,
    );
    assertEquals((damage as PersistenceError).code, "storeUnavailable");
    await journal.close();
  }));
