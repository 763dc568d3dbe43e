import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import {
  durableState,
  eventSourced,
  type Journal,
  memoryJournal,
  memoryProjectionStore,
  PersistenceError,
  persistenceId,
  projection,
} from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { rehearse } from "../../lib/testkit/mod.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { type Serializer, serializer } from "../../lib/wire/serializer.ts";

class Money {
  readonly cents: bigint;
  constructor(cents: bigint) {
    this.cents = cents;
  }
  plus({ cents }: Money): Money {
    return new Money(this.cents + cents);
  }
}

class Name {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const money = serializer({
  name: "money",
  type: Money,
  encode: ({ cents }) => cents,
  decode: (data) => new Money(data as bigint),
});

/** Another form of the same. */
const money2 = serializer({
  name: "money",
  version: 2,
  type: Money,
  encode: ({ cents }) => ({ cents: String(cents) }),
  decode: (data) => new Money(BigInt((data as { cents: string }).cents)),
});

const name = serializer({
  name: "name",
  type: Name,
  encode: ({ text }) => text,
  decode: (data) => new Name(data as string),
});

type Paid = { readonly by: Name; readonly amount: Money };
type Command = { readonly by: Name; readonly amount: Money; readonly replyTo: ActorRef<bigint> };

function account(journal: Journal, serializers: readonly Serializer[]) {
  return eventSourced<Command, Paid, { sum: Money; by: Name[] }>({
    id: persistenceId("account", "a"),
    journal,
    initial: { sum: new Money(0n), by: [] },
    onCommand: (_context, _state, { by, amount, replyTo }, effect) =>
      effect.persist({ by, amount }).thenReply(replyTo, ({ sum }) => sum.cents),
    onEvent: ({ sum, by }, paid) => ({ sum: sum.plus(paid.amount), by: [...by, paid.by] }),
    snapshots: { every: 2 },
    schema: { serializers },
  });
}

/** Pays so much to an account that starts anew; the sum of all. */
async function pay(journal: Journal, serializers: readonly Serializer[], cents: bigint) {
  await using system = new ActorSystem();
  const ref = system.spawn(account(journal, serializers), "a");
  return await system.ask(ref, (replyTo: ActorRef<bigint>) => ({
    by: new Name("alice"),
    amount: new Money(cents),
    replyTo,
  }));
}

Deno.test("events and snapshots have values of classes, in whatever order serializers are given", async () => {
  const journal = memoryJournal();
  assertEquals(await pay(journal, [money, name], 5n), 5n);
  assertEquals(await pay(journal, [name, money], 6n), 11n);
  assertEquals(await pay(journal, [name, money], 7n), 18n);
  const { seq, payload, version } = (await journal.loadSnapshot("account|a"))!;
  assertEquals(seq, 2);
  const { sum, by } = new StoredForm<Paid, { sum: Money; by: Name[] }>({
    serializers: [money, name],
  }).readState(payload, version);
  assert(sum instanceof Money && by[0] instanceof Name);
  assertEquals([sum.cents, by.map(({ text }) => text)], [11n, ["alice", "alice"]]);
});

Deno.test("the highest version of a serializer writes, and the others read what they have written", async () => {
  const journal = memoryJournal();
  assertEquals(await pay(journal, [money, name], 5n), 5n);
  assertEquals(await pay(journal, [money, name, money2], 6n), 11n);
  const stored: string[] = [];
  const latin = new TextDecoder("latin1");
  for await (const { payload } of journal.read("account|a")) {
    stored.push(/money@\d/.exec(latin.decode(payload))![0]);
  }
  assertEquals(stored, ["money@1", "money@2"]);
});

Deno.test("a stored value whose serializer is missing fails the recovery with its name", async () => {
  const journal = memoryJournal();
  await pay(journal, [money2, name], 5n);
  const errors: unknown[] = [];
  await using system = new ActorSystem({
    runtime: {
      logger: { log: (_level, _source, _message, fields) => void errors.push(fields?.error) },
    },
  });
  const ref = system.spawn(account(journal, [money, name]), "a");
  await system.ask(ref, (replyTo: ActorRef<bigint>) => ({
    by: new Name("bob"),
    amount: new Money(1n),
    replyTo,
  })).then(() => assert(false), ({ reason }) => assertEquals(reason, "notRecovered"));
  const found = errors.find((error) => error instanceof PersistenceError) as PersistenceError;
  assertEquals([found.code, found.place], ["futureVersion", { id: "account|a", seq: 1 }]);
  assert(found.message.includes("money@2"), found.message);
  assert(found.message.includes("schema.serializers"), found.message);
});

Deno.test("a serializer that throws fails the command, and names itself", () => {
  const picky = serializer({
    name: "picky",
    type: Name,
    encode: () => {
      throw new Error("not this one");
    },
    decode: () => new Name(""),
  });
  const form = new StoredForm<unknown, unknown>({ serializers: [picky] });
  const error = assertThrows(() => form.writeEvent({ by: new Name("x") }, 0), WireError);
  assertEquals(error.code, "notSerializable");
  assert(/message\.by is a value of the serializer "picky".*not this one/.test(error.message));
});

Deno.test("serializers that cannot be used together are refused when the behaviour is made", () => {
  const refused = (serializers: readonly Serializer[]) => {
    const { message } = assertThrows(() => account(memoryJournal(), serializers), OptionError);
    return message;
  };
  assert(refused([money, money]).includes("twice with version 1"));
  const other = serializer({
    name: "cash",
    type: Money,
    encode: () => 0,
    decode: () => new Money(0n),
  });
  assert(refused([money, other]).includes("is for a class that has one"));
  assert(refused([{} as Serializer]).includes("what serializer() has made"));
});

Deno.test("actors with the same serializers share what writes and reads", () => {
  const codec = (...serializers: Serializer[]) => new StoredForm({ serializers }).codec;
  assert(codec(money, name) === codec(money, name));
  assert(codec(money) !== codec(money, name));
  assert(codec() === new StoredForm().codec);
});

Deno.test("durable states, messages of thenSend and reminders have values of classes too", async () => {
  const journal = memoryJournal();
  type Message = { amount: Money; to?: ActorRef<Message>; replyTo?: ActorRef<bigint> };
  const purse = (name: string) =>
    durableState<Message, Money>({
      id: persistenceId("purse", name),
      journal,
      initial: new Money(0n),
      onMessage: ({ reminders }, sum, { amount, to, replyTo }, effect) => {
        if (replyTo !== undefined) return effect.reply(replyTo, sum.cents);
        if (to === undefined) return effect.persist(sum.plus(amount));
        reminders.once("later", 10, { amount });
        return effect.persist(sum).thenSend(to, { amount });
      },
      schema: { serializers: [money] },
    });
  await using system = new ActorSystem();
  const [a, b] = ["a", "b"].map((name) => system.spawn(purse(name), name));
  const sum = (ref: typeof a) =>
    system.ask(ref!, (replyTo: ActorRef<bigint>) => ({ amount: new Money(0n), replyTo }));
  a!.tell({ amount: new Money(7n), to: b! });
  while (await sum(a) !== 7n || await sum(b) !== 7n) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

Deno.test("projections and rehearsals read values of classes", async () => {
  const journal = memoryJournal();
  await pay(journal, [money, name], 5n);
  await pay(journal, [money, name], 6n);
  await using system = new ActorSystem();
  const seen: bigint[] = [];
  projection<Paid, undefined>({
    name: "sums",
    journal,
    store: memoryProjectionStore(),
    schema: { serializers: [name, money] },
    handle: ({ event: { amount } }) => void seen.push(amount.cents),
  }).start(system);
  while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(seen, [5n, 6n]);

  const rehearsed = (...serializers: Serializer[]) =>
    rehearse(journal, { account: () => account(journal, serializers) });
  assert((await rehearsed(money, name)).ok);
  const { ok, problems } = await rehearsed(name);
  assert(!ok);
  assertEquals(problems.map(({ what, seq }) => [what, seq]), [["snapshot", 2], ["event", 1], [
    "event",
    2,
  ]]);
});
