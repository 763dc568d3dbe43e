import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import {
  decide,
  type Directive,
  RestartHistory,
  type SupervisionStrategy,
} from "../../lib/actor/behavior/supervision.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { VirtualSystem } from "./virtual_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";

const random = new SeededRandom("supervision");
const judge = (strategy: SupervisionStrategy, history: RestartHistory, now: number) =>
  decide([strategy], new Error("x"), history, now, random).directive;

/** Counts from 0; "fail" throws, a string array collects the count. */
type CountMessage = "up" | "fail" | { collect: number[] };
const counting = (count: number): Behavior<CountMessage> =>
  Behaviors.receive((_context, message) => {
    if (message === "up") return counting(count + 1);
    if (message === "fail") throw new RangeError("told to");
    message.collect.push(count);
    return Behaviors.same();
  });

Deno.test("restarts are allowed as often as maxRestarts within the window", () => {
  const history = new RestartHistory();
  const strategy = { maxRestarts: 2 };
  assertEquals([0, 1, 2].map((now) => judge(strategy, history, now)), [
    "restart",
    "restart",
    "stop",
  ]);
});

Deno.test("a restart that lies behind the window does not count any more", () => {
  const history = new RestartHistory();
  const strategy = { maxRestarts: 1, within: 100 };
  const verdicts = [0, 50, 150].map((now) => judge(strategy, history, now));
  assertEquals(verdicts, ["restart", "stop", "restart"]);
});

Deno.test("whatever the times, no window holds more restarts than allowed", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 60 });
  fc.assert(fc.property(gaps, fc.integer({ min: 0, max: 5 }), (all, maxRestarts) => {
    const history = new RestartHistory();
    const restarts: number[] = [];
    let now = 0;
    for (const gap of all) {
      now += gap;
      if (judge({ maxRestarts, within: 100 }, history, now) === "restart") restarts.push(now);
      assert(restarts.filter((time) => now - time <= 100).length <= maxRestarts);
    }
  }));
});

Deno.test("the delay doubles up to its maximum, with jitter, and begins anew after a quiet time", () => {
  const strategy = {
    maxRestarts: Infinity,
    backoff: { min: 100, max: 1_000, jitter: 0.5, resetAfter: 5_000 },
  };
  const history = new RestartHistory();
  let now = 0;
  const delays = Array.from({ length: 6 }, () => {
    const { delay } = decide([strategy], "x", history, now, random);
    now += delay + 10;
    return delay;
  });
  for (const [index, base] of [100, 200, 400, 800, 1_000, 1_000].entries()) {
    const delay = delays[index]!;
    assert(delay >= base && delay <= base * 1.5, `restart ${index + 1} after ${delay} ms`);
  }
  now += 5_000;
  const { delay } = decide([strategy], "x", history, now, random);
  assert(delay <= 150, `after a quiet time ${delay} ms`);
});

Deno.test("the innermost decider that has an opinion wins", () => {
  const by = (type: new () => Error, directive: Directive): SupervisionStrategy => ({
    decider: (error) => error instanceof type ? directive : undefined,
  });
  const chain = [by(TypeError, "resume"), by(RangeError, "escalate"), by(TypeError, "stop")];
  const verdict = (error: unknown) =>
    decide(chain, error, new RestartHistory(), 0, random).directive;
  assertEquals(verdict(new TypeError()), "resume");
  assertEquals(verdict(new RangeError()), "escalate");
  assertEquals(verdict(new SyntaxError()), "stop");
  assertEquals(verdict("no error at all"), "stop");
});

Deno.test("strategies that cannot be used are refused where they are written", () => {
  const wrong: SupervisionStrategy[] = [
    { maxRestarts: -1 },
    { maxRestarts: 1.5 },
    { maxRestarts: Infinity },
    { within: 0 },
    { within: NaN },
    { backoff: { min: 0, max: 10 } },
    { backoff: { min: 10, max: 5 } },
    { backoff: { min: 1, max: 10, jitter: 2 } },
    { backoff: { min: 1, max: 10, resetAfter: 0 } },
    { decider: "restart" as never },
  ];
  for (const strategy of wrong) {
    const error = assertThrows(() => Behaviors.supervise(counting(0), strategy), OptionError);
    assertEquals(error.code, "badOption");
  }
});

Deno.test("restart: state begins anew, what waits is handled, the failed message is not", async () => {
  await using virtual = new VirtualSystem();
  const events = virtual.events("actorRestarted", "actorStopped");
  const ref = virtual.system.spawn(Behaviors.supervise(counting(0)), "counter");
  const collect: number[] = [];
  for (const message of ["up", "up", { collect }, "fail", "up", { collect }] as const) {
    ref.tell(message);
  }
  await virtual.settle();
  assertEquals(collect, [2, 1]);
  assertEquals(events.length, 1);
  const [event] = events as unknown as { type: string; ref: unknown; cause: Error }[];
  assertEquals(event!.type, "actorRestarted");
  assertEquals(event!.ref, ref);
  assert(event!.cause instanceof RangeError, "the true cause is told");
});

Deno.test("supervision outlives every transition, setups included", async () => {
  await using virtual = new VirtualSystem();
  const collect: number[] = [];
  const nested = (count: number): Behavior<CountMessage> =>
    Behaviors.setup(() =>
      Behaviors.setup(() =>
        Behaviors.receive((_context, message) => {
          if (message === "up") return nested(count + 1);
          if (message === "fail") throw new Error("told to");
          message.collect.push(count);
          return Behaviors.same();
        })
      )
    );
  const ref = virtual.system.spawn(Behaviors.supervise(nested(0), { maxRestarts: 9 }), "counter");
  for (let i = 0; i < 5; i++) {
    ref.tell("up");
    ref.tell("up");
    ref.tell({ collect });
    ref.tell("fail");
  }
  ref.tell({ collect });
  await virtual.settle();
  assertEquals(collect, [2, 2, 2, 2, 2, 0]);
});

Deno.test("a behaviour that wraps its successors in new strategies gets no more restarts by it", async () => {
  await using virtual = new VirtualSystem();
  const wrapping = (): Behavior<"go" | "fail"> =>
    Behaviors.supervise(
      Behaviors.receive<"go" | "fail">((_context, message) => {
        if (message === "fail") throw new Error("told to");
        return wrapping();
      }),
      { maxRestarts: 2 },
    );
  const stopped = virtual.events("actorStopped");
  const restarted = virtual.events("actorRestarted");
  const ref = virtual.system.spawn(wrapping(), "wrapping");
  for (let i = 0; i < 10; i++) {
    ref.tell("go");
    ref.tell("fail");
  }
  await virtual.settle();
  assertEquals([restarted.length, stopped.length], [2, 1]);
});

Deno.test("resume: the behaviour stays, only the message is gone", async () => {
  await using virtual = new VirtualSystem();
  const collect: number[] = [];
  const strategy = { decider: () => "resume" as const };
  const ref = virtual.system.spawn(Behaviors.supervise(counting(0), strategy), "counter");
  for (const message of ["up", "fail", "up", { collect }] as const) ref.tell(message);
  await virtual.settle();
  assertEquals(collect, [2]);
  const errors = virtual.lines.filter(({ level }) => level === "error");
  assertEquals(errors.map(({ message }) => message), ["actor failed; resuming"]);
  assert(errors[0]!.fields.error instanceof Error);
});

Deno.test("without supervision, or with stop, the actor stops and its watchers get the cause", async () => {
  await using virtual = new VirtualSystem();
  const heard: unknown[] = [];
  const plain = virtual.system.spawn(counting(0), "plain");
  const told = virtual.system.spawn(
    Behaviors.supervise(counting(0), { decider: () => "stop" }),
    "told",
  );
  virtual.system.spawn(
    Behaviors.setup<never>((context) => {
      context.watch(plain);
      context.watch(told);
      return Behaviors.receive(() => Behaviors.same(), (_context, signal) => {
        if (signal.type === "terminated") heard.push([signal.ref.path, signal.reason]);
        return Behaviors.same();
      });
    }),
    "watcher",
  );
  await virtual.settle();
  plain.tell("fail");
  told.tell("fail");
  await virtual.settle();
  assertEquals(heard, [["/plain", "failed"], ["/told", "failed"]]);
});

Deno.test("escalate: the parent fails with the child's error and decides for both", async () => {
  await using virtual = new VirtualSystem();
  const causes: unknown[] = [];
  const starts: string[] = [];
  const child = Behaviors.supervise(
    Behaviors.setup<"fail">((context) => {
      starts.push(context.self.path);
      return counting(0) as Behavior<"fail">;
    }),
    { decider: () => "escalate" },
  );
  const parent = Behaviors.supervise(
    Behaviors.setup<"fail">((context) => {
      starts.push(context.self.path);
      const ref = context.spawn(child, "child");
      return Behaviors.receive((_context, message) => {
        ref.tell(message);
        return Behaviors.same();
      });
    }),
    {
      decider: (error) => {
        causes.push(error);
        return "restart";
      },
    },
  );
  const ref = virtual.system.spawn(parent, "parent");
  ref.tell("fail");
  await virtual.settle();
  assert(causes[0] instanceof RangeError);
  assertEquals(causes.length, 1);
  assertEquals(starts, ["/parent", "/parent/child", "/parent", "/parent/child"]);
});

Deno.test("escalation climbs until a supervisor decides; at the top the actor stops", async () => {
  await using virtual = new VirtualSystem();
  const events = virtual.events("actorStopped");
  const climbing = (depth: number): Behavior<"fail"> =>
    Behaviors.supervise(
      Behaviors.setup((context) => {
        const below = depth > 0 ? context.spawn(climbing(depth - 1), "below") : undefined;
        return Behaviors.receive((_context, message) => {
          if (below === undefined) throw new Error("deep down");
          below.tell(message);
          return Behaviors.same();
        });
      }),
      { decider: () => "escalate" },
    );
  virtual.system.spawn(climbing(3), "top").tell("fail");
  await virtual.settle();
  const stopped = (events as unknown as { ref: { path: string }; cause: Error }[])
    .map(({ ref, cause }) => `${ref.path} ${cause.message}`);
  assertEquals(stopped, [
    "/top/below/below/below deep down",
    "/top/below/below deep down",
    "/top/below deep down",
    "/top deep down",
  ]);
});

Deno.test("a parent gets childFailed before terminated", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  virtual.system.spawn(
    Behaviors.setup<never>((context) => {
      const watched = context.spawn(counting(0), "watched");
      const other = context.spawn(counting(0), "other");
      context.watch(watched);
      watched.tell("fail");
      other.tell("fail");
      return Behaviors.receive(() => Behaviors.same(), (_context, signal) => {
        const { type } = signal;
        if (type === "childFailed") heard.push(`${type} ${signal.ref.path} ${signal.cause}`);
        else if (type === "terminated") heard.push(`${type} ${signal.ref.path} ${signal.reason}`);
        return Behaviors.same();
      });
    }),
    "parent",
  );
  await virtual.settle();
  assertEquals(heard, [
    "childFailed /parent/watched RangeError: told to",
    "terminated /parent/watched failed",
    "childFailed /parent/other RangeError: told to",
  ]);
});

Deno.test("back-off: messages wait with the actor and are handled when it restarts", async () => {
  await using virtual = new VirtualSystem();
  const collect: number[] = [];
  const ref = virtual.system.spawn(
    Behaviors.supervise(counting(0), { backoff: { min: 1_000, max: 8_000, jitter: 0 } }),
    "counter",
  );
  for (const message of ["up", "fail", "up", { collect }] as const) ref.tell(message);
  await virtual.clock.advance(999);
  ref.tell("up");
  assertEquals(collect, []);
  assertEquals(virtual.system.ledger.snapshot().inFlight, 3);
  await virtual.clock.advance(1);
  assertEquals(collect, [1]);
  for (const message of ["fail", { collect }] as const) ref.tell(message);
  await virtual.clock.advance(1_999);
  assertEquals(collect, [1]);
  await virtual.clock.advance(1);
  assertEquals(collect, [1, 0]);
});

Deno.test("an actor in back-off can be stopped, and gets no postStop after preRestart", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.receive<"fail">(() => {
        throw new Error("told to");
      }, (_context, { type }) => {
        heard.push(type);
        return Behaviors.same();
      }),
      { backoff: { min: 1_000, max: 1_000 } },
    ),
    "short",
  );
  ref.tell("fail");
  ref.tell("fail");
  await virtual.clock.advance(500);
  await virtual.clock.resolve(virtual.system.stop(ref));
  assertEquals(heard, ["preRestart"]);
  assertEquals(virtual.clock.now(), 500);
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 1 });
});

for (const nesting of ["setup throws", "async setup rejects", "setup in a setup throws"] as const) {
  Deno.test(`a failing setup is supervised like a failing message: ${nesting}`, async () => {
    await using virtual = new VirtualSystem();
    let attempts = 0;
    const collect: number[] = [];
    const fails = (): void => {
      if (++attempts <= 2) throw new Error("not yet");
    };
    const setup = nesting === "setup throws"
      ? Behaviors.setup<CountMessage>(() => {
        fails();
        return counting(7);
      })
      : nesting === "async setup rejects"
      ? Behaviors.setup<CountMessage>(async () => {
        await Promise.resolve();
        fails();
        return counting(7);
      })
      : Behaviors.setup<CountMessage>(() =>
        Behaviors.setup(() => {
          fails();
          return counting(7);
        })
      );
    const started = virtual.events("actorStarted", "actorRestarted");
    virtual.system.spawn(Behaviors.supervise(setup), "late").tell({ collect });
    await virtual.settle();
    assertEquals([attempts, collect], [3, [7]]);
    assertEquals(started.map(({ type }) => type), ["actorRestarted"]);
  });
}

Deno.test("a setup that always fails ends at the limit: no zombie, the name is free", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  let attempts = 0;
  const never = Behaviors.setup<string>(() => {
    attempts++;
    throw "not even an error";
  });
  const ref = virtual.system.spawn(Behaviors.supervise(never), "never");
  ref.tell("lost");
  await virtual.settle();
  assertEquals([attempts, stopped.length], [4, 1]);
  assertEquals(virtual.system.lookup("/never"), undefined);
  virtual.system.spawn(Behaviors.ignore(), "never");
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 1 });
});

Deno.test("resume cannot save an actor that has no behaviour yet: it stops", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  const never = Behaviors.setup<string>(() => {
    throw new Error("no");
  });
  virtual.system.spawn(Behaviors.supervise(never, { decider: () => "resume" }), "never");
  await virtual.settle();
  assertEquals(stopped.length, 1);
});

Deno.test("a restart ends the children, timers, watches and adapters of the incarnation before", async () => {
  await using virtual = new VirtualSystem();
  const log: string[] = [];
  const outside = virtual.system.spawn(Behaviors.ignore(), "outside");
  let adapters: { tell(message: number): void }[] = [];
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.setup<string>((context) => {
        adapters = [...adapters, context.messageAdapter((n: number) => `adapted ${n}`)];
        context.timers.startFixedDelay("tick", "tick", 100);
        context.setReceiveTimeout(10_000, "idle");
        if (adapters.length === 1) context.watch(outside);
        context.spawn(Behaviors.receive(() => Behaviors.same(), () => Behaviors.same()), "child");
        return Behaviors.receive((_context, message) => {
          if (message === "fail") throw new Error("told to");
          log.push(message);
          return Behaviors.same();
        }, (_context, { type }) => {
          log.push(type);
          return Behaviors.same();
        });
      }),
    ),
    "parent",
  );
  await virtual.settle();
  ref.tell("fail");
  await virtual.clock.advance(50);
  virtual.system.stop(outside);
  adapters[0]!.tell(1);
  adapters[1]!.tell(2);
  await virtual.clock.advance(100);
  assertEquals(log, ["preRestart", "adapted 2", "tick"]);
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 1 });
});

Deno.test("children stop before the actor restarts, however long they take", async () => {
  await using virtual = new VirtualSystem();
  const log: string[] = [];
  const release = Promise.withResolvers<void>();
  const child = Behaviors.receive<never>(() => Behaviors.same(), async (_context, { type }) => {
    await release.promise;
    log.push(`child ${type}`);
    return Behaviors.same();
  });
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.setup<string>((context) => {
        log.push("setup");
        context.spawn(child, "child");
        return Behaviors.receive(() => {
          throw new Error("told to");
        });
      }),
    ),
    "parent",
  );
  ref.tell("fail");
  await virtual.clock.advance(1_000);
  assertEquals(log, ["setup"]);
  release.resolve();
  await virtual.settle();
  assertEquals(log, ["setup", "child postStop", "setup"]);
});

Deno.test("restart() restarts without a failure, and does not count as one", async () => {
  await using virtual = new VirtualSystem();
  const events = virtual.events("actorRestarted");
  let setups = 0;
  const ref = virtual.system.spawn(
    Behaviors.setup<"again">(() => {
      setups++;
      return Behaviors.receive(() => Behaviors.restart());
    }),
    "again",
  );
  for (let i = 0; i < 20; i++) ref.tell("again");
  await virtual.settle();
  assertEquals(setups, 21);
  assertEquals(events.length, 20);
  assertEquals((events[0] as unknown as { cause: unknown }).cause, undefined);
});

Deno.test("restart() as a first behaviour is an error, not an endless loop", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  virtual.system.spawn(Behaviors.setup<string>(() => Behaviors.restart()), "loop");
  await virtual.settle();
  const [event] = stopped as unknown as { cause: ActorError }[];
  assertEquals(event!.cause.code, "badBehavior");
});

Deno.test("a decider that fails, or gives what is no directive, stops the actor", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  const throws = {
    decider: (): Directive => {
      throw new Error("decider");
    },
  };
  const nonsense = { decider: () => "retry" as unknown as Directive };
  virtual.system.spawn(Behaviors.supervise(counting(0), throws), "a").tell("fail");
  virtual.system.spawn(Behaviors.supervise(counting(0), nonsense), "b").tell("fail");
  await virtual.settle();
  assertEquals(stopped.length, 2);
  const lines = virtual.lines.filter(({ message }) => message.includes("decider"));
  assertEquals(lines.length, 2);
});

Deno.test("a promise that rejects, and a handler that gives no behaviour, are failures, too", async () => {
  await using virtual = new VirtualSystem();
  const causes: unknown[] = [];
  virtual.system.eventStream.subscribe("actorRestarted", ({ cause }) => void causes.push(cause));
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.receive<string>((_context, message) => {
        if (message === "reject") return Promise.reject(new Error("later"));
        return message === "nothing" ? undefined as never : Promise.resolve(5 as never);
      }),
    ),
    "bad",
  );
  for (const message of ["reject", "nothing", "later"]) ref.tell(message);
  await virtual.settle();
  const codes = causes.map((cause) => cause instanceof ActorError ? cause.code : String(cause));
  assertEquals(codes, ["Error: later", "badBehavior", "badBehavior"]);
});

Deno.test("children that fail during a restart do not signal the next incarnation", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  let setups = 0;
  const child = (directive: Directive) =>
    Behaviors.supervise(
      Behaviors.receive<string>(async () => {
        await gate.promise;
        throw new Error("while the parent restarts");
      }),
      { decider: () => directive },
    );
  const gate = Promise.withResolvers<void>();
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.setup<"fail">((context) => {
        if (++setups === 1) {
          context.spawn(child("stop")).tell("fail");
          context.spawn(child("escalate")).tell("fail");
        }
        return Behaviors.receive(() => {
          throw new Error("told to");
        }, (_context, { type }) => {
          heard.push(type);
          return Behaviors.same();
        });
      }),
    ),
    "parent",
  );
  await virtual.settle();
  ref.tell("fail");
  await virtual.settle();
  gate.resolve();
  await virtual.settle();
  assertEquals([setups, heard], [2, ["preRestart"]]);
});

Deno.test("what a late promise begins while the actor waits does not reach its next incarnation", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const codes: string[] = [];
  const late = Promise.withResolvers<void>();
  let setups = 0;
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.setup<string>((context) => {
        if (++setups === 1) {
          late.promise.then(() => {
            context.timers.startFixedDelay("stale", "stale", 10);
            context.setReceiveTimeout(10, "stale");
            context.watchWith(context.system.lookup("/outside")!, "stale");
            try {
              context.spawn(Behaviors.ignore());
            } catch (error) {
              codes.push((error as ActorError).code);
            }
          });
        }
        return Behaviors.receive((_context, message) => {
          if (message === "fail") throw new Error("told to");
          heard.push(message);
          return Behaviors.same();
        });
      }),
      { backoff: { min: 100, max: 100, jitter: 0 } },
    ),
    "parent",
  );
  const outside = virtual.system.spawn(Behaviors.ignore(), "outside");
  ref.tell("fail");
  await virtual.clock.advance(50);
  late.resolve();
  await virtual.clock.advance(100);
  assertEquals([setups, codes], [2, ["actorStopped"]]);
  virtual.system.stop(outside);
  await virtual.clock.advance(100);
  assertEquals(heard, []);
});
