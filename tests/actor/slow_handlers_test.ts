/** Handlers that keep the event loop busy are noticed, and told with actor and message. */
import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { SlowHandler } from "../../lib/actor/services/event_stream.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ActorSystemOptions } from "../../lib/actor/system/actor_system_options.ts";
import { logStall } from "../../lib/cluster/stall/stall_log.ts";
import type { Clock } from "../../lib/runtime/clock.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { recordedLog } from "./recorded_log.ts";

/** Time that passes while code runs: as much as it says. */
class BusyClock extends ManualClock {
  readonly isReal = true;
  #busy = 0;

  /** Code runs for so many milliseconds. */
  busy(ms: number): void {
    this.#busy += ms;
  }

  override now(): number {
    return super.now() + this.#busy;
  }
}

type Message = { type: string; ms?: number; replyTo?: ActorRef<string> };

/** A system with actors that are as busy as their messages say. */
class BusySystem implements AsyncDisposable {
  readonly clock = new BusyClock();
  readonly log = recordedLog();
  readonly system: ActorSystem;
  readonly events: SlowHandler[] = [];

  constructor(options: ActorSystemOptions = {}) {
    const { clock, log: { logger } } = this;
    this.system = new ActorSystem({ ...options, runtime: { clock, logger } });
    this.system.eventStream.subscribe("slowHandler", (event) => this.events.push(event));
  }

  spawn(name: string): ActorRef<Message> {
    return this.system.spawn(this.behavior(), name);
  }

  behavior(): Behavior<Message> {
    return Behaviors.receive((_context, { ms = 0, replyTo }) => {
      this.clock.busy(ms);
      replyTo?.tell("done");
      return Behaviors.same();
    });
  }

  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** `path type ms` of the slow handlers so far. */
  get slow(): string[] {
    return this.events.map(({ ref, messageType, ms }) => `${ref?.path} ${messageType} ${ms}`);
  }

  get warnings(): unknown[] {
    return this.log.lines.filter(({ level }) => level === "warn")
      .map(({ source, message, fields }) => [source, message, fields]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.system.shutdown());
    await this.settle();
    assertEquals(this.clock.pending, 0);
  }
}

Deno.test("a handler of 100 ms is an event and a warning, one of 99 ms is not", async () => {
  await using busy = new BusySystem();
  const ref = busy.spawn("worker");
  ref.tell({ type: "fast", ms: 99 });
  await busy.settle();
  assertEquals([busy.slow, busy.warnings], [[], []]);
  ref.tell({ type: "heavy", ms: 150 });
  await busy.settle();
  assertEquals(busy.slow, ["/worker heavy 150"]);
  assertEquals(busy.warnings, [["/worker", "slow handler", { ms: 150, message: "heavy" }]]);
});

Deno.test("slowHandler says from when on; Infinity: never", async () => {
  for (const [slowHandler, count] of [[20, 1], [Infinity, 0]] as const) {
    await using busy = new BusySystem({ slowHandler });
    busy.spawn("worker").tell({ type: "x", ms: 25 });
    await busy.settle();
    assertEquals(busy.slow.length, count);
  }
});

Deno.test("the log has a line a minute for a slow actor, and the number of the others", async () => {
  await using busy = new BusySystem();
  const ref = busy.spawn("worker");
  for (let i = 0; i < 10; i++) {
    ref.tell({ type: "heavy", ms: 200 });
    await busy.settle();
  }
  assertEquals([busy.slow.length, busy.warnings.length], [10, 1]);
  await busy.clock.advance(60_000);
  assertEquals(busy.warnings.length, 2);
});

Deno.test("a slow start, timer and signal are told as such", async () => {
  await using busy = new BusySystem();
  const ref = busy.system.spawn(
    Behaviors.setup<Message>((context) => {
      busy.clock.busy(110);
      context.timers.startSingle("t", { type: "rings" }, 10);
      context.watch(context.spawn(Behaviors.stopped(), "child"));
      return Behaviors.receive((_context, _message) => {
        busy.clock.busy(120);
        return Behaviors.same();
      }, (_context, { type }) => {
        if (type === "terminated") busy.clock.busy(130);
        return Behaviors.same();
      });
    }),
    "worker",
  );
  await busy.clock.advance(500);
  assertEquals(busy.slow, ["/worker start 110", "/worker signal 130", "/worker timer 120"]);
  await busy.clock.resolve(busy.system.stop(ref));
});

Deno.test("among few actors the slow one is known", async () => {
  await using busy = new BusySystem();
  const refs = ["a", "b", "c", "d", "e"].map((name) => busy.spawn(name));
  await busy.settle();
  for (const [index, ref] of refs.entries()) {
    ref.tell({ type: `to ${ref.path}`, ms: index === 2 ? 300 : 30 });
  }
  await busy.settle();
  assertEquals(busy.slow, ["/c to /c 300"]);
});

Deno.test("in a long drain a slow message is noticed, and the next one is known", async () => {
  await using busy = new BusySystem();
  const refs = Array.from({ length: 300 }, (_, i) => busy.spawn(`a${i}`));
  await busy.settle();
  refs.forEach((ref, i) => ref.tell({ type: "x", ms: i === 100 || i === 290 ? 300 : 0 }));
  await busy.settle();
  assertEquals(busy.slow, ["undefined undefined 300", "/a290 x 300"]);
  assertEquals(
    busy.warnings[0],
    ["dispatcher", "slow handler in one of several turns", { ms: 300 }],
  );
});

Deno.test("in a long turn of one actor the actor is known, and the next time the message", async () => {
  await using busy = new BusySystem();
  const ref = busy.spawn("worker");
  await busy.settle();
  for (let i = 0; i < 300; i++) ref.tell({ type: "x", ms: i === 100 || i === 250 ? 300 : 0 });
  await busy.settle();
  assertEquals(busy.slow, ["/worker undefined 300", "/worker x 300"]);
});

Deno.test("actors that are all busy leave timers and I/O their turns", async () => {
  await using busy = new BusySystem();
  const refs = Array.from({ length: 100 }, (_, i) => busy.spawn(`a${i}`));
  await busy.settle();
  let handledBefore = 0;
  let fired = false;
  for (const ref of refs) ref.tell({ type: "x", ms: 5 });
  await Promise.resolve();
  busy.clock.yield(() => {
    fired = true;
    handledBefore = busy.system.ledger.delivered;
  });
  await busy.settle();
  assert(fired && handledBefore < 10, `${handledBefore} messages of 5 ms before I/O`);
  assertEquals(busy.system.ledger.delivered, 100);
});

Deno.test("code outside of actors is not taken for a handler", async () => {
  await using busy = new BusySystem();
  const ref = busy.spawn("worker");
  await busy.settle();
  for (let i = 0; i < 100; i++) {
    ref.tell({ type: "x" });
    busy.clock.busy(500);
    await busy.settle();
  }
  // The same in promises of one turn of the event loop.
  for (let i = 0; i < 100; i++) {
    const ask = busy.system.ask(ref, (replyTo: ActorRef<string>) => ({ type: "x", replyTo }));
    busy.clock.busy(500);
    await busy.clock.resolve(ask.then(() => busy.clock.busy(500)));
  }
  assertEquals(busy.slow, []);
});

Deno.test("a slow handler is known again after a rush", async () => {
  await using busy = new BusySystem();
  const ref = busy.spawn("worker");
  const ask = (ms: number) =>
    busy.clock.resolve(
      busy.system.ask(ref, (replyTo: ActorRef<string>) => ({ type: "ask", ms, replyTo })),
    );
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 1_000; i++) await ask(0);
    await busy.settle();
    await ask(250);
  }
  assertEquals(busy.slow, Array(3).fill("/worker ask 250"));
});

Deno.test("an async handler is measured up to its first await", async () => {
  await using busy = new BusySystem();
  const ref = busy.system.spawn(
    Behaviors.receive<Message>(async (_context, { ms = 0 }) => {
      busy.clock.busy(ms);
      await new Promise<void>((resolve) => void busy.clock.schedule(5_000, resolve));
      return Behaviors.same();
    }),
    "worker",
  );
  ref.tell({ type: "waits" });
  ref.tell({ type: "blocks", ms: 140 });
  await busy.clock.advance(20_000);
  assertEquals(busy.slow, ["/worker blocks 140"]);
});

Deno.test("on virtual time nothing is slow", async () => {
  const clock = new BusyClock();
  const virtual: Clock = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    schedule: (delay, task) => clock.schedule(delay, task),
    defer: (task) => clock.defer(task),
    yield: (task) => clock.yield(task),
  };
  const system = new ActorSystem({ runtime: { clock: virtual, logger: silentLogger } });
  const slow: unknown[] = [];
  system.eventStream.subscribe("slowHandler", (event) => slow.push(event));
  system.spawn(
    Behaviors.receive<string>(() => {
      clock.busy(1_000);
      return Behaviors.same();
    }),
    "worker",
  ).tell("x");
  await clock.advance(1);
  await clock.resolve(system.shutdown());
  assertEquals(slow, []);
});

Deno.test("a message that cannot be read is told as such, and others by their class or type", async () => {
  await using busy = new BusySystem();
  const ref = busy.system.spawn(
    Behaviors.receive<unknown>(() => {
      busy.clock.busy(200);
      return Behaviors.same();
    }),
    "worker",
  );
  class Order {}
  const broken = new Proxy({}, {
    get: () => {
      throw new Error("no");
    },
  });
  for (const message of [broken, new Order(), "text", 5, null, [1]]) {
    ref.tell(message);
    await busy.settle();
  }
  assertEquals(
    busy.events.map(({ messageType }) => messageType),
    ["unreadable", "Order", "string", "number", "null", "Array"],
  );
});

Deno.test("with the machine's clock a handler that computes for long is noticed", async () => {
  assertEquals(systemClock.isReal, true);
  const { logger, lines } = recordedLog();
  await using system = new ActorSystem({ runtime: { logger }, slowHandler: 30 });
  const { promise, resolve } = Promise.withResolvers<SlowHandler>();
  system.eventStream.subscribe("slowHandler", resolve);
  system.spawn(
    Behaviors.receive<Message>(() => {
      const end = performance.now() + 40;
      while (performance.now() < end);
      return Behaviors.same();
    }),
    "worker",
  ).tell({ type: "computes" });
  const { ref, messageType, ms } = await promise;
  assertEquals([ref?.path, messageType], ["/worker", "computes"]);
  assert(ms >= 40, String(ms));
  assertEquals(lines.filter(({ message }) => message === "slow handler").length, 1);
});

Deno.test("a stall of a node names the handler that has caused it, and only that", async () => {
  await using busy = new BusySystem();
  const stalls = () =>
    busy.log.lines.filter(({ source }) => source === "cluster")
      .map(({ level, message, fields }) => [level, message, fields]);
  const text = "the event loop of this node stood still";
  busy.spawn("worker").tell({ type: "sort", ms: 3_000 });
  await busy.settle();
  logStall(busy.system, 900);
  assertEquals(stalls(), []);
  logStall(busy.system, 3_100.4);
  const known = { ms: 3_100, actor: "/worker", message: "sort" };
  assertEquals(stalls(), [["warn", text, known]]);
  // Later, and much longer: the handler was not the cause.
  await busy.clock.advance(10_000);
  logStall(busy.system, 2_000);
  logStall(busy.system, 14_000);
  const cause = "no handler of an actor: other code, garbage collection or a stopped process";
  assertEquals(stalls().slice(1), [
    ["warn", text, { ms: 2_000, cause }],
    ["warn", text, { ms: 14_000, cause }],
  ]);
});
