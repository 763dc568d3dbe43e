import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { type TaskResult, TaskRunner } from "../../lib/actor/services/task_runner.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { recordedLog } from "./recorded_log.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { InboxRef } from "../../lib/testkit/test_inbox.ts";

function setUp(maxTasks?: number) {
  const clock = new ManualClock();
  const log = recordedLog();
  const tasks = new TaskRunner({
    clock,
    logger: log.logger,
    ...(maxTasks === undefined ? {} : { maxTasks }),
  });
  return { clock, tasks, lines: log.lines };
}

function listener<T>(): { replyTo: ActorRef<TaskResult<T>>; heard: TaskResult<T>[] } {
  const heard: TaskResult<T>[] = [];
  return {
    heard,
    replyTo: new InboxRef("/listener", (result) => void heard.push(result as TaskResult<T>)),
  };
}

/** Ends when its signal is aborted, with the signal's reason. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

Deno.test("work runs at once, and its value is the task's result and the reply", async () => {
  const { clock, tasks } = setUp();
  const { replyTo, heard } = listener<number>();
  let begun = false;
  const work = async () => {
    begun = true;
    await Promise.resolve();
    return 7;
  };
  const task = tasks.run(work, { key: "seven", replyTo });
  assert(begun);
  assertEquals([task.key, tasks.size], ["seven", 1]);
  assertEquals(await task.result, 7);
  await clock.advance(0);
  assertEquals(heard, [{ type: "taskCompleted", key: "seven", value: 7 }]);
  assertEquals(tasks.size, 0);
  assertEquals(await tasks.run(() => "not a promise").result, "not a promise");
  assertEquals(await tasks.close(0), 0);
});

Deno.test("tasks without a key are told apart by a number", () => {
  const { tasks } = setUp();
  assertEquals([tasks.run(() => {}).key, tasks.run(() => {}).key], ["task-1", "task-2"]);
});

Deno.test("a failure goes to replyTo and the result; without replyTo it is logged once", async () => {
  const { clock, tasks, lines } = setUp();
  const { replyTo, heard } = listener<void>();
  const error = new Error("broken");
  const fails = () => Promise.reject(error);
  const told = tasks.run<void>(fails, { key: "told", replyTo });
  await clock.advance(0);
  assertEquals(heard, [{ type: "taskFailed", key: "told", error }]);
  assertEquals(lines, []);
  assertEquals(await assertRejects(() => told.result), error);
  // The result is not awaited: no unhandled rejection, which would end the test run.
  tasks.run(fails, { key: "forgotten" });
  await clock.advance(0);
  assertEquals(lines.map(({ level, fields }) => [level, fields.key, fields.error]), [
    ["warn", "forgotten", error],
  ]);
  assertEquals(tasks.size, 0);
});

Deno.test("work that throws at once, throws no error, or returns a broken thenable has failed", async () => {
  const { clock, tasks, lines } = setUp();
  const { replyTo, heard } = listener<unknown>();
  tasks.run(() => {
    throw "text";
  }, { key: "sync", replyTo });
  tasks.run(() => Promise.reject(undefined), { key: "undefined", replyTo });
  tasks.run(() => {
    return { then: (_: unknown, reject: (e: unknown) => void) => (reject(1), reject(2)) };
  }, { key: "thenable", replyTo });
  tasks.run(() => {
    return {
      get then() {
        throw "no then";
      },
    };
  }, { key: "getter", replyTo });
  await clock.advance(0);
  const byKey = heard.map((
    result,
  ) => [result.key, result.type, (result as { error: unknown }).error]);
  assertEquals(byKey.sort(), [
    ["getter", "taskFailed", "no then"],
    ["sync", "taskFailed", "text"],
    ["thenable", "taskFailed", 1],
    ["undefined", "taskFailed", undefined],
  ]);
  assertEquals([tasks.size, lines.length], [0, 0]);
});

Deno.test("a cancelled task aborts its signal and is cancelled when its work throws", async () => {
  const { clock, tasks, lines } = setUp();
  const { replyTo, heard } = listener<never>();
  const reason = new Error("not wanted");
  const task = tasks.run(untilAborted, { key: "waits", replyTo });
  task.cancel(reason);
  task.cancel();
  const error = await assertRejects(() => task.result, ActorError);
  assertEquals([error.code, error.value, error.cause], ["taskCancelled", "waits", reason]);
  await clock.advance(0);
  assertEquals(heard, [{ type: "taskCancelled", key: "waits" }]);
  assertEquals([tasks.size, lines.length], [0, 0]);
  task.cancel();
});

Deno.test("without a reason the signal's reason is an AbortError", async () => {
  const { tasks } = setUp();
  const task = tasks.run(untilAborted);
  task.cancel();
  const error = await assertRejects(() => task.result, ActorError);
  assertEquals((error.cause as Error).name, "AbortError");
});

Deno.test("a cancelled task that comes to its end nevertheless is completed", async () => {
  const { clock, tasks } = setUp();
  const { replyTo, heard } = listener<string>();
  const work = Promise.withResolvers<string>();
  const task = tasks.run(() => work.promise, { key: "deaf", replyTo });
  task.cancel();
  await clock.advance(0);
  assertEquals([heard.length, tasks.size], [0, 1]);
  work.resolve("done");
  assertEquals(await task.result, "done");
  assertEquals(heard, [{ type: "taskCompleted", key: "deaf", value: "done" }]);
});

Deno.test("no more tasks than maxTasks run at once", async () => {
  const { clock, tasks } = setUp(2);
  const first = tasks.run(untilAborted);
  tasks.run(untilAborted);
  const error = assertThrows(() => tasks.run(() => {}), ActorError, "maxTasks");
  assertEquals([error.code, error.value], ["tooManyTasks", 2]);
  first.cancel();
  await clock.advance(0);
  assertEquals(await tasks.run(() => "room again").result, "room again");
  assertEquals(await clock.resolve(tasks.close(1_000)), 0);
  assertEquals(assertThrows(() => setUp(0), OptionError).code, "badOption");
});

Deno.test("what is no function is not run", () => {
  const { tasks } = setUp();
  const promise = Promise.resolve(1) as unknown as () => number;
  assertEquals(assertThrows(() => tasks.run(promise), ActorError).code, "badTask");
  assertEquals(tasks.size, 0);
});

Deno.test("close aborts all tasks and waits for their ends", async () => {
  const { clock, tasks, lines } = setUp();
  const { replyTo, heard } = listener<never>();
  const cleaned: string[] = [];
  tasks.run(async (signal) => {
    try {
      return await untilAborted(signal);
    } finally {
      await new Promise<void>((resolve) => clock.schedule(500, resolve));
      cleaned.push("cleaned up");
    }
  }, { key: "slow", replyTo });
  const closed = tasks.close(1_000);
  assertEquals(tasks.close(5), closed);
  const late = assertThrows(() => tasks.run(() => {}), ActorError);
  assertEquals(late.code, "systemStopped");
  await clock.advance(499);
  assertEquals(cleaned, []);
  assertEquals(await clock.resolve(closed), 0);
  assertEquals(clock.now(), 500);
  assertEquals([cleaned, heard], [["cleaned up"], [{ type: "taskCancelled", key: "slow" }]]);
  assertEquals([clock.pending, lines.length], [0, 0]);
});

Deno.test("close does not wait longer than its budget, and tells how many tasks still run", async () => {
  const { clock, tasks, lines } = setUp();
  const { replyTo, heard } = listener<string>();
  const deaf = Promise.withResolvers<string>();
  const task = tasks.run(() => deaf.promise, { key: "deaf", replyTo });
  tasks.run(() => new Promise<never>(() => {}), { key: "endless" });
  tasks.run(untilAborted, { key: "heeds" });
  assertEquals(await clock.resolve(tasks.close(1_000)), 2);
  assertEquals(clock.now(), 1_000);
  const error = await assertRejects(() => task.result, ActorError);
  assertEquals(error.code, "taskCancelled");
  // It comes to something after all: too late to be heard.
  deaf.resolve("late");
  await clock.advance(0);
  assertEquals(heard, [{ type: "taskCancelled", key: "deaf" }]);
  assertEquals(lines.map(({ level, fields }) => [level, fields.tasks, fields.keys]), [
    ["warn", 2, "deaf, endless"],
  ]);
  assertEquals([clock.pending, tasks.size], [0, 1]);
});

Deno.test("close without tasks is done at once, and refuses a budget that is none", async () => {
  const { clock, tasks } = setUp();
  assertEquals(assertThrows(() => void tasks.close(NaN), OptionError).code, "badOption");
  assertEquals(await tasks.close(1_000), 0);
  assertEquals(clock.pending, 0);
});

Deno.test("a replyTo that throws costs a log line, not the process", async () => {
  const { clock, tasks, lines } = setUp();
  const replyTo: ActorRef<TaskResult<number>> = new InboxRef("/broken", () => {
    throw new Error("broken");
  });
  assertEquals(await tasks.run(() => 1, { key: "one", replyTo }).result, 1);
  await clock.advance(0);
  assertEquals(lines.map(({ level, fields }) => [level, fields.key]), [["error", "one"]]);
  assertEquals(tasks.size, 0);
});

Deno.test("an actor is sent the result of its task", async () => {
  const clock = new ManualClock();
  const system = new ActorSystem({ runtime: { clock, logger: recordedLog().logger } });
  const heard: TaskResult<number>[] = [];
  system.spawn(
    Behaviors.setup<TaskResult<number>>(({ self, system }) => {
      system.tasks.run(() => Promise.resolve(1), { key: "good", replyTo: self });
      system.tasks.run<number>(() => Promise.reject("bad"), { key: "bad", replyTo: self });
      return Behaviors.receive((_context, result) => {
        heard.push(result);
        return Behaviors.same();
      });
    }),
    "actor",
  );
  await clock.advance(0);
  assertEquals(heard, [
    { type: "taskCompleted", key: "good", value: 1 },
    { type: "taskFailed", key: "bad", error: "bad" },
  ]);
  await clock.resolve(system.shutdown());
  const { sent, delivered, inFlight } = system.ledger.snapshot();
  assertEquals([sent, delivered, inFlight, clock.pending], [2, 2, 0, 0]);
});

Deno.test("the shutdown of a system cancels the tasks that run and waits for them", async () => {
  const clock = new ManualClock();
  const { logger, lines } = recordedLog();
  const system = new ActorSystem({ runtime: { clock, logger } });
  let cleaned = false;
  const task = system.tasks.run(async (signal) => {
    await untilAborted(signal).catch(() => {});
    await new Promise<void>((resolve) => void clock.schedule(100, resolve));
    cleaned = true;
    signal.throwIfAborted();
  });
  await clock.resolve(system.shutdown());
  assert(cleaned);
  assertEquals((await assertRejects(() => task.result, ActorError)).code, "taskCancelled");
  assertEquals(assertThrows(() => system.tasks.run(() => {}), ActorError).code, "systemStopped");
  assertEquals([lines.length, clock.pending], [0, 0]);
});
