import { crc32c } from "../persistence/crc32c.ts";
import { PersistenceError } from "../persistence/errors.ts";
import {
  type AppendEntry,
  type AppendResult,
  type Journal,
  type NewEvent,
  type ReadSlicesOptions,
  sliceCount,
  type SliceEvent,
  sliceOf,
  type SliceRange,
} from "../persistence/journal.ts";
import { systemClock } from "../runtime/system_clock.ts";

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

function eventWithMetadata(text: string, metadata: string): NewEvent {
  const [payload, entries] = [bytes(text), bytes(metadata)];
  return { ...event(text), metadata: entries, checksum: crc32c(entries, crc32c(payload)) };
}

const allSlices: SliceRange = { from: 0, to: sliceCount - 1 };

/** Reads pages until one is empty. */
async function readAll(
  journal: Journal,
  options: Partial<ReadSlicesOptions> = {},
): Promise<{ events: SliceEvent[]; next: ReadonlyMap<number, bigint> }> {
  let next = options.after ?? new Map<number, bigint>();
  const events: SliceEvent[] = [];
  for (;;) {
    const page = await journal.readSlices({
      slices: allSlices,
      limit: 2,
      ...options,
      after: next,
    });
    for (const { slice, position } of page.events) {
      const isBehind = position <= (next.get(slice) ?? 0n);
      const isBeyond = position > (page.next.get(slice) ?? 0n);
      if (isBehind || isBeyond) throw new Error(`position ${position} is not within its page`);
    }
    next = page.next;
    if (page.events.length === 0) return { events, next };
    events.push(...page.events);
  }
}

const placesOf = (events: readonly SliceEvent[]) => events.map(({ id, seq }) => `${id}:${seq}`);

/** Ids in the order of their names: which events a reader has had of each, in its order. */
function numbersById(events: readonly SliceEvent[]): [string, number[]][] {
  const numbers = new Map<string, number[]>();
  for (const { id, seq } of events) numbers.set(id, [...numbers.get(id) ?? [], seq]);
  return [...numbers].sort(([a], [b]) => a < b ? -1 : 1);
}

/** Appends one by one, some of which are refused. */
async function writeMany(journal: Journal, writer: number, appends: number): Promise<void> {
  const ids = [`w|${writer}`, `w|${writer} second`];
  for (const id of ids) await journal.open(id, 1);
  const last = [0, 0];
  for (let n = 0; n < appends; n++) {
    const own = n % 2;
    const texts = n % 3 === 0 ? [`${n}`, `${n} too`] : [`${n}`];
    if (n % 5 === 0) await appendOne(journal, entry(ids[own]!, last[own]! + 7, 1, "refused"));
    const result = await appendOne(journal, entry(ids[own]!, last[own]!, 1, ...texts));
    if (result.outcome !== "appended") throw new Error(`append: ${JSON.stringify(result)}`);
    last[own] = result.lastSeq;
  }
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
    name: "the metadata comes back with the event or the snapshot that it came with",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      const events = [
        eventWithMetadata("one", "metadata one"),
        event("two"),
        eventWithMetadata("", "three"),
      ];
      await appendOne(journal, { id: "a|1", expectedSeq: 0, epoch: 1, events });
      const read: unknown[] = [];
      for await (const { payload, metadata, checksum } of journal.read("a|1")) {
        const isWhole = checksum === crc32c(metadata ?? bytes(""), crc32c(payload));
        read.push([textOf(payload), metadata === undefined ? null : textOf(metadata), isWhole]);
      }
      expect("events", read, [["one", "metadata one", true], ["two", null, true], [
        "",
        "three",
        true,
      ]]);
      const withMetadata = (await readAll(journal)).events.map(({ metadata }) =>
        metadata && textOf(metadata)
      );
      expect("events of slices", withMetadata, ["metadata one", undefined, "three"]);
      await journal.saveSnapshot("a|1", { seq: 1, epoch: 1, ...eventWithMetadata("s", "all") }, 2);
      await journal.saveSnapshot("a|1", snapshot(2, 1, "t"), 2);
      expect("newest", (await journal.loadSnapshot("a|1"))!.metadata, undefined);
      const older = (await journal.loadSnapshot("a|1", 1))!;
      expect("older", [textOf(older.payload), textOf(older.metadata!)], ["s", "all"]);
      expect("checksum", older.checksum, crc32c(older.metadata!, crc32c(older.payload)));
    },
  },
  {
    name: "ids with work to do are found, the soonest first, until they have none",
    check: async ({ journal, reopen }) => {
      const ids = ["a|1", "a|2", "a|3", "a|4"];
      for (const id of ids) await journal.open(id, 1);
      const wakes = [5_000, 0, undefined, 1_700_000_000_000];
      await journal.append(ids.map((id, index) => {
        const wake = wakes[index];
        return { ...entry(id, 0, 1, "x"), ...(wake !== undefined && { wake }) };
      }));
      const due = async (store: Journal, before: number, limit = 10, slices = allSlices) =>
        (await store.readDue({ slices, before, limit })).map(({ id, wake }) => [id, wake]);
      const all = [["a|2", 0], ["a|1", 5_000], ["a|4", 1_700_000_000_000]];
      expect("all", await due(journal, 2_000_000_000_000), all);
      expect("not later", await due(journal, 5_000), all.slice(0, 2));
      expect("limit", await due(journal, 2_000_000_000_000, 1), all.slice(0, 1));
      const slices = { from: sliceOf("a|1"), to: sliceOf("a|1") };
      expect("of a slice", await due(journal, 5_000, 10, slices), [["a|1", 5_000]]);
      await journal.append([
        entry("a|1", 1, 1, "y"),
        { ...entry("a|2", 1, 1, "y"), wake: null },
        { ...entry("a|3", 1, 1, "y"), wake: 7_000 },
        // Refused, and so nothing of it is stored.
        { ...entry("a|4", 7, 1, "y"), wake: null },
      ]);
      const later = [["a|1", 5_000], ["a|3", 7_000], ["a|4", 1_700_000_000_000]];
      expect("later", await due(journal, 2_000_000_000_000), later);
      const again = await reopen?.() ?? journal;
      expect("reopened", await due(again, 2_000_000_000_000), later);
    },
  },
  {
    name: "events of slices come in the order of their slice, page by page, with all they have",
    check: async ({ journal }) => {
      for (const id of ["a|1", "a|2"]) await journal.open(id, 6);
      await appendOne(journal, entry("a|1", 0, 6, "a", "b", "c"));
      await appendOne(journal, entry("a|2", 0, 6, "x"));
      const tagged = { ...entry("a|1", 3, 6), events: [{ ...event("d", 2), tags: ["red"] }] };
      await appendOne(journal, tagged);
      const { events, next } = await readAll(journal);
      const expected = [["a|1", [1, 2, 3, 4]], ["a|2", [1]]];
      expect("events", numbersById(events), expected);
      for (const { id, slice } of events) expect(`slice of ${id}`, slice, sliceOf(id));
      const { at, version, epoch, payload, tags } = events.find(({ seq }) => seq === 4)!;
      const parts = [at, version, epoch, textOf(payload), tags];
      expect("event", parts, [1_700_000_000_123, 2, 6, "d", ["red"]]);
      expect("after the last", (await readAll(journal, { after: next })).events.length, 0);
      await appendOne(journal, entry("a|2", 1, 6, "y"));
      const news = await readAll(journal, { after: next });
      expect("news", placesOf(news.events), ["a|2:2"]);
    },
  },
  {
    name: "a slice is read from its own position, and others are left out",
    check: async ({ journal }) => {
      for (const id of ["a|1", "a|2"]) {
        await journal.open(id, 1);
        await appendOne(journal, entry(id, 0, 1, "x", "y"));
      }
      const slice = sliceOf("a|1");
      const slices = { from: slice, to: slice };
      const { events } = await readAll(journal, { slices });
      expect("one slice", placesOf(events), ["a|1:1", "a|1:2"]);
      const after = new Map([[slice, events[0]!.position]]);
      expect("after", numbersById((await readAll(journal, { after })).events), [
        ["a|1", [2]],
        ["a|2", [1, 2]],
      ]);
    },
  },
  {
    name: "events of slices are selected by a tag",
    check: async ({ journal }) => {
      await journal.open("a|1", 1);
      const events = [["red"], [], ["blue", "red"], ["reddish", 'in"red']].map((tags, n) => ({
        ...event(`${n}`),
        ...(tags.length > 0 && { tags }),
      }));
      await appendOne(journal, { id: "a|1", expectedSeq: 0, epoch: 1, events });
      const found = await readAll(journal, { tag: "red" });
      expect("red", placesOf(found.events), ["a|1:1", "a|1:3"]);
      const page = await journal.readSlices({
        slices: allSlices,
        after: new Map(),
        tag: "green",
      });
      expect("green", page.events.length, 0);
      const rest = await readAll(journal, { after: page.next });
      expect("after a page without any", rest.events.length, 0);
    },
  },
  {
    name: "events of slices are counted, if the store can: none only if there is none",
    check: async ({ journal }) => {
      if (journal.countSlices === undefined) return;
      const count = (options: Partial<ReadSlicesOptions>) =>
        journal.countSlices!({ slices: allSlices, after: new Map(), ...options });
      expect("of nothing", await count({}), 0);
      await journal.open("a|1", 1);
      const events = [event("x"), { ...event("y"), tags: ["red"] }, event("z")];
      await appendOne(journal, { id: "a|1", expectedSeq: 0, epoch: 1, events });
      expect("all", await count({}), 3);
      expect("at most", await count({ limit: 2 }), 2);
      expect("with a tag", [await count({ tag: "red" }), await count({ tag: "re" })], [1, 0]);
      const slice = sliceOf("a|1");
      expect("of its slice", await count({ slices: { from: slice, to: slice } }), 3);
      const other = (slice + 1) % sliceCount;
      expect("of another", await count({ slices: { from: other, to: other } }), 0);
      const { next } = await readAll(journal);
      expect("after all", await count({ after: next }), 0);
      await appendOne(journal, entry("a|1", 3, 1, "new"));
      expect("news", await count({ after: next }), 1);
    },
  },
  {
    name: "a reader of slices gets each event of 16 writers once, in order, while they write",
    check: async ({ journal }) => {
      let isOver = false;
      const writers = Array.from({ length: 16 }, (_, n) => writeMany(journal, n, 20));
      const written = Promise.all(writers).finally(() => isOver = true);
      // Told below, unless the reader fails before.
      written.catch(() => {});
      const got: SliceEvent[] = [];
      let after: ReadonlyMap<number, bigint> = new Map();
      const own = "w|reader";
      await journal.open(own, 1);
      for (let [last, seq] = [false, 0]; !last; seq++) {
        last = isOver;
        // Takes as long as writing takes, so that the writers go on between the pages.
        await appendOne(journal, entry(own, seq, 1, "read"));
        const { events, next } = await readAll(journal, { after, limit: 23 });
        got.push(...events);
        after = next;
      }
      await written;
      const ids = Array.from({ length: 16 }, (_, n) => [`w|${n}`, `w|${n} second`]).flat();
      const expected: [string, number[]][] = [];
      for (const id of [...ids, own]) {
        const { lastSeq } = await journal.open(id, 1);
        expected.push([id, Array.from({ length: lastSeq }, (_, index) => index + 1)]);
      }
      expected.sort(([a], [b]) => a < b ? -1 : 1);
      expect("events", numbersById(got), expected);
      const again = await readAll(journal, { limit: 101 });
      expect("read again", placesOf(again.events), placesOf(got));
    },
  },
  {
    name: "slices that are read alone give what all of them give together, also after deletions",
    check: async ({ journal }) => {
      const ids = ["a|1", "a|2", "b|1", "b|2", "b|3"];
      for (const id of ids) await journal.open(id, 1);
      for (let round = 0; round < 4; round++) {
        for (const id of ids) await appendOne(journal, entry(id, 2 * round, 1, "x", "y"));
      }
      await journal.deleteEvents("a|1", 3, 1);
      await journal.deleteEvents("b|2", 8, 1);
      const { events } = await readAll(journal);
      expect("all", events.length, 40 - 3 - 8);
      for (const id of ids) {
        const own = sliceOf(id);
        const [from, to] = [Math.max(0, own - 9), Math.min(sliceCount - 1, own + 9)];
        for (const slices of [{ from: own, to: own }, { from, to }]) {
          const alone = await readAll(journal, { slices, limit: 3 });
          const together = events.filter(({ slice }) => slice >= slices.from && slice <= slices.to);
          expect(`slices of ${id}`, numbersById(alone.events), numbersById(together));
        }
      }
    },
  },
  {
    name: "positions are not given again when the newest events were deleted",
    check: async ({ journal, reopen }) => {
      await journal.open("a|1", 1);
      await appendOne(journal, entry("a|1", 0, 1, "a", "b"));
      const { next } = await readAll(journal);
      await journal.deleteEvents("a|1", 2, 1);
      expect("deleted", (await readAll(journal)).events.length, 0);
      const again = await reopen?.() ?? journal;
      await appendOne(again, entry("a|1", 2, 1, "c"));
      expect("next", placesOf((await readAll(again, { after: next })).events), ["a|1:3"]);
    },
  },
  {
    name: "a deleted id has nothing left but its number and epoch, which go on",
    check: async ({ journal, reopen }) => {
      await journal.open("a|1", 4);
      await appendOne(journal, { ...entry("a|1", 0, 4, "a", "b"), wake: 0 });
      await journal.saveSnapshot("a|1", snapshot(1, 4, "s"), 1);
      await refusedWith("fenced", journal.delete("a|1", 3));
      expect("not deleted", await textsOf(journal, "a|1"), ["1:a", "2:b"]);
      await journal.delete("a|1", 4);
      const again = await reopen?.() ?? journal;
      expect("events", await textsOf(again, "a|1"), []);
      expect("snapshot", await again.loadSnapshot("a|1"), undefined);
      expect("of slices", (await readAll(again)).events.length, 0);
      const due = await again.readDue({ slices: allSlices, before: 1, limit: 1 });
      expect("due", due.length, 0);
      const fenced = { outcome: "fenced", epoch: 4 };
      expect("lower", await appendOne(again, entry("a|1", 2, 3, "c")), fenced);
      expect("opened", await again.open("a|1", undefined), { epoch: 5, lastSeq: 2 });
      const appended = { outcome: "appended", lastSeq: 3 };
      expect("next", await appendOne(again, entry("a|1", 2, 5, "c")), appended);
      expect("events after it", await textsOf(again, "a|1"), ["3:c"]);
    },
  },
  {
    name: "a listener is told of appends until it ends, if the store tells of any",
    check: async ({ journal }) => {
      if (journal.onAppended === undefined) return;
      await journal.open("a|1", 1);
      let [told, others] = [0, 0];
      let onTold = () => {};
      const end = journal.onAppended(() => {
        told++;
        onTold();
      });
      const endOther = journal.onAppended(() => void others++);
      endOther();
      // A store that listens over a connection does not hear of what comes before it is there.
      for (let seq = 0; told === 0 && seq < 10; seq++) {
        const hint = new Promise<void>((resolve) => {
          const timer = systemClock.schedule(500, resolve);
          onTold = () => {
            timer.cancel();
            resolve();
          };
        });
        await appendOne(journal, entry("a|1", seq, 1, "x"));
        await hint;
      }
      end();
      expect("one that has ended", others, 0);
      expect("the other", told > 0, true);
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
      await refusedWith("storeUnavailable", journal.delete("a|1", 1));
      const slices = allSlices;
      await refusedWith("storeUnavailable", journal.readSlices({ slices, after: new Map() }));
      if (journal.countSlices !== undefined) {
        await refusedWith("storeUnavailable", journal.countSlices({ slices, after: new Map() }));
      }
      await refusedWith("storeUnavailable", journal.readDue({ slices, before: 1, limit: 1 }));
    },
  },
  {
    name: "a store is closed when a block with await using ends",
    check: async ({ journal }) => {
      {
        await using used = journal;
        await used.open("a|1", 1);
      }
      await refusedWith("storeUnavailable", journal.open("a|1", 2));
      await journal[Symbol.asyncDispose]();
    },
  },
];
