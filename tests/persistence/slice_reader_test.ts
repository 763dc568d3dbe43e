import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import { type Journal, sliceOf, sqliteJournal } from "../../lib/persistence/mod.ts";
import { FirstPositions } from "../../lib/persistence/sqlite/first_positions.ts";
import { SliceReader } from "../../lib/persistence/sqlite/slice_reader.ts";

const ids = Array.from({ length: 40 }, (_, n) => `s|${n}`);
const rounds = 500;

/** Events of all ids in turn, every tenth with a tag; some are deleted. The newest are not in the index. */
async function fill(journal: Journal): Promise<void> {
  for (const id of ids) await journal.open(id, 1);
  for (let first = 0; first < rounds; first += 10) {
    const entries = ids.map((id) => ({
      id,
      expectedSeq: first,
      epoch: 1,
      events: Array.from({ length: 10 }, (_, n) => {
        const payload = new TextEncoder().encode(`${id} ${first + n + 1}`);
        const event = { payload, version: 0, at: 1, checksum: crc32c(payload) };
        return n === 0 ? { ...event, tags: ["first"] } : event;
      }),
    }));
    await journal.append(entries);
  }
  await journal.deleteEvents(ids[3]!, 250, 1);
}

/** A reader of the file, and the statements that it has run. */
function readerOf(path: string) {
  const database = new DatabaseSync(path, { readOnly: true });
  const statements: string[] = [];
  const prepared = (sql: string) => {
    statements.push(sql);
    return database.prepare(sql);
  };
  const reader = new SliceReader({
    one: (sql, ...values) => prepared(sql).get(...values),
    all: (sql, ...values) => prepared(sql).all(...values),
  });
  return { reader, statements, close: () => database.close() };
}

const goesThroughAll = (sql: string) => sql.includes("e.position > ?");

Deno.test("SQLite: a reader of few slices gets their events by the index, page by page, as one of all", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/journal.db`;
  const journal = await sqliteJournal(path, { synchronous: "NORMAL" });
  await fill(journal);
  const all = { from: 0, to: 1_023 };
  const { events } = await journal.readSlices({ slices: all, after: new Map(), limit: 30_000 });
  assertEquals(events.length, ids.length * rounds - 250);
  await journal.close();

  const { reader, statements, close } = readerOf(path);
  for (const id of [ids[0]!, ids[3]!, ids[39]!]) {
    const slices = { from: sliceOf(id), to: sliceOf(id) };
    for (const tag of [undefined, "first"]) {
      for (const limit of [29, 1_000]) {
        const found: string[] = [];
        for (let after = 0n;;) {
          const page = reader.read({ slices, after, limit, tag });
          found.push(...page.events.map(({ id, seq, position }) => `${id} ${seq} ${position}`));
          assert(page.events.length <= limit && page.read >= after);
          after = page.read;
          if (!page.hasMore) break;
        }
        const expected = events.filter(({ slice, tags }) =>
          slice === slices.from && (tag === undefined || tags?.includes(tag))
        );
        assertEquals(found, expected.map(({ id, seq, position }) => `${id} ${seq} ${position}`));
      }
      const after = 0n;
      const count = reader.count({ slices, after, limit: 100_000, tag });
      const there = events.filter(({ slice, tags }) =>
        slice === slices.from && (tag === undefined || tags?.includes(tag))
      ).length;
      assert(count >= there && count < there + 512, `${count} of ${there}`);
      assertEquals(reader.count({ slices, after, limit: 3, tag }), 3);
    }
  }
  statements.length = 0;
  const slices = { from: sliceOf(ids[0]!), to: sliceOf(ids[0]!) };
  const page = reader.read({ slices, after: 0n, limit: 100, tag: undefined });
  assertEquals(page.events.length, 100);
  assertEquals(statements.filter(goesThroughAll), []);
  // Wide ranges, and what is not in the index yet, are gone through.
  reader.read({ slices, after: BigInt(events.length - 100), limit: 100, tag: undefined });
  assertEquals(statements.filter(goesThroughAll).length, 1);
  close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("SQLite: a file that was made before there was an index of slices gets one", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/journal.db`;
  await (await sqliteJournal(path)).close();
  const database = new DatabaseSync(path);
  database.exec("drop index casty_slices");
  await (await sqliteJournal(path)).close();
  const row = database.prepare("select sql from sqlite_master where name = 'casty_slices'").get();
  assertEquals(row?.sql, "CREATE INDEX casty_slices on casty_logs (slice)");
  database.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the lowest positions are kept, in their order, and higher ones refused", () => {
  const positions = new FirstPositions(3);
  for (const position of [9, 4, 7]) assert(positions.add(position));
  assert(positions.isFull);
  assertEquals(positions.lowest, [4, 7, 9]);
  assert(!positions.add(9));
  assert(!positions.add(12));
  for (const position of [1, 8, 2]) assert(positions.add(position));
  assertEquals(positions.lowest, [1, 2, 4]);
  assert(!new FirstPositions(2).isFull);
});
