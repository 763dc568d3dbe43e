import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

function manual(): { clock: ManualClock; system: ActorSystem } {
  const clock = new ManualClock();
  return { clock, system: new ActorSystem({ runtime: { clock, logger: silentLogger } }) };
}

Deno.test("a handler that never ends delays a stop by stopTimeout at most", async () => {
  const { clock, system } = manual();
  const heard: string[] = [];
  const ref = system.spawn(
    Behaviors.receive<string>(() => new Promise<never>(() => {}), (_context, signal) => {
      heard.push(signal.type);
      return new Promise<never>(() => {});
    }),
    "stuck",
  );
  ref.tell("begin");
  ref.tell("waits");
  await clock.advance(0);
  const shutdown = system.shutdown();
  await clock.advance(9_999);
  assertEquals(heard, []);
  await clock.advance(1);
  assertEquals(heard, ["postStop"]);
  await clock.advance(10_000);
  await shutdown;
  assertEquals(system.ledger.snapshot().deadLetters, { stopped: 1 });
  assertEquals(clock.pending, 0);
});

Deno.test("the outcome of an abandoned handler is ignored", async () => {
  const { clock, system } = manual();
  const late = Promise.withResolvers<Behavior<string>>();
  const heard: string[] = [];
  const ref = system.spawn(
    Behaviors.receive<string>(() => late.promise, async (_context, signal) => {
      late.resolve(Behaviors.receive(() => Behaviors.same()));
      await late.promise;
      await Promise.resolve();
      heard.push(signal.type);
      return Behaviors.same();
    }),
    "late",
  );
  ref.tell("begin");
  await clock.advance(0);
  const stopped = system.stop(ref);
  await clock.advance(10_000);
  await stopped;
  assertEquals(heard, ["postStop"]);
  await system.shutdown();
});

Deno.test("a tree of 20,000 generations stops", async () => {
  const { clock, system } = manual();
  const depth = 20_000;
  let born = 0;
  const generation = (): Behavior<unknown> =>
    Behaviors.setup((context) => {
      if (++born < depth) context.spawn(generation(), "n");
      return Behaviors.ignore();
    });
  let stopped = 0;
  system.eventStream.subscribe("actorStopped", () => stopped++);
  system.spawn(generation(), "n");
  await clock.advance(0);
  assertEquals(born, depth);
  await clock.resolve(system.shutdown());
  assertEquals(stopped, depth);
});

Deno.test("roots stop in the reverse order of their creation, those of the system last", async () => {
  const { clock, system } = manual();
  const order: string[] = [];
  system.eventStream.subscribe("actorStopped", ({ ref }) => order.push(ref.path));
  for (const name of ["a", "b", "c"]) system.spawn(Behaviors.ignore(), name);
  await clock.resolve(Promise.all([system.shutdown(), system.shutdown()]));
  assertEquals(order, ["/c", "/b", "/a"]);
});

Deno.test("an actor that fails in its last signal still ends", async () => {
  const { clock, system } = manual();
  const ref = system.spawn(
    Behaviors.receive<string>(() => Behaviors.same(), () => {
      throw new Error("broken");
    }),
    "failing",
  );
  await clock.resolve(system.stop(ref));
  assertEquals(system.lookup("/failing"), undefined);
  await clock.resolve(system.shutdown());
});

Deno.test("a timer that repeats does not pile up before a slow actor", async () => {
  const { clock, system } = manual();
  const slow = Promise.withResolvers<void>();
  let ticks = 0;
  system.spawn(
    Behaviors.setup<string>((context) => {
      context.timers.startFixedDelay("tick", "tick", 10);
      return Behaviors.receive(async () => {
        if (++ticks === 1) await slow.promise;
        return Behaviors.same();
      });
    }),
    "slow",
  );
  await clock.advance(1_000);
  assertEquals(ticks, 1);
  slow.resolve();
  // The delay counts from when the last message was handled.
  await clock.advance(9);
  assertEquals(ticks, 1);
  await clock.advance(1);
  assertEquals(ticks, 2);
  await clock.advance(10);
  assertEquals(ticks, 3);
  await clock.resolve(system.shutdown());
  assertEquals(clock.pending, 0);
});

Deno.test("a logger that throws stops no actor", async () => {
  const clock = new ManualClock();
  const logger = {
    log() {
      throw new Error("disk full");
    },
  };
  const system = new ActorSystem({ runtime: { clock, logger } });
  let handled = 0;
  const healthy = system.spawn(
    Behaviors.receive<string>(() => {
      handled++;
      return Behaviors.same();
    }),
    "healthy",
  );
  const broken = system.spawn(
    Behaviors.receive<string>(() => {
      throw new Error("broken");
    }),
    "broken",
  );
  broken.tell("go");
  healthy.tell("go");
  await clock.advance(0);
  assertEquals(handled, 1);
  await clock.resolve(system.shutdown());
});
