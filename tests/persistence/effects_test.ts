/** What a durable actor says and does, with both gates, and what its askers are told of failures. */
import { assert, assertEquals } from "@std/assert";
import type { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { SpyEvent } from "../../lib/actor/behavior/spy.ts";
import type { LocalRef } from "../../lib/actor/ref/local_ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import {
  type EventSourced,
  type Journal,
  memoryJournal,
  PersistenceError,
} from "../../lib/persistence/mod.ts";
import type { MessageSchema } from "../../lib/actor/behavior/message_schema.ts";
import { VirtualSystem } from "../actor/virtual_system.ts";
import { HeldJournal } from "./faulty_journal.ts";

type Command =
  | { type: "add"; replyTo: ActorRef<string> }
  | { type: "get"; replyTo: ActorRef<string> }
  | { type: "refuse"; replyTo: ActorRef<string> }
  | { type: "throws"; replyTo: ActorRef<string> }
  | { type: "last"; replyTo: ActorRef<string> }
  | { type: "later"; replyTo: ActorRef<string> }
  | { type: "now"; replyTo: ActorRef<string> };
type Definition = EventSourced<Command, "added", number>;

const gates = ["output", "command"] as const;

/** Says what it has decided on, and when. */
function counter(journal: Journal, more: Partial<Definition> = {}) {
  const log: string[] = [];
  let isOpen = false;
  const definition: Definition = {
    id: "counter",
    journal,
    initial: 0,
    onCommand(_context, count, { type, replyTo }, effect) {
      log.push(`${type} at ${count}`);
      switch (type) {
        case "add":
          return effect.persist("added")
            .thenRun((after) => void log.push(`stored ${after}`))
            // A delivery has no asker.
            .thenRun((after) => replyTo?.tell(`added ${after}`));
        case "get":
          return effect.reply(replyTo, `got ${count}`);
        case "refuse":
          return effect.refuse(new Error(`refused at ${count}`));
        case "throws":
          return effect.persist("added").thenRun(() => {
            throw new Error("a careless callback");
          }).thenReply(replyTo, (after) => `added ${after}`);
        case "last":
          return effect.persist("added", "added").thenReply(replyTo, (after) => `last ${after}`)
            .thenStop();
        case "later":
          return isOpen ? effect.reply(replyTo, `late at ${count}`) : effect.stash();
        case "now":
          isOpen = true;
          return effect.persist("added").thenReply(replyTo, (after) => `now ${after}`)
            .thenUnstashAll();
      }
    },
    onEvent: (count) => count + 1,
    ...more,
  };
  return { log, behavior: Behaviors.eventSourced(definition) };
}

async function start(
  more: Partial<Definition> = {},
  supervised: "not" | "restart" | "resume" = "not",
  options: ConstructorParameters<typeof VirtualSystem>[0] = {},
) {
  const kit = new VirtualSystem(options);
  const held = new HeldJournal(memoryJournal());
  const { log, behavior } = counter(held.journal, more);
  const ref = kit.system.spawn(
    supervised === "not"
      ? behavior
      : Behaviors.supervise(behavior, { decider: () => supervised, maxRestarts: 100 }),
    "counter",
  );
  await kit.settle();
  const outcomes: string[] = [];
  const errors: AskError[] = [];
  const ask = (type: Command["type"]) =>
    void kit.system.ask(ref, (replyTo: ActorRef<string>): Command => ({ type, replyTo }))
      .then((reply) => outcomes.push(reply), (error) => {
        errors.push(error);
        outcomes.push(`${error.reason ?? error.code}`);
      });
  return { ...kit, kit, held, log, ref, outcomes, errors, ask, settle: () => kit.settle() };
}

Deno.test("with the gate `output` commands are decided while earlier events are on their way", async () => {
  const { kit, held, log, outcomes, ask, settle } = await start();
  held.holds = true;
  ask("add");
  ask("add");
  ask("get");
  await settle();
  assertEquals(log, ["add at 0", "add at 1", "get at 2"]);
  assertEquals(outcomes, []);
  held.release();
  await settle();
  held.release();
  await settle();
  assertEquals(outcomes, ["added 1", "added 2", "got 2"]);
  await kit[Symbol.asyncDispose]();
});

Deno.test("with the gate `command` each command is decided when all before are durable", async () => {
  const { kit, held, log, outcomes, ask, settle } = await start({ gate: "command" });
  held.holds = true;
  ask("add");
  ask("add");
  ask("get");
  await settle();
  assertEquals(log, ["add at 0"]);
  held.release();
  await settle();
  assertEquals(log, ["add at 0", "stored 1", "add at 1"]);
  assertEquals(outcomes, ["added 1"]);
  held.release();
  await settle();
  assertEquals(outcomes, ["added 1", "added 2", "got 2"]);
  assertEquals(held.appends.map(({ events }) => events.length), [1, 1]);
  await kit[Symbol.asyncDispose]();
});

for (const gate of gates) {
  Deno.test(`stash, unstash, stop and refuse wait their turn (${gate})`, async () => {
    const { kit, held, outcomes, errors, ask, settle } = await start({ gate });
    ask("later");
    ask("later");
    await settle();
    assertEquals(outcomes, []);
    held.holds = true;
    ask("now");
    ask("refuse");
    await settle();
    assertEquals(outcomes, []);
    held.holds = false;
    held.release();
    await settle();
    assertEquals(outcomes, ["now 1", "late at 1", "late at 1", "rejected"]);
    assertEquals(errors[0]!.rejection, { message: "refused at 1" });
    ask("last");
    await settle();
    assertEquals(outcomes.at(-1), "last 3");
    assertEquals(kit.system.lookup("/counter"), undefined);
    await kit[Symbol.asyncDispose]();
  });

  Deno.test(`a failed write fails all asks that were handled, and no others (${gate})`, async () => {
    const { kit, held, log, outcomes, errors, ask, settle } = await start({ gate }, "restart");
    ask("add");
    ask("later");
    await settle();
    held.holds = true;
    held.fault = { type: "before", error: new Error("no room") };
    ask("add");
    ask("get");
    await settle();
    held.holds = false;
    held.release();
    await settle();
    const isStrict = gate === "command";
    // What waited in the mailbox or was stashed is handled by the next incarnation.
    assertEquals(outcomes, [
      "added 1",
      "notPersisted",
      ...(isStrict ? ["got 1"] : ["notPersisted"]),
    ]);
    const [error] = errors;
    assertEquals([error!.code, error!.details], [
      "askNotPersisted",
      "rejected: event 2 of counter (notPersisted)",
    ]);
    const { cause } = error!;
    assert(cause instanceof PersistenceError && cause.code === "notPersisted");
    assertEquals((cause.cause as Error).message, "no room");
    assertEquals(log.filter((line) => line.startsWith("later")), ["later at 1", "later at 1"]);
    ask("now");
    await settle();
    assertEquals(outcomes.slice(-2), ["now 2", "late at 2"]);
    await kit[Symbol.asyncDispose]();
  });

  Deno.test(`an unknown outcome and an unreachable store are told as such (${gate})`, async () => {
    const { kit, held, outcomes, errors, ask, settle } = await start({ gate }, "restart");
    held.fault = {
      type: "after",
      error: new PersistenceError("outcomeUnknown", "the connection has ended"),
    };
    ask("add");
    await settle();
    held.fault = { type: "before", error: new PersistenceError("storeUnavailable", "gone") };
    ask("add");
    await settle();
    ask("get");
    await settle();
    assertEquals(outcomes, ["notPersisted", "storeUnavailable", "got 1"]);
    assertEquals(errors[0]!.details, "unknown: event 1 of counter (outcomeUnknown)");
    assert(errors[1]!.message.includes("cannot be reached, and nothing was stored"));
    await kit[Symbol.asyncDispose]();
  });

  Deno.test(`an actor whose write has failed never goes on, whatever its supervisor says (${gate})`, async () => {
    const { kit, held, outcomes, ask, settle } = await start({ gate }, "resume");
    ask("add");
    await settle();
    held.fault = { type: "before", error: new Error("no room") };
    ask("add");
    await settle();
    ask("get");
    await settle();
    ask("add");
    await settle();
    assertEquals(outcomes, ["added 1", "notPersisted", "got 1", "added 2"]);
    await kit[Symbol.asyncDispose]();
  });

  Deno.test(`a callback that throws fails the actor, and what others wait for is said (${gate})`, async () => {
    const { kit, outcomes, ask, settle } = await start({ gate }, "restart");
    ask("throws");
    await settle();
    assertEquals(outcomes, ["added 1"]);
    assertEquals(kit.lines.filter(({ level }) => level === "error").length, 1);
    ask("add");
    await settle();
    assertEquals(outcomes, ["added 1", "added 2"]);
    await kit[Symbol.asyncDispose]();
  });
}

Deno.test("an interceptor and a spy see commands only, and cannot lose what the store says", async () => {
  const kit = new VirtualSystem();
  const { behavior } = counter(memoryJournal());
  const seen: unknown[] = [];
  const spy = kit.system.spawn(
    Behaviors.receive<SpyEvent>((_context, { kind, event }) => {
      if (kind === "message") seen.push((event as Command).type);
      return Behaviors.same();
    }),
    "spy",
  );
  const guarded = Behaviors.intercept(behavior, {
    onMessage: (_context, message, next) =>
      message.type === "add" ? next(message) : Behaviors.unhandled(),
  });
  const ref = kit.system.spawn(Behaviors.spy(guarded, spy), "counter");
  const reply = kit.system.ask(ref, (replyTo: ActorRef<string>): Command => ({
    type: "add",
    replyTo,
  }));
  assertEquals(await kit.clock.resolve(reply), "added 1");
  // What another durable actor delivers is a command as well.
  const sender = Behaviors.eventSourced<"go", "sent", number>({
    id: "sender",
    journal: memoryJournal(),
    initial: 0,
    onCommand: (_context, _state, _command, effect) =>
      effect.persist("sent").thenSend(ref, { type: "add" } as never),
    onEvent: (count) => count + 1,
  });
  const sending = kit.system.spawn(Behaviors.spy(sender, spy), "sender");
  sending.tell("go");
  await kit.clock.advance(60_000);
  const again = kit.system.ask(ref, (replyTo: ActorRef<string>): Command => ({
    type: "add",
    replyTo,
  }));
  assertEquals(await kit.clock.resolve(again), "added 3");
  await kit.settle();
  assertEquals(seen, ["add", undefined, "add", "add"]);
  await kit[Symbol.asyncDispose]();
});

Deno.test("asks that wait for an actor which cannot recover fail at once; what is told waits", async () => {
  const kit = new VirtualSystem();
  const journal = memoryJournal();
  let isGone = true;
  const flaky = new Proxy(journal, {
    get: (target, name) => {
      if (name === "open" && isGone) {
        return () => Promise.reject(new PersistenceError("storeUnavailable", "gone"));
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { behavior, log } = counter(flaky);
  const ref = kit.system.spawn(
    Behaviors.supervise(behavior, {
      maxRestarts: Infinity,
      backoff: { min: 1_000, max: 1_000, jitter: 0 },
    }),
    "counter",
  );
  ref.tell({ type: "add", replyTo: kit.system.spawn(Behaviors.ignore(), "listener") });
  const errors: AskError[] = [];
  const ask = (type: Command["type"]) =>
    kit.system.ask(ref, (replyTo: ActorRef<string>): Command => ({ type, replyTo }));
  const asked = ask("add").catch((error) => errors.push(error));
  await kit.settle();
  await asked;
  assertEquals(errors.map(({ reason }) => reason), ["storeUnavailable"]);
  assert(errors[0]!.cause instanceof PersistenceError);
  isGone = false;
  await kit.clock.advance(1_500);
  // The ask that has failed is not handled later: its asker was told that nothing was stored.
  assertEquals(log, ["add at 0", "stored 1"]);
  assertEquals(await kit.clock.resolve(ask("get")), "got 1");
  await kit[Symbol.asyncDispose]();
});

const known: MessageSchema<"added"> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      value === "added" || value === "upcast"
        ? { value: "added" }
        : { issues: [{ message: "expected an event that is known", path: ["type"] }] },
  },
};

Deno.test("an event that does not match its schema fails the command, and nothing is stored", async () => {
  const { kit, held, outcomes, errors, ask, settle } = await start({
    schema: { event: known },
    onCommand: (_context, _count, { replyTo, type }, effect) =>
      effect.persist("added", ...(type === "add" ? ["wrong" as "added"] : []))
        .thenReply(replyTo, (after) => `added ${after}`),
  }, "resume");
  ask("add");
  await settle();
  assertEquals(outcomes, ["handlerFailed"]);
  const { code, message } = errors[0]!.cause as PersistenceError;
  assertEquals(code, "schemaMismatch");
  assert(message.includes("event.type: expected an event that is known"), message);
  assertEquals(held.appends, []);
  ask("get");
  await settle();
  assertEquals(outcomes.at(-1), "added 1");
  await kit[Symbol.asyncDispose]();
});

Deno.test("a stored event that does not match its schema fails the recovery, with its number", async () => {
  const journal = memoryJournal();
  const first = await start({ journal });
  first.ask("add");
  first.ask("add");
  await first.settle();
  await first.kit[Symbol.asyncDispose]();
  const none: MessageSchema<"added"> = {
    "~standard": {
      ...known["~standard"],
      validate: () => ({ issues: [{ message: "no more" }] }),
    },
  };
  const second = await start({ journal, schema: { event: none } });
  const [stopped] = second.kit.lines.filter(({ level }) => level === "error");
  const { code, place, message } = stopped!.fields!.error as PersistenceError;
  assertEquals([code, place], ["schemaMismatch", { id: "counter", seq: 1 }]);
  assert(message.includes("no more"), message);
  await second.kit[Symbol.asyncDispose]();
});

Deno.test("what the schema makes of a stored event is applied, after the upcasts", async () => {
  const journal = memoryJournal();
  const first = await start({ journal });
  first.ask("add");
  await first.settle();
  await first.kit[Symbol.asyncDispose]();
  const applied: unknown[] = [];
  const second = await start({
    journal,
    schema: { version: 1, upcastEvent: { 0: () => "upcast" }, event: known },
    onEvent: (count, event) => {
      applied.push(event);
      return count + 1;
    },
  });
  assertEquals(applied, ["added"]);
  await second.kit[Symbol.asyncDispose]();
});

Deno.test("a snapshot that does not match its schema is skipped, and one that would is not saved", async () => {
  const journal = memoryJournal();
  const even: MessageSchema<number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        (value as number) % 2 === 0 ? { value: value as number } : { issues: [{ message: "odd" }] },
    },
  };
  const first = await start({ journal, snapshots: { every: 1, keep: 10 } });
  for (let n = 0; n < 3; n++) {
    first.ask("add");
    await first.settle();
  }
  await first.kit[Symbol.asyncDispose]();
  assertEquals((await journal.loadSnapshot("counter"))?.seq, 3);
  const second = await start({
    journal,
    snapshots: { every: 1, keep: 10 },
    schema: { state: even },
  });
  second.ask("get");
  await second.settle();
  assertEquals(second.outcomes, ["got 3"]);
  second.ask("add");
  await second.settle();
  second.ask("add");
  await second.settle();
  assertEquals((await journal.loadSnapshot("counter"))?.seq, 4);
  const warnings = second.kit.lines.filter(({ level }) => level === "warn");
  assertEquals(warnings.map(({ message }) => message), [
    "snapshot is skipped",
    "snapshot was not saved",
  ]);
  await second.kit[Symbol.asyncDispose]();
});

Deno.test("with the gate `command` an orderly stop waits for the write, and sends the reply", async () => {
  const { kit, held, ref, outcomes, ask, settle } = await start({ gate: "command" });
  held.holds = true;
  ask("add");
  await settle();
  const actor = ref as unknown as LocalRef<Command>;
  assert(actor.isBusy(false));
  actor.stopInTurn();
  await settle();
  assertEquals(actor.stopped, false);
  held.release();
  await settle();
  assertEquals(outcomes, ["added 1"]);
  assert(actor.stopped);
  await kit[Symbol.asyncDispose]();
});
