import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError, AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

type CounterMessage = { type: "add"; amount: number } | { type: "get"; replyTo: ActorRef<number> };

const counter = (value: number): Behavior<CounterMessage> =>
  Behaviors.receive((_context, message) => {
    if (message.type === "add") return counter(value + message.amount);
    message.replyTo.tell(value);
    return Behaviors.same();
  });

const get = (replyTo: ActorRef<number>): CounterMessage => ({ type: "get", replyTo });

function quiet(): ActorSystem {
  return new ActorSystem({ runtime: { logger: silentLogger } });
}

/** The ledger must balance whatever has happened. */
function assertBalanced(system: ActorSystem): void {
  const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
  const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
  assertEquals(sent, delivered + lost + inFlight);
}

Deno.test("state is the argument of the next behaviour", async () => {
  await using system = quiet();
  const ref = system.spawn(counter(0), "counter");
  for (let i = 1; i <= 10; i++) ref.tell({ type: "add", amount: i });
  assertEquals(await system.ask(ref, get), 55);
  assertBalanced(system);
});

Deno.test("sync and async handlers keep the order of messages", async () => {
  await using system = quiet();
  const seen: number[] = [];
  const ref = system.spawn(
    Behaviors.receive<number | ActorRef<number[]>>(async (_context, message) => {
      if (typeof message !== "number") message.tell([...seen]);
      else {
        if (message % 2 === 0) await Promise.resolve();
        seen.push(message);
      }
      return Behaviors.same();
    }),
    "order",
  );
  for (let i = 0; i < 100; i++) ref.tell(i);
  const all = await system.ask(ref, (replyTo: ActorRef<number[]>) => replyTo);
  assertEquals(all, Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("setup runs once before the first message, and may be async", async () => {
  await using system = quiet();
  let setups = 0;
  const ref = system.spawn(
    Behaviors.setup<CounterMessage>(async () => {
      setups++;
      await Promise.resolve();
      return Behaviors.setup(() => counter(7));
    }),
    "counter",
  );
  ref.tell({ type: "add", amount: 1 });
  assertEquals(await system.ask(ref, get), 8);
  assertEquals(setups, 1);
});

Deno.test("messages to a stopped actor, and those that wait, become dead letters", async () => {
  await using system = quiet();
  const reasons: string[] = [];
  system.eventStream.subscribe("deadLetter", ({ reason }) => reasons.push(reason));
  const ref = system.spawn(Behaviors.receive<string>(() => Behaviors.stopped()), "once");
  const stopped = Promise.withResolvers<void>();
  system.eventStream.subscribe("actorStopped", () => stopped.resolve());
  ref.tell("handled");
  ref.tell("waits");
  await stopped.promise;
  ref.tell("late");
  assertEquals(reasons, ["stopped", "stopped"]);
  assertEquals(system.ledger.delivered, 1);
  assertEquals(system.lookup("/once"), undefined);
  assertBalanced(system);
});

Deno.test("children stop before their parent, each with its last signal", async () => {
  await using system = quiet();
  const stops: string[] = [];
  const node = (name: string, children: Behavior<unknown>[]): Behavior<unknown> =>
    Behaviors.setup((context) => {
      children.forEach((child, index) => context.spawn(child, `child-${index}`));
      return Behaviors.receive(() => Behaviors.same(), async (_context, signal) => {
        await Promise.resolve();
        if (signal.type === "postStop") stops.push(name);
        return Behaviors.same();
      });
    });
  const ref = system.spawn(node("root", [node("middle", [node("leaf", [])])]), "root");
  await system.stop(ref);
  assertEquals(stops, ["leaf", "middle", "root"]);
});

Deno.test("an actor that throws stops, and its watchers are signalled once", async () => {
  await using system = quiet();
  const heard: string[] = [];
  const child = Behaviors.receive<string>(() => {
    throw new Error("broken");
  });
  const done = Promise.withResolvers<void>();
  system.spawn(
    Behaviors.setup<unknown>((context) => {
      const ref = context.spawn(child, "child");
      context.watch(ref);
      ref.tell("break");
      return Behaviors.receive(() => Behaviors.same(), (_context, signal) => {
        if (signal.type === "terminated") {
          heard.push(signal.ref.path);
          // The dead are reported at once.
          if (heard.length === 1) context.watch(signal.ref);
          else done.resolve();
        }
        return Behaviors.same();
      });
    }),
    "parent",
  );
  await done.promise;
  assertEquals(heard, ["/parent/child", "/parent/child"]);
});

Deno.test("a setup that throws stops the actor, and its name is free again", async () => {
  await using system = quiet();
  const stopped = Promise.withResolvers<unknown>();
  system.eventStream.subscribe("actorStopped", ({ cause }) => stopped.resolve(cause));
  system.spawn(
    Behaviors.setup<unknown>(() => {
      throw new Error("no database");
    }),
    "service",
  );
  assertEquals((await stopped.promise as Error).message, "no database");
  const ref = system.spawn(counter(1), "service");
  assertEquals(await system.ask(ref, get), 1);
});

Deno.test("names are checked, and freed when the actor has stopped", async () => {
  await using system = quiet();
  for (const name of ["", "a/b", "_internal", "x".repeat(300), "sp ace"]) {
    assertEquals(assertThrows(() => system.spawn(counter(0), name), ActorError).code, "badName");
  }
  const first = system.spawn(counter(0), "counter");
  const error = assertThrows(() => system.spawn(counter(0), "counter"), ActorError);
  assertEquals(error.code, "duplicateName");
  await system.stop(first);
  system.spawn(counter(0), "counter");
});

Deno.test("something that is no behaviour is refused with a clear error", async () => {
  await using system = quiet();
  const wrong = { kind: "receive" } as unknown as Behavior<string>;
  assertEquals(assertThrows(() => system.spawn(wrong, "x"), ActorError).code, "badBehavior");
  const stopped = Promise.withResolvers<unknown>();
  system.eventStream.subscribe("actorStopped", ({ cause }) => stopped.resolve(cause));
  const ref = system.spawn(Behaviors.receive<string>(() => undefined as never), "y");
  ref.tell("go");
  assertEquals((await stopped.promise as ActorError).code, "badBehavior");
});

Deno.test("an ask without a reply ends with a typed error, in virtual time", async () => {
  const clock = new ManualClock();
  await using system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const ref = system.spawn(Behaviors.ignore(), "silent");
  const answer = system.ask(ref, (replyTo: ActorRef<string>) => replyTo, { timeout: 3_000 });
  const failure = assertRejects(
    () => answer,
    AskTimeoutError,
    "/silent did not reply within 3000 ms",
  );
  await clock.advance(2_999);
  await clock.advance(1);
  assertEquals((await failure).code, "askTimeout");
  assertEquals(clock.pending, 0);
});

Deno.test("an ask fails at once if the actor has stopped, is aborted, or the system ends", async () => {
  const system = quiet();
  const dead = system.spawn(counter(0), "dead");
  await system.stop(dead);
  assertEquals((await assertRejects(() => system.ask(dead, get), AskError)).code, "askTargetDead");
  const silent = system.spawn(Behaviors.ignore(), "silent");
  const abort = new AbortController();
  const aborted = system.ask(silent, (ref: ActorRef<string>) => ref, { signal: abort.signal });
  abort.abort("changed my mind");
  assertEquals((await assertRejects(() => aborted, AskError)).code, "askAborted");
  const left = assertRejects(() => system.ask(silent, (ref: ActorRef<string>) => ref), ActorError);
  await system.shutdown();
  assertEquals((await left).code, "systemStopped");
  assertEquals(
    assertThrows(() => system.spawn(counter(0), "late"), ActorError).code,
    "systemStopped",
  );
});

Deno.test("a second reply is ignored", async () => {
  await using system = quiet();
  const ref = system.spawn(
    Behaviors.receive<ActorRef<number>>((_context, replyTo) => {
      replyTo.tell(1);
      replyTo.tell(2);
      return Behaviors.same();
    }),
    "twice",
  );
  assertEquals(await system.ask(ref, (replyTo: ActorRef<number>) => replyTo), 1);
});

Deno.test("a full mailbox drops by its overflow option, and publishes the loss", async () => {
  for (const overflow of ["dropNew", "dropOldest"] as const) {
    await using system = quiet();
    const seen: number[] = [];
    const lost: unknown[] = [];
    system.eventStream.subscribe("deadLetter", ({ reason, message }) => {
      assertEquals(reason, "mailboxFull");
      lost.push(message);
    });
    const ref = system.spawn(
      Behaviors.receive<number>((_context, message) => {
        seen.push(message);
        return Behaviors.same();
      }),
      "small",
      { mailbox: { capacity: 2, overflow } },
    );
    for (let i = 0; i < 5; i++) ref.tell(i);
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(seen, overflow === "dropNew" ? [0, 1] : [3, 4]);
    assertEquals(lost, overflow === "dropNew" ? [2, 3, 4] : [0, 1, 2]);
    assertBalanced(system);
  }
});

Deno.test("timers repeat, are replaced by key, and end with their actor", async () => {
  const clock = new ManualClock();
  await using system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const seen: string[] = [];
  const ref = system.spawn(
    Behaviors.setup<string>((context) => {
      context.timers.startFixedDelay("tick", "tick", 100);
      context.timers.startSingle("once", "replaced", 50);
      context.timers.startSingle("once", "once", 150);
      return Behaviors.receive((_context, message) => {
        seen.push(`${message}@${clock.now()}`);
        if (seen.length === 4) context.timers.cancel("tick");
        return Behaviors.same();
      });
    }),
    "timed",
  );
  await clock.advance(1_000);
  assertEquals(seen, ["tick@100", "once@150", "tick@200", "tick@300"]);
  assertEquals(clock.pending, 0);
  await system.stop(ref);
  assertBalanced(system);
});

Deno.test("a flood leaves timers and I/O alive", async () => {
  await using system = quiet();
  let handled = 0;
  const ref = system.spawn(
    Behaviors.receive<number>((context) => {
      handled++;
      context.self.tell(handled);
      return Behaviors.same();
    }),
    "endless",
  );
  ref.tell(0);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert(handled > 0);
  await system.stop(ref);
  assertBalanced(system);
});

Deno.test("pipeToSelf sends the outcome of a promise", async () => {
  await using system = quiet();
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  system.spawn(
    Behaviors.setup<string>((context) => {
      context.pipeToSelf(Promise.resolve(1), (value) => `got ${value}`, String);
      context.pipeToSelf(Promise.reject(new Error("no")), String, (reason) => {
        assertInstanceOf(reason, Error);
        return `failed: ${reason.message}`;
      });
      return Behaviors.receive((_context, message) => {
        if (seen.push(message) === 2) done.resolve();
        return Behaviors.same();
      });
    }),
    "piped",
  );
  await done.promise;
  assertEquals(seen, ["got 1", "failed: no"]);
});
