import { crc32c } from "../persistence/crc32c.ts";
import { PersistenceError } from "../persistence/errors.ts";
import type { AppendEntry, AppendResult, Journal, NewEvent } from "../persistence/journal.ts";

/** One promise of the port {@linkcode Journal}, and how it is checked. */
export interface ConformanceCheck {
  /** The promise. */
  readonly name: string;
  /** Checks it on a new store. Rejects with what was different. */
  readonly run: () => Promise<void>;
}

/** A store for one check. */
export interface JournalUnderTest {
  /** The store, open and empty. */
  readonly journal: Journal;
  /**
   * Closes the store and opens it again, as a process does that has restarted. Undefined: it keeps
   * nothing beyond its end.
   */
  readonly reopen?: () => Promise<Journal>;
  /** Removes all that was made. */
  readonly dispose: () => Promise<void>;
}

/**
 * All that a store must do, as checks for any test runner (as Pekko's persistence-tck). Each makes a
 * store of its own.
 *
 * @example
 * ```ts
 * import { journalConformance } from "@casty/casty/testkit";
 * import { memoryJournal } from "@casty/casty/persistence";
 *
 * const checks = journalConformance(() => {
 *   const journal = memoryJournal();
 *   return Promise.resolve({ journal, dispose: () => journal.close() });
 * });
 * // In a test file: for (const { name, run } of checks) Deno.test(name, run);
 * for (const { run } of checks) await run();
 * ```
 */
export function journalConformance(make: () => Promise<JournalUnderTest>): ConformanceCheck[] {
  return promises.map(({ name, check }) => ({
    name,
    run: async () => {
      const store = await make();
      try {
        await check(store);
      } finally {
        await store.dispose();
      }
    },
  }));
}

interface JournalPromise {
  readonly name: string;
  readonly check: (store: JournalUnderTest) => Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (payload: Uint8Array) => new TextDecoder().decode(payload);

function event(text: string, version = 0): NewEvent {
  const payload = bytes(text);
  return { payload, version, at: 1_700_000_000_123, checksum: crc32c(payload) };
}

function entry(id: string, expectedSeq: number, epoch: number, ...texts: string[]): AppendEntry {
  return { id, expectedSeq, epoch, events: texts.map((text) => event(text)) };
}

function expect(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

async function refusedWith(code: string, promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PersistenceError && error.code === code) return;
    throw new Error(`rejected with ${error} instead of a PersistenceError of code ${code}`);
  }
  throw new Error(`was not rejected; it should be with code ${code}`);
}

async function textsOf(journal: Journal, id: string, from = 1, to?: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const { seq, payload } of journal.read(id, { from, batch: 2, ...(to && { to }) })) {
    texts.push(`${seq}:${textOf(payload)}`);
  }
  return texts;
}

async function appendOne(journal: Journal, one: AppendEntry): Promise<AppendResult> {
  const results = await journal.append([one]);
  expect("results of one entry", results.length, 1);
  return results[0]!;
}

function snapshot(seq: number, epoch: number, text: string) {
  return { seq, epoch, ...event(text, 3) };
}

const promises: readonly JournalPromise[] = [
  {
    name: "an id that was never opened has no events and no snapshot",
    check: async ({ journal }) => {
      expect("events", await textsOf(journal, "a|new"), []);
      expect("snapshot", await journal.loadSnapshot("a|new"), undefined);
    },
  },
  {
    name: "without a grant, each opening gets a higher epoch",
    check: async ({ journal }) => {
      expect("first", await journal.open("a|1", undefined), { epoch: 1, lastSeq: 0 });
      expect("second", await journal.open("a|1", undefined), { epoch: 2, lastSeq: 0 });
      expect("another id", await journal.open("a|2", undefined), { epoch: 1, lastSeq: 0 });
    },
  },
  {
    name: "events come back with all they were given, in the order of their numbers",
    check: async ({ journal }) => {
      await journal.open("a|1", 7);
      const result = await appendOne(journal, {
        id: "a|1",
        expectedSeq: 0,
        epoch: 7,
        events: [event("one", 2), { ...event("two"), tags: ["red", "blue"] }, event("")],
      });
      expect("result", result, { outcome: "appended", lastSeq: 3 });
      const read: unknown[] = [];
      for await (const stored of journal.read("a|1")) {
        const { seq, epoch, at, version, checksum, payload, tags = [] } = stored;
        read.push([seq, epoch, at, version, checksum === crc32c(payload), textOf(payload), tags]);
      }
      const at = 1_700_000_000_123;
      expect("events", read, [
        [1, 7, at, 2, true, "one", []],
        [2, 7, at, 0, true, "two", ["red", "blue"]],
        [3, 7, at, 0, true, "", []],
      ]);
    },
  },
  {
    name: "reading keeps to its bounds, whatever its batches are",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      await appendOne(journal, entry("a|1", 0, 1, "a", "b", "c", "d", "e"));
      expect("from 2 to 4", await textsOf(journal, "a|1", 2, 4), ["2:b", "3:c", "4:d"]);
      expect("from 4", await textsOf(journal, "a|1", 4), ["4:d", "5:e"]);
      expect("beyond", await textsOf(journal, "a|1", 6), []);
    },
  },
  {
    name: "an append that expects another number stores nothing",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      await appendOne(journal, entry("a|1", 0, 1, "a"));
      const conflict = { outcome: "conflict", lastSeq: 1 };
      expect("too low", await appendOne(journal, entry("a|1", 0, 1, "b", "c")), conflict);
      expect("too high", await appendOne(journal, entry("a|1", 2, 1, "b")), conflict);
      expect("events", await textsOf(journal, "a|1"), ["1:a"]);
    },
  },
  {
    name: "a writer with a lower epoch stores nothing, from the moment the higher one has opened",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      await appendOne(journal, entry("a|1", 0, 1, "a"));
      expect("opened", await journal.open("a|1", 5), { epoch: 5, lastSeq: 1 });
      const fenced = { outcome: "fenced", epoch: 5 };
      expect("lower", await appendOne(journal, entry("a|1", 1, 1, "b")), fenced);
      expect("between", await appendOne(journal, entry("a|1", 1, 4, "b")), fenced);
      await refusedWith("fenced", journal.open("a|1", 4));
      await refusedWith("fenced", journal.saveSnapshot("a|1", snapshot(1, 4, "s"), 2));
      await refusedWith("fenced", journal.deleteEvents("a|1", 1, 4));
      expect("events", await textsOf(journal, "a|1"), ["1:a"]);
      expect("snapshot", await journal.loadSnapshot("a|1"), undefined);
      const appended = { outcome: "appended", lastSeq: 2 };
      expect("higher", await appendOne(journal, entry("a|1", 1, 5, "b")), appended);
    },
  },
  {
    name: "opening with the same epoch again is no new writer",
    check: async ({ journal }) => {
      await journal.open("a|1", 3);
      expect("again", await journal.open("a|1", 3), { epoch: 3, lastSeq: 0 });
      const appended = { outcome: "appended", lastSeq: 1 };
      expect("append", await appendOne(journal, entry("a|1", 0, 3, "a")), appended);
    },
  },
  {
    name: "entries of one append are judged apart from each other",
    check: async ({ journal }) => {
      for (const id of ["a|1", "a|2", "a|3"]) await journal.open(id, 2);
      const results = await journal.append([
        entry("a|1", 0, 2, "x"),
        entry("a|2", 9, 2, "y"),
        entry("a|3", 0, 1, "z"),
        entry("a|2", 0, 2, "y1", "y2"),
      ]);
      expect("outcomes", results.map(({ outcome }) => outcome), [
        "appended",
        "conflict",
        "fenced",
        "appended",
      ]);
      expect("the second", await textsOf(journal, "a|2"), ["1:y1", "2:y2"]);
      expect("the third", await textsOf(journal, "a|3"), []);
    },
  },
  {
    name: "of writers that expect the same number at once, one wins",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      const tries = Array.from(
        { length: 16 },
        (_, n) => appendOne(journal, entry("a|1", 0, 1, `writer ${n}`, "second")),
      );
      const won = (await Promise.all(tries)).filter(({ outcome }) => outcome === "appended");
      expect("winners", won.length, 1);
      expect("events", (await textsOf(journal, "a|1")).length, 2);
    },
  },
  {
    name: "an event is what it was when it was given, not what its memory holds later",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      const one = entry("a|1", 0, 1, "before");
      const appending = journal.append([one]);
      await appending;
      one.events[0]!.payload.fill(0);
      expect("events", await textsOf(journal, "a|1"), ["1:before"]);
    },
  },
  {
    name: "ids are compared exactly",
    check: async ({ journal }) => {
      const ids = [
        "a|x",
        "a|X",
        "a|x ",
        "b|x",
        "a|\u00e9",
        "a|e\u0301",
        "a|'; drop table x; --",
        "a|%",
      ];
      for (const id of ids) {
        await journal.open(id, 1);
        await appendOne(journal, entry(id, 0, 1, id));
      }
      for (const id of ids) expect(id, await textsOf(journal, id), [`1:${id}`]);
    },
  },
  {
    name: "the newest snapshot comes first, older ones on request, and no more than asked are kept",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      for (const seq of [10, 20, 30]) {
        await journal.saveSnapshot("a|1", snapshot(seq, 1, `state ${seq}`), 2);
      }
      const newest = (await journal.loadSnapshot("a|1"))!;
      expect("newest", [newest.seq, newest.version, textOf(newest.payload)], [30, 3, "state 30"]);
      expect("checksum", newest.checksum, crc32c(newest.payload));
      expect("older", (await journal.loadSnapshot("a|1", 29))?.seq, 20);
      expect("oldest", await journal.loadSnapshot("a|1", 19), undefined);
    },
  },
  {
    name: "numbers of deleted events are not given again",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      await appendOne(journal, entry("a|1", 0, 1, "a", "b", "c"));
      await journal.deleteEvents("a|1", 2, 1);
      expect("left", await textsOf(journal, "a|1"), ["3:c"]);
      await journal.deleteEvents("a|1", 3, 1);
      expect("none", await textsOf(journal, "a|1"), []);
      expect("opened", await journal.open("a|1", 1), { epoch: 1, lastSeq: 3 });
      const appended = { outcome: "appended", lastSeq: 4 };
      expect("next", await appendOne(journal, entry("a|1", 3, 1, "d")), appended);
    },
  },
  {
    name: "a thousand events of 10 KB are appended at once and read in batches",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      const text = "x".repeat(10_000);
      const events = Array.from({ length: 1_000 }, (_, n) => event(`${n}${text}`));
      const result = await appendOne(journal, { id: "a|1", expectedSeq: 0, epoch: 1, events });
      expect("result", result, { outcome: "appended", lastSeq: 1_000 });
      let seq = 0;
      for await (const stored of journal.read("a|1", { batch: 64 })) {
        expect("number", stored.seq, ++seq);
        expect("checksum", crc32c(stored.payload), stored.checksum);
      }
      expect("events", seq, 1_000);
    },
  },
  {
    name: "what was appended, opened and saved is there after the store was opened again",
    check: async ({ journal, reopen }) => {
      if (reopen === undefined) return;
      await journal.open("a|1", 4);
      await appendOne(journal, entry("a|1", 0, 4, "a", "b"));
      await journal.saveSnapshot("a|1", snapshot(1, 4, "state"), 1);
      const again = await reopen();
      expect("events", await textsOf(again, "a|1"), ["1:a", "2:b"]);
      expect("snapshot", (await again.loadSnapshot("a|1"))?.seq, 1);
      const fenced = { outcome: "fenced", epoch: 4 };
      expect("fenced", await appendOne(again, entry("a|1", 2, 3, "c")), fenced);
      expect("opened", await again.open("a|1", undefined), { epoch: 5, lastSeq: 2 });
    },
  },
  {
    name: "a closed store refuses everything as unavailable",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      await journal.close();
      await journal.close();
      await refusedWith("storeUnavailable", journal.open("a|1", 2));
      await refusedWith("storeUnavailable", journal.append([entry("a|1", 0, 1, "a")]));
      await refusedWith("storeUnavailable", textsOf(journal, "a|1"));
      await refusedWith("storeUnavailable", journal.loadSnapshot("a|1"));
      await refusedWith("storeUnavailable", journal.saveSnapshot("a|1", snapshot(1, 1, "s"), 1));
      await refusedWith("storeUnavailable", journal.deleteEvents("a|1", 1, 1));
    },
  },
];
