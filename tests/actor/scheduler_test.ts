import { CastyError } from "../../lib/runtime/casty_error.ts";
import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Scheduler } from "../../lib/actor/services/scheduler.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { recordedLog } from "./recorded_log.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { InboxRef } from "../../lib/testkit/test_inbox.ts";

/** A target that is stopped by hand, and tells who still wants to know. */
class Target extends InboxRef {
  readonly heard: [time: number, message: string][] = [];
  readonly callbacks = new Set<() => void>();
  onTell: (message: string) => void = () => {};
  #stopped = false;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super("/target", (message) => {
      this.heard.push([this.#clock.now(), message as string]);
      this.onTell(message as string);
    });
    this.#clock = clock;
  }

  stop(): void {
    this.#stopped = true;
    for (const callback of this.callbacks) callback();
  }

  whenStopped(callback: () => void): () => void {
    if (this.#stopped) callback();
    else this.callbacks.add(callback);
    return () => void this.callbacks.delete(callback);
  }
}

function setUp(maxScheduled?: number) {
  const clock = new ManualClock();
  const target = new Target(clock);
  const log = recordedLog();
  const scheduler = new Scheduler({
    clock,
    logger: log.logger,
    whenStopped: (ref, callback) => ref instanceof Target ? ref.whenStopped(callback) : undefined,
    ...(maxScheduled === undefined ? {} : { maxScheduled }),
  });
  return { clock, target, scheduler, lines: log.lines };
}

function codeOf(body: () => void): string {
  return assertThrows(body, CastyError).code;
}

Deno.test("a tick comes after each interval until it is cancelled", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.tick("beat", { target, message: "beat", interval: 50 });
  await clock.advance(160);
  assertEquals(target.heard.map(([time]) => time), [50, 100, 150]);
  assertEquals(scheduler.cancel("beat"), true);
  assertFalse(scheduler.has("beat"));
  await clock.advance(1_000);
  assertEquals(target.heard.length, 3);
  assertEquals([clock.pending, target.callbacks.size], [0, 0]);
});

Deno.test("the first tick comes after its own delay, 0 included", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.tick("a", { target, message: "a", interval: 100, initialDelay: 0 });
  scheduler.tick("b", { target, message: "b", interval: 100, initialDelay: 30 });
  await clock.advance(130);
  assertEquals(target.heard, [[0, "a"], [30, "b"], [100, "a"], [130, "b"]]);
  scheduler.close();
});

Deno.test("a message that is sent once comes when its delay is over and frees its key", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.once("later", { target, message: "now", delay: 100 });
  await clock.advance(99);
  assertEquals(target.heard, []);
  assertEquals([scheduler.has("later"), scheduler.size], [true, 1]);
  await clock.advance(1);
  assertEquals(target.heard, [[100, "now"]]);
  assertEquals([scheduler.has("later"), scheduler.size], [false, 0]);
  assertEquals(scheduler.cancel("later"), false);
  assertEquals([clock.pending, target.callbacks.size], [0, 0]);
});

Deno.test("a key that is used again stands for the new message only, of either kind", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.once("key", { target, message: "first", delay: 10 });
  scheduler.tick("key", { target, message: "second", interval: 20 });
  await clock.advance(40);
  scheduler.once("key", { target, message: "third", delay: 0 });
  await clock.advance(100);
  assertEquals(target.heard, [[20, "second"], [40, "second"], [40, "third"]]);
  assertEquals([scheduler.size, clock.pending, target.callbacks.size], [0, 0, 0]);
});

Deno.test("the target may schedule under the same key again", async () => {
  const { clock, target, scheduler } = setUp();
  const again = (message: string) => scheduler.once("key", { target, message, delay: 10 });
  target.onTell = (message) => {
    if (message !== "3") again(String(Number(message) + 1));
  };
  again("1");
  await clock.advance(100);
  assertEquals(target.heard, [[10, "1"], [20, "2"], [30, "3"]]);
  assertEquals(scheduler.size, 0);
});

Deno.test("the target may cancel the tick that it handles", async () => {
  const { clock, target, scheduler } = setUp();
  target.onTell = () => scheduler.cancel("key");
  scheduler.tick("key", { target, message: "tick", interval: 10 });
  await clock.advance(100);
  assertEquals(target.heard.length, 1);
  assertEquals(clock.pending, 0);
});

Deno.test("ticks end when their target stops, without another message", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.tick("a", { target, message: "a", interval: 10 });
  scheduler.tick("b", { target, message: "b", interval: 10 });
  await clock.advance(10);
  target.stop();
  assertEquals([scheduler.size, clock.pending], [0, 0]);
  await clock.advance(1_000);
  assertEquals(target.heard.length, 2);
});

Deno.test("what was to be sent once is sent when the target stops, to become a dead letter", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.once("late", { target, message: "late", delay: 1_000 });
  await clock.advance(10);
  target.stop();
  assertEquals(target.heard, [[10, "late"]]);
  assertEquals([scheduler.has("late"), clock.pending], [false, 0]);
});

Deno.test("for a target that has stopped already nothing is scheduled", () => {
  const { clock, target, scheduler } = setUp();
  target.stop();
  scheduler.tick("tick", { target, message: "tick", interval: 10 });
  scheduler.once("once", { target, message: "once", delay: 10 });
  assertEquals(target.heard, [[0, "once"]]);
  assertEquals([scheduler.size, clock.pending, target.callbacks.size], [0, 0, 0]);
});

Deno.test("the end of a target does not touch a key that was given to another", async () => {
  const { clock, target, scheduler } = setUp();
  const other = new Target(clock);
  scheduler.tick("key", { target, message: "old", interval: 10 });
  scheduler.tick("key", { target: other, message: "new", interval: 10 });
  target.stop();
  await clock.advance(10);
  assertEquals([target.heard.length, other.heard.length], [0, 1]);
  scheduler.close();
});

Deno.test("a machine that slept through many ticks sends one of them", async () => {
  const { clock, target, scheduler } = setUp();
  let asleep = 0;
  const sleepy = new Scheduler({
    clock: {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      defer: (task) => clock.defer(task),
      yield: (task) => clock.yield(task),
      // The machine's timers fire late, once, when it wakes up.
      schedule: (delay, task) => clock.schedule(delay + asleep, task),
    },
    logger: { log() {} },
    whenStopped: () => undefined,
  });
  asleep = 3_600_000;
  sleepy.tick("tick", { target, message: "tick", interval: 100 });
  asleep = 0;
  await clock.advance(3_600_100);
  assertEquals(target.heard.length, 1);
  await clock.advance(100);
  assertEquals(target.heard.length, 2);
  sleepy.close();
  scheduler.close();
});

Deno.test("a target that throws costs a log line, and neither the process nor the next tick", async () => {
  const { clock, scheduler, lines } = setUp();
  let told = 0;
  const target: ActorRef<string> = new InboxRef("/broken", () => {
    told++;
    throw new Error("broken");
  });
  scheduler.tick("tick", { target, message: "tick", interval: 10 });
  await clock.advance(20);
  assertEquals(told, 2);
  assertEquals(lines.map(({ level, fields }) => [level, fields.key, fields.target]), [
    ["error", "tick", "/broken"],
    ["error", "tick", "/broken"],
  ]);
  scheduler.close();
});

Deno.test("cancelAll cancels all and takes new messages; close takes none", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.tick("a", { target, message: "a", interval: 10 });
  scheduler.once("b", { target, message: "b", delay: 10 });
  scheduler.cancelAll();
  assertEquals([scheduler.size, clock.pending, target.callbacks.size], [0, 0, 0]);
  scheduler.once("c", { target, message: "c", delay: 10 });
  scheduler.close();
  scheduler.close();
  await clock.advance(100);
  assertEquals(target.heard, []);
  const once = { target, message: "d", delay: 10 };
  const tick = { target, message: "d", interval: 10 };
  assertEquals(codeOf(() => scheduler.once("d", once)), "systemStopped");
  assertEquals(codeOf(() => scheduler.tick("d", tick)), "systemStopped");
  assertEquals([scheduler.cancel("d"), scheduler.has("d")], [false, false]);
});

Deno.test("delays that no timer knows are refused and leave what the key stood for", async () => {
  const { clock, target, scheduler } = setUp();
  scheduler.once("key", { target, message: "kept", delay: 10 });
  const bad = [-1, NaN, Infinity, 2 ** 31, "5" as unknown as number];
  for (const value of bad) {
    const once = { target, message: "bad", delay: value };
    const tick = { target, message: "bad", interval: value };
    const first = { target, message: "bad", interval: 10, initialDelay: value };
    assertEquals(codeOf(() => scheduler.once("key", once)), "badOption");
    assertEquals(codeOf(() => scheduler.tick("key", tick)), "badOption");
    assertEquals(codeOf(() => scheduler.tick("key", first)), "badOption");
  }
  const error = assertThrows(
    () => scheduler.tick("key", { target, message: "bad", interval: 0 }),
    OptionError,
    "interval",
  );
  assertEquals([error.code, error.value], ["badOption", 0]);
  await clock.advance(10);
  assertEquals(target.heard, [[10, "kept"]]);
});

Deno.test("a key that is no string and a target that is no reference are refused", () => {
  const { target, scheduler } = setUp();
  const none = undefined as unknown as ActorRef<string>;
  const key = 7 as unknown as string;
  const symbol = Symbol("key") as unknown as string;
  assertEquals(codeOf(() => scheduler.once(key, { target, message: "", delay: 1 })), "badKey");
  assertEquals(codeOf(() => scheduler.once(symbol, { target, message: "", delay: 1 })), "badKey");
  const lost = { target: none, message: "", delay: 1 };
  assertEquals(codeOf(() => scheduler.once("key", lost)), "badOption");
});

Deno.test("no more keys than maxScheduled are in use, and one in use may be replaced", async () => {
  const { clock, target, scheduler } = setUp(2);
  const options = { target, message: "", delay: 10 };
  scheduler.once("a", options);
  scheduler.once("b", options);
  scheduler.once("b", options);
  const error = assertThrows(() => scheduler.once("c", options), ActorError, "maxScheduled");
  assertEquals(error.code, "tooManyScheduled");
  await clock.advance(10);
  scheduler.once("c", options);
  scheduler.close();
  assertEquals(codeOf(() => setUp(0)), "badOption");
});

/** A system on virtual time with one actor that writes down what it is told, and stops on "stop". */
function withActor() {
  const clock = new ManualClock();
  const system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const heard: [time: number, message: string][] = [];
  const actor = system.spawn(
    Behaviors.receive<string>((_context, message) => {
      heard.push([clock.now(), message]);
      return message === "stop" ? Behaviors.stopped() : Behaviors.same();
    }),
    "actor",
  );
  return { clock, system, actor, heard };
}

function lost(system: ActorSystem): number {
  const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
  const dead = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
  assertEquals(sent, delivered + dead + inFlight);
  return dead;
}

Deno.test("the scheduler of a system tells an actor until the actor stops by itself", async () => {
  const { clock, system, actor, heard } = withActor();
  system.scheduler.tick("tick", { target: actor, message: "tick", interval: 100 });
  system.scheduler.once("stop", { target: actor, message: "stop", delay: 250 });
  system.scheduler.once("late", { target: actor, message: "late", delay: 500 });
  await clock.advance(10_000);
  assertEquals(heard, [[100, "tick"], [200, "tick"], [250, "stop"]]);
  assertEquals([system.scheduler.size, lost(system)], [0, 1]);
  await clock.resolve(system.shutdown());
  assertEquals(clock.pending, 0);
});

Deno.test("ticks for an actor that fails end, and those for one that is restarted go on", async () => {
  const { clock, system } = withActor();
  const heard: string[] = [];
  const failing = Behaviors.receive<string>(({ self }, message) => {
    heard.push(self.path);
    throw new Error(message);
  });
  const once = system.spawn(failing, "once");
  const again = system.spawn(Behaviors.supervise(failing, { maxRestarts: 10 }), "again");
  system.scheduler.tick("once", { target: once, message: "tick", interval: 10 });
  system.scheduler.tick("again", { target: again, message: "tick", interval: 10 });
  await clock.advance(35);
  assertEquals(heard, ["/once", "/again", "/again", "/again"]);
  assertEquals([system.scheduler.has("once"), system.scheduler.has("again")], [false, true]);
  await clock.resolve(system.shutdown());
  assertEquals([lost(system), clock.pending], [0, 0]);
});

Deno.test("a system that was shut down has nothing scheduled and schedules nothing", async () => {
  const { clock, system, actor, heard } = withActor();
  system.scheduler.tick("tick", { target: actor, message: "tick", interval: 100 });
  await clock.resolve(system.shutdown());
  await clock.advance(1_000);
  assertEquals([heard, clock.pending, lost(system)], [[], 0, 0]);
  const tick = { target: actor, message: "tick", interval: 100 };
  assertEquals(codeOf(() => system.scheduler.tick("tick", tick)), "systemStopped");
});

Deno.test("ticks through an adapter end when the actor behind it stops", async () => {
  const { clock, system } = withActor();
  const heard: number[] = [];
  const actor = system.spawn(
    Behaviors.setup<number>((context) => {
      const target = context.messageAdapter((text: string) => text.length);
      system.scheduler.tick("tick", { target, message: "four", interval: 10 });
      return Behaviors.receive((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "adapting",
  );
  await clock.advance(25);
  await clock.resolve(system.stop(actor));
  await clock.advance(1_000);
  assertEquals([heard, system.scheduler.size, lost(system)], [[4, 4], 0, 0]);
  await clock.resolve(system.shutdown());
});
