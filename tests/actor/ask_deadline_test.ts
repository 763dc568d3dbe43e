import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { VirtualSystem } from "./virtual_system.ts";

type Request = { type: "work"; job: number; replyTo: ActorRef<number> } | { type: "block" };

const work = (job: number) => (replyTo: ActorRef<number>): Request => ({
  type: "work",
  job,
  replyTo,
});

/** Handles jobs one after the other; `block` keeps it busy until `free` is called. */
function worker() {
  const handled: number[] = [];
  const freed = Promise.withResolvers<void>();
  const behavior = Behaviors.receive<Request>((_context, message) => {
    if (message.type === "block") return freed.promise.then(() => Behaviors.same());
    handled.push(message.job);
    message.replyTo.tell(message.job);
    return Behaviors.same();
  });
  return { behavior, handled, free: () => freed.resolve() };
}

const deadLetters = ({ system }: VirtualSystem) => system.ledger.snapshot().deadLetters;

Deno.test("a message whose asker has given up is dropped before the handler", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const letters = virtual.events("deadLetter") as { reason?: string; target?: string }[];
  const { behavior, handled, free } = worker();
  const ref = system.spawn(behavior, "worker");
  ref.tell({ type: "block" });
  const short = assertRejects(() => system.ask(ref, work(1), { timeout: 100 }), AskTimeoutError);
  const long = system.ask(ref, work(2), { timeout: 1_000 });
  await clock.advance(100);
  await short;
  free();
  assertEquals(await clock.resolve(long), 2);
  assertEquals(handled, [2]);
  assertEquals(deadLetters(virtual), { expired: 1 });
  assertEquals(letters.map(({ reason, target }) => [reason, target]), [["expired", "/worker"]]);
});

Deno.test("a message whose asker has aborted the ask is dropped before the handler", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const { behavior, handled, free } = worker();
  const ref = system.spawn(behavior, "worker");
  ref.tell({ type: "block" });
  const stop = new AbortController();
  const { signal } = stop;
  const aborted = assertRejects(() => system.ask(ref, work(1), { signal }), AskError);
  await virtual.settle();
  stop.abort();
  assertEquals((await aborted).code, "askAborted");
  free();
  await virtual.settle();
  assertEquals(handled, []);
  assertEquals(deadLetters(virtual), { expired: 1 });
});

Deno.test("a message that was answered by another actor is still handled", async () => {
  await using virtual = new VirtualSystem();
  const { system } = virtual;
  const handled: number[] = [];
  const routee = Behaviors.receive<Request>((_context, message) => {
    if (message.type === "work") {
      handled.push(message.job);
      message.replyTo.tell(message.job);
    }
    return Behaviors.same();
  });
  const pool = system.spawn(Routers.pool(3, routee, { broadcast: () => true }), "pool");
  assertEquals(await system.ask(pool, work(7)), 7);
  await virtual.settle();
  assertEquals(handled, [7, 7, 7]);
});

Deno.test("a stashed message, and one behind a router, keep their deadline", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const handled: number[] = [];
  const stashing = Behaviors.receive<Request>((context, message) => {
    if (message.type === "block") {
      context.stash.unstashAll();
      return Behaviors.receive<Request>((_context, unstashed) => {
        if (unstashed.type === "work") handled.push(unstashed.job);
        return Behaviors.same();
      });
    }
    context.stash.add(message);
    return Behaviors.same();
  });
  const ref = system.spawn(stashing, "stashing");
  const key = ServiceKey<Request>("late");
  const group = system.spawn(Routers.group(key), "group");
  const late = [
    assertRejects(() => system.ask(ref, work(1), { timeout: 100 }), AskTimeoutError),
    assertRejects(() => system.ask(group, work(2), { timeout: 100 }), AskTimeoutError),
  ];
  await clock.advance(100);
  await Promise.all(late);
  ref.tell({ type: "block" });
  const { behavior, handled: byRoutee } = worker();
  system.spawn(discoverable(behavior, key), "routee");
  await virtual.settle();
  assertEquals([handled, byRoutee], [[], []]);
  assertEquals(deadLetters(virtual), { expired: 2 });
});

Deno.test("messages that nobody waits for make room in a group router without routees", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const key = ServiceKey<Request>("late");
  const group = system.spawn(Routers.group(key, { bufferSize: 1 }), "group");
  const late = assertRejects(() => system.ask(group, work(1), { timeout: 100 }), AskTimeoutError);
  await clock.advance(100);
  await late;
  const asked = system.ask(group, work(2));
  await virtual.settle();
  const { behavior } = worker();
  system.spawn(discoverable(behavior, key), "routee");
  assertEquals(await clock.resolve(asked), 2);
  assertEquals(deadLetters(virtual), { expired: 1 });
});

Deno.test("context.deadline is there in a handler, and after await", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const seen: (number | undefined)[] = [];
  const ref = system.spawn(
    Behaviors.receive<Request>(async (context, message) => {
      seen.push(context.deadline);
      await new Promise<void>((resolve) => clock.schedule(50, resolve));
      seen.push(context.deadline);
      if (message.type === "work") message.replyTo.tell(1);
      seen.push(context.deadline);
      return Behaviors.same();
    }),
    "actor",
  );
  await clock.advance(7);
  await clock.resolve(system.ask(ref, work(1), { timeout: 300 }));
  ref.tell({ type: "block" });
  await clock.advance(50);
  // Nobody waits any more once it was answered, or if it is no ask.
  assertEquals(seen, [307, 307, undefined, undefined, undefined, undefined]);
});

/** Asks `inner` while it handles an ask, and answers with the outcome. */
function nested(
  inner: ActorRef<Request>,
  options: { timeout?: number } | undefined,
  pause: () => Promise<void>,
  outcomes: string[],
) {
  return Behaviors.receive<Request>(async (context, message) => {
    if (message.type === "block") return Behaviors.same();
    await pause();
    try {
      message.replyTo.tell(await context.ask(inner, work(message.job), options));
    } catch (error) {
      const { code } = error as AskError;
      outcomes.push(
        `${code} at ${context.system.runtime.clock.now()}: ${(error as Error).message}`,
      );
    }
    return Behaviors.same();
  });
}

Deno.test("an inner ask ends with the deadline of the message at hand", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const silent = system.spawn(Behaviors.ignore(), "silent");
  for (
    const [name, own, pauseTime, expected] of [
      // Started in the turn of the outer ask, and later: with another timeout, the same, a shorter.
      ["longer", 1_000, 0, 300],
      ["later", 1_000, 120, 300],
      ["same", 300, 120, 300],
      ["shorter", 50, 0, 50],
      ["shorterLater", 50, 120, 170],
    ] as const
  ) {
    const began = clock.now();
    const outcomes: string[] = [];
    const pause = () =>
      pauseTime === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => clock.schedule(pauseTime, resolve));
    const outer = system.spawn(nested(silent, { timeout: own }, pause, outcomes), name);
    const late = assertRejects(() => system.ask(outer, work(1), { timeout: 300 }), AskTimeoutError);
    await clock.advance(expected - 1);
    assertEquals(outcomes, [], name);
    await clock.advance(1);
    assertEquals(outcomes.length, 1, name);
    assert(outcomes[0]!.startsWith(`askTimeout at ${began + expected}: /silent`), outcomes[0]);
    await clock.advance(300);
    await late;
  }
  assertEquals(clock.pending, 0);
});

Deno.test("an ask that starts after the deadline fails at once and says so", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const outcomes: string[] = [];
  const { behavior, handled } = worker();
  const inner = system.spawn(behavior, "inner");
  const pause = () => new Promise<void>((resolve) => clock.schedule(400, resolve));
  const outer = system.spawn(nested(inner, undefined, pause, outcomes), "outer");
  const late = assertRejects(() => system.ask(outer, work(1), { timeout: 300 }), AskTimeoutError);
  await clock.advance(400);
  await late;
  assertEquals(outcomes, [
    "askExpired at 400: /inner was not asked: the deadline of the message at hand has passed; " +
    "give the first ask of the chain a longer timeout",
  ]);
  assertEquals(handled, []);
});

Deno.test("work that goes on after the reply has its own timeouts", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const outcomes: unknown[] = [];
  const slow = system.spawn(
    Behaviors.receive<Request>((_context, message) => {
      if (message.type === "work") clock.schedule(500, () => message.replyTo.tell(9));
      return Behaviors.same();
    }),
    "slow",
  );
  const outer = system.spawn(
    Behaviors.receive<Request>(async (context, message) => {
      if (message.type !== "work") return Behaviors.same();
      message.replyTo.tell(1);
      outcomes.push(await context.ask(slow, work(2), { timeout: 1_000 }));
      return Behaviors.same();
    }),
    "outer",
  );
  assertEquals(await clock.resolve(system.ask(outer, work(1), { timeout: 100 })), 1);
  await clock.advance(600);
  assertEquals(outcomes, [9]);
});

Deno.test("asks of context.system, and of handlers of other messages, inherit nothing", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system } = virtual;
  const outcomes: unknown[] = [];
  const slow = system.spawn(
    Behaviors.receive<Request>((_context, message) => {
      if (message.type === "work") clock.schedule(500, () => message.replyTo.tell(message.job));
      return Behaviors.same();
    }),
    "slow",
  );
  const outer = system.spawn(
    Behaviors.receive<Request>((context, message) => {
      const asked = message.type === "work"
        ? context.system.ask(slow, work(1), { timeout: 1_000 })
        : context.ask(slow, work(2), { timeout: 1_000 });
      asked.then((value) => outcomes.push(value));
      return Behaviors.same();
    }),
    "outer",
  );
  const late = assertRejects(() => system.ask(outer, work(1), { timeout: 100 }), AskTimeoutError);
  outer.tell({ type: "block" });
  await clock.advance(600);
  await late;
  assertEquals(outcomes, [1, 2]);
});

Deno.test("an actor whose asker gives up does not fail, and keeps its state", async () => {
  await using virtual = new VirtualSystem();
  const { clock, system, lines } = virtual;
  const silent = system.spawn(Behaviors.ignore(), "silent");
  const decided: unknown[] = [];
  let started = 0;
  const counting = Behaviors.setup<Request>(() => {
    started++;
    const counted = (count: number): Behavior<Request> =>
      Behaviors.receive(async (context, message) => {
        if (message.type === "block") return counted(count + 1);
        if (message.job === 1) await context.ask(silent, work(1));
        if (message.job === 2) {
          await new Promise<void>((resolve) => clock.schedule(100, resolve));
          await context.ask(silent, work(1));
        }
        message.replyTo.tell(count);
        return Behaviors.same();
      });
    return counted(0);
  });
  const decider = (error: unknown) => (decided.push(error), "restart" as const);
  const ref = system.spawn(Behaviors.supervise(counting, { decider }), "counting");
  for (let i = 0; i < 3; i++) ref.tell({ type: "block" });
  for (const job of [1, 2]) {
    const late = assertRejects(() => system.ask(ref, work(job), { timeout: 50 }), AskTimeoutError);
    await clock.advance(120);
    await late;
  }
  assertEquals(await clock.resolve(system.ask(ref, work(0))), 3);
  assertEquals([started, decided], [1, []]);
  const abandoned = lines.filter(({ message }) => message.startsWith("a handler was abandoned"));
  assert(abandoned.length > 0 && abandoned.every(({ level }) => level === "info"));
});
