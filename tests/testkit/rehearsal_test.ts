import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ActorRef, ActorSystem, Behaviors } from "../../mod.ts";
import {
  durableState,
  type EventSourced,
  eventSourced,
  type Journal,
  memoryJournal,
  PersistenceError,
  persistenceId,
  type SnapshotOptions,
} from "../../lib/persistence/mod.ts";
import { rehearse, type RehearsedJournal, TestkitError } from "../../lib/testkit/mod.ts";

interface Paid {
  readonly cents: number;
}

interface Pay {
  readonly cents: number;
  readonly replyTo: ActorRef<string>;
}

interface Program {
  readonly onEvent?: (state: { sum: number }, event: Paid) => { sum: number };
  readonly schema?: NonNullable<EventSourced<Pay, Paid, { sum: number }>["schema"]>;
  readonly snapshots?: SnapshotOptions;
}

const journalOfNobody = memoryJournal();
const ids = ["account|alice", "account|bob", "account|carol"];
const turn = () => new Promise((resolve) => setTimeout(resolve));

function account(journal: Journal, { onEvent, schema, snapshots }: Program = {}) {
  return (name: string) =>
    eventSourced<Pay, Paid, { sum: number }>({
      id: persistenceId("account", name),
      journal,
      initial: { sum: 0 },
      onCommand: (_context, _state, { cents, replyTo }, effect) =>
        effect.persist({ cents }).thenReply(replyTo, () => "paid"),
      onEvent: onEvent ?? ((state, { cents }) => ({ sum: state.sum + cents })),
      ...(schema && { schema }),
      ...(snapshots && { snapshots }),
    });
}

const settings =
  (journal: Journal, schema?: { upcastState: Record<number, () => string> }) => (name: string) =>
    durableState<{ theme: string; replyTo: ActorRef<string> }, string>({
      id: persistenceId("settings", name),
      journal,
      initial: "",
      onMessage: (_context, _state, { theme, replyTo }, effect) =>
        effect.persist(theme).thenReply(replyTo, (state) => state),
      ...(schema && { schema: { version: 1, ...schema } }),
    });

/** A store with events of several ids, written by running actors. */
async function written(snapshots?: SnapshotOptions): Promise<Journal> {
  const journal = memoryJournal();
  await using system = new ActorSystem();
  for (const id of ids) {
    const ref = system.spawn(
      account(journal, snapshots && { snapshots })(id.slice(8)),
      id.slice(8),
    );
    for (let cents = 1; cents <= 5; cents++) {
      await system.ask(ref, (replyTo) => ({ cents, replyTo }));
    }
    // Snapshots are saved after the replies.
    const last = snapshots && 5 - 5 % snapshots.every!;
    while (last && (await journal.loadSnapshot(id))?.seq !== last) await turn();
    const deleted = snapshots?.deleteEvents;
    while (deleted && (await Array.fromAsync(journal.read(id))).length === 5) await turn();
  }
  const ref = system.spawn(settings(journal)("alice"), "settings");
  for (const theme of ["light", "dark"]) {
    await system.ask(ref, (replyTo) => ({ theme, replyTo }));
  }
  return journal;
}

/** The journal, with other events or snapshots of alice, and without the methods that write. */
function changed(
  journal: Journal,
  { events = (all) => all, snapshots = (one) => one }: {
    events?: (all: StoredEvents) => StoredEvents;
    snapshots?: (one: Snapshot) => Snapshot;
  },
): RehearsedJournal {
  return {
    async *read(id, options) {
      const all = await Array.fromAsync(journal.read(id, options));
      yield* id === "account|alice" ? events(all) : all;
    },
    loadSnapshot: async (id, max) => {
      const found = await journal.loadSnapshot(id, max);
      return found && id === "account|alice" ? snapshots(found) : found;
    },
    readSlices: (options) => journal.readSlices(options),
  };
}

type StoredEvents = Awaited<ReturnType<typeof Array.fromAsync<StoredEventOf>>>;
type StoredEventOf = Journal["read"] extends (...args: never[]) => AsyncIterable<infer E> ? E
  : never;
type Snapshot = NonNullable<Awaited<ReturnType<Journal["loadSnapshot"]>>>;

/** Problems as `id what seq code cause`. */
async function problemsOf(
  journal: RehearsedJournal,
  program: Program = {},
): Promise<readonly string[]> {
  const { problems, ok } = await rehearse(journal, { account: account(journalOfNobody, program) }, {
    ids,
  });
  assertEquals(ok, problems.length === 0);
  return problems.map(({ id, what, seq, error }) => {
    const { code, cause } = error;
    return [id, what, seq, code, ...(cause instanceof Error ? [cause.message] : [])].join(" ");
  });
}

Deno.test("a rehearsal reads all ids of a store, and counts by kind", async () => {
  const journal = await written({ every: 2 });
  const progress: string[] = [];
  const found = await rehearse(
    journal,
    { account: account(journalOfNobody, { snapshots: {} }), settings: settings(journalOfNobody) },
    {
      onProgress: ({ id, ids, events, problems }) =>
        progress.push([id, ids, events, problems] + ""),
    },
  );
  assertEquals([found.ok, found.problems, found.skipped], [true, [], {}]);
  assertEquals(found.kinds, {
    account: { ids: 3, events: 15, snapshots: 6, problems: 0 },
    settings: { ids: 1, events: 2, snapshots: 0, problems: 0 },
  });
  assertEquals(progress.length, 4);
  assert(/,4,17,0$/.test(progress[3]!), progress[3]);
  assert(/account: 3 ids, 15 events, 6 snapshots, 0 problems/.test(found.summary), found.summary);
});

Deno.test("a rehearsal writes nothing, and opens no id", async () => {
  const journal = await written({ every: 2 });
  const used = new Set<PropertyKey>();
  const watched = new Proxy(journal, {
    get(target, name) {
      used.add(name);
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const found = await rehearse(watched, {
    account: account(watched, { snapshots: { every: 1, deleteEvents: true } }),
    settings: settings(watched),
  });
  assert(found.ok, found.summary);
  // The options of definitions look at open, append and read.
  const { epoch } = await journal.open("account|alice", undefined);
  assertEquals(epoch, 2);
  assert(["saveSnapshot", "deleteEvents", "delete", "close"].every((name) => !used.has(name)));
});

Deno.test("a rehearsal keeps to its ids and its limit, and tells kinds without a behaviour", async () => {
  const journal = await written();
  const some = await rehearse(journal, { account: account(journal) }, { ids: ["account|bob"] });
  assertEquals([some.ok, some.kinds.account!.ids], [true, 1]);
  const two = await rehearse(journal, { account: account(journal) }, { ids, limit: 2 });
  assertEquals(two.kinds.account!.ids, 2);
  const all = await rehearse(journal, { settings: settings(journal) });
  assertEquals([all.ok, all.skipped], [false, { account: 3 }]);
  const behavior = () => Behaviors.receive<never>(() => Behaviors.same());
  const error = await assertRejects(
    () => rehearse(journal, { account: behavior }, { ids }),
    TestkitError,
  );
  assertEquals(error.code, "notDurable");
});

Deno.test("events that cannot be applied or read are told by id and number, with their cause", async () => {
  const journal = await written();
  assertEquals(await problemsOf(journal), []);
  const onEvent = (state: { sum: number }, { cents }: Paid) => {
    if (cents === 3) throw new Error("no such amount");
    return { sum: state.sum + cents };
  };
  assertEquals(
    await problemsOf(journal, { onEvent }),
    ids.map((id) => `${id} event 3 eventFailed no such amount`),
  );
  const upcastEvent = {
    0: () => {
      throw new Error("no such event");
    },
  };
  // Later events are read all the same.
  const problems = await problemsOf(journal, { schema: { version: 1, upcastEvent } });
  assertEquals(problems.length, 15);
  assertEquals(problems[4], "account|alice event 5 corruptEvent no such event");
});

Deno.test("damaged, missing and future events are told", async () => {
  const journal = await written();
  const damaged = changed(journal, {
    events: (all) => all.map((one) => one.seq === 2 ? { ...one, checksum: 1 } : one),
  });
  assertEquals(await problemsOf(damaged), ["account|alice event 2 corruptEvent"]);
  const gap = changed(journal, { events: (all) => all.filter(({ seq }) => seq !== 2) });
  assertEquals(await problemsOf(gap), ["account|alice event 3 missingEvent"]);
  const future = changed(journal, {
    events: (all) => all.map((one) => one.seq === 5 ? { ...one, version: 9 } : one),
  });
  assertEquals(
    await problemsOf(future),
    [
      "account|alice event 5 futureVersion version 9 is stored, and this program knows up to 0; " +
      "run the program that wrote it, or a newer one",
    ],
  );
  // The first events are deleted, and no snapshot stands for them.
  const begun = changed(journal, { events: (all) => all.slice(2) });
  assertEquals(await problemsOf(begun), ["account|alice event 3 missingEvent"]);
});

Deno.test("snapshots that cannot be read are told, and those that differ from a replay", async () => {
  const journal = await written({ every: 2 });
  assertEquals(await problemsOf(journal, { snapshots: {} }), []);
  const damaged = changed(journal, { snapshots: (one) => ({ ...one, checksum: 1 }) });
  assertEquals(await problemsOf(damaged), [
    "account|alice snapshot 2 corruptEvent",
    "account|alice snapshot 4 corruptEvent",
  ]);
  // Half of each amount from now on: what was saved is of the old program.
  const onEvent = (state: { sum: number }, { cents }: Paid) => ({ sum: state.sum + cents / 2 });
  const halved = await problemsOf(journal, { onEvent });
  assertEquals(halved.slice(0, 2), [
    "account|alice state 2 eventFailed",
    "account|alice state 4 eventFailed",
  ]);
  // An upcaster makes up for it.
  const upcastState = { 0: ({ sum }: { sum: number }) => ({ sum: sum / 2 }) };
  assertEquals(await problemsOf(journal, { onEvent, schema: { version: 1, upcastState } }), []);
});

Deno.test("a snapshot whose later events lead elsewhere is told", async () => {
  const journal = await written({ every: 4 });
  // What onEvent keeps in hiding is in no snapshot.
  const onEvent = (state: { sum: number; hidden?: number }, { cents }: Paid) => {
    const sum = state.sum + cents + (cents === 5 ? state.hidden ?? 0 : 0);
    return Object.defineProperty({ sum }, "hidden", { value: 1 });
  };
  const problems = await problemsOf(journal, { onEvent });
  assertEquals(problems, ids.map((id) => `${id} state 5 eventFailed`));
  const { summary } = await rehearse(journal, { account: account(journal, { onEvent }) }, {
    ids: ["account|alice"],
  });
  assert(summary.includes("all events make { sum: 16 }, and the newest snapshot"), summary);
});

Deno.test("a state that cannot be stored any more is told", async () => {
  const journal = await written({ every: 4 });
  const onEvent = (state: { sum: number }, { cents }: Paid) => ({
    sum: state.sum + cents,
    show: () => "a function",
  });
  const problems = await problemsOf(journal, { onEvent });
  assertEquals(problems.length, 3);
  assert(/^account\|alice state 4 eventFailed .*function/.test(problems[0]!), problems[0]);
});

Deno.test("where the first events are deleted, a snapshot stands for them", async () => {
  const journal = await written({ every: 2, deleteEvents: true });
  const left = await Array.fromAsync(journal.read("account|alice"), ({ seq }) => seq);
  assertEquals(left, [3, 4, 5]);
  assertEquals(await problemsOf(journal, { snapshots: {} }), []);
  const onEvent = (state: { sum: number }, { cents }: Paid) => ({ sum: state.sum + 2 * cents });
  assertEquals((await problemsOf(journal, { onEvent })).slice(0, 1), [
    "account|alice state 4 eventFailed",
  ]);
});

Deno.test("of durable state the last state is read only", async () => {
  const journal = await written();
  const run = (upcast: () => string) =>
    rehearse(journal, { settings: settings(journal, { upcastState: { 0: upcast } }) }, {
      ids: ["settings|alice"],
    });
  assert((await run(() => "dark")).ok);
  let calls = 0;
  const found = await run(() => {
    calls++;
    throw new Error("no such theme");
  });
  assertEquals(calls, 1);
  assertEquals(found.problems.map(({ what, seq }) => [what, seq]), [["event", 2]]);
});

Deno.test("problems beyond the limit are counted, and not kept", async () => {
  const journal = await written();
  const onEvent = () => {
    throw new Error("no");
  };
  const found = await rehearse(journal, { account: account(journal, { onEvent }) }, {
    ids,
    maxProblems: 1,
  });
  assertEquals([found.ok, found.problems.length, found.kinds.account!.problems], [false, 1, 3]);
  assert(found.summary.endsWith("and 2 more problems"), found.summary);
});

Deno.test("a store that is gone ends a rehearsal", async () => {
  const journal = await written();
  await journal.close();
  await assertRejects(() => rehearse(journal, {}), PersistenceError, "was closed");
});
