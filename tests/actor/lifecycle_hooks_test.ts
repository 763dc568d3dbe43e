import { assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { LifecycleHooks } from "../../lib/actor/behavior/lifecycle_hooks.ts";
import { VirtualSystem } from "./virtual_system.ts";

type Message = "fail" | "go" | "stop";

/** A behaviour that logs its setup and what it hears, and gives a new behaviour for each "go". */
const worker = (log: string[]): Behavior<Message> => {
  const active = (): Behavior<Message> =>
    Behaviors.receive((_context, message) => {
      if (message === "fail") throw new Error("told to");
      return message === "stop" ? Behaviors.stopped() : active();
    }, (_context, { type }) => {
      log.push(`signal ${type}`);
      return Behaviors.same();
    });
  return Behaviors.setup(() => {
    log.push("setup");
    return active();
  });
};

const hooks = (log: string[], name = ""): LifecycleHooks<Message> => ({
  preStart: () => void log.push(`${name}preStart`),
  postStop: () => void log.push(`${name}postStop`),
  preRestart: (_context, cause) => void log.push(`${name}preRestart ${(cause as Error).message}`),
  postRestart: () => void log.push(`${name}postRestart`),
});

const slowHooks = (log: string[]): LifecycleHooks<Message> => {
  const slowly = async (what: string) => {
    await Promise.resolve();
    await Promise.resolve();
    log.push(what);
  };
  return {
    preStart: () => slowly("preStart"),
    postStop: () => slowly("postStop"),
    preRestart: (_context, cause) => slowly(`preRestart ${(cause as Error).message}`),
    postRestart: () => slowly("postRestart"),
  };
};

const nestings: Readonly<Record<string, (log: string[]) => Behavior<Message>>> = {
  "supervise(lifecycle(setup))": (log) =>
    Behaviors.supervise(Behaviors.withLifecycle(worker(log), hooks(log))),
  "lifecycle(supervise(setup))": (log) =>
    Behaviors.withLifecycle(Behaviors.supervise(worker(log)), hooks(log)),
  "setup(supervise(setup(lifecycle(setup))))": (log) =>
    Behaviors.setup(() =>
      Behaviors.supervise(
        Behaviors.setup(() => Behaviors.withLifecycle(worker(log), hooks(log))),
      )
    ),
  "setup(lifecycle(supervise(setup)))": (log) =>
    Behaviors.setup(() => Behaviors.withLifecycle(Behaviors.supervise(worker(log)), hooks(log))),
  "intercept(lifecycle(intercept(supervise(setup))))": (log) =>
    Behaviors.intercept(
      Behaviors.withLifecycle(
        Behaviors.intercept(Behaviors.supervise(worker(log)), {}),
        hooks(log),
      ),
      { onMessage: (_context, message, next) => next(message) },
    ),
  "supervise(lifecycle(setup)) with slow hooks": (log) =>
    Behaviors.supervise(Behaviors.withLifecycle(worker(log), slowHooks(log))),
};

for (const [nesting, behavior] of Object.entries(nestings)) {
  Deno.test(`hooks, restarts and setups come in one order: ${nesting}`, async () => {
    await using virtual = new VirtualSystem();
    const log: string[] = [];
    const ref = virtual.system.spawn(behavior(log), "worker");
    for (const message of ["go", "go", "fail", "go", "fail", "stop"] as const) ref.tell(message);
    await virtual.settle();
    const restart = [
      "signal preRestart",
      "preRestart told to",
      "preStart",
      "setup",
      "postRestart",
    ];
    assertEquals(log, [
      "preStart",
      "setup",
      ...restart,
      ...restart,
      "signal postStop",
      "postStop",
    ]);
  });
}

Deno.test("several hooks: the outermost start first and end last", async () => {
  await using virtual = new VirtualSystem();
  const log: string[] = [];
  const behavior = Behaviors.supervise(
    Behaviors.withLifecycle(
      Behaviors.withLifecycle(Behaviors.ignore() as Behavior<Message>, hooks(log, "inner ")),
      hooks(log, "outer "),
    ),
  );
  const ref = virtual.system.spawn(behavior, "nested");
  await virtual.settle();
  await virtual.clock.resolve(virtual.system.stop(ref));
  assertEquals(log, ["outer preStart", "inner preStart", "inner postStop", "outer postStop"]);
});

for (const how of ["stopped()", "system.stop", "failure", "shutdown", "parent"] as const) {
  Deno.test(`postStop runs once, after the children: ${how}`, async () => {
    const log: string[] = [];
    {
      await using virtual = new VirtualSystem();
      const child = Behaviors.withLifecycle(Behaviors.ignore(), {
        postStop: () => void log.push("child"),
      });
      const behavior = Behaviors.withLifecycle(
        Behaviors.setup<Message>((context) => {
          context.spawn(child);
          return worker([]);
        }),
        { postStop: () => void log.push("actor") },
      );
      const parent = virtual.system.spawn(
        Behaviors.setup<"stop">((context) => {
          const ref = context.spawn(behavior, "actor");
          if (how === "stopped()") ref.tell("stop");
          if (how === "failure") ref.tell("fail");
          return Behaviors.receive(() => {
            context.stop(ref);
            return Behaviors.same();
          });
        }),
        "parent",
      );
      await virtual.settle();
      if (how === "parent") parent.tell("stop");
      if (how === "system.stop") virtual.system.stop(virtual.system.lookup("/parent/actor")!);
      await virtual.settle();
    }
    assertEquals(log, ["child", "actor"]);
  });
}

Deno.test("a preStart that throws is a failure of the actor, and is supervised", async () => {
  await using virtual = new VirtualSystem();
  let starts = 0;
  const log: string[] = [];
  const behavior = Behaviors.supervise(
    Behaviors.withLifecycle(worker(log), {
      preStart: () => {
        if (++starts < 3) throw new Error(`start ${starts}`);
      },
    }),
  );
  virtual.system.spawn(behavior, "late").tell("stop");
  await virtual.settle();
  assertEquals([starts, log], [3, ["setup", "signal postStop"]]);
});

Deno.test("errors of postStop, preRestart and postRestart hide no other and stop no other hook", async () => {
  await using virtual = new VirtualSystem();
  const log: string[] = [];
  const fails = () => {
    throw new Error("hook");
  };
  const behavior = Behaviors.supervise(
    Behaviors.withLifecycle(
      Behaviors.withLifecycle(worker(log), { postStop: fails, preRestart: fails }),
      hooks(log),
    ),
  );
  const ref = virtual.system.spawn(behavior, "worker");
  ref.tell("fail");
  ref.tell("stop");
  await virtual.settle();
  assertEquals(log, [
    "preStart",
    "setup",
    "signal preRestart",
    "preRestart told to",
    "preStart",
    "setup",
    "postRestart",
    "signal postStop",
    "postStop",
  ]);
  assertEquals(virtual.lines.map(({ level, message }) => [level, message]), [
    ["error", "actor failed; restarting"],
    ["error", "actor failed before a restart"],
    ["error", "actor failed while it was stopping"],
  ]);
});

Deno.test("a postRestart that throws counts as one more failure", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  let restarts = 0;
  const behavior = Behaviors.supervise(
    Behaviors.withLifecycle(worker([]), {
      postRestart: async () => {
        restarts++;
        await Promise.resolve();
        throw new Error("hook");
      },
    }),
    { maxRestarts: 3 },
  );
  virtual.system.spawn(behavior, "worker").tell("fail");
  await virtual.settle();
  assertEquals([restarts, stopped.length], [3, 1]);
});

Deno.test("a hook that never ends holds up a stop and a restart for stopTimeout, not for ever", async () => {
  await using virtual = new VirtualSystem({ stopTimeout: 1_000 });
  const log: string[] = [];
  const never = () => new Promise<void>(() => {});
  const behavior = Behaviors.supervise(
    Behaviors.withLifecycle(worker(log), { preRestart: never, postStop: never }),
  );
  const ref = virtual.system.spawn(behavior, "worker");
  ref.tell("fail");
  await virtual.clock.advance(999);
  assertEquals(log, ["setup", "signal preRestart"]);
  await virtual.clock.advance(1);
  assertEquals(log.slice(2), ["setup"]);
  await virtual.clock.resolve(virtual.system.stop(ref));
  assertEquals(virtual.clock.now(), 2_000);
});

Deno.test("hooks of a later behaviour are called from then on, until others follow", async () => {
  await using virtual = new VirtualSystem();
  const log: string[] = [];
  const third = Behaviors.withLifecycle(worker([]), hooks(log, "third "));
  const first = Behaviors.withLifecycle(
    Behaviors.receive<Message>(() =>
      Behaviors.withLifecycle(
        Behaviors.receive<Message>(() => third),
        hooks(log, "second "),
      )
    ),
    hooks(log, "first "),
  );
  const ref = virtual.system.spawn(first, "changing");
  ref.tell("go");
  ref.tell("go");
  ref.tell("stop");
  await virtual.settle();
  assertEquals(log, ["first preStart", "third postStop", "first postStop"]);
});

Deno.test("one wrapper that is given again and again is there once", async () => {
  await using virtual = new VirtualSystem();
  const log: string[] = [];
  const shared = hooks(log);
  const wrapping = (): Behavior<Message> =>
    Behaviors.withLifecycle(
      Behaviors.receive((_context, message) =>
        message === "stop" ? Behaviors.stopped() : wrapping()
      ),
      shared,
    );
  const ref = virtual.system.spawn(wrapping(), "wrapping");
  for (const message of ["go", "go", "stop"] as const) ref.tell(message);
  await virtual.settle();
  assertEquals(log, ["preStart", "postStop"]);
});
