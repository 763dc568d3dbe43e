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
  "goes on after its block": () => ({ [Symbol.asyncDispose]: () => Promise.resolve() }),
  "loses metadata": (journal) => ({
    append: (entries) =>
      journal.append(entries.map((entry) => ({
        ...entry,
        events: entry.events.map(({ metadata: _, ...event }) => event),
      }))),
  }),
  "loses the metadata of a snapshot": (journal) => ({
    saveSnapshot: (id, { metadata: _, ...snapshot }, keep) =>
      journal.saveSnapshot(id, snapshot, keep),
  }),
  "never wakes": () => ({ readDue: () => Promise.resolve([]) }),
  "wakes for ever": (journal) => ({
    append: (entries) =>
      journal.append(
        entries.map(({ wake, ...entry }) => typeof wake === "number" ? { ...entry, wake } : entry),
      ),
  }),
  "forgets wakes with the next append": (journal) => ({
    append: (entries) => journal.append(entries.map((entry) => ({ wake: null, ...entry }))),
  }),
  "wakes for what it has refused": (journal) => ({
    append: async (entries) => {
      const results = await journal.append(entries);
      for (const [index, { id, wake }] of entries.entries()) {
        const { outcome, ...refused } = results[index]!;
        if (outcome === "conflict" && wake !== undefined) {
          const { lastSeq } = refused as { lastSeq: number };
          await journal.append([{ ...entries[index]!, id, expectedSeq: lastSeq }]);
        }
      }
      return results;
    },
  }),
  "wakes in any order": (journal) => ({
    readDue: async (options) => [...await journal.readDue(options)].reverse(),
  }),
  "wakes for all slices": (journal) => ({
    readDue: (options) => journal.readDue({ ...options, slices: { from: 0, to: 1_023 } }),
  }),
  "orders slices by the writer's names": (journal) => ({
    readSlices: async (options) => {
      const { events, next } = await journal.readSlices(options);
      return { events: [...events].sort((a, b) => a.seq < b.seq ? 1 : -1), next };
    },
  }),
  "leaves out what is committed late": (journal) => {
    const late = new Set<string>();
    return {
      readSlices: async (options) => {
        const { events, next } = await journal.readSlices(options);
        const seen = events.filter(({ id, seq }) => {
          const name = `${id}:${seq}`;
          if (!id.startsWith("w|") || seq % 7 !== 0 || late.has(name)) return true;
          late.add(name);
          return false;
        });
        return { events: seen, next };
      },
    };
  },
  "gives events of slices twice": (journal) => ({
    readSlices: (options) => {
      const after = new Map([...options.after].map(([slice, at]) => [slice, at && at - 1n]));
      return journal.readSlices({ ...options, after });
    },
  }),
  "orders by the beginning of the commit": (journal) => {
    // What waits for its commit has its position already.
    let position = 0n;
    const committed: { place: string; position: bigint }[] = [];
    return {
      append: async (entries) => {
        const own = entries.map(() => position += 100n);
        for (let turn = Number(position) % 7; turn > 0; turn--) {
          await new Promise((resolve) => setTimeout(resolve));
        }
        const results = await journal.append(entries);
        for (const [index, { id, expectedSeq, events }] of entries.entries()) {
          if (results[index]!.outcome !== "appended") continue;
          for (const added of events.keys()) {
            const place = `${id}:${expectedSeq + 1 + added}`;
            committed.push({ place, position: own[index]! + BigInt(added) });
          }
        }
        return results;
      },
      readSlices: async (options) => {
        const all = await journal.readSlices({ ...options, after: new Map(), limit: 1e6 });
        const events = all.events.flatMap((event) => {
          const found = committed.find(({ place }) => place === `${event.id}:${event.seq}`);
          return found === undefined ? [] : [{ ...event, position: found.position }];
        }).filter(({ slice, position }) => position > (options.after.get(slice) ?? 0n))
          .sort((a, b) => Number(a.position - b.position)).slice(0, options.limit);
        const last = events.at(-1)?.position;
        const next = last === undefined
          ? options.after
          : new Map([...all.next.keys()].map((slice) => [slice, last]));
        return { events, next };
      },
    };
  },
  "ignores slices": (journal) => ({
    readSlices: (options) => journal.readSlices({ ...options, slices: { from: 0, to: 1_023 } }),
  }),
  "loses what follows deleted events in a slice": (journal) => {
    const deleted = new Map<string, number>();
    return {
      deleteEvents: (id, upTo, epoch) => {
        deleted.set(id, upTo);
        return journal.deleteEvents(id, upTo, epoch);
      },
      readSlices: async (options) => {
        const { events, next } = await journal.readSlices(options);
        const isAlone = options.slices.from === options.slices.to;
        return { events: events.filter(({ id }) => !isAlone || !deleted.has(id)), next };
      },
    };
  },
  "ignores the tag": (journal) => ({
    readSlices: ({ tag: _, ...options }) => journal.readSlices(options),
  }),
  "takes a part of a tag for it": (journal) => ({
    readSlices: async ({ tag, ...options }) => {
      const { events, next } = await journal.readSlices(options);
      const found = events.filter(({ tags = [] }) => tags.join().includes(tag ?? ""));
      return { events: found, next };
    },
  }),
  "gives positions again": (journal) => ({
    readSlices: async (options) => {
      const all = await journal.readSlices({ ...options, after: new Map(), limit: 1e6 });
      const numbered = all.events.map((event, n) => ({ ...event, position: BigInt(n + 1) }))
        .filter(({ slice, position }) => position > (options.after.get(slice) ?? 0n))
        .slice(0, options.limit);
      const last = numbered.at(-1)?.position;
      const next = last === undefined
        ? options.after
        : new Map([...all.next.keys()].map((slice) => [slice, last]));
      return { events: numbered, next };
    },
  }),
  "deletes events only": (journal) => ({
    delete: (id, epoch) => journal.deleteEvents(id, Number.MAX_SAFE_INTEGER, epoch),
  }),
  "deletes for everybody": (journal) => ({
    delete: (id) => journal.delete(id, Number.MAX_SAFE_INTEGER),
  }),
  "tells of nothing": () => ({ onAppended: () => () => {} }),
  "tells for ever": (journal) => ({
    onAppended: (listener) => {
      journal.onAppended!(listener);
      return () => {};
    },
  }),
  "counts nothing": () => ({ countSlices: () => Promise.resolve(0) }),
  "loses tags": (journal) => ({
    async *read(id, options) {
      for await (const { tags: _, ...event } of journal.read(id, options)) yield event;
    },
  }),
};

const due = "ids with work to do are found, the soonest first, until they have none";
const concurrent =
  "a reader of slices gets each event of 16 writers once, in order, while they write";

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
  "goes on after its block": "a store is closed when a block with await using ends",
  "loses metadata": "the metadata comes back with the event or the snapshot that it came with",
  "loses the metadata of a snapshot":
    "the metadata comes back with the event or the snapshot that it came with",
  "never wakes": due,
  "wakes for ever": due,
  "forgets wakes with the next append": due,
  "wakes for what it has refused": due,
  "wakes in any order": due,
  "wakes for all slices": due,
  "orders slices by the writer's names":
    "events of slices come in the order of their slice, page by page, with all they have",
  "leaves out what is committed late": concurrent,
  "gives events of slices twice":
    "events of slices come in the order of their slice, page by page, with all they have",
  "orders by the beginning of the commit": concurrent,
  "ignores slices": "a slice is read from its own position, and others are left out",
  "loses what follows deleted events in a slice":
    "slices that are read alone give what all of them give together, also after deletions",
  "ignores the tag": "events of slices are selected by a tag",
  "takes a part of a tag for it": "events of slices are selected by a tag",
  "gives positions again": "positions are not given again when the newest events were deleted",
  "deletes events only": "a deleted id has nothing left but its number and epoch, which go on",
  "deletes for everybody": "a deleted id has nothing left but its number and epoch, which go on",
  "tells of nothing": "a listener is told of appends until it ends, if the store tells of any",
  "tells for ever": "a listener is told of appends until it ends, if the store tells of any",
  "counts nothing": "events of slices are counted, if the store can: none only if there is none",
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
