import { assert, assertEquals } from "@std/assert";
import { type CopyableJournal, isCopyable } from "../../lib/persistence/copyable_journal.ts";
import { crc32c } from "../../lib/persistence/crc32c.ts";
import type { NewEvent, StoredEvent } from "../../lib/persistence/journal.ts";
import { copyableMemoryJournal } from "../../lib/persistence/memory_journal.ts";
import { SqliteDatabase, type SqliteLog } from "../../lib/persistence/sqlite/database.ts";
import { unpackEvents } from "../../lib/persistence/sqlite/packed_events.ts";
import { sqliteJournal } from "../../lib/persistence/sqlite/sqlite_journal.ts";
import { CopyContent } from "../../lib/replication/copy_content.ts";

const kinds: Readonly<Record<string, (folder: string) => Promise<CopyableJournal>>> = {
  memory: () => Promise.resolve(copyableMemoryJournal()),
  SQLite: async (folder) => {
    const journal = await sqliteJournal(`${folder}/${crypto.randomUUID()}.db`);
    assert(isCopyable(journal));
    return journal;
  },
};

function event(value: number, size = 3): NewEvent {
  const payload = new Uint8Array(size).fill(value % 251);
  return { payload, version: 1, at: 1_000 + value, checksum: crc32c(payload) };
}

async function write(journal: CopyableJournal, id: string, count: number, size = 3) {
  const { lastSeq } = await journal.open(id, 5);
  const events = Array.from({ length: count }, (_, index) => event(lastSeq + index + 1, size));
  await journal.append([{ id, expectedSeq: lastSeq, epoch: 5, events, wake: 77 }]);
}

async function eventsOf(journal: CopyableJournal, id: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const one of journal.read(id)) events.push(one);
  return events;
}

const allSlices = { from: 0, to: 1_023 };
const due = (journal: CopyableJournal) =>
  journal.readDue({ slices: allSlices, before: 100, limit: 10 });

async function sameContent(a: CopyableJournal, b: CopyableJournal, ids: readonly string[]) {
  for (const id of ids) {
    assertEquals(await b.head(id), await a.head(id), id);
    assertEquals(await eventsOf(b, id), await eventsOf(a, id), id);
    assertEquals(await b.loadSnapshot(id), await a.loadSnapshot(id), id);
  }
  assertEquals(new Set(await due(b)), new Set(await due(a)));
}

for (const [name, make] of Object.entries(kinds)) {
  const test = (what: string, run: (a: CopyableJournal, b: CopyableJournal) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      const folder = await Deno.makeTempDir();
      const journals = [await make(folder), await make(folder)] as const;
      try {
        await run(...journals);
      } finally {
        for (const journal of journals) await journal.close();
        await Deno.remove(folder, { recursive: true });
      }
    });

  test("a copy has the events, snapshots, epochs and times of the original", async (a, b) => {
    await write(a, "cart|a", 5);
    await write(a, "cart|b", 3);
    const { payload, checksum } = event(1);
    const snapshot = { seq: 3, epoch: 5, at: 9, version: 2, payload, checksum };
    await a.saveSnapshot("cart|b", snapshot, 2);
    await a.deleteEvents("cart|b", 2, 5);
    await write(a, "cart|c", 4);
    await a.delete("cart|c", 5);
    await a.open("cart|d", 9);
    const ids = ["cart|a", "cart|b", "cart|c", "cart|d"];
    const [from, to] = [new CopyContent(a, ids), new CopyContent(b)];
    const part = await from.read("", 1_000_000);
    assert(part.done);
    await to.write(part.bytes);
    assertEquals([...to.ids], ids);
    await sameContent(a, b, ids);
    // It goes on where the original does.
    for (const journal of [a, b]) {
      await write(journal, "cart|c", 1);
      await write(journal, "cart|b", 2);
    }
    await sameContent(a, b, ids);
  });

  test(
    "parts are small, also of one id with many events, and may be stored twice",
    async (a, b) => {
      await write(a, "cart|a", 1_300, 100);
      await write(a, "cart|b", 2);
      const ids = ["cart|a", "cart|b"];
      const [from, to] = [new CopyContent(a, ids), new CopyContent(b)];
      let count = 0;
      for (let cursor = "", done = false; !done; count++) {
        const part = await from.read(cursor, 10_000);
        assert(part.bytes.length < 11_000, `${part.bytes.length} bytes`);
        for (let times = 0; times < 2; times++) await to.write(part.bytes);
        // What is written meanwhile may be in a later part.
        if (count === 3) await write(a, "cart|a", 1, 100);
        ({ next: cursor, done } = part);
      }
      assert(count > 12, `${count} parts`);
      await sameContent(a, b, ids);
    },
  );

  test("what is forgotten leaves no trace, and what else is there stays", async (a, b) => {
    await write(a, "cart|a", 5);
    await write(a, "cart|b", 5);
    await write(b, "cart|b", 5);
    await a.forget(["cart|a", "cart|none"]);
    assertEquals(await a.head("cart|a"), { epoch: 0, lastSeq: 0 });
    assertEquals(await a.exportLog("cart|a", 0, 1_000), undefined);
    assertEquals(await eventsOf(a, "cart|a"), []);
    await sameContent(b, a, ["cart|b"]);
    const { events } = await a.readSlices({ slices: allSlices, after: new Map() });
    assertEquals(events.map(({ id }) => id), Array(5).fill("cart|b"));
    await write(a, "cart|a", 2);
    assertEquals((await a.head("cart|a")).lastSeq, 2);
  });

  test("the first part replaces what is there", async (a, b) => {
    await write(a, "cart|a", 2);
    await write(b, "cart|a", 7);
    await b.open("cart|a", 8);
    await new CopyContent(b).write((await new CopyContent(a, ["cart|a"]).read("", 1_000)).bytes);
    await sameContent(a, b, ["cart|a"]);
  });
}

Deno.test("a log that is applied a second time from an earlier entry on changes nothing", async () => {
  const journal = copyableMemoryJournal();
  const content = new CopyContent(journal);
  const { payload, checksum } = event(1);
  const snapshot = (seq: number) => ({ seq, epoch: 2, at: 9, version: 2, payload, checksum });
  const log = [
    { type: "open", id: "a", epoch: 1 },
    { type: "append", entries: [{ id: "a", expectedSeq: 0, epoch: 1, events: [event(1)] }] },
    { type: "open", id: "a", epoch: 2 },
    {
      type: "append",
      entries: [{ id: "a", expectedSeq: 1, epoch: 2, events: [event(2), event(3)], wake: 5 }],
    },
    { type: "saveSnapshot", id: "a", snapshot: snapshot(2), keep: 1, lastSeq: 3 },
    { type: "saveSnapshot", id: "a", snapshot: snapshot(3), keep: 1, lastSeq: 3 },
    { type: "deleteEvents", id: "a", upTo: 2, epoch: 2 },
    { type: "append", entries: [{ id: "a", expectedSeq: 3, epoch: 2, events: [event(4)] }] },
    { type: "open", id: "b", epoch: 2 },
    { type: "append", entries: [{ id: "b", expectedSeq: 0, epoch: 2, events: [event(1)] }] },
    { type: "saveSnapshot", id: "b", snapshot: snapshot(1), keep: 2, lastSeq: 1 },
    { type: "delete", id: "b", epoch: 2, lastSeq: 1 },
    { type: "append", entries: [{ id: "b", expectedSeq: 1, epoch: 2, events: [event(2)] }] },
  ] as const;
  await content.apply(log);
  const before = [await journal.exportLog("a", 0, 1_000), await journal.exportLog("b", 0, 1_000)];
  for (let from = 0; from < log.length; from++) {
    await content.apply(log.slice(from));
    const after = [await journal.exportLog("a", 0, 1_000), await journal.exportLog("b", 0, 1_000)];
    assertEquals(after, before, `from ${from}`);
  }
});

Deno.test("a part of a log is made of few rows more than it has, in SQLite", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/store.db`;
  {
    await using journal = await sqliteJournal(path);
    assert(isCopyable(journal));
    await write(journal, "cart|a", 1_300, 1_000);
  }
  const database = new SqliteDatabase(path, true);
  const sizes: number[] = [];
  for (let after = 0, hasMore = true; hasMore;) {
    const read = { type: "exportLog", id: "cart|a", after, maxBytes: 48 * 1_024 } as const;
    const log = database.read(read).value as SqliteLog;
    const events = unpackEvents(log.events);
    sizes.push(events.length);
    after = events.at(-1)!.seq;
    hasMore = log.hasMore;
  }
  database.close();
  await Deno.remove(folder, { recursive: true });
  assertEquals(sizes.reduce((sum, size) => sum + size), 1_300);
  assert(Math.max(...sizes) < 60, `${Math.max(...sizes)} events of a part of 48`);
});

Deno.test("events of one part and id have one piece of memory of their own", async () => {
  const [from, to] = [copyableMemoryJournal(), copyableMemoryJournal()];
  await write(from, "cart|a", 20, 100);
  await write(from, "cart|b", 20, 100);
  const { bytes } = await new CopyContent(from, ["cart|a", "cart|b"]).read("", 1_000_000);
  await new CopyContent(to).write(bytes);
  const memoryOf = async (id: string) =>
    new Set((await eventsOf(to, id)).map(({ payload }) => payload.buffer));
  const [[a, ...more], [b]] = [[...await memoryOf("cart|a")], [...await memoryOf("cart|b")]];
  assertEquals(more, [], "one for each event stops a node for longer");
  // What an event that is left of one id keeps is nothing of another one, nor the message.
  assert(a !== b && a !== bytes.buffer);
  assertEquals([a!.byteLength, b!.byteLength], [2_000, 2_000]);
});
