import { assert, assertEquals, assertRejects } from "@std/assert";
import { AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { LocalRef } from "../../lib/actor/ref/local_ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import {
  type EventSourced,
  eventSourced,
  type Journal,
  memoryJournal,
  PersistenceError,
  persistenceId,
  type StoredEvent,
} from "../../lib/persistence/mod.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { HeldJournal } from "./faulty_journal.ts";

type Command =
  | { type: "deposit"; amount: number; replyTo: ActorRef<number> }
  | { type: "get"; replyTo: ActorRef<number> }
  | { type: "closeAfter"; amount: number }
  | { type: "later"; amount: number; replyTo: ActorRef<number> }
  | { type: "now" }
  | { type: "unknown" };
type Event = { type: "deposited"; amount: number };

function account(
  journal: Journal,
  more: Partial<EventSourced<Command, Event, number>> = {},
) {
  let isOpen = false;
  return eventSourced<Command, Event, number>({
    id: persistenceId("account", "alice"),
    journal,
    initial: 0,
    onCommand(_context, balance, command, effect) {
      const deposited = (amount: number) => effect.persist({ type: "deposited", amount });
      switch (command.type) {
        case "deposit":
          return deposited(command.amount).thenReply(command.replyTo, (after) => after);
        case "get":
          return effect.reply(command.replyTo, balance);
        case "closeAfter":
          return deposited(command.amount).thenStop();
        case "later":
          if (!isOpen) return effect.stash();
          return deposited(command.amount).thenReply(command.replyTo, (after) => after);
        case "now":
          isOpen = true;
          return effect.unstashAll();
        case "unknown":
          return effect.unhandled();
      }
    },
    onEvent: (balance, { amount }) => balance + amount,
    ...more,
  });
}

const start = () => new ActorSystem({ runtime: { logger: silentLogger } });
const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
};

function bank(system: ActorSystem, behavior: ReturnType<typeof account>, name = "alice") {
  const ref = system.spawn(behavior, name);
  const ask = (make: (replyTo: ActorRef<number>) => Command, timeout = 1_000) =>
    system.ask(ref, make, { timeout });
  return {
    ref,
    deposit: (amount: number, timeout?: number) =>
      ask((replyTo) => ({ type: "deposit", amount, replyTo }), timeout),
    get: (timeout?: number) => ask((replyTo) => ({ type: "get", replyTo }), timeout),
    later: (amount: number) => ask((replyTo) => ({ type: "later", amount, replyTo })),
  };
}

async function stored(journal: Journal, id = "account|alice"): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const event of journal.read(id)) events.push(event);
  return events;
}

/** Fails the actor; resolves with why it has failed. */
function failure(system: ActorSystem): Promise<PersistenceError> {
  return new Promise((resolve) => {
    const take = ({ cause }: { cause?: unknown }) => cause && resolve(cause as PersistenceError);
    system.eventStream.subscribe("actorStopped", take);
    system.eventStream.subscribe("actorRestarted", take);
  });
}

Deno.test("state is there after the actor was stopped, and after it has restarted", async () => {
  await using system = start();
  const journal = memoryJournal();
  const first = bank(system, account(journal));
  assertEquals(await first.deposit(5), 5);
  assertEquals(await first.deposit(7), 12);
  await system.stop(first.ref);
  const second = bank(system, account(journal), "again");
  assertEquals(await second.get(), 12);
  assertEquals((await stored(journal)).map(({ seq }) => seq), [1, 2]);
});

Deno.test("replies wait until the events they are based on are durable", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  held.holds = true;
  const { deposit, get } = bank(system, account(held.journal));
  const heard: string[] = [];
  void get().then((value) => heard.push(`get ${value}`));
  await turns();
  assertEquals(heard, ["get 0"], "nothing is under way");
  void deposit(5).then((value) => heard.push(`deposit ${value}`));
  void get().then((value) => heard.push(`get ${value}`));
  await turns();
  assertEquals(held.appends.length, 1);
  assertEquals(heard, ["get 0"], "5 could still be lost");
  held.release();
  await turns();
  assertEquals(heard, ["get 0", "deposit 5", "get 5"]);
});

Deno.test("commands that come while the store is busy share an append", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  held.holds = true;
  const { deposit } = bank(system, account(held.journal));
  const replies = Array.from({ length: 100 }, () => deposit(1));
  await turns();
  held.release();
  await turns();
  held.release();
  assertEquals(await Promise.all(replies), Array.from({ length: 100 }, (_, n) => n + 1));
  assertEquals(held.appends.map(({ events }) => events.length), [1, 99]);
});

Deno.test("an error before the commit: held replies are never sent, the restart finds what is stored", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  const { deposit, get } = bank(system, Behaviors.supervise(account(held.journal)));
  assertEquals(await deposit(5), 5);
  const failed = failure(system);
  held.holds = true;
  held.fault = { type: "before", error: new Error("no room") };
  const lost = [deposit(100), get()].map((ask) => assertRejects(() => ask, AskError));
  await turns();
  held.release();
  held.holds = false;
  await Promise.all(lost);
  const { code, message, place } = await failed;
  assertEquals([code, place], ["notPersisted", { id: "account|alice", seq: 2 }]);
  assert(message.includes("event 2 was not stored: no room"), message);
  assertEquals(await get(), 5);
});

Deno.test("an error after the commit: the outcome is unknown, and the event is there once", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  const { deposit, get } = bank(system, Behaviors.supervise(account(held.journal)));
  const failed = failure(system);
  const error = new PersistenceError("outcomeUnknown", "the connection has ended");
  held.fault = { type: "after", error };
  await assertRejects(() => deposit(5, 200));
  assertEquals((await failed).code, "outcomeUnknown");
  assertEquals(await get(), 5);
  assertEquals(await deposit(1), 6);
  assertEquals((await stored(held.journal)).length, 2);
});

Deno.test("a store that takes 10 s for a commit fails nothing: replies wait, commands are decided, others go on", async () => {
  const clock = new ManualClock();
  await using system = new ActorSystem({ runtime: { logger: silentLogger, clock } });
  const inner = memoryJournal();
  const held = new HeldJournal(inner);
  held.holds = true;
  const { deposit, get } = bank(system, account(held.journal));
  const other = bank(system, account(inner, { id: "account|bob" }), "bob");
  const heard: number[] = [];
  const asks = [deposit(5, 30_000), deposit(7, 30_000), get(30_000)];
  for (const ask of asks) void ask.then((value) => heard.push(value));
  const impatient = assertRejects(() => get(2_000), AskTimeoutError, "2000");
  for (let passed = 0; passed < 10_000; passed += 1_000) {
    assertEquals(await other.deposit(1), passed / 1_000 + 1);
    await turns();
    await clock.advance(1_000);
  }
  await impatient;
  assertEquals(heard, []);
  // The second deposit was decided meanwhile, and is in the next commit.
  assertEquals(held.appends.map(({ events }) => events.length), [1]);
  held.release();
  held.holds = false;
  assertEquals(await Promise.all(asks), [5, 12, 12]);
  assertEquals((await stored(inner)).length, 2);
});

const lateError = new PersistenceError("outcomeUnknown", "the server does not answer");

Deno.test("an append that the store does after its owner has restarted: conflict, then it is recovered with", async () => {
  await using system = start();
  const inner = memoryJournal();
  // As an entity within its grant: the restarted incarnation has the epoch of the one before.
  const held = new HeldJournal(
    new Proxy(inner, {
      get: (target, name) => {
        if (name === "open") return (id: string) => target.open(id, 7);
        const value = target[name as keyof Journal];
        return typeof value === "function" ? value.bind(target) : value;
      },
    }),
  );
  const { deposit, get } = bank(system, Behaviors.supervise(account(held.journal)));
  held.fault = { type: "late", error: lateError };
  const unknown = await assertRejects(() => deposit(5), AskError) as AskError;
  assert(unknown.details?.startsWith("unknown: "), unknown.details);
  assertEquals(await get(), 0, "the store has not done it yet");
  held.release();
  assertEquals((await held.late)![0], { outcome: "appended", lastSeq: 1 });
  const conflict = failure(system);
  const refused = await assertRejects(() => deposit(100), AskError) as AskError;
  assert(refused.details?.startsWith("rejected: "), refused.details);
  const { code, value } = await conflict;
  assertEquals([code, value], ["conflict", 1]);
  assertEquals(await get(), 5);
  assertEquals(await deposit(1), 6);
  assertEquals((await stored(inner)).map(({ seq }) => seq), [1, 2]);
});

Deno.test("an append that the store does after another epoch has opened the id is fenced", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  const { deposit, get } = bank(system, Behaviors.supervise(account(held.journal)));
  held.fault = { type: "late", error: lateError };
  await assertRejects(() => deposit(5), AskError);
  assertEquals(await get(), 0);
  held.release();
  assertEquals((await held.late)![0]!.outcome, "fenced");
  assertEquals(await deposit(1), 1);
  assertEquals((await stored(held.journal)).map(({ seq }) => seq), [1]);
});

Deno.test("of two actors with one id the older is fenced when it writes, and stops", async () => {
  await using system = start();
  const journal = memoryJournal();
  const older = bank(system, account(journal), "older");
  assertEquals(await older.deposit(5), 5);
  const newer = bank(system, account(journal), "newer");
  assertEquals(await newer.deposit(1), 6);
  const failed = failure(system);
  await assertRejects(() => older.deposit(100, 200));
  assertEquals((await failed).code, "fenced");
  assertEquals(await newer.deposit(1), 7);
  assertEquals((await stored(journal)).map(({ epoch }) => epoch), [1, 2, 2]);
});

Deno.test("what cannot be stored fails the command before anything is changed", async () => {
  await using system = start();
  const journal = memoryJournal();
  const { deposit, get } = bank(
    system,
    Behaviors.supervise(
      account(journal, {
        onCommand: (_context, balance, command, effect) => {
          if (command.type === "get") return effect.reply(command.replyTo, balance);
          const bad = { type: "deposited", amount: 1, callback: () => {} } as never;
          return effect.persist({ type: "deposited", amount: 1 }, bad);
        },
      }),
      { decider: () => "resume" },
    ),
  );
  await assertRejects(() => deposit(1, 100));
  assertEquals(await get(), 0);
  assertEquals(await stored(journal), []);
});

Deno.test("stop, stash and unhandled", async () => {
  await using system = start();
  const journal = memoryJournal();
  const { ref, later } = bank(system, account(journal));
  const unhandled = new Promise<unknown>((resolve) => {
    system.eventStream.subscribe("unhandledMessage", ({ message }) => resolve(message));
  });
  const both = Promise.all([later(1), later(2)]);
  await turns();
  assertEquals(await stored(journal), []);
  ref.tell({ type: "now" });
  assertEquals(await both, [1, 3]);
  ref.tell({ type: "unknown" });
  assertEquals(await unhandled, { type: "unknown" });
  const stopped = new Promise((resolve) => system.eventStream.subscribe("actorStopped", resolve));
  ref.tell({ type: "closeAfter", amount: 4 });
  await stopped;
  assertEquals((await stored(journal)).length, 3);
});

Deno.test("an orderly stop waits for what is on its way to the store, and sends the replies", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  held.holds = true;
  const { ref, deposit } = bank(system, account(held.journal));
  const replies = Promise.all([deposit(5), deposit(6)]);
  await turns();
  const actor = ref as unknown as LocalRef<Command>;
  actor.stopInTurn();
  await turns();
  assertEquals(actor.stopped, false);
  assert(actor.isBusy(false), "it is not idle");
  held.release();
  await turns();
  held.release();
  assertEquals(await replies, [5, 11]);
  await turns();
  assert(actor.stopped);
});

Deno.test("an orderly stop sends the replies of a write that ends after it has begun, on a busy machine", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  held.holds = true;
  const turn = Promise.withResolvers<void>();
  const { ref, deposit } = bank(
    system,
    account(held.journal, {
      async onCommand(_context, _balance, command, effect) {
        if (command.type !== "deposit") await turn.promise;
        else {
          return effect.persist({ type: "deposited", amount: command.amount })
            .thenReply(command.replyTo, (after) => after);
        }
        return effect.none();
      },
    }),
  );
  const reply = deposit(5);
  await turns();
  ref.tell({ type: "now" });
  await turns();
  // It has no turn before the write has ended.
  const actor = ref as unknown as LocalRef<Command>;
  actor.stopInTurn();
  held.release();
  await turns();
  turn.resolve();
  assertEquals(await reply, 5);
  await turns();
  assert(actor.stopped);
});

Deno.test("an orderly stop waits for a store that hangs no longer than the stop timeout", async () => {
  await using system = new ActorSystem({ runtime: { logger: silentLogger }, stopTimeout: 50 });
  const held = new HeldJournal(memoryJournal());
  held.holds = true;
  const { ref, deposit } = bank(system, account(held.journal));
  const refused = assertRejects(() => deposit(5), AskError);
  await turns();
  const stopped = new Promise((resolve) => system.eventStream.subscribe("actorStopped", resolve));
  (ref as unknown as LocalRef<Command>).stopInTurn();
  await stopped;
  await refused;
});

async function filled(count: number): Promise<Journal> {
  const journal = memoryJournal();
  await using system = start();
  const { deposit } = bank(system, account(journal));
  for (let n = 0; n < count; n++) await deposit(1);
  return journal;
}

/** A journal that changes what is read. */
function reading(journal: Journal, change: (event: StoredEvent) => StoredEvent[]): Journal {
  return new Proxy(journal, {
    get: (target, name) => {
      if (name === "read") {
        return async function* (id: string, options: never) {
          for await (const event of target.read(id, options)) yield* change(event);
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const damages: readonly [string, string, (event: StoredEvent) => StoredEvent[]][] = [
  ["a missing event", "missingEvent", (event) => event.seq === 2 ? [] : [event]],
  ["a missing last event", "missingEvent", (event) => event.seq === 3 ? [] : [event]],
  ["an event that comes twice", "missingEvent", (event) => [event, event]],
  [
    "a byte that has changed",
    "corruptEvent",
    (event) => [{ ...event, payload: event.payload.map((byte, i) => i === 3 ? byte ^ 1 : byte) }],
  ],
  ["an event of a later version", "futureVersion", (event) => [{ ...event, version: 1 }]],
];

for (const [name, code, change] of damages) {
  Deno.test(`${name} stops the actor with the number of the event`, async () => {
    const journal = await filled(3);
    await using system = start();
    const failed = failure(system);
    const { get } = bank(system, account(reading(journal, change)));
    await assertRejects(() => get(300));
    const error = await failed;
    assertEquals(error.code, code);
    assertEquals(error.place?.id, "account|alice");
    assert(error.place!.seq !== undefined);
  });
}

Deno.test("an event that onEvent throws at is named", async () => {
  const journal = await filled(2);
  await using system = start();
  const failed = failure(system);
  bank(
    system,
    account(journal, {
      onEvent: () => {
        throw new Error("unknown event");
      },
    }),
  );
  const { code, place, cause } = await failed;
  assertEquals([code, place], ["eventFailed", { id: "account|alice", seq: 1 }]);
  assertEquals((cause as Error).message, "unknown event");
});

Deno.test("a snapshot shortens recovery, and a corrupt one is skipped", async () => {
  const journal = memoryJournal();
  const snapshots = { every: 5, keep: 2 };
  {
    await using system = start();
    const { deposit } = bank(system, account(journal, { snapshots }));
    for (let n = 0; n < 12; n++) await deposit(1);
    await turns();
  }
  assertEquals((await journal.loadSnapshot("account|alice"))?.seq, 10);
  let read = 0;
  const counting = reading(journal, (event) => {
    read++;
    return [event];
  });
  await using system = start();
  assertEquals(await bank(system, account(counting, { snapshots })).get(), 12);
  assertEquals(read, 2);
  const newest = (await journal.loadSnapshot("account|alice"))!;
  await journal.saveSnapshot("account|alice", {
    ...newest,
    epoch: 99,
    checksum: newest.checksum ^ 1,
  }, 2);
  read = 0;
  assertEquals(await bank(system, account(counting, { snapshots }), "again").get(), 12);
  assertEquals(read, 7);
});

Deno.test("a snapshot that cannot be saved fails nothing", async () => {
  await using system = start();
  const held = new HeldJournal(memoryJournal());
  held.snapshotError = new Error("no room");
  const { deposit } = bank(system, account(held.journal, { snapshots: { every: 1 } }));
  assertEquals(await deposit(1), 1);
  await turns();
  assertEquals(await deposit(1), 2);
});

Deno.test("events are deleted only when as many snapshots as asked are behind them", async () => {
  await using system = start();
  const journal = memoryJournal();
  const snapshots = { every: 5, keep: 2, deleteEvents: true };
  const { deposit, ref } = bank(system, account(journal, { snapshots }));
  const first = async () => (await stored(journal))[0]?.seq;
  for (let n = 0; n < 7; n++) await deposit(1);
  await turns();
  assertEquals(await first(), 1);
  for (let n = 0; n < 7; n++) await deposit(1);
  await turns();
  assertEquals(await first(), 6);
  await system.stop(ref);
  assertEquals(await bank(system, account(journal, { snapshots }), "again").get(), 14);
});

Deno.test("older versions of events and states are upcast, step by step", async () => {
  const journal = await filled(3);
  await using system = start();
  type Cents = { type: "deposited"; cents: number };
  const ref = system.spawn(
    eventSourced<Extract<Command, { type: "get" }>, Cents, number>({
      id: persistenceId("account", "alice"),
      journal,
      initial: 0,
      onCommand: (_context, cents, { replyTo }, effect) => effect.reply(replyTo, cents),
      onEvent: (sum, { cents }) => sum + cents,
      schema: {
        version: 2,
        upcastEvent: {
          0: ({ type, amount }: Event) => ({ type, euros: amount }),
          1: ({ type, euros }: { type: string; euros: number }) => ({ type, cents: euros * 100 }),
        },
      },
    }),
    "alice",
  );
  assertEquals(await system.ask(ref, (replyTo) => ({ type: "get", replyTo })), 300);
});
