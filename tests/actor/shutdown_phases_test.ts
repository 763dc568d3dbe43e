import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import {
  type ShutdownPhase,
  ShutdownPhases,
  shutdownPhases,
  type ShutdownPhasesOptions,
} from "../../lib/actor/services/shutdown_phases.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { recordedLog } from "./recorded_log.ts";
import { OptionError } from "../../lib/options/option_error.ts";

function setUp(options: Partial<ShutdownPhasesOptions> = {}) {
  const clock = new ManualClock();
  const log = recordedLog();
  const phases = new ShutdownPhases({ clock, logger: log.logger, ...options });
  const sleep = (delay: number) =>
    new Promise<void>((resolve) => void clock.schedule(delay, resolve));
  return { clock, phases, lines: log.lines, sleep };
}

const never = () => new Promise<void>(() => {});

function codeOf(body: () => void): string {
  return assertThrows(body, CastyError).code;
}

Deno.test("phases run in their order, whatever order they were added in", async () => {
  const { clock, phases, sleep } = setUp();
  const order: string[] = [];
  for (const phase of [...shutdownPhases].reverse()) {
    phases.add(phase, "task", async () => {
      order.push(`${phase} begins at ${clock.now()}`);
      assertEquals(phases.phase, phase);
      await sleep(100);
    });
  }
  assertEquals(phases.phase, undefined);
  const report = await clock.resolve(phases.run());
  assertEquals(order, [
    "beforeShutdown begins at 0",
    "serviceStop begins at 100",
    "clusterLeave begins at 200",
    "actorsStop begins at 300",
    "afterStop begins at 400",
  ]);
  assertEquals(report, { duration: 500, problems: [] });
  assertEquals(clock.pending, 0);
});

Deno.test("the tasks of one phase run side by side, and the next phase waits for all", async () => {
  const { clock, phases, sleep } = setUp();
  phases.add("serviceStop", "fast", () => sleep(10));
  phases.add("serviceStop", "slow", () => sleep(300));
  let after = -1;
  phases.add("afterStop", "sync", () => void (after = clock.now()));
  assertEquals((await clock.resolve(phases.run())).duration, 300);
  assertEquals(after, 300);
});

Deno.test("a task that throws is reported and logged, and the shutdown continues", async () => {
  const { clock, phases, lines } = setUp();
  const error = new Error("broken");
  const done: string[] = [];
  phases.add("serviceStop", "sync", () => {
    throw "text";
  });
  phases.add("serviceStop", "async", () => Promise.reject(error));
  phases.add("serviceStop", "good", () => void done.push("good"));
  phases.add("afterStop", "last", () => void done.push("last"));
  const report = await clock.resolve(phases.run());
  assertEquals(done, ["good", "last"]);
  assertEquals(report.problems, [
    { type: "failed", phase: "serviceStop", name: "sync", error: "text" },
    { type: "failed", phase: "serviceStop", name: "async", error },
  ]);
  assertEquals(lines.map(({ level, fields }) => [level, fields.phase, fields.name]), [
    ["error", "serviceStop", "sync"],
    ["error", "serviceStop", "async"],
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("a late task is aborted, reported and left behind", async () => {
  const { clock, phases, lines } = setUp();
  let reason: unknown;
  const work = Promise.withResolvers<void>();
  phases.add("beforeShutdown", "stuck", (signal) => {
    signal.addEventListener("abort", () => reason = signal.reason);
    return work.promise;
  });
  let last = -1;
  phases.add("afterStop", "last", () => void (last = clock.now()));
  const report = await clock.resolve(phases.run());
  assertEquals(last, 5_000);
  assertEquals(report, {
    duration: 5_000,
    problems: [{ type: "late", phase: "beforeShutdown", name: "stuck", waited: 5_000 }],
  });
  assert(reason instanceof ActorError);
  assertEquals(reason.code, "shutdownTimeout");
  // Neither an unhandled rejection nor another line.
  work.reject(new Error("too late"));
  await clock.advance(0);
  assertEquals(lines.map(({ level, fields }) => [level, fields.phase, fields.name]), [
    ["error", "beforeShutdown", "stuck"],
  ]);
});

Deno.test("a task that ends in time is never aborted", async () => {
  const { clock, phases, sleep } = setUp();
  let seen: AbortSignal | undefined;
  phases.add("serviceStop", "task", (signal) => {
    seen = signal;
    return sleep(4_999);
  });
  await clock.resolve(phases.run());
  await clock.advance(10_000);
  assertEquals(seen?.aborted, false);
});

Deno.test("a task may have a timeout of its own", async () => {
  const { clock, phases, sleep } = setUp({ phaseTimeout: 100 });
  phases.add("clusterLeave", "hand off", () => sleep(9_000), { timeout: 10_000 });
  phases.add("actorsStop", "impatient", never, { timeout: 10 });
  phases.add("afterStop", "usual", never);
  const report = await clock.resolve(phases.run());
  assertEquals(report.problems.map((problem) => [problem.name, problem.type]), [
    ["impatient", "late"],
    ["usual", "late"],
  ]);
  assertEquals(report.duration, 9_110);
});

Deno.test("all phases share one budget; what is left then is called, but not waited for", async () => {
  const { clock, phases } = setUp({ shutdownBudget: 7_000 });
  const called: string[] = [];
  const stuck = (name: string) => () => {
    called.push(name);
    return never();
  };
  phases.add("beforeShutdown", "a", stuck("a"));
  phases.add("serviceStop", "b", stuck("b"));
  phases.add("actorsStop", "c", stuck("c"));
  phases.add("afterStop", "d", async () => {
    await Promise.resolve();
    called.push("d");
  });
  const report = await clock.resolve(phases.run());
  assertEquals(called, ["a", "b", "c", "d"]);
  assertEquals(report, {
    duration: 7_000,
    problems: [
      { type: "late", phase: "beforeShutdown", name: "a", waited: 5_000 },
      { type: "late", phase: "serviceStop", name: "b", waited: 2_000 },
      { type: "late", phase: "actorsStop", name: "c", waited: 0 },
    ],
  });
});

Deno.test("by default all is over after 25 seconds", async () => {
  const { clock, phases } = setUp();
  for (const phase of shutdownPhases) phases.add(phase, "stuck", never, { timeout: 20_000 });
  const report = await clock.resolve(phases.run());
  assertEquals([report.duration, report.problems.length], [25_000, 5]);
});

Deno.test("a second run gives the same promise, from inside a task too", async () => {
  const { clock, phases } = setUp();
  let inner: Promise<unknown> | undefined;
  let calls = 0;
  phases.add("beforeShutdown", "again", () => {
    calls++;
    inner = phases.run(1);
  });
  const outer = phases.run();
  assertStrictEquals(phases.run(), outer);
  assertStrictEquals(inner, outer);
  await clock.resolve(outer);
  assertStrictEquals(phases.run(), outer);
  assertEquals(calls, 1);
});

Deno.test("a task that waits for the shutdown itself is late, and hangs nothing", async () => {
  const { clock, phases } = setUp();
  phases.add("serviceStop", "itself", async () => void await phases.run());
  const report = await clock.resolve(phases.run());
  assertEquals(report.problems.map(({ type, name }) => [type, name]), [["late", "itself"]]);
});

Deno.test("a task that was taken back is not called, and its name is free", async () => {
  const { clock, phases } = setUp();
  const called: string[] = [];
  const undo = phases.add("afterStop", "task", () => void called.push("first"));
  undo();
  phases.add("afterStop", "task", () => void called.push("second"));
  undo();
  await clock.resolve(phases.run());
  assertEquals(called, ["second"]);
});

Deno.test("a task may add a task to a later phase, but not to one that has started", async () => {
  const { clock, phases } = setUp();
  const called: string[] = [];
  phases.add("serviceStop", "adds", () => {
    phases.add("afterStop", "added", () => void called.push("added"));
    for (const phase of ["beforeShutdown", "serviceStop"] as const) {
      called.push(codeOf(() => phases.add(phase, "late", () => {})));
    }
  });
  const report = await clock.resolve(phases.run());
  assertEquals(report.problems, []);
  assertEquals(called, ["phaseBegun", "phaseBegun", "added"]);
  assertEquals(codeOf(() => phases.add("afterStop", "late", () => {})), "phaseBegun");
});

Deno.test("unknown phases, names that are taken and tasks that are none are refused", () => {
  const { phases } = setUp({ maxShutdownTasks: 2 });
  const undo = phases.add("afterStop", "name", () => {});
  phases.add("serviceStop", "name", () => {});
  assertEquals(codeOf(() => phases.add("afterStop", "name", () => {})), "duplicateName");
  for (const phase of ["later", "toString", undefined]) {
    assertEquals(codeOf(() => phases.add(phase as ShutdownPhase, "name", () => {})), "badPhase");
  }
  const promise = Promise.resolve() as unknown as () => void;
  assertEquals(codeOf(() => phases.add("afterStop", "promise", promise)), "badTask");
  assertThrows(() => phases.add("afterStop", "third", () => {}), ActorError, "maxShutdownTasks");
  undo();
  phases.add("afterStop", "third", () => {});
});

Deno.test("budgets that are none are refused, and name their option", () => {
  const { phases } = setUp();
  for (const option of ["shutdownBudget", "phaseTimeout"] as const) {
    const error = assertThrows(() => setUp({ [option]: NaN }), OptionError, option);
    assertEquals(error.code, "badOption");
  }
  assertEquals(codeOf(() => void phases.run(-1)), "badOption");
  assertEquals(codeOf(() => phases.add("afterStop", "n", () => {}, { timeout: -1 })), "badOption");
});

Deno.test("actors answer, and may be started, until the phase in which they stop", async () => {
  const clock = new ManualClock();
  const system = new ActorSystem({ runtime: { clock, logger: recordedLog().logger } });
  const steps: string[] = [];
  const echo = (name: string) =>
    system.spawn(
      Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
        replyTo.tell(`${name} answers`);
        return Behaviors.same();
      }, (_context, signal) => {
        steps.push(`${name} ${signal.type}`);
        return Behaviors.same();
      }),
      name,
    );
  const ask = (ref: ActorRef<ActorRef<string>>) =>
    system.ask(ref, (replyTo: ActorRef<string>) => replyTo);
  const first = echo("first");
  system.onShutdown("serviceStop", "drain", async () => {
    steps.push(await ask(first), await ask(echo("second")));
  });
  system.onShutdown("afterStop", "close", () => {
    steps.push("closed");
    assertEquals(codeOf(() => void echo("third")), "systemStopped");
  });
  const undo = system.onShutdown("afterStop", "taken back", () => void steps.push("never"));
  undo();
  await clock.resolve(system.shutdown());
  assertEquals(steps, [
    "first answers",
    "second answers",
    "second postStop",
    "first postStop",
    "closed",
  ]);
  await clock.advance(0);
  const { sent, delivered, inFlight } = system.ledger.snapshot();
  // Two asks and two replies.
  assertEquals([sent, delivered, inFlight, clock.pending], [4, 4, 0, 0]);
});

Deno.test("an actor that does not stop costs the shutdown of a system its budget, and no more", async () => {
  const clock = new ManualClock();
  const { logger, lines } = recordedLog();
  const system = new ActorSystem({
    runtime: { clock, logger },
    shutdownBudget: 1_000,
    phaseTimeout: 300,
  });
  const stuck = system.spawn(
    Behaviors.receive<string>(() => new Promise<never>(() => {})),
    "stuck",
  );
  stuck.tell("begin");
  await clock.advance(0);
  let closed = -1;
  system.onShutdown("serviceStop", "late", () => new Promise(() => {}));
  system.onShutdown("afterStop", "close", () => void (closed = clock.now()));
  await clock.resolve(system.shutdown());
  assertEquals([clock.now(), closed], [1_000, 1_000]);
  assertEquals(lines.map(({ fields }) => [fields.phase, fields.waited]), [
    ["serviceStop", 300],
    ["actorsStop", 700],
  ]);
  // What was left behind is stopped without its handler, in its own time.
  await clock.advance(20_000);
  assertEquals([system.lookup("/stuck"), clock.pending], [undefined, 0]);
});

Deno.test("options of a system that cannot be are refused and named", () => {
  for (const option of ["shutdownBudget", "phaseTimeout"] as const) {
    const error = assertThrows(() => new ActorSystem({ [option]: -1 }), OptionError, option);
    assertEquals(error.code, "badOption");
  }
});
