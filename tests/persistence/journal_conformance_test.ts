import { assert, assertRejects } from "@std/assert";
import { type Journal, memoryJournal, sqliteJournal } from "../../lib/persistence/mod.ts";
import {
  journalConformance,
  type JournalUnderTest,
} from "../../lib/testkit/journal_conformance.ts";

async function sqlite(): Promise<JournalUnderTest> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/journal.db`;
  const open: Journal[] = [await sqliteJournal(path, { synchronous: "NORMAL" })];
  return {
    journal: open[0]!,
    reopen: async () => {
      await open.at(-1)!.close();
      open.push(await sqliteJournal(path));
      return open.at(-1)!;
    },
    dispose: async () => {
      await open.at(-1)!.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function memory(): Promise<JournalUnderTest> {
  const journal = memoryJournal();
  return Promise.resolve({ journal, dispose: () => journal.close() });
}

for (const [store, make] of [["memory", memory], ["SQLite", sqlite]] as const) {
  for (const { name, run } of journalConformance(make)) Deno.test(`${store}: ${name}`, run);
}

/** A store with one fault. */
function broken(fault: (journal: Journal) => Partial<Journal>): () => Promise<JournalUnderTest> {
  return async () => {
    const { journal, dispose } = await memory();
    const faulty = fault(journal);
    const proxy = new Proxy(journal, {
      get: (target, name) => {
        const value = faulty[name as keyof Journal] ?? target[name as keyof Journal];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return { journal: proxy, dispose };
  };
}

const faults: Readonly<Record<string, (journal: Journal) => Partial<Journal>>> = {
  "does not fence": (journal) => ({
    append: (entries) => journal.append(entries.map((entry) => ({ ...entry, epoch: 1e9 }))),
  }),
  "fences at the append only": (journal) => ({
    open: async (id, epoch) => {
      let lastSeq = 0;
      for await (const { seq } of journal.read(id)) lastSeq = seq;
      return { epoch: epoch ?? 1, lastSeq };
    },
  }),
  "does not compare numbers": (journal) => ({
    append: async (entries) => {
      const results = [];
      for (const entry of entries) {
        let [result] = await journal.append([entry]);
        if (result!.outcome === "conflict") {
          [result] = await journal.append([{ ...entry, expectedSeq: result!.lastSeq }]);
        }
        results.push(result!);
      }
      return results;
    },
  }),
  "stores a part of an entry": (journal) => ({
    append: (entries) =>
      journal.append(entries.map((entry) => ({ ...entry, events: entry.events.slice(0, 2) }))),
  }),
  "ignores bounds": (journal) => ({ read: (id) => journal.read(id) }),
  "mixes ids up": (journal) => ({
    read: (id, options) => journal.read(id.toLowerCase(), options),
  }),
  "keeps all snapshots": (journal) => ({
    saveSnapshot: (id, snapshot) => journal.saveSnapshot(id, snapshot, 1_000),
  }),
  "gives numbers again": (journal) => ({
    open: async (id, epoch) => {
      const opened = await journal.open(id, epoch);
      let lastSeq = 0;
      for await (const { seq } of journal.read(id)) lastSeq = seq;
      return { ...opened, lastSeq };
    },
  }),
  "goes on after its end": () => ({ close: () => Promise.resolve() }),
  "loses tags": (journal) => ({
    async *read(id, options) {
      for await (const { tags: _, ...event } of journal.read(id, options)) yield event;
    },
  }),
};

/** Which promise each of them breaks at least. */
const brokenPromises: Readonly<Record<string, string>> = {
  "does not fence":
    "a writer with a lower epoch stores nothing, from the moment the higher one has opened",
  "fences at the append only":
    "a writer with a lower epoch stores nothing, from the moment the higher one has opened",
  "does not compare numbers": "an append that expects another number stores nothing",
  "stores a part of an entry":
    "events come back with all they were given, in the order of their numbers",
  "ignores bounds": "reading keeps to its bounds, whatever its batches are",
  "mixes ids up": "ids are compared exactly",
  "keeps all snapshots":
    "the newest snapshot comes first, older ones on request, and no more than asked are kept",
  "gives numbers again": "numbers of deleted events are not given again",
  "goes on after its end": "a closed store refuses everything as unavailable",
  "loses tags": "events come back with all they were given, in the order of their numbers",
};

for (const [fault, make] of Object.entries(faults)) {
  Deno.test(`a store that ${fault} does not conform`, async () => {
    const failed: string[] = [];
    for (const { name, run } of journalConformance(broken(make))) {
      await run().catch(() => failed.push(name));
    }
    assert(failed.includes(brokenPromises[fault]!), failed.join("\n"));
  });
}

Deno.test("a file with tables of another version is refused", async () => {
  const folder = await Deno.makeTempDir();
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(`${folder}/journal.db`);
  database.exec("pragma user_version = 99");
  database.close();
  await assertRejects(() => sqliteJournal(`${folder}/journal.db`), Error, "version 99");
  await Deno.remove(folder, { recursive: true });
});
