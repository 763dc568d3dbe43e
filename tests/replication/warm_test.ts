/** What a standby keeps ready: how it is made, when it counts, and what bounds it. */
import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { recoveryOf } from "../../lib/persistence/durable_recovery.ts";
import type { AppendEntry, Journal } from "../../lib/persistence/journal.ts";
import { eventSourced, memoryJournal } from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { markOf, type WarmLog } from "../../lib/persistence/warm_log.ts";
import { maxBehind } from "../../lib/persistence/warm_recovery.ts";
import { StandbyJournal } from "../../lib/replication/standby/standby_journal.ts";
import { StandbyPreference } from "../../lib/replication/standby/standby_preference.ts";
import { freeAfter, WarmEntities } from "../../lib/replication/standby/warm_entities.ts";
import { WarmReader } from "../../lib/replication/standby/warm_reader.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/mod.ts";

const form = new StoredForm<number, number>();
const event = (value: number, at = 1) => form.writeEvent(value, at);
const appended = (id: string, expectedSeq: number, ...values: number[]): AppendEntry => {
  return { id, expectedSeq, epoch: 1, events: values.map((value) => event(value)) };
};

/** A sum, which fails with a negative number. */
const kind = {
  definition: {
    initial: 0,
    onEvent: (sum: number, value: number) => {
      if (value < 0) throw new Error("negative");
      return sum + value;
    },
  },
  needed: "all" as const,
  form,
};
const replayOf = (id: string) => id.startsWith("no") ? undefined : recoveryOf(kind, id) as never;

const warmOf = (entities = 100, bytes = 1_000_000) => {
  const warm = new WarmEntities({ entities, bytes }, replayOf);
  warm.follow(0, 1, 0);
  return warm;
};
const stateOf = (warm: WarmLog | undefined) => warm?.recovery.state;

/** A database with numbers from 1. */
async function stored(id: string, count: number): Promise<Journal> {
  const journal = memoryJournal();
  await journal.open(id, 1);
  for (let seq = 0; seq < count; seq++) await journal.append([appended(id, seq, seq + 1)]);
  return journal;
}

/** Reads all that is to be read. */
async function readAll(warm: WarmEntities, store: Journal): Promise<number> {
  let events = 0;
  const read: Journal["read"] = async function* (id, options) {
    for await (const found of store.read(id, options)) {
      events++;
      yield found;
    }
  };
  const reader = new WarmReader({
    clock: new ManualClock(),
    store: { read, loadSnapshot: (id, most) => store.loadSnapshot(id, most) },
    turns: { next: () => Promise.resolve() },
  }, warm);
  reader.pump();
  for (let turn = 0; turn < 1_000 && warm.counts.reading > 0; turn++) await Promise.resolve();
  return events;
}

Deno.test("events that follow each other make the state, which is given away once", () => {
  const warm = warmOf();
  warm.append(0, appended("a", 0, 1, 2), 0);
  warm.append(0, appended("a", 2, 3), 0);
  assertEquals(warm.counts.ready, 1);
  const taken = warm.take("a");
  assertEquals([stateOf(taken), taken?.last.seq], [6, 3]);
  assertEquals(warm.take("a"), undefined);
  assertEquals(warm.counts, { shards: 1, ready: 0, reading: 0, leftOut: 0, bytes: 0, lag: 0 });
});

Deno.test("what is lacking is read from the database, and no more than that", async () => {
  const store = await stored("a", 10);
  const warm = warmOf();
  warm.append(0, appended("a", 0, 1, 2), 0);
  warm.append(0, appended("a", 8, 9), 0);
  assertEquals([warm.counts.reading, warm.counts.lag], [1, 7]);
  // The event that it ends with, and those behind it.
  assertEquals(await readAll(warm, store), 9);
  assertEquals(stateOf(warm.take("a")), 55);
});

Deno.test("an entity that was heard of late begins with its snapshot", async () => {
  const store = await stored("a", 10);
  await store.saveSnapshot("a", { seq: 8, epoch: 1, ...form.writeState(36, 1) }, 2);
  const warm = warmOf();
  warm.running(0, "a", 10, 0);
  assertEquals(await readAll(warm, store), 3);
  const taken = warm.take("a");
  assertEquals([stateOf(taken), taken?.last.seq, taken?.savedAt], [55, 10, 8]);
});

Deno.test("what was written while an entity was read is read as well", async () => {
  const store = await stored("a", 4);
  const warm = warmOf();
  warm.running(0, "a", 4, 0);
  const reading = readAll(warm, store);
  await store.append([appended("a", 4, 5)]);
  warm.append(0, appended("a", 4, 5), 0);
  await reading;
  warm.append(0, appended("a", 5, 6), 0);
  assertEquals(stateOf(warm.take("a")), 21);
});

Deno.test("a state that is taken while it is read is not changed any more", async () => {
  const store = await stored("a", 10);
  const warm = warmOf();
  warm.append(0, appended("a", 0, 1, 2), 0);
  warm.running(0, "a", 10, 0);
  const reading = readAll(warm, store);
  const taken = warm.take("a");
  await reading;
  // It was under way.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  assertEquals([stateOf(taken), taken?.last.seq], [3, 2]);
});

Deno.test("an event that comes twice is ignored; another one with its number has all read again", async () => {
  const warm = warmOf();
  warm.append(0, appended("a", 0, 1, 2), 0);
  warm.append(0, appended("a", 1, 2), 0);
  assertEquals(warm.counts.ready, 1);
  warm.append(0, appended("a", 1, 7), 0);
  assertEquals(warm.counts.reading, 1);
  assertEquals(warm.take("a"), undefined);
  // It has another second event than the owner has said at first.
  const other = warmOf();
  other.append(0, appended("a", 0, 1, 7), 0);
  other.running(0, "a", 3, 0);
  await readAll(other, await stored("a", 3));
  assertEquals(stateOf(other.take("a")), 6);
});

Deno.test("what cannot be applied is left out, and not tried again", async () => {
  const warm = warmOf();
  const store = await stored("a", 20);
  await store.append([appended("a", 20, -1)]);
  warm.running(0, "a", 21, 0);
  warm.append(0, appended("b", 0, -1), 0);
  warm.append(0, appended("no", 0, 1), 0);
  await readAll(warm, store);
  assertEquals(warm.counts.leftOut, 3);
  for (const id of ["a", "b", "no"]) warm.append(0, appended(id, 20, 1), 0);
  assertEquals([warm.counts.leftOut, warm.counts.reading], [3, 0]);
  for (const id of ["a", "b", "no"]) assertEquals(warm.take(id), undefined);
});

Deno.test("the least recently changed entity is dropped for one more", () => {
  const warm = warmOf(2);
  for (const id of ["a", "b"]) warm.append(0, appended(id, 0, 1), 0);
  warm.append(0, appended("a", 1, 1), 0);
  warm.append(0, appended("c", 0, 1), 0);
  assertEquals(warm.counts.ready, 2);
  assertEquals(warm.take("b"), undefined);
  assertEquals([stateOf(warm.take("a")), stateOf(warm.take("c"))], [2, 1]);
});

Deno.test("entities that do not fit are read five times a second at most", () => {
  const warm = warmOf(2);
  for (const id of ["a", "b"]) warm.append(0, appended(id, 0, 1), 0);
  let admitted = 0;
  for (let now = 0; now < 1_000; now++) {
    // Each one is changed all the time.
    warm.append(0, appended(`late-${now % 7}`, 5 + now, 1), now);
    while (warm.nextRead() !== undefined) admitted++;
  }
  assertEquals(admitted, 5);
});

/** A list of texts, which grows with each event. */
const texts = new StoredForm<string, readonly string[]>();
const list = {
  definition: {
    initial: [] as readonly string[],
    onEvent: (all: readonly string[], text: string) => [...all, text],
  },
  needed: "all" as const,
  form: texts,
};
const lists = (bytes: number) => {
  const warm = new WarmEntities({ entities: 100, bytes }, (id) => recoveryOf(list, id) as never);
  warm.follow(0, 1, 0);
  const add = (id: string, seq: number) => {
    const events = [texts.writeEvent("x".repeat(1_000), 1)];
    warm.append(0, { id, expectedSeq: seq, epoch: 1, events }, 0);
  };
  return { warm, add };
};

Deno.test("the estimated size of all states is bounded", () => {
  const bytes = 100_000;
  const { warm, add } = lists(bytes);
  for (let seq = 0; seq < 10; seq++) {
    for (let n = 0; n < 20; n++) {
      add(`e${n}`, seq);
      assert(warm.counts.bytes <= bytes, `${warm.counts.bytes}`);
    }
  }
  assert(warm.counts.ready > 1, `${warm.counts.ready}`);
  // A single one that is larger than half of it.
  for (let seq = 0; seq < 30; seq++) add("large", seq);
  assertEquals(warm.take("large"), undefined);
});

Deno.test("a state that grows counts with each of its events, and not with all of them for ever", () => {
  const { warm, add } = lists(10_000_000);
  for (let seq = 0; seq < 100; seq++) {
    add("a", seq);
    const { bytes } = warm.counts;
    assert(bytes >= (seq + 1) * 2_000, `${bytes} for ${seq + 1} events`);
  }
  // One number, however it has come to be.
  const sums = warmOf();
  for (let seq = 0; seq < 3_000; seq++) sums.append(0, appended("b", seq, 1), 0);
  assert(sums.counts.bytes < 5_000, `${sums.counts.bytes}`);
});

Deno.test("what waits to be read is bounded, whatever is dropped and comes again", () => {
  const warm = warmOf();
  for (let round = 0; round < 10_000; round++) {
    warm.running(0, "a", 5, 0);
    warm.forget("a");
  }
  assert(warm.queued < 200, `${warm.queued}`);
});

Deno.test("a shard is dropped when its owner says so, or nothing for five minutes", () => {
  const warm = warmOf();
  warm.follow(1, 4, 1_000);
  warm.append(0, appended("a", 0, 1), 0);
  warm.append(1, appended("b", 0, 1, 2), 0);
  // Of no shard for which this node stands by.
  warm.append(2, appended("c", 0, 1), 0);
  assertEquals([...warm.report()], [[0, 1, 1], [1, 4, 1]]);
  assertEquals([...warm.idsOf(1)], [["b", 2]]);
  warm.tick(freeAfter);
  assertEquals([...warm.report()], [[1, 4, 1]]);
  warm.release(1);
  assertEquals(warm.counts, { shards: 0, ready: 0, reading: 0, leftOut: 0, bytes: 0, lag: 0 });
});

Deno.test("a shard goes to the node with the newest grant, about all entities, and the fewest shards", () => {
  const preference = new StandbyPreference(8);
  const nodes = ["a", "b", "c"].map((address, index) => ({
    address,
    roles: [],
    shards: new Set(Array.from({ length: 3 - index }, (_, shard) => shard)),
  }));
  const owner = (shard: number) => preference.ownerOf(shard, nodes);
  assertEquals(owner(0), undefined);
  preference.said("a", [[0, 4, 100], [1, 5, 1], [2, 5, 100], [9, 1, 1]]);
  preference.said("b", [[0, 4, 60], [1, 6, 1], [2, 5, 40]]);
  preference.said("c", [[0, 4, 40], [2, 5, 0]]);
  assertEquals(owner(0), "b");
  assertEquals(owner(1), "b");
  assertEquals(owner(2), "a");
  preference.said("b", []);
  assertEquals(owner(1), "a");
  preference.retain((address) => address !== "a");
  assertEquals(owner(1), undefined);
});

// What an entity does with it.

type Command = { readonly add: number; readonly replyTo: ActorRef<number> };

/** Starts an entity from what was kept, and adds to its sum. Answers it, and whether the kept state was used. */
async function start(behind: Journal, warm: WarmLog | undefined, add = 0) {
  const used: boolean[] = [];
  const fed: AppendEntry[] = [];
  let taken: WarmLog | undefined = warm;
  const journal = new StandbyJournal({
    behind,
    feed: {
      opened: () => {},
      appended: (entry) => void fed.push(entry),
      saved: () => {},
      deleted: () => {},
    },
    take: () => {
      const given = taken;
      taken = undefined;
      return given;
    },
    used: (_id, isUsed) => void used.push(isUsed),
  });
  await using system = new ActorSystem({ runtime: { logger: silentLogger } });
  const behavior = eventSourced<Command, number, number>({
    ...kind.definition,
    id: "a",
    journal,
    onCommand: (_context, sum, command, effect) =>
      command.add === 0
        ? effect.reply(command.replyTo, sum)
        : effect.persist(command.add).thenReply(command.replyTo, (after) => after),
  });
  const ref = system.spawn(behavior, "a");
  const sum = await system.ask(ref, (replyTo) => ({ add, replyTo }));
  return { sum, used, fed };
}

/** The state that a node has kept up to a number. */
async function kept(store: Journal, to: number): Promise<WarmLog> {
  const replay = recoveryOf(kind, "a");
  let last;
  for await (const found of store.read("a", { to })) {
    replay.recovery.next(found);
    last = markOf(found);
  }
  return { ...replay, last: last!, savedAt: 0 } as unknown as WarmLog;
}

Deno.test("an entity that starts from a kept state has all that the database has", async () => {
  for (const to of [10, 7, 1]) {
    const store = await stored("a", 10);
    const { sum, used } = await start(store, await kept(store, to), 5);
    assertEquals([sum, used], [60, [true]], `kept to ${to}`);
  }
});

Deno.test("a kept state that ends with another event than the database has does not count", async () => {
  const changed = [
    { seq: 4 },
    { epoch: 9 },
    { at: 2 },
    { checksum: 1 },
  ];
  for (const change of changed) {
    const store = await stored("a", 10);
    const warm = await kept(store, 5);
    const { sum, used } = await start(store, { ...warm, last: { ...warm.last, ...change } });
    assertEquals([sum, used], [55, [false]], JSON.stringify(change));
  }
});

Deno.test("a kept state is not used if the database has fewer events, or lacks its last one, or has many more", async () => {
  const whole = await stored("a", 10);
  const short = await stored("a", 6);
  assertEquals(await start(short, await kept(whole, 7)), { sum: 21, used: [false], fed: [] });
  const cut = await stored("a", 10);
  const warm = await kept(cut, 5);
  await cut.saveSnapshot("a", { seq: 9, epoch: 1, ...form.writeState(45, 1) }, 1);
  await cut.deleteEvents("a", 9, 1);
  const failing = await start(cut, warm);
  assertEquals(failing.used, [false]);
  assertEquals(failing.sum, 55);
  const long = await stored("a", maxBehind + 5);
  assertEquals((await start(long, await kept(long, 4))).used, [false]);
  assertEquals((await start(long, await kept(long, 5))).used, [true]);
});

Deno.test("a kept state whose events cannot be read does not count, and the entity starts without it", async () => {
  const store = await stored("a", 10);
  let fails = true;
  const flaky = new Proxy(store, {
    get: (target, name) => {
      if (name === "read" && fails) {
        fails = false;
        return () => {
          throw new Error("the connection has ended");
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { sum, used } = await start(flaky, await kept(store, 8));
  assertEquals([sum, used], [55, [false]]);
});

Deno.test("standbys hear of events when the database has said that it has them", async () => {
  const store = await stored("a", 3);
  const fed: AppendEntry[] = [];
  const waiting = Promise.withResolvers<void>();
  const slow = new Proxy(store, {
    get: (target, name) => {
      if (name === "append") {
        return async (entries: readonly AppendEntry[]) => {
          const results = await target.append(entries);
          await waiting.promise;
          return results;
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const journal = new StandbyJournal({
    behind: slow,
    feed: {
      opened: () => {},
      appended: (entry) => void fed.push(entry),
      saved: () => {},
      deleted: () => {},
    },
    take: () => undefined,
    used: () => {},
  });
  const good = appended("a", 3, 4);
  const results = journal.append([good, appended("a", 1, 2), { ...appended("b", 0, 1), epoch: 0 }]);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(fed, []);
  waiting.resolve();
  assertEquals((await results).map(({ outcome }) => outcome).slice(0, 2), ["appended", "conflict"]);
  assertEquals(fed[0], good);
  assert(fed.every(({ expectedSeq }) => expectedSeq !== 1));
});

type Alarm = { type: "set"; replyTo: ActorRef<string> } | { type: "ring" } | {
  type: "get";
  replyTo: ActorRef<string>;
};

Deno.test("a kept state has the reminders of its entity as well", async () => {
  const store = memoryJournal();
  const texts = new StoredForm<string, string>();
  const ringing = { initial: "new", onEvent: (_state: string, next: string) => next };
  const alarm = (journal: Journal) =>
    eventSourced<Alarm, string, string>({
      ...ringing,
      id: "a",
      journal,
      onCommand({ reminders }, state, command, effect) {
        if (command.type === "ring") return effect.persist("rung");
        if (command.type === "get") return effect.reply(command.replyTo, state);
        reminders.once("ring", 60_000, { type: "ring" });
        return effect.persist("set").thenReply(command.replyTo, (after) => after);
      },
    });
  const clock = new ManualClock();
  const runtime = { clock, logger: silentLogger };
  const first = new ActorSystem({ runtime });
  const ask = (system: ActorSystem, ref: ActorRef<Alarm>, type: "set" | "get") =>
    clock.resolve(system.ask(ref, (replyTo) => ({ type, replyTo })));
  assertEquals(await ask(first, first.spawn(alarm(store), "a"), "set"), "set");
  await clock.resolve(first.shutdown());
  const replay = recoveryOf({ definition: ringing, needed: "all", form: texts }, "a");
  let last;
  for await (const found of store.read("a")) {
    replay.recovery.next(found);
    last = markOf(found);
  }
  // What is read now has nothing but the event whose mark confirms the state.
  const warm = { ...replay, last: last!, savedAt: 0 } as unknown as WarmLog;
  const journal = new StandbyJournal({
    behind: store,
    feed: { opened: () => {}, appended: () => {}, saved: () => {}, deleted: () => {} },
    take: () => warm,
    used: (_id, isUsed) => assert(isUsed),
  });
  const second = new ActorSystem({ runtime });
  const ref = second.spawn(alarm(journal), "a");
  assertEquals(await ask(second, ref, "get"), "set");
  await clock.advance(61_000);
  assertEquals(await ask(second, ref, "get"), "rung");
  await clock.resolve(second.shutdown());
});

Deno.test("an entity that starts from a kept state saves its next snapshot when it is due", async () => {
  const store = await stored("a", 10);
  const saved: number[] = [];
  const journal = new StandbyJournal({
    behind: store,
    feed: {
      opened: () => {},
      appended: () => {},
      saved: (_id, seq) => void saved.push(seq),
      deleted: () => {},
    },
    take: () => warm,
    used: () => {},
  });
  const warm = { ...await kept(store, 10), savedAt: 8 };
  await using system = new ActorSystem({ runtime: { logger: silentLogger } });
  const ref = system.spawn(
    eventSourced<Command, number, number>({
      ...kind.definition,
      id: "a",
      journal,
      snapshots: { every: 5 },
      onCommand: (_context, _sum, { add, replyTo }, effect) =>
        effect.persist(add).thenReply(replyTo, (after) => after),
    }),
    "a",
  );
  for (let times = 0; times < 8; times++) {
    await system.ask(ref, (replyTo: ActorRef<number>) => ({ add: 1, replyTo }));
  }
  // Snapshots are saved behind the replies.
  for (let turn = 0; turn < 1_000 && saved.length < 2; turn++) await Promise.resolve();
  assertEquals(saved, [13, 18]);
});
