/**
 * What the first version of Casty promised of state that survives (its tests of persistent counters and
 * dictionaries, event-sourced entities and journals), on each store.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import {
  eventSourced,
  type Journal,
  memoryJournal,
  persistenceId,
  sqliteJournal,
} from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import { serializer } from "../../lib/wire/serializer.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

type Count = { readonly add: number; readonly replyTo: ActorRef<number> };

const counter = (journal: Journal, name: string, snapshots = false) =>
  eventSourced<Count, number, number>({
    id: persistenceId("counter", name),
    journal,
    initial: 0,
    onCommand: (_context, count, { add, replyTo }, effect) =>
      add === 0
        ? effect.reply(replyTo, count)
        : effect.persist(add).thenReply(replyTo, (after) => after),
    onEvent: (count, more) => count + more,
    ...(snapshots && { snapshots: { every: 3 } }),
  });

/** Adds numbers to a counter in a system of its own; the last answer. */
async function count(
  journal: Journal,
  name: string,
  numbers: readonly number[],
  snapshots = false,
): Promise<number> {
  await using system = new ActorSystem();
  const ref = system.spawn(counter(journal, name, snapshots), name);
  let last = NaN;
  for (const add of numbers) {
    last = await system.ask(ref, (replyTo: ActorRef<number>) => ({ add, replyTo }));
  }
  return last;
}

type Change =
  | { readonly type: "set"; readonly key: string; readonly value: number }
  | { readonly type: "delete"; readonly key: string };
type DictMessage = (Change | { readonly type: "all" }) & {
  readonly replyTo: ActorRef<ReadonlyMap<string, number>>;
};

const dictionary = (journal: Journal) =>
  eventSourced<DictMessage, Change, ReadonlyMap<string, number>>({
    id: persistenceId("dictionary", "d"),
    journal,
    initial: new Map(),
    onCommand(_context, entries, message, effect) {
      if (message.type === "all") return effect.reply(message.replyTo, entries);
      const { replyTo, ...change } = message;
      return effect.persist(change).thenReply(replyTo, (after) => after);
    },
    onEvent(entries, change) {
      const next = new Map(entries);
      if (change.type === "set") next.set(change.key, change.value);
      else next.delete(change.key);
      return next;
    },
  });

async function change(
  journal: Journal,
  ...changes: readonly (Change | { readonly type: "all" })[]
): Promise<ReadonlyMap<string, number>> {
  await using system = new ActorSystem();
  const ref = system.spawn(dictionary(journal), "d");
  let last: ReadonlyMap<string, number> = new Map();
  for (const one of changes) {
    last = await system.ask(
      ref,
      (replyTo: ActorRef<ReadonlyMap<string, number>>) => ({ ...one, replyTo }),
    );
  }
  return last;
}

const form = new StoredForm<number, number>();

async function eventsOf(journal: Journal, id: string): Promise<number[]> {
  const events: number[] = [];
  for await (const { payload } of journal.read(id)) events.push(form.readEvent(payload, 0));
  return events;
}

/** Fills a log as a program did that is gone. */
async function fill(
  journal: Journal,
  id: string,
  events: readonly number[],
  snapshot?: { readonly seq: number; readonly state: number },
): Promise<void> {
  const { epoch, lastSeq } = await journal.open(id, undefined);
  const written = events.map((event) => form.writeEvent(event, 1));
  await journal.append([{ id, expectedSeq: lastSeq, epoch, events: written }]);
  if (snapshot === undefined) return;
  const { seq, state } = snapshot;
  await journal.saveSnapshot(id, { seq, epoch, ...form.writeState(state, 1) }, 2);
}

/** One behaviour for all entities. */
const Accounts = entityType<Count>("accounts", { numShards: 4 });
const account = Behaviors.eventSourced<Count, number, number>({
  initial: 0,
  onCommand: (_context, _balance, { add, replyTo }, effect) =>
    effect.persist(add).thenReply(replyTo, (after) => after),
  onEvent: (balance, more) => balance + more,
});

const stores: Readonly<Record<string, () => Promise<Journal & AsyncDisposable>>> = {
  memory: () => Promise.resolve(Object.assign(memoryJournal(), { [Symbol.asyncDispose]: nothing })),
  SQLite: async () => {
    const folder = await Deno.makeTempDir();
    const journal = await sqliteJournal(`${folder}/test.db`);
    return Object.assign(journal, {
      [Symbol.asyncDispose]: async () => {
        await journal.close();
        await Deno.remove(folder, { recursive: true });
      },
    });
  },
};

function nothing(): Promise<void> {
  return Promise.resolve();
}

for (const [name, open] of Object.entries(stores)) {
  Deno.test(`${name}: a counter goes on in another system, and its log has its events`, async () => {
    await using journal = await open();
    assertEquals(await count(journal, "a", [5, 3]), 8);
    assertEquals(await count(journal, "a", [0]), 8);
    assertEquals(await eventsOf(journal, "counter|a"), [5, 3]);
    assertEquals(await count(journal, "b", [10, -3]), 7);
    assertEquals(await count(journal, "b", [0, 3]), 10);
  });

  Deno.test(`${name}: entries of a dictionary survive, and so does that one was deleted`, async () => {
    await using journal = await open();
    const set = (key: string, value: number) => ({ type: "set", key, value }) as const;
    await change(journal, set("x", 1), set("y", 2));
    assertEquals(await change(journal, { type: "all" }), new Map([["x", 1], ["y", 2]]));
    await change(journal, { type: "delete", key: "x" });
    assertEquals(await change(journal, { type: "all" }), new Map([["y", 2]]));
  });

  Deno.test(`${name}: events are stored in order, and a log that is there is recovered`, async () => {
    await using journal = await open();
    assertEquals(await count(journal, "a", [10, 5]), 15);
    assertEquals(await eventsOf(journal, "counter|a"), [10, 5]);
    await fill(journal, "counter|b", [100, 50]);
    assertEquals(await count(journal, "b", [0]), 150);
  });

  Deno.test(`${name}: a snapshot has state and number, and recovery goes on from it`, async () => {
    await using journal = await open();
    assertEquals(await count(journal, "a", [1, 2, 3], true), 6);
    let snapshot = await journal.loadSnapshot("counter|a");
    // It is saved after the reply.
    while (snapshot === undefined) snapshot = await journal.loadSnapshot("counter|a");
    assertEquals([snapshot.seq, form.readState(snapshot.payload, 0)], [3, 6]);
    // Events that the snapshot stands for are not read: their sum is another one.
    await fill(journal, "counter|b", [1, 1, 1], { seq: 3, state: 30 });
    await fill(journal, "counter|b", [7]);
    assertEquals(await count(journal, "b", [0], true), 37);
  });

  Deno.test(`${name}: entities have logs of their own`, async () => {
    await using journal = await open();
    const cluster = new SimulatedCluster(1);
    const [system] = await cluster.start(1, { persistence: { journal } });
    system!.spawn(Behaviors.sharded(Accounts, () => account));
    // A thread of SQLite does not run on virtual time.
    const deposit = async (id: string, add: number) => {
      const answer = system!.entity(Accounts, id)
        .ask((replyTo: ActorRef<number>) => ({ add, replyTo }), { timeout: 600_000 });
      let isOver = false;
      const over = () => void (isOver = true);
      answer.then(over, over);
      while (!isOver) {
        await cluster.clock.advance(10);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return await answer;
    };
    assertEquals(await deposit("alice", 100), 100);
    assertEquals(await deposit("bob", 200), 200);
    assertEquals(await deposit("alice", 50), 150);
    assertEquals(await eventsOf(journal, "accounts|alice"), [100, 50]);
    assertEquals(await eventsOf(journal, "accounts|bob"), [200]);
    await cluster.stop([system!]);
  });

  Deno.test(`${name}: a log is read from a number, across appends; an empty one has nothing`, async () => {
    await using journal = await open();
    assertEquals(await eventsOf(journal, "none"), []);
    assertEquals(await journal.loadSnapshot("none"), undefined);
    for (const first of [1, 8]) {
      await fill(journal, "a", Array.from({ length: 7 }, (_, n) => first + n));
    }
    assertEquals(await eventsOf(journal, "a"), Array.from({ length: 14 }, (_, n) => n + 1));
    const later: number[] = [];
    for await (const { seq } of journal.read("a", { from: 12 })) later.push(seq);
    assertEquals(later, [12, 13, 14]);
    for (const [seq, state] of [[7, 70], [14, 140]] as const) {
      await fill(journal, "a", [0], { seq, state });
    }
    const newest = (await journal.loadSnapshot("a"))!;
    assertEquals([newest.seq, form.readState(newest.payload, 0)], [14, 140]);
  });
}

Deno.test("SQLite: a file is opened again, with values of a serializer", async () => {
  class Money {
    readonly cents: number;
    constructor(cents: number) {
      this.cents = cents;
    }
  }
  const money = serializer({
    name: "money",
    type: Money,
    encode: ({ cents }) => cents,
    decode: (data) => new Money(Number(data)),
  });
  const folder = await Deno.makeTempDir();
  for (const expected of [5, 10, 15]) {
    const journal = await sqliteJournal(`${folder}/money.db`);
    await using system = new ActorSystem();
    const purse = eventSourced<ActorRef<number>, Money, Money>({
      id: persistenceId("purse", "a"),
      journal,
      initial: new Money(0),
      onCommand: (_context, _sum, replyTo, effect) =>
        effect.persist(new Money(5)).thenReply(replyTo, ({ cents }) => cents),
      onEvent: ({ cents }, more) => new Money(cents + more.cents),
      schema: { serializers: [money] },
    });
    const ref = system.spawn(purse, "purse");
    assertEquals(await system.ask(ref, (replyTo: ActorRef<number>) => replyTo), expected);
    await system.shutdown();
    await journal.close();
  }
  await Deno.remove(folder, { recursive: true });
});
