import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { EventSourced } from "../../lib/persistence/mod.ts";
import { BehaviorTestKit, TestInbox, TestkitError } from "../../lib/testkit/mod.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { serializer } from "../../lib/wire/serializer.ts";

type Command =
  | { type: "add"; amount: number; replyTo: ActorRef<unknown> }
  | { type: "refuse"; replyTo: ActorRef<unknown> }
  | { type: "stash" }
  | { type: "unstash" }
  | { type: "send"; to: ActorRef<string> }
  | { type: "rest" }
  | { type: "stop" };
type Event = { type: "added"; amount: number };
type State = { sum: number; amounts: number[] };
type Definition = EventSourced<Command, Event, State>;

function counter(more: Partial<Definition> = {}) {
  let isOpen = false;
  const definition: Definition = {
    initial: { sum: 0, amounts: [] },
    onCommand(_context, state, command, effect) {
      switch (command.type) {
        case "add":
          return effect.persist({ type: "added", amount: command.amount })
            .thenReply(command.replyTo, ({ sum }) => sum);
        case "refuse":
          return effect.refuse({ message: `not at ${state.sum}`, code: "refused" });
        case "stash":
          return isOpen ? effect.persist({ type: "added", amount: 1 }) : effect.stash();
        case "unstash":
          isOpen = true;
          return effect.unstashAll();
        case "send":
          return effect.persist({ type: "added", amount: 1 })
            .thenSend(command.to, ({ sum }) => `sum ${sum}`);
        case "rest":
          return effect.persist({ type: "added", amount: 1 }).thenPassivate();
        case "stop":
          return effect.stop();
      }
    },
    onEvent: ({ sum, amounts }, { amount }) => ({
      sum: sum + amount,
      amounts: [...amounts, amount],
    }),
    ...more,
  };
  return Behaviors.eventSourced(definition);
}

const add = (amount: number) => (replyTo: ActorRef<unknown>): Command => ({
  type: "add",
  amount,
  replyTo,
});

/** The error of the kit that `run` throws. */
function faultOf(run: () => unknown): TestkitError {
  return assertThrows(run, TestkitError);
}

Deno.test("commands go in; replies, events, states and effects come out, in the same call", () => {
  const kit = BehaviorTestKit.create(counter(), { entityId: "one" });
  assertEquals(kit.persistenceId, "one");
  assertEquals(kit.state, { sum: 0, amounts: [] });
  assertEquals(kit.ask(add(5)), 5);
  assertEquals(kit.ask(add(7)), 12);
  kit.expectEvents({ type: "added", amount: 5 }, { type: "added", amount: 7 });
  kit.expectEvents();
  assertEquals(kit.state, { sum: 12, amounts: [5, 7] });
  const { events, state } = kit.expectEffect({ type: "persisted" });
  assertEquals(events, [{ type: "added", amount: 5 }]);
  assertEquals(state, { sum: 5, amounts: [5] });
  assertThrows(
    () => kit.expectEvents({ type: "added", amount: 1 }),
    TestkitError,
    "and has stored",
  );
});

Deno.test("every kind of effect is there, with both gates", () => {
  for (const gate of ["output", "command"] as const) {
    const kit = BehaviorTestKit.create(counter({ gate }), { entityId: "one" });
    kit.run({ type: "stash" });
    kit.run({ type: "unstash" });
    kit.expectEvents({ type: "added", amount: 1 });
    kit.retrieveEffects();
    const refused = assertThrows(
      () => kit.ask((replyTo) => ({ type: "refuse", replyTo })),
      AskError,
    );
    assertEquals(refused.rejection, { message: "not at 1", code: "refused" });
    kit.expectEffect({ type: "refused", error: refused.rejection! });
    const other = new TestInbox<string>("other");
    kit.run({ type: "send", to: other.ref });
    kit.expectEffect({ type: "persisted" });
    kit.expectEffect({ type: "sent", to: "/other", message: "sum 2" });
    assert(!other.hasMessages, "it is stored, and not delivered here");
    kit.run({ type: "rest" });
    kit.expectEffect({ type: "persisted" });
    kit.expectEffect({ type: "passivated" });
    kit.run({ type: "stop" });
    assert(!kit.isAlive);
    kit.expectNoEffects();
  }
});

Deno.test("a restart replays the events", () => {
  const kit = BehaviorTestKit.create(Behaviors.supervise(counter()), { entityId: "one" });
  kit.ask(add(5));
  kit.signal({ type: "preRestart", cause: undefined });
  assertEquals(kit.state, { sum: 5, amounts: [5] });
  assertEquals(kit.ask(add(1)), 6);
  assertEquals(kit.storedEvents, [{ type: "added", amount: 5 }, { type: "added", amount: 1 }]);
});

Deno.test("events of an earlier version are upcast", () => {
  const behavior = counter({
    schema: { version: 1, upcastEvent: { 0: (amount: number) => ({ type: "added", amount }) } },
  });
  const kit = BehaviorTestKit.create(behavior, { storedEvents: [3, 4], storedVersion: 0 });
  assertEquals(kit.state, { sum: 7, amounts: [3, 4] });
  kit.expectEvents();
  assertEquals(kit.ask(add(1)), 8);
  const newer = () => BehaviorTestKit.create(behavior, { storedEvents: [1], storedVersion: 2 });
  assertThrows(newer, Error, "version 2 is stored");
});

Deno.test("a durable state is stored as a whole", () => {
  type Message = { type: "set"; theme: string };
  const settings = Behaviors.durableState<Message, { theme: string }>({
    initial: { theme: "light" },
    onMessage: (_context, _state, { theme }, effect) => effect.persist({ theme }),
  });
  const kit = BehaviorTestKit.create(settings, { storedEvents: [{ theme: "grey" }] });
  assertEquals(kit.state, { theme: "grey" });
  kit.run({ type: "set", theme: "dark" });
  kit.expectEvents({ theme: "dark" });
  kit.signal({ type: "preRestart", cause: undefined });
  assertEquals(kit.state, { theme: "dark" });
});

Deno.test("handlers may be asynchronous", async () => {
  const behavior = counter({
    onCommand: async (_context, _state, command, effect) => {
      await Promise.resolve();
      return effect.persist({ type: "added", amount: 2 })
        .thenReply((command as { replyTo: ActorRef<unknown> }).replyTo, ({ sum }) => sum);
    },
  });
  const kit = BehaviorTestKit.create(behavior);
  assertEquals(await kit.askAsync(add(0)), 2);
  kit.expectEvents({ type: "added", amount: 2 });
  await assertRejects(
    () =>
      BehaviorTestKit.create(counter({
        onCommand: async (_context, state, _command, effect) => {
          await Promise.resolve();
          state.amounts.push(1);
          return effect.none();
        },
      })).runAsync({ type: "stop" }),
    TestkitError,
    "onCommand has changed the state",
  );
});

Deno.test("a durable actor within a setup and wrappers is one as well", () => {
  const log: string[] = [];
  const behavior = Behaviors.withLifecycle(
    Behaviors.setup<Command>(({ entityId }) => {
      log.push(entityId);
      return Behaviors.supervise(counter());
    }),
    { postStop: () => void log.push("stopped") },
  );
  const kit = BehaviorTestKit.create(behavior, { entityId: "one" });
  assertEquals(kit.ask(add(5)), 5);
  kit.stop();
  assertEquals(log, ["one", "stopped"]);
});

Deno.test("a state that onCommand changes is found", () => {
  const kit = BehaviorTestKit.create(counter({
    onCommand: (_context, state, _command, effect) => {
      state.sum++;
      return effect.none();
    },
  }));
  const { code, message } = faultOf(() => kit.run({ type: "stop" }));
  assertEquals(code, "stateChanged");
  assert(message.includes("onCommand has changed the state that it was given"), message);
  assert(message.includes("let onEvent make the next state"), message);
});

Deno.test("a state or an event that onEvent changes is found", () => {
  const changesState = counter({
    onEvent: (state, { amount }) => {
      state.sum += amount;
      return state;
    },
  });
  const error = faultOf(() => BehaviorTestKit.create(changesState).ask(add(1)));
  assertEquals(error.code, "stateChanged");
  assert(error.message.includes("onEvent has changed the state"), error.message);
  const changesEvent = counter({
    onEvent: ({ sum, amounts }, event) => {
      event.amount++;
      return { sum: sum + event.amount, amounts };
    },
  });
  const other = faultOf(() => BehaviorTestKit.create(changesEvent).ask(add(1)));
  assert(other.message.includes("onEvent has changed the event"), other.message);
});

Deno.test("an onEvent that depends on more than its arguments is found", () => {
  let calls = 0;
  const behavior = counter({
    onEvent: ({ amounts }, { amount }) => ({ sum: ++calls, amounts: [...amounts, amount] }),
  });
  const { code, message } = faultOf(() => BehaviorTestKit.create(behavior).ask(add(1)));
  assertEquals(code, "replayMismatch");
  assert(message.includes("a replay of its 1 events gives { sum: 2, amounts: [1] }"), message);
});

Deno.test("what is another thing behind the codec is found: events, states, commands and replies", () => {
  class Money {
    readonly cents = 5;
  }
  const event = counter({
    onCommand: (_context, _state, _command, effect) =>
      effect.persist({ type: "added", amount: 1, note: Object.create(null) } as Event),
  });
  const lost = faultOf(() => BehaviorTestKit.create(event).run({ type: "stop" }));
  assertEquals(lost.code, "codecMismatch");
  assert(lost.message.includes("the event { type"), lost.message);

  const unstorable = counter({
    onCommand: (_context, _state, _command, effect) =>
      effect.persist({ type: "added", amount: new Money() as never }),
  });
  const kit = BehaviorTestKit.create(unstorable);
  assertThrows(() => kit.run({ type: "stop" }), Error, "Money");
  kit.expectEvents();

  const state = counter({ onEvent: () => ({ sum: new Money() as never, amounts: [] }) });
  const odd = faultOf(() => BehaviorTestKit.create(state).run({ type: "rest" }));
  assertEquals(odd.code, "codecMismatch");
  assert(odd.message.includes("the state is not plain data"), odd.message);
  assert(odd.message.includes("Money"), odd.message);

  const command = BehaviorTestKit.create(counter());
  const sent = faultOf(() => command.ask(add((() => 5) as never)));
  assert(sent.message.includes("the command is not plain data"), sent.message);

  const reply = counter({
    onCommand: (_context, _state, { replyTo }: Command & { replyTo: never }, effect) =>
      effect.reply<unknown>(replyTo, new Money()),
  } as Partial<Definition>);
  const told = faultOf(() => BehaviorTestKit.create(reply).ask(add(1)));
  assert(told.message.includes("the message is not plain data"), told.message);
  // A node that has a serializer sends it.
  const money = serializer({
    name: "money",
    type: Money,
    encode: ({ cents }) => cents,
    decode: () => new Money(),
  });
  const answer = BehaviorTestKit.create(reply, { serializers: [money] }).ask(add(1));
  assert(answer instanceof Money);
});

Deno.test("nothing is checked where the test says so, and the state may be anything", () => {
  const behavior = counter({ onEvent: (state) => Object.assign(state, { map: new WeakMap() }) });
  const kit = BehaviorTestKit.create(behavior, { verify: false });
  kit.ask(add(1));
  kit.ask(add(1));
  assertEquals(kit.retrieveEvents().length, 2);
});

Deno.test("a behaviour that is not durable has no state, and its messages are not checked", () => {
  const kit = BehaviorTestKit.create(Behaviors.receive<unknown>(() => Behaviors.same()));
  kit.run(() => {});
  for (const read of [() => kit.state, () => kit.persistenceId, () => kit.expectEvents()]) {
    assertEquals(faultOf(read).code, "notDurable");
  }
  assertEquals(faultOf(() => kit.ask(() => 1)).code, "noReply");
});

Deno.test("reminders are effects, and the actor sees them", () => {
  type Order = { type: "place" } | { type: "pay" } | { type: "expire" };
  const keys: string[][] = [];
  const kit = BehaviorTestKit.create(
    Behaviors.eventSourced<Order, string, string>({
      initial: "new",
      onCommand({ reminders }, _state, { type }, effect) {
        if (type === "place") reminders.every("expiry", 60_000, { type: "expire" });
        if (type === "pay") reminders.cancel("expiry");
        keys.push(reminders.list().map(({ key }) => key));
        return type === "pay" ? effect.none() : effect.persist(type);
      },
      onEvent: (_state, event) => event,
    }),
    { entityId: "one" },
  );
  kit.run({ type: "place" });
  kit.expectEffect({ type: "persisted" });
  const { schedule, message } = kit.expectEffect({ type: "reminderSet", key: "expiry" });
  assertEquals([schedule, message], [{ type: "every", interval: 60_000 }, { type: "expire" }]);
  kit.run({ type: "pay" });
  kit.expectEffect({ type: "reminderCancelled", key: "expiry" });
  kit.run({ type: "expire" });
  kit.expectEffect({ type: "persisted" });
  kit.expectNoEffects();
  assertEquals(keys, [["expiry"], [], []]);
});

/** Counts what reminders tell it. */
type Alarm =
  | { type: "once"; at: number | Date }
  | { type: "every"; interval: number }
  | { type: "cron"; expression: string }
  | { type: "open" }
  | { type: "cancel" }
  | { type: "ring"; key: string };

function alarm(onRing: (key: string) => "count" | "stash" | "stop" | "fail" = () => "count") {
  return Behaviors.eventSourced<Alarm, { rang: string; due: number }, string[]>({
    initial: [],
    onCommand({ reminders, stash }, _state, command, effect) {
      switch (command.type) {
        case "once":
          reminders.once("once", command.at, { type: "ring", key: "once" });
          return effect.none();
        case "every":
          reminders.every("every", command.interval, { type: "ring", key: "every" });
          return effect.none();
        case "cron":
          reminders.cron("cron", command.expression, { type: "ring", key: "cron" });
          return effect.none();
        case "cancel":
          reminders.cancel("every");
          return effect.none();
        case "open":
          return effect.unstashAll();
        case "ring": {
          const { key, due } = reminders.current!;
          assertEquals(key, command.key);
          const what = onRing(key);
          if (what === "fail") throw new Error(`no ${key}`);
          if (what === "stash") return effect.stash();
          assertEquals(stash.size, 0);
          const persisted = effect.persist({ rang: key, due });
          return what === "stop" ? persisted.thenStop() : persisted;
        }
      }
    },
    onEvent: (state, { rang, due }) => [...state, `${rang} ${due}`],
  });
}

Deno.test("reminders that become due are messages, at their times, the soonest first", () => {
  const kit = BehaviorTestKit.create(alarm(), { wallTime: 1_000 });
  kit.run({ type: "every", interval: 60_000 });
  kit.run({ type: "once", at: new Date(91_000) });
  kit.retrieveEffects();
  assertEquals(kit.advance(59_999), []);
  kit.expectNoEffects();
  assertEquals(kit.advance(1), [{ key: "every", due: 61_000 }]);
  assertEquals(kit.advance(120_000).map(({ key, due }) => `${key} ${due}`), [
    "once 91000",
    "every 121000",
    "every 181000",
  ]);
  assertEquals(kit.state, ["every 61000", "once 91000", "every 121000", "every 181000"]);
  assertEquals(kit.retrieveEvents().length, 4);
  kit.run({ type: "cancel" });
  assertEquals(kit.advance(1_000_000), []);
});

Deno.test("a time that has passed is due at once, and cron times are those of the wall", () => {
  const kit = BehaviorTestKit.create(alarm(), { wallTime: Date.UTC(2026, 0, 1, 23, 59, 30) });
  kit.run({ type: "once", at: new Date(5) });
  assertEquals(kit.advance(0), [{ key: "once", due: 5 }]);
  kit.run({ type: "cron", expression: "0 0 * * *" });
  assertEquals(kit.advance(3 * 86_400_000).map(({ due }) => new Date(due).toISOString()), [
    "2026-01-02T00:00:00.000Z",
    "2026-01-03T00:00:00.000Z",
    "2026-01-04T00:00:00.000Z",
  ]);
});

Deno.test("reminders are there after a restart; of an actor that has stopped none is fired", () => {
  const kit = BehaviorTestKit.create(alarm((key) => key === "every" ? "stop" : "count"));
  kit.run({ type: "once", at: 1_000 });
  kit.run({ type: "every", interval: 5_000 });
  kit.signal({ type: "preRestart", cause: undefined });
  assertEquals(kit.advance(60_000).map(({ key }) => key), ["once", "every"]);
  assert(!kit.isAlive);
  assertEquals(kit.advance(60_000), []);
});

Deno.test("a reminder that is stashed stays due until it is unstashed", () => {
  let isOpen = false;
  const kit = BehaviorTestKit.create(alarm(() => isOpen ? "count" : "stash"));
  kit.run({ type: "once", at: 1_000 });
  assertEquals(kit.advance(600_000).map(({ key }) => key), ["once"]);
  kit.expectEvents();
  isOpen = true;
  kit.run({ type: "open" });
  assertEquals(kit.advance(0).map(({ key }) => key), ["once"]);
  assertEquals(kit.retrieveEvents().length, 1);
});

Deno.test("a reminder whose handler throws is due again after a pause", () => {
  let fails = true;
  const kit = BehaviorTestKit.create(alarm(() => fails ? "fail" : "count"));
  kit.run({ type: "once", at: 1_000 });
  assertThrows(() => kit.advance(1_000), Error, "no once");
  fails = false;
  assertEquals(kit.advance(999), []);
  assertEquals(kit.advance(1).length, 1);
});

Deno.test("reminders of handlers that return promises", async () => {
  const behavior = Behaviors.eventSourced<"set" | "ring", "rang", number>({
    initial: 0,
    async onCommand({ reminders }, _state, command, effect) {
      if (command === "set") reminders.every("bell", 1_000, "ring");
      await Promise.resolve();
      return command === "set" ? effect.none() : effect.persist("rang");
    },
    onEvent: (count) => count + 1,
  });
  const kit = BehaviorTestKit.create(behavior);
  await kit.runAsync("set");
  assertEquals((await kit.advanceAsync(3_500)).length, 3);
  assertEquals(kit.state, 3);
  assertEquals(faultOf(() => kit.advance(1_000)).code, "asyncHandler");
  await assertRejects(() => kit.advanceAsync(-1), OptionError);
});

class Money {
  readonly cents: bigint;
  constructor(cents: bigint) {
    this.cents = cents;
  }
}

const money = serializer({
  name: "money",
  type: Money,
  encode: ({ cents }) => cents,
  decode: (data) => new Money(data as bigint),
});

/** Loses what is below a euro. */
const coarse = serializer({
  name: "money",
  version: 2,
  type: Money,
  encode: ({ cents }) => cents / 100n,
  decode: (data) => new Money(data as bigint * 100n),
});

function purse(serializers: EventSourced<Money, Money, Money>["schema"]) {
  return Behaviors.eventSourced<Money, Money, Money>({
    initial: new Money(0n),
    onCommand: (_context, _state, amount, effect) => effect.persist(amount),
    onEvent: ({ cents }, more) => new Money(cents + more.cents),
    ...(serializers !== undefined && { schema: serializers }),
  });
}

Deno.test("events and states are checked with the serializers of their schema", () => {
  const kit = BehaviorTestKit.create(purse({ serializers: [money] }), {
    serializers: [money],
    storedEvents: [new Money(5n)],
  });
  kit.run(new Money(7n));
  kit.expectEvents(new Money(7n));
  assertEquals(kit.state, new Money(12n));
  assertEquals(kit.storedEvents, [new Money(5n), new Money(7n)]);

  const { code, message } = faultOf(() =>
    BehaviorTestKit.create(purse({ serializers: [coarse] }), { serializers: [money] })
      .run(new Money(7n))
  );
  assertEquals(code, "codecMismatch");
  assert(message.includes("is") && message.includes("when it is read"), message);
});

Deno.test("without a serializer a value of a class is no event", () => {
  const kit = BehaviorTestKit.create(purse(undefined), { serializers: [money], verify: false });
  const error = assertThrows(() => kit.run(new Money(7n)), WireError);
  assertEquals(error.code, "notSerializable");
});

Deno.test("a state of a class that a handler changes is found by the serializer of its schema", () => {
  class Sum {
    cents = 0n;
  }
  const sum = serializer({
    name: "sum",
    type: Sum,
    encode: ({ cents }) => cents,
    decode: (data) => Object.assign(new Sum(), { cents: data }),
  });
  const kit = BehaviorTestKit.create(Behaviors.eventSourced<bigint, bigint, Sum>({
    initial: new Sum(),
    onCommand: (_context, _state, more, effect) => effect.persist(more),
    onEvent: (state, more) => {
      state.cents += more;
      return state;
    },
    schema: { serializers: [sum] },
  }));
  assertEquals(faultOf(() => kit.run(5n)).code, "stateChanged");
});
