import { assert, assertEquals } from "@std/assert";
import { type ActorRef, Behaviors } from "../../mod.ts";
import { Delivery, DeliveryAck } from "../../lib/actor/ref/internal_message.ts";
import { Ref } from "../../lib/actor/ref/ref.ts";
import type { SentMessage } from "../../lib/actor/ref/sent_message.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import type { Clock } from "../../lib/runtime/clock.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import {
  type AppendEntry,
  deliveryKey,
  durableState,
  Effects,
  eventSourced,
  type Journal,
  memoryJournal,
  outboxOf,
  type OutboxOptions,
  PersistenceError,
  persistenceId,
} from "../../lib/persistence/mod.ts";
import { VirtualSystem } from "../actor/virtual_system.ts";
import { HeldJournal } from "./faulty_journal.ts";

type Take =
  | { type: "take"; amount: number }
  | { type: "fail" }
  | { type: "keep" }
  | { type: "open" }
  | { type: "get"; replyTo: ActorRef<readonly number[]> };

interface PurseOptions {
  readonly every?: number;
  /** Whether the next "fail" throws. */
  readonly fails?: { count: number };
}

/** Remembers what it was given. */
function purse(journal: Journal, { every, fails }: PurseOptions = {}) {
  let isOpen = false;
  return eventSourced<Take, number, readonly number[]>({
    id: persistenceId("purse", "p"),
    journal,
    initial: [],
    onCommand(_context, taken, command, effect) {
      switch (command.type) {
        case "take":
          return effect.persist(command.amount);
        case "fail":
          if (fails !== undefined && fails.count-- > 0) throw new Error("not now");
          return effect.persist(-1);
        case "keep":
          return isOpen ? effect.persist(-2) : effect.stash();
        case "open":
          isOpen = true;
          return effect.unstashAll();
        case "get":
          return effect.reply(command.replyTo, [...taken]);
      }
    },
    onEvent: (taken, amount) => [...taken, amount],
    ...(every !== undefined && { snapshots: { every, keep: 1, deleteEvents: true } }),
  });
}

type Give =
  | { to: ActorRef<Take>; amounts: readonly number[] }
  | { to: ActorRef<Take>; message: Take };

/** Sends what it is told to. */
function giver(journal: Journal, outbox?: OutboxOptions) {
  return eventSourced<Give, number, number>({
    id: persistenceId("giver", "g"),
    journal,
    initial: 0,
    ...(outbox && { outbox }),
    onCommand(_context, _given, command, effect) {
      if ("message" in command) return effect.none().thenSend(command.to, command.message);
      let next = effect.persist(...command.amounts);
      for (const amount of command.amounts) {
        next = next.thenSend(command.to, { type: "take", amount });
      }
      return next;
    },
    onEvent: (given, amount) => given + amount,
  });
}

/** Stands for the sender of deliveries that a test makes itself. */
class Sender extends Ref<unknown> {
  readonly path = "/sender";
  readonly uid = 1;
  readonly node = "";
  readonly acks: DeliveryAck[] = [];

  tell(message: unknown): void {
    if (message instanceof DeliveryAck) this.acks.push(message);
  }

  /** A delivery of the stream. */
  delivery(number: number, after: number, message: Take, from = "other#1", at = 1_000): Delivery {
    return new Delivery({ from, number, after, at, to: "/purse", ackTo: this }, message);
  }

  get last() {
    const ack = this.acks.at(-1);
    return ack && [ack.number, ack.outcome];
  }
}

/** Loses messages on their way. */
class Link extends Ref<unknown> {
  readonly path: string;
  readonly uid = 0;
  readonly node = "";
  readonly #inner: () => Ref<unknown> | undefined;
  readonly #loses: () => boolean;

  constructor(path: string, inner: () => Ref<unknown> | undefined, loses: () => boolean) {
    super();
    this.path = path;
    this.#inner = inner;
    this.#loses = loses;
  }

  tell(message: unknown): void {
    if (!this.#loses()) this.#inner()?.tell(message);
  }

  override tellSent(sent: SentMessage): void {
    if (!this.#loses()) this.#inner()?.tellSent(sent);
  }
}

/** A reference to an actor of another node. */
class Elsewhere extends Ref<unknown> {
  readonly path = "/purse";
  readonly uid = 7;
  readonly node = "other:1";

  tell(): void {}
}

/** What is sent to stored addresses of the system is lost while `loses` says so. */
function breakLinks(virtual: VirtualSystem, loses: (path: string) => boolean): void {
  const internals = internalsOf(virtual.system);
  const { refTo } = internals;
  internals.refTo = (address) => {
    const { path } = address;
    return new Link(path, () => refTo(address), () => loses(path));
  };
}

const taken = ({ system, clock }: VirtualSystem, ref: ActorRef<Take>) =>
  clock.resolve(system.ask(ref, (replyTo) => ({ type: "get", replyTo })));

const waiting = async ({ system, clock }: VirtualSystem, ref: ActorRef<never>) =>
  (await clock.resolve(outboxOf(system, ref).list())).waiting;

Deno.test("a stored message is handled once, in order, and leaves the outbox", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const journal = memoryJournal();
  const to = system.spawn(purse(journal), "purse");
  const from = system.spawn(giver(journal), "giver");
  const amounts = Array.from({ length: 500 }, (_, i) => i + 1);
  for (const amount of amounts) from.tell({ to, amounts: [amount] });
  await virtual.settle();
  assertEquals(await taken(virtual, to), amounts);
  await virtual.clock.advance(200);
  assertEquals(await waiting(virtual, from), 0);
});

Deno.test("a message whose acknowledgement was lost is not handled again after a restart", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  const sender = new Sender();
  const first = system.spawn(purse(journal), "purse");
  first.tell(sender.delivery(7, 0, { type: "take", amount: 5 }) as never);
  await virtual.settle();
  assertEquals(sender.last, [7, "through"]);
  await clock.resolve(system.stop(first));
  const second = system.spawn(purse(journal), "purse");
  second.tell(sender.delivery(7, 0, { type: "take", amount: 5 }) as never);
  await virtual.settle();
  assertEquals(await taken(virtual, second), [5]);
  assertEquals(sender.acks.length, 2);
  assertEquals(sender.last, [7, "through"]);
});

Deno.test("a message is acknowledged after the commit, and not if that fails", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const held = new HeldJournal(memoryJournal());
  const sender = new Sender();
  const to = system.spawn(
    Behaviors.supervise(purse(held.journal), { decider: () => "restart" }),
    "purse",
  );
  await virtual.settle();
  held.holds = true;
  to.tell(sender.delivery(1, 0, { type: "take", amount: 5 }) as never);
  // The same once more: it is known to be handled, and not to be durable.
  to.tell(sender.delivery(1, 0, { type: "take", amount: 5 }) as never);
  await virtual.settle();
  assertEquals(held.appends.length, 1);
  assertEquals(sender.acks, []);
  held.fault = { type: "before", error: new PersistenceError("storeUnavailable", "gone") };
  held.holds = false;
  held.release();
  await virtual.settle();
  assertEquals(sender.acks, []);
  to.tell(sender.delivery(1, 0, { type: "take", amount: 5 }) as never);
  await virtual.settle();
  assertEquals(sender.last, [1, "through"]);
  assertEquals(await taken(virtual, to), [5]);
});

Deno.test("what was handled behind the commit that ends is not acknowledged with it", async () => {
  await using virtual = new VirtualSystem();
  const held = new HeldJournal(memoryJournal());
  const sender = new Sender();
  const to = virtual.system.spawn(purse(held.journal), "purse");
  await virtual.settle();
  held.holds = true;
  for (const number of [1, 2, 3]) {
    to.tell(sender.delivery(number, number - 1, { type: "take", amount: 5 }) as never);
    await virtual.settle();
  }
  // The first is under way; the others wait, and come twice.
  to.tell(sender.delivery(3, 2, { type: "take", amount: 5 }) as never);
  await virtual.settle();
  held.release();
  await virtual.settle();
  assertEquals(sender.acks.map(({ number }) => number), [1]);
  held.release();
  await virtual.settle();
  assertEquals(sender.acks.map(({ number }) => number), [1, 3]);
});

Deno.test("messages of one sender are handled in the order in which they were stored", async () => {
  await using virtual = new VirtualSystem();
  const journal = memoryJournal();
  const sender = new Sender();
  const to = virtual.system.spawn(purse(journal), "purse");
  const give = (number: number, after: number) =>
    to.tell(sender.delivery(number, after, { type: "take", amount: number }) as never);
  give(2, 1);
  await virtual.settle();
  assertEquals(await taken(virtual, to), [], "the one before it has not come");
  assertEquals(sender.acks, []);
  give(1, 0);
  give(5, 2);
  give(2, 1);
  give(1, 0);
  give(5, 2);
  await virtual.settle();
  assertEquals(await taken(virtual, to), [1, 2, 5]);
  assertEquals(sender.last, [5, "through"]);
});

Deno.test("a receiver with two addresses loses nothing of what comes by either", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  const to = system.spawn(purse(journal), "purse");
  const internals = internalsOf(system);
  const { refTo } = internals;
  let isLost = true;
  internals.refTo = (address) => {
    if (address.node === "") return refTo(address);
    return new Link("/alias", () => refTo({ node: "", path: "/purse", uid: 0 }), () => isLost);
  };
  const alias = new Elsewhere();
  const from = system.spawn(giver(journal), "giver");
  from.tell({ to: alias, amounts: [1] });
  from.tell({ to, amounts: [2] });
  await virtual.settle();
  isLost = false;
  await clock.advance(3_000);
  assertEquals(await taken(virtual, to), [2, 1]);
  assertEquals(await waiting(virtual, from), 0);
});

Deno.test("a message is sent again until the receiver answers, also by the next incarnation", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  let isLost = true;
  breakLinks(virtual, () => isLost);
  const to = system.spawn(purse(journal), "purse");
  const first = system.spawn(giver(journal), "giver");
  first.tell({ to, amounts: [1, 2, 3] });
  await clock.advance(5_000);
  assertEquals(await taken(virtual, to), []);
  assertEquals(await waiting(virtual, first), 3);
  await clock.resolve(system.stop(first));
  isLost = false;
  const second = system.spawn(giver(journal), "giver");
  await clock.advance(200);
  assertEquals(await taken(virtual, to), [1, 2, 3]);
  assertEquals(await waiting(virtual, second), 0);
});

Deno.test("messages that get lost or come twice are handled once, in order", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    await using virtual = new VirtualSystem();
    const { system, clock } = virtual;
    const journal = memoryJournal();
    let state = seed;
    const chance = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
    breakLinks(virtual, () => chance() < 0.4);
    const to = system.spawn(purse(journal, { every: 7 }), "purse");
    const from = system.spawn(giver(journal, { maxBackoff: 1_000 }), "giver");
    const amounts = Array.from({ length: 100 }, (_, i) => i + 1);
    for (const amount of amounts) {
      from.tell({ to, amounts: [amount] });
      if (amount % 10 === 0) await clock.advance(300);
    }
    for (let i = 0; i < 300 && await waiting(virtual, from) > 0; i++) await clock.advance(1_000);
    assertEquals(await taken(virtual, to), amounts);
  }
});

/** A store whose calls take up to 20 ms, and fail before or after their work. */
function failing(journal: Journal, clock: Clock, chance: () => number): Journal {
  const pause = (time: number) => new Promise<void>((done) => void clock.schedule(time, done));
  return new Proxy(journal, {
    get: (target, name) => {
      const value = target[name as keyof Journal];
      if (name !== "append") return typeof value === "function" ? value.bind(target) : value;
      return async (entries: readonly AppendEntry[]) => {
        await pause(chance() * 10);
        if (chance() < 0.04) throw new PersistenceError("storeUnavailable", "it is away");
        const results = await target.append(entries);
        await pause(chance() * 10);
        if (chance() < 0.04) throw new PersistenceError("outcomeUnknown", "nobody knows");
        return results;
      };
    },
  });
}

Deno.test("a store that fails before and after commits: each message is handled once, in order", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    await using virtual = new VirtualSystem();
    const { system, clock } = virtual;
    let state = seed * 7_919;
    const chance = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
    breakLinks(virtual, () => chance() < 0.1);
    const contents = memoryJournal();
    const journal = failing(contents, clock, chance);
    const options = {
      decider: () => "restart" as const,
      maxRestarts: Infinity,
      backoff: { min: 5, max: 50, jitter: 0.2 },
    };
    const to = system.spawn(Behaviors.supervise(purse(journal, { every: 9 }), options), "purse");
    const plan = { minBackoff: 50, maxBackoff: 500 };
    const from = system.spawn(Behaviors.supervise(giver(journal, plan), options), "giver");
    for (let amount = 1; amount <= 80; amount++) {
      from.tell({ to, amounts: [amount] });
      await clock.advance(chance() * 12);
    }
    await clock.advance(60_000);
    const form = new StoredForm<number, unknown>();
    const given: number[] = [];
    for await (const { payload, version } of contents.read(persistenceId("giver", "g"))) {
      if (payload.length > 0) given.push(form.readEvent(payload, version));
    }
    assert(given.length > 40, `seed ${seed}: ${given.length} were stored`);
    assertEquals(await taken(virtual, to), given, `seed ${seed}`);
    assertEquals(await waiting(virtual, from), 0);
  }
});

Deno.test("a receiver that does not answer is parked, and holds up nobody else", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  let isStuck = true;
  breakLinks(virtual, (path) => path === "/stuck" && isStuck);
  const seen: string[] = [];
  const plain = (name: string) =>
    system.spawn(
      Behaviors.receive<Take>((_context, message) => {
        seen.push(`${name} ${message.type === "take" ? message.amount : ""}`);
        return Behaviors.same();
      }),
      name,
    );
  const stuck = plain("stuck");
  const well = plain("well");
  const events = virtual.events("messagesParked");
  const from = system.spawn(giver(journal, { maxTries: 3, maxBackoff: 2_000 }), "giver");
  from.tell({ to: stuck, amounts: [1, 2] });
  from.tell({ to: well, amounts: [3, 4] });
  await virtual.settle();
  assertEquals(seen, ["well 3", "well 4"]);
  await clock.advance(20_000);
  const report = await clock.resolve(outboxOf(system, from).list());
  assertEquals(report.id, "giver|g");
  assertEquals(report.receivers.map(({ to, waiting, parked }) => ({ to, waiting, parked })), [
    { to: "/stuck", waiting: 2, parked: "notAcknowledged" },
  ]);
  const [first] = report.receivers[0]!.messages;
  assertEquals(first!.message, { type: "take", amount: 1 });
  assert(virtual.lines.some(({ message }) => message.includes("parked")));
  assertEquals(events, [{
    type: "messagesParked",
    id: "giver|g",
    to: "/stuck",
    reason: "notAcknowledged",
    waiting: 2,
  } as never]);
  // What is parked stays so in the next incarnation, and nothing is sent.
  isStuck = false;
  await clock.resolve(system.stop(from));
  const next = system.spawn(giver(journal, { maxTries: 3 }), "giver");
  await clock.advance(60_000);
  assertEquals(seen.length, 2);
  const discarded = await clock.resolve(outboxOf(system, next).discard(first!.number));
  assertEquals(discarded.waiting, 1);
  await clock.resolve(outboxOf(system, next).retry("/stuck"));
  await clock.advance(200);
  assertEquals(seen, ["well 3", "well 4", "stuck 2"]);
  assertEquals(await waiting(virtual, next), 0);
});

Deno.test("an actor that tries in vain is not started for that by others all the time", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  let isLost = true;
  breakLinks(virtual, () => isLost);
  const to = system.spawn(purse(journal), "purse");
  const from = system.spawn(giver(journal), "giver");
  const slices = { from: 0, to: 1_023 };
  const due = async () =>
    (await journal.readDue({ slices, before: clock.wallTime(), limit: 10 })).length;
  from.tell({ to, amounts: [1] });
  await clock.advance(12_000);
  assertEquals(await due(), 0, "it runs, and has tried");
  await clock.advance(500_000);
  assertEquals(await due(), 0);
  isLost = false;
  await clock.advance(70_000);
  assertEquals(await taken(virtual, to), [1]);
  isLost = true;
  from.tell({ to, amounts: [2] });
  await clock.advance(1_000);
  // It is killed, so to speak.
  await clock.resolve(system.stop(from));
  await clock.advance(10_000);
  // An entity is: `tests/persistence/reminders/entities_test.ts`.
  assertEquals(await due(), 0, "an actor that is no entity can be started by nobody");
});

Deno.test("a command whose messages find no room fails, and stores nothing", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  breakLinks(virtual, () => true);
  const to = system.spawn(purse(journal), "purse");
  const from = system.spawn(giver(journal, { maxMessages: 3 }), "giver");
  from.tell({ to, amounts: [1, 2] });
  await virtual.settle();
  from.tell({ to, amounts: [3, 4] });
  await virtual.settle();
  const line = virtual.lines.find(({ fields }) =>
    (fields?.error as Error | undefined)?.message.includes("wait for delivery")
  );
  assertEquals((line?.fields?.error as PersistenceError | undefined)?.code, "outboxFull");
  const next = system.spawn(giver(journal, { maxMessages: 3 }), "next");
  assertEquals(await waiting(virtual, next), 2);
  const events = await Array.fromAsync(journal.read(persistenceId("giver", "g")));
  assertEquals(events.length, 2);
  await clock.advance(0);
});

Deno.test("a reply reference or a message adapter is no receiver", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const journal = memoryJournal();
  const errors: unknown[] = [];
  const adapted = system.spawn(
    Behaviors.setup<string>((context) => {
      const adapter = context.messageAdapter((value: unknown) => String(value));
      const sender = eventSourced<string, string, string>({
        id: persistenceId("adapting", "a"),
        journal,
        initial: "",
        onCommand: (_context, _state, _command, effect) => effect.none().thenSend(adapter, "x"),
        onEvent: (_state, event) => event,
      });
      context.spawn(sender, "sender").tell("go");
      return Behaviors.receive(() => Behaviors.same());
    }),
    "adapted",
  );
  assert(adapted !== undefined);
  await virtual.settle();
  for (const { fields } of virtual.lines) if (fields?.error) errors.push(fields.error);
  assertEquals((errors[0] as PersistenceError | undefined)?.code, "badReceiver");
});

Deno.test("a durable state delivers and is delivered to, and keeps its metadata in each state", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  let isLost = true;
  breakLinks(virtual, () => isLost);
  const total = () =>
    durableState<Take, number>({
      id: persistenceId("total", "t"),
      journal,
      initial: 0,
      onMessage(_context, sum, message, effect) {
        if (message.type === "take") return effect.persist(sum + message.amount);
        return message.type === "get" ? effect.reply(message.replyTo, [sum]) : effect.none();
      },
    });
  const to = system.spawn(total(), "total");
  const sender = () =>
    durableState<number, number>({
      id: persistenceId("settings", "s"),
      journal,
      initial: 0,
      onMessage: (_context, state, amount, effect) =>
        amount < 0
          ? effect.persist(state)
          : effect.persist(amount).thenSend(to, (sum) => ({ type: "take", amount: sum })),
    });
  const first = system.spawn(sender(), "first");
  first.tell(3);
  first.tell(4);
  await virtual.settle();
  first.tell(-1);
  await virtual.settle();
  await clock.resolve(system.stop(first));
  isLost = false;
  const second = system.spawn(sender(), "second");
  await clock.advance(300);
  assertEquals(await taken(virtual, to), [7]);
  assertEquals(await waiting(virtual, second), 0);
  // The marks outlive the receiver as well, although only the last state is read.
  await clock.resolve(system.stop(to));
  const again = system.spawn(total(), "total");
  second.tell(5);
  await clock.advance(300);
  assertEquals(await taken(virtual, again), [12]);
  await clock.resolve(system.stop(second));
  await clock.resolve(system.stop(again));
  const third = system.spawn(sender(), "second");
  const last = system.spawn(total(), "total");
  await clock.advance(300);
  assertEquals([await taken(virtual, last), await waiting(virtual, third)], [[12], 0]);
});

Deno.test("marks and messages are saved with snapshots, and outlive the events", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  const sender = new Sender();
  const first = system.spawn(purse(journal, { every: 2 }), "purse");
  for (let number = 1; number <= 5; number++) {
    first.tell(sender.delivery(number, number - 1, { type: "take", amount: number }) as never);
    await virtual.settle();
  }
  const events = await Array.fromAsync(journal.read(persistenceId("purse", "p")));
  assert(events[0]!.seq > 2, "events were deleted");
  await clock.resolve(system.stop(first));
  const second = system.spawn(purse(journal, { every: 2 }), "purse");
  for (let number = 1; number <= 6; number++) {
    second.tell(sender.delivery(number, number - 1, { type: "take", amount: number }) as never);
  }
  await virtual.settle();
  assertEquals(await taken(virtual, second), [1, 2, 3, 4, 5, 6]);
});

Deno.test("a message that is stashed is handled, and acknowledged, when it is unstashed", async () => {
  await using virtual = new VirtualSystem();
  const journal = memoryJournal();
  const sender = new Sender();
  const to = virtual.system.spawn(purse(journal), "purse");
  const keep = () => to.tell(sender.delivery(1, 0, { type: "keep" }) as never);
  keep();
  keep();
  to.tell(sender.delivery(2, 1, { type: "take", amount: 2 }) as never);
  await virtual.settle();
  assertEquals(sender.acks, []);
  to.tell({ type: "open" });
  await virtual.settle();
  assertEquals(await taken(virtual, to), [-2]);
  assertEquals(sender.last, [1, "through"]);
});

Deno.test("a message whose handler fails is delivered again", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  const fails = { count: 2 };
  const to = system.spawn(
    Behaviors.supervise(purse(journal, { fails }), { decider: () => "restart" }),
    "purse",
  );
  const from = system.spawn(giver(journal), "giver");
  from.tell({ to, message: { type: "fail" } });
  from.tell({ to, amounts: [1] });
  await clock.advance(10_000);
  assertEquals(await taken(virtual, to), [-1, 1]);
  assertEquals(await waiting(virtual, from), 0);
});

Deno.test("a plain actor gets a message with a key that stays the same", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const journal = memoryJournal();
  const keys: (string | undefined)[] = [];
  let fails = true;
  const plain = system.spawn(
    Behaviors.supervise(
      Behaviors.receive<Take>((context) => {
        keys.push(deliveryKey(context));
        if (fails) throw new Error("not now");
        return Behaviors.same();
      }),
      { decider: () => "restart" },
    ),
    "plain",
  );
  const from = system.spawn(giver(journal), "giver");
  from.tell({ to: plain, message: { type: "open" } });
  from.tell({ to: plain, message: { type: "open" } });
  await virtual.settle();
  assertEquals(keys.length, 1, "the second waits for the first");
  fails = false;
  await clock.advance(3_000);
  assertEquals(keys.length, 3);
  assert(keys[0]!.startsWith("giver|g#"));
  assertEquals(keys[1], keys[0]);
  assert(keys[2] !== keys[1]);
  plain.tell({ type: "open" });
  await virtual.settle();
  assertEquals(keys[3], undefined);
  assertEquals(await waiting(virtual, from), 0);
});

Deno.test("acknowledgements of another stream, or out of range, change nothing", async () => {
  await using virtual = new VirtualSystem();
  const journal = memoryJournal();
  breakLinks(virtual, () => true);
  const to = virtual.system.spawn(purse(journal), "purse");
  const from = virtual.system.spawn(giver(journal), "giver");
  from.tell({ to, amounts: [1] });
  await virtual.settle();
  const forged = (stream: string, to: string) =>
    from.tell(new DeliveryAck(stream, to, Number.MAX_SAFE_INTEGER, "through") as never);
  forged("giver|g", "/purse");
  forged("giver|g#0", "/purse");
  forged("giver|g#0", "/nowhere");
  await virtual.settle();
  assertEquals(await waiting(virtual, from), 1);
});

Deno.test("effects with messages are values: nothing happens before they are taken", () => {
  const to = new Sender();
  const effect = Effects.persist(1).thenSend(to, { type: "take" }).thenReply(to, () => 1);
  assertEquals([effect.events.length, effect.requests.length, effect.actions.length], [1, 1, 1]);
  assertEquals(to.acks, []);
});
