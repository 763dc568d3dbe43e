import { assert, assertEquals, assertRejects } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { AskError, type AskFailureReason, AskTimeoutError } from "../../lib/actor/errors.ts";
import {
  failHeldAsks,
  type HeldAsk,
  holdAsk,
  releaseAsk,
  severalActors,
} from "../../lib/actor/ref/held_ask.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { askFailed, maxDetails } from "../../lib/actor/ask/ask_failure.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { VirtualSystem } from "./virtual_system.ts";

type Question = { type: "ask"; replyTo: ActorRef<string> } | { type: "other" };

const question = (replyTo: ActorRef<string>): Question => ({ type: "ask", replyTo });

/** Asks, and expects the failure without any time passing. */
async function refused(
  { system, clock }: VirtualSystem,
  ref: ActorRef<Question>,
  reason: AskFailureReason,
  during: () => unknown = () => {},
): Promise<AskError> {
  const begun = clock.now();
  const asking = assertRejects(() => system.ask(ref, question), AskError);
  await clock.advance(0);
  during();
  const error = await clock.resolve(asking);
  assertEquals([error.reason, clock.now() - begun], [reason, 0], error.message);
  return error;
}

/** Asks, and expects this reply. */
async function answered(
  { system, clock }: VirtualSystem,
  ref: ActorRef<Question>,
  reply: string,
): Promise<void> {
  assertEquals(await clock.resolve(system.ask(ref, question)), reply);
}

Deno.test("an ask fails at once when the actor stops before it has replied", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const ways: Record<string, Behavior<Question>> = {
    itself: Behaviors.receive(() => Behaviors.stopped()),
    "itself, later": Behaviors.receive((_context, { type }) =>
      type === "other" ? Behaviors.stopped() : Behaviors.same()
    ),
    "from outside": Behaviors.receive(() => Behaviors.same()),
    "after a failure": Behaviors.receive((_context, { type }) => {
      if (type === "other") throw new Error("boom");
      return Behaviors.same();
    }),
    "while it waits": Behaviors.receive(async (_context, { type }) => {
      if (type === "ask") await Promise.resolve();
      return Behaviors.stopped();
    }),
  };
  for (const [way, behavior] of Object.entries(ways)) {
    const ref = system.spawn(behavior, way.replaceAll(/\W/g, "-"));
    const error = await refused(virtual, ref, "stopped", () => {
      if (way === "from outside") void system.stop(ref);
      else ref.tell({ type: "other" });
    });
    assertEquals(error.code, "askTargetDead");
    assert(error.message.startsWith(ref.path), error.message);
  }
});

Deno.test("an ask of a message adapter fails when its actor stops", async () => {
  await using virtual = new VirtualSystem();
  let adapter: ActorRef<Question> | undefined;
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      adapter = context.messageAdapter<Question>(({ type }) => type);
      return Behaviors.receive(() => Behaviors.same());
    }),
    "adapted",
  );
  await virtual.settle();
  await refused(virtual, adapter!, "stopped", () => virtual.system.stop(ref));
});

Deno.test("an ask fails at once when the handler throws, whatever the supervision does", async () => {
  await using virtual = new VirtualSystem();
  const boom = new RangeError("boom");
  const throwing = Behaviors.receive<Question>(() => {
    throw boom;
  });
  const rejecting = Behaviors.receive<Question>(async () => {
    await Promise.resolve();
    throw boom;
  });
  const supervised = (decided: "restart" | "resume" | "escalate", behavior: Behavior<Question>) =>
    Behaviors.supervise(behavior, { decider: () => decided });
  const ways: Record<string, Behavior<Question>> = {
    stop: throwing,
    restart: supervised("restart", throwing),
    resume: supervised("resume", throwing),
    escalate: supervised("escalate", throwing),
    async: rejecting,
    "async-resume": supervised("resume", rejecting),
  };
  for (const [name, behavior] of Object.entries(ways)) {
    const error = await refused(virtual, virtual.system.spawn(behavior, name), "handlerFailed");
    assertEquals([error.code, error.cause], ["askHandlerFailed", boom]);
    assert(error.message.includes("RangeError: boom"), error.message);
  }
});

Deno.test("a handler that returns no behaviour fails the ask, and one that does not handle it", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const wrong = system.spawn(Behaviors.receive<Question>((() => 1) as never), "wrong");
  await refused(virtual, wrong, "handlerFailed");
  const later = Behaviors.receive<Question>((() => Promise.resolve(1)) as never);
  await refused(virtual, system.spawn(later, "later"), "handlerFailed");
  const blind = system.spawn(Behaviors.receive<Question>(() => Behaviors.unhandled()), "blind");
  const { message } = await refused(virtual, blind, "invalidMessage");
  assert(message.includes("does not handle"), message);
});

Deno.test("a handler that replies before it throws has replied; what comes later is a dead letter", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const ref = system.spawn(
    Behaviors.receive<Question>((_context, message) => {
      if (message.type === "ask") message.replyTo.tell("yes");
      throw new Error("boom");
    }),
    "hasty",
  );
  await answered(virtual, ref, "yes");
  let kept: ActorRef<string> | undefined;
  const late = system.spawn(
    Behaviors.receive<Question>((_context, message) => {
      if (message.type === "ask") kept = message.replyTo;
      throw new Error("boom");
    }),
    "late",
  );
  await refused(virtual, late, "handlerFailed");
  kept!.tell("after all");
  await clock.advance(0);
  assertEquals(system.ledger.snapshot().deadLetters, { expired: 1 });
});

Deno.test("a restart ends the asks that the incarnation has not answered, and keeps those that wait", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  let count = 0;
  const keeping = Behaviors.receive<Question>((_context, message) => {
    if (message.type === "other") throw new Error("boom");
    // The first is kept in the state, as it were.
    if (++count > 1) message.replyTo.tell(`reply ${count}`);
    return Behaviors.same();
  });
  for (const bounds of [undefined, { mailbox: { maxBytes: 10_000 } }]) {
    count = 0;
    const name = bounds === undefined ? "unbounded" : "bounded";
    const ref = system.spawn(Behaviors.supervise(keeping), name, bounds);
    const first = assertRejects(() => system.ask(ref, question), AskError);
    await clock.advance(0);
    ref.tell({ type: "other" });
    const second = system.ask(ref, question);
    assertEquals(await clock.resolve(second), "reply 2");
    assertEquals((await clock.resolve(first)).reason, "handlerFailed");
  }
  assertEquals(clock.now(), 0);
});

Deno.test("an actor may pass an ask on to another and stop", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const worker = system.spawn(
    Behaviors.receive<{ work: ActorRef<string> }>(async (_context, { work }) => {
      await new Promise<void>((resolve) => clock.schedule(100, resolve));
      work.tell("done");
      return Behaviors.same();
    }),
    "worker",
  );
  const clerk = Behaviors.receive<Question>((_context, message) => {
    if (message.type === "ask") worker.tell({ work: message.replyTo });
    return Behaviors.stopped();
  });
  await answered(virtual, system.spawn(clerk, "clerk"), "done");
});

Deno.test("an actor that has to answer an ask may tell what cannot be read", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const told: unknown[] = [];
  const other = system.spawn(
    Behaviors.receive<unknown>((_context, message) => {
      told.push(message);
      return Behaviors.same();
    }),
    "other",
  );
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const throwing = Object.defineProperty({}, "replyTo", {
    enumerable: true,
    get: () => {
      throw new Error("unreadable");
    },
  });
  const held = system.spawn(
    Behaviors.receive<Question>((_context, message) => {
      if (message.type === "other") return Behaviors.stopped();
      other.tell(throwing);
      other.tell(proxy);
      return Behaviors.same();
    }),
    "held",
  );
  await refused(virtual, held, "stopped", () => held.tell({ type: "other" }));
  await clock.advance(0);
  assertEquals([told.length, told[0] === throwing, told[1] === proxy], [2, true, true]);
});

Deno.test("an ask through a pool fails when its routee stops, fails or does not handle it", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const pool = (behavior: Behavior<Question>, name: string, options = {}) =>
    system.spawn(Routers.pool(2, behavior, options), name);
  const stopping = Behaviors.receive<Question>((_context, { type }) =>
    type === "other" ? Behaviors.stopped() : Behaviors.same()
  );
  const both = { broadcast: ({ type }: Question) => type === "other" };
  const dead = pool(stopping, "dead", both);
  await refused(virtual, dead, "stopped", () => dead.tell({ type: "other" }));
  const throwing = Behaviors.receive<Question>(() => {
    throw new Error("boom");
  });
  await refused(virtual, pool(Behaviors.supervise(throwing), "throwing"), "handlerFailed");
  // One of those that get a broadcast may fail, and the other answers.
  let number = 0;
  const one = Behaviors.setup<Question>(() => {
    const isFirst = ++number === 1;
    return Behaviors.receive((_context, message) => {
      if (isFirst) throw new Error("boom");
      if (message.type === "ask") clock.schedule(100, () => message.replyTo.tell("the other"));
      return Behaviors.same();
    });
  });
  await answered(virtual, pool(one, "broadcast", { broadcast: () => true }), "the other");
});

Deno.test("an ask that has waited in a group router fails with the routee that got it", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const key = ServiceKey<Question>("service");
  const router = system.spawn(Routers.group(key), "router");
  await refused(virtual, router, "stopped", () => {
    const routee = Behaviors.receive<Question>(() => Behaviors.stopped());
    system.spawn(Behaviors.discoverable(routee, key), "routee");
  });
  await virtual.settle();
  await refused(virtual, router, "stopped", () => system.stop(router));
});

Deno.test("a shutdown rejects asks with its own error", async () => {
  const virtual = new VirtualSystem();
  const ref = virtual.system.spawn(Behaviors.receive<Question>(() => Behaviors.same()), "silent");
  const failed = virtual.system.ask(ref, question).catch(({ code }) => code);
  await virtual.settle();
  await virtual[Symbol.asyncDispose]();
  assertEquals(await failed, "systemStopped");
});

Deno.test("an actor that neither replies nor ends leaves the ask to its timeout", async () => {
  await using virtual = new VirtualSystem();
  const ref = virtual.system.spawn(Behaviors.receive<Question>(() => Behaviors.same()), "silent");
  const asking = assertRejects(() => virtual.system.ask(ref, question), AskTimeoutError);
  await virtual.clock.resolve(asking);
  assertEquals(virtual.clock.now(), 5_000);
});

Deno.test("a stop costs what its own asks cost, and a list never keeps what has ended", () => {
  const ended: number[] = [];
  const actor = () => ({ heldAsks: undefined as HeldAsk | undefined, forwards: false });
  const ask = (number: number): HeldAsk => ({
    heldBy: undefined,
    heldBefore: undefined,
    heldAfter: undefined,
    onHeld: () => {},
    onReleased: () => {},
    deadline: () => undefined,
    fail: () => void ended.push(number),
  });
  const [one, other] = [actor(), actor()];
  const asks = Array.from({ length: 6 }, (_, number) => ask(number));
  asks.forEach((each, number) => holdAsk(number % 2 === 0 ? one : other, each));
  // Held once only, and not at all if several may answer.
  holdAsk(other, asks[0]!);
  holdAsk(other, { ...ask(9), heldBy: severalActors });
  for (const number of [2, 2, 5]) releaseAsk(asks[number]!);
  failHeldAsks(one, { reason: "stopped" }, new Set([asks[0]!]));
  assertEquals(ended, [4]);
  assertEquals([one.heldAsks, asks[0]!.heldAfter, asks[0]!.heldBefore], [
    asks[0],
    undefined,
    undefined,
  ]);
  failHeldAsks(other, { reason: "stopped" });
  assertEquals(ended, [4, 3, 1]);
  assertEquals(other.heldAsks, undefined);
});

Deno.test("details of an error are one line of bounded length", () => {
  const details = `a\u0000b\nc\u2028${"x".repeat(2_000)}\ud83d`;
  const error = askFailed("/a", { reason: "invalidMessage", details });
  assert(error.details!.startsWith("a b c x"), error.details);
  assert(error.details!.length <= maxDetails && error.details!.isWellFormed());
  assert(error.message.length < maxDetails + 100);
});
