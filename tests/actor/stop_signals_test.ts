import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { stopOnSignals } from "../../lib/actor/system/stop_on_signals.ts";
import type { StopSignal, StopSignals } from "../../lib/runtime/stop_signals.ts";
import { recordedLog } from "./recorded_log.ts";

class FakeSignals implements StopSignals {
  readonly exits: number[] = [];
  readonly listeners = new Set<(name: StopSignal) => void>();

  listen(onSignal: (name: StopSignal) => void): () => void {
    this.listeners.add(onSignal);
    return () => void this.listeners.delete(onSignal);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  send(name: StopSignal): void {
    for (const listener of [...this.listeners]) listener(name);
  }
}

/** A shutdown that is ended by hand. */
function shutdown() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let calls = 0;
  return {
    resolve,
    reject,
    call: () => {
      calls++;
      return promise;
    },
    get calls() {
      return calls;
    },
  };
}

/** A macrotask runs when no microtask is left. */
const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

for (const name of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`the first ${name} shuts down, then the process ends with 0`, async () => {
    const signals = new FakeSignals();
    const { logger, lines } = recordedLog();
    const system = shutdown();
    stopOnSignals(signals, system.call, logger);
    assertEquals([system.calls, signals.exits], [0, []]);
    signals.send(name);
    await settle();
    assertEquals([system.calls, signals.exits], [1, []]);
    system.resolve();
    await settle();
    assertEquals(signals.exits, [0]);
    assertEquals(lines.map(({ level, message }) => [level, message]), [
      ["info", `${name}: shuts down`],
    ]);
  });
}

Deno.test("a shutdown that fails ends the process with 1, and is logged", async () => {
  for (
    const fails of [() => Promise.reject("text"), () => {
      throw "text";
    }]
  ) {
    const signals = new FakeSignals();
    const { logger, lines } = recordedLog();
    stopOnSignals(signals, fails, logger);
    signals.send("SIGTERM");
    await settle();
    assertEquals(signals.exits, [1]);
    assertEquals(lines.map(({ level, fields }) => [level, fields.error]), [
      ["info", undefined],
      ["error", "text"],
    ]);
  }
});

Deno.test("a second signal, of either kind, ends the process at once", async () => {
  for (
    const [first, second, code] of [
      ["SIGINT", "SIGINT", 130],
      ["SIGTERM", "SIGINT", 130],
      ["SIGTERM", "SIGTERM", 143],
      ["SIGINT", "SIGTERM", 143],
    ] as const
  ) {
    const signals = new FakeSignals();
    const system = shutdown();
    stopOnSignals(signals, system.call, recordedLog().logger);
    signals.send(first);
    signals.send(second);
    assertEquals([system.calls, signals.exits], [1, [code]]);
    system.resolve();
    await settle();
    assertEquals(signals.exits, [code]);
  }
});

Deno.test("nothing listens any more when the system was shut down by other means", async () => {
  const signals = new FakeSignals();
  const system = shutdown();
  const stop = stopOnSignals(signals, system.call, recordedLog().logger);
  assertEquals(signals.listeners.size, 1);
  stop();
  stop();
  assertEquals(signals.listeners.size, 0);
  signals.send("SIGTERM");
  await settle();
  assertEquals([system.calls, signals.exits], [0, []]);
});

Deno.test("a system that stops listening at the end of its shutdown does not keep the process", async () => {
  const signals = new FakeSignals();
  const stop = stopOnSignals(signals, () => {
    stop();
    return Promise.resolve();
  }, recordedLog().logger);
  signals.send("SIGTERM");
  await settle();
  assertEquals([signals.exits, signals.listeners.size], [[0], 0]);
});

Deno.test("of several systems none is cut off because another was faster", async () => {
  const signals = new FakeSignals();
  const { logger, lines } = recordedLog();
  const [fast, slow, late] = [shutdown(), shutdown(), shutdown()];
  stopOnSignals(signals, fast.call, logger);
  stopOnSignals(signals, slow.call, logger);
  assertEquals(signals.listeners.size, 1);
  signals.send("SIGTERM");
  assertEquals([fast.calls, slow.calls], [1, 1]);
  fast.resolve();
  stopOnSignals(signals, late.call, logger);
  await settle();
  assertEquals(signals.exits, []);
  slow.reject(new Error("broken"));
  await settle();
  assertEquals([late.calls, signals.exits], [1, []]);
  late.resolve();
  await settle();
  assertEquals(signals.exits, [1]);
  assertEquals(lines.map(({ level }) => level), ["info", "error"]);
});

Deno.test("the listener stays until the last of several systems is gone", () => {
  const signals = new FakeSignals();
  const { logger } = recordedLog();
  const first = stopOnSignals(signals, shutdown().call, logger);
  const second = stopOnSignals(signals, shutdown().call, logger);
  first();
  assertEquals(signals.listeners.size, 1);
  second();
  assertEquals(signals.listeners.size, 0);
  const third = stopOnSignals(signals, shutdown().call, logger);
  assertEquals(signals.listeners.size, 1);
  third();
});

Deno.test("a system with the option stopOnSignals stops its actors, then ends the process", async () => {
  const signals = new FakeSignals();
  const steps: unknown[] = [];
  signals.exit = (code) => void steps.push(code);
  const { logger } = recordedLog();
  const system = new ActorSystem({ stopOnSignals: signals, runtime: { logger } });
  system.spawn(
    Behaviors.receive(() => Behaviors.same(), (_context, signal) => {
      steps.push(signal.type);
      return Behaviors.same();
    }),
    "actor",
  );
  signals.send("SIGTERM");
  await system.shutdown();
  await settle();
  assertEquals([steps, signals.listeners.size], [["postStop", 0], 0]);
});

Deno.test("a system that is shut down by its owner listens to signals until that is done", async () => {
  const signals = new FakeSignals();
  const { logger } = recordedLog();
  const system = new ActorSystem({ stopOnSignals: signals, runtime: { logger } });
  const task = Promise.withResolvers<void>();
  system.onShutdown("serviceStop", "slow", () => task.promise);
  const done = system.shutdown();
  assertEquals(signals.listeners.size, 1);
  task.resolve();
  await done;
  assertEquals([signals.listeners.size, signals.exits], [0, []]);
});
