import type { LocalRef } from "../../lib/actor/ref/local_ref.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError, AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { VirtualSystem } from "./virtual_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";

const itself = (replyTo: ActorRef<string>) => replyTo;

Deno.test("an ask that is aborted by its factory sends nothing", async () => {
  await using virtual = new VirtualSystem();
  const ref = virtual.system.spawn(Behaviors.ignore(), "silent");
  const controller = new AbortController();
  const asked = virtual.system.ask(ref, () => controller.abort(), {
    signal: controller.signal,
  });
  const error = await assertRejects(() => asked, AskError);
  assertEquals([error.code, virtual.system.ledger.snapshot().sent], ["askAborted", 0]);
});

Deno.test("a shutdown does not wait for a reply of an actor that is gone", async () => {
  const virtual = new VirtualSystem();
  const asker = virtual.system.spawn(
    Behaviors.receive<string>(async (context) => {
      await context.ask(context.system.lookup<ActorRef<string>>("/silent")!, itself).catch(
        () => {},
      );
      return Behaviors.same();
    }),
    "asker",
  );
  virtual.system.spawn(Behaviors.ignore(), "silent");
  asker.tell("go");
  await virtual.settle();
  await virtual[Symbol.asyncDispose]();
  assertEquals(virtual.clock.now(), 0);
});

Deno.test("an actor that fails while it is stopping gets postStop, whatever its supervision", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const gate = Promise.withResolvers<void>();
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.withLifecycle(
        Behaviors.receive<string>(async () => {
          await gate.promise;
          throw new Error("too late to restart");
        }, (_context, { type }) => {
          heard.push(type);
          return Behaviors.same();
        }),
        { postStop: () => void heard.push("hook") },
      ),
    ),
    "failing",
  );
  ref.tell("go");
  await virtual.settle();
  const stopped = virtual.system.stop(ref);
  gate.resolve();
  await virtual.clock.resolve(stopped);
  assertEquals(heard, ["postStop", "hook"]);
});

Deno.test("a hook or signal that does not end is left behind, and those after it have their turn", async () => {
  await using virtual = new VirtualSystem({ stopTimeout: 100 });
  const heard: string[] = [];
  const late = Promise.withResolvers<void>();
  const hooks = (name: string) => ({
    preStart: () => void heard.push(`${name} preStart`),
    preRestart: async () => {
      if (name === "inner") await late.promise;
      heard.push(`${name} preRestart`);
    },
    postStop: () => void heard.push(`${name} postStop`),
  });
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.withLifecycle(
        Behaviors.withLifecycle(
          Behaviors.receive<string>(
            () => {
              throw new Error("told to");
            },
            (_context, { type }) =>
              type === "postStop" ? new Promise<never>(() => {}) : Behaviors.same(),
          ),
          hooks("inner"),
        ),
        hooks("outer"),
      ),
    ),
    "slow",
  );
  ref.tell("fail");
  await virtual.clock.advance(100);
  late.resolve();
  await virtual.settle();
  await virtual.clock.resolve(virtual.system.stop(ref));
  assertEquals(heard, [
    "outer preStart",
    "inner preStart",
    "outer preRestart",
    "outer preStart",
    "inner preStart",
    "inner preRestart",
    "inner postStop",
    "outer postStop",
  ]);
});

Deno.test("a message that cannot be measured any more when it is put back does not close the mailbox", async () => {
  await using virtual = new VirtualSystem();
  const handled: string[] = [];
  let broken = false;
  const ready: Behavior<string> = Behaviors.receive((_context, message) => {
    handled.push(message);
    return Behaviors.same();
  });
  const ref = virtual.system.spawn(
    Behaviors.receive<string>((context, message) => {
      if (message !== "open") {
        context.stash.add(message);
        return Behaviors.same();
      }
      broken = true;
      context.stash.unstashAll();
      broken = false;
      return ready;
    }),
    "measured",
    { mailbox: { maxBytes: 1_000, sizeOf: () => broken ? NaN : 10 } },
  );
  for (const message of ["early", "open"]) ref.tell(message);
  await virtual.settle();
  ref.tell("after");
  await virtual.settle();
  assertEquals(handled, ["early", "after"]);
});

Deno.test("watchWith takes any message, undefined too", async () => {
  await using virtual = new VirtualSystem();
  const heard: unknown[] = [];
  const target = virtual.system.spawn(Behaviors.ignore(), "target");
  virtual.system.spawn(
    Behaviors.setup<undefined>((context) => {
      context.watchWith(target, undefined);
      return Behaviors.receive((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "watcher",
  );
  await virtual.settle();
  await virtual.clock.resolve(virtual.system.stop(target));
  await virtual.settle();
  assertEquals(heard, [undefined]);
});

Deno.test("the actor that is asked may watch the reply reference: it ends with the ask", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const ref = virtual.system.spawn(
    Behaviors.receive<ActorRef<string>>((context, replyTo) => {
      context.watch(replyTo);
      return Behaviors.same();
    }, (_context, signal) => {
      if (signal.type === "terminated") heard.push(signal.reason);
      return Behaviors.same();
    }),
    "asked",
  );
  const asked = virtual.system.ask(ref, itself, { timeout: 50 });
  await assertRejects(() => virtual.clock.resolve(asked));
  await virtual.settle();
  assertEquals(heard, ["stopped"]);
});

Deno.test("timers keep an actor from being idle", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.timers.startFixedDelay("tick", "tick", 60);
      context.setReceiveTimeout(100, "quiet");
      return Behaviors.receive((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "ticking",
  );
  await virtual.clock.advance(250);
  assertEquals(heard, ["tick", "tick", "tick", "tick"]);
});

type Step = "first" | "work" | ActorRef<string> | { replyTo: ActorRef<string> };

for (
  const how of ["is given to pipeToSelf behind a then", "is left behind by a failure"] as const
) {
  Deno.test(`an ask of an earlier handler closes no circle: it ${how}`, async () => {
    await using virtual = new VirtualSystem();
    const gate = Promise.withResolvers<void>();
    const answers: unknown[] = [];
    const a: ActorRef<Step> = virtual.system.spawn(
      Behaviors.supervise(Behaviors.receive<Step>((context, message) => {
        if (message === "work") return gate.promise.then(() => Behaviors.same());
        if (message === "first") {
          const reply = context.ask(b, (replyTo: ActorRef<string>) => ({ replyTo }));
          if (how === "is left behind by a failure") {
            reply.catch(() => {});
            throw new Error("told to");
          }
          context.pipeToSelf(reply.then(() => "work" as const), (step) => step, () => "work");
        } else if ("tell" in message) message.tell("hello");
        return Behaviors.same();
      })),
      "a",
    );
    const b: ActorRef<Step> = virtual.system.spawn(
      Behaviors.receive<Step>(async (context) => {
        answers.push(await context.ask(a, itself));
        return Behaviors.same();
      }),
      "b",
    );
    a.tell("first");
    a.tell("work");
    await virtual.settle();
    b.tell("work");
    await virtual.settle();
    gate.resolve();
    await virtual.clock.advance(100);
    assertEquals(answers[0], "hello");
  });
}

Deno.test("an ask through an adapter whose message is lost fails at once", async () => {
  await using virtual = new VirtualSystem({ stopTimeout: 0 });
  let adapter: ActorRef<unknown> | undefined;
  const ref = virtual.system.spawn(
    Behaviors.setup<unknown>((context) => {
      adapter = context.messageAdapter((inner: unknown) => ({ inner }));
      return Behaviors.receive(() => new Promise<never>(() => {}));
    }),
    "full",
    { mailbox: { capacity: 1 } },
  );
  await virtual.settle();
  ref.tell("runs");
  await virtual.settle();
  ref.tell("waits");
  const asked = virtual.system.ask(adapter!, (replyTo: ActorRef<string>) => ({ replyTo }));
  assertEquals((await assertRejects(() => asked, AskError)).code, "askNotDelivered");
});

Deno.test("an answer whose then cannot be read is a failure of its actor, not of the system", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  const trap = Object.defineProperty({}, "then", {
    get: () => {
      throw new Error("hands off");
    },
  });
  virtual.system.spawn(Behaviors.receive<string>(() => trap as never), "trap").tell("go");
  await virtual.settle();
  const [event] = stopped as unknown as { cause: ActorError }[];
  assertEquals(event!.cause.code, "badBehavior");
});

Deno.test("a parent that resumes after an escalation gets childFailed", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const child = Behaviors.supervise(
    Behaviors.setup<never>(() => {
      throw new Error("told to");
    }),
    { decider: () => "escalate" },
  );
  virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.setup<never>((context) => {
        context.spawn(child, "child");
        return Behaviors.receive(() => Behaviors.same(), (_context, signal) => {
          if (signal.type === "childFailed") heard.push(signal.ref.path);
          return Behaviors.same();
        });
      }),
      { decider: () => "resume" },
    ),
    "parent",
  );
  await virtual.settle();
  assertEquals(heard, ["/parent/child"]);
});

Deno.test("a setup that a handler returns may stay with the behaviour that there is", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const ref = virtual.system.spawn(
    Behaviors.receive<string>((_context, message) => {
      heard.push(message);
      return Behaviors.setup(() => Behaviors.same());
    }),
    "same",
  );
  ref.tell("a");
  ref.tell("b");
  await virtual.settle();
  assertEquals(heard, ["a", "b"]);
});

Deno.test("what is no behaviour, no handler and no overflow is refused where it is written", () => {
  const behavior = Behaviors.ignore();
  const wrong: (() => unknown)[] = [
    () => Behaviors.receive(undefined as never),
    () => Behaviors.setup("x" as never),
    () => Behaviors.supervise(undefined as never),
    () => Behaviors.withLifecycle(behavior, undefined as never),
    () => Behaviors.intercept(behavior, null as never),
    () => Behaviors.spy({} as never, undefined as never),
  ];
  for (const attempt of wrong) {
    assertEquals(assertThrows(attempt, ActorError).code, "badBehavior");
  }
});

Deno.test("the name of an inherited property is no overflow", async () => {
  await using virtual = new VirtualSystem();
  for (const overflow of ["constructor", "toString"]) {
    const spawn = () =>
      virtual.system.spawn(Behaviors.ignore(), "x", {
        mailbox: { capacity: 5, overflow: overflow as never },
      });
    assertEquals(assertThrows(spawn, OptionError).option, "mailbox.overflow");
  }
});

for (const kind of ["sync", "async"] as const) {
  Deno.test(`a setup that gives itself is an error, and blocks no other actor: ${kind}`, async () => {
    await using virtual = new VirtualSystem();
    const stopped = virtual.events("actorStopped");
    const endless: Behavior<string> = Behaviors.setup(() =>
      kind === "sync" ? endless : Promise.resolve(endless)
    );
    virtual.system.spawn(endless, "endless");
    await virtual.settle();
    const [event] = stopped as unknown as { cause: ActorError }[];
    assertEquals(event!.cause.code, "badBehavior");
  });
}

type Circle = "go" | "x" | ActorRef<string>;

Deno.test("a circle is found although messages come and go in the mailbox meanwhile", async () => {
  await using virtual = new VirtualSystem();
  const codes: string[] = [];
  const a: ActorRef<Circle> = virtual.system.spawn(
    Behaviors.receive<Circle>(async (context, message) => {
      if (message === "go") await context.ask(b, itself).catch(() => {});
      return Behaviors.same();
    }),
    "a",
    { mailbox: { capacity: 1, overflow: "dropOldest" } },
  );
  const b: ActorRef<Circle> = virtual.system.spawn(
    Behaviors.receive<Circle>(async (context) => {
      a.tell("x");
      await context.ask(a, itself).catch((error) => codes.push(error.code));
      return Behaviors.same();
    }),
    "b",
  );
  a.tell("go");
  await virtual.settle();
  assertEquals(codes, ["askCycle"]);
  await virtual.clock.advance(5_000);
});

Deno.test("what timers have asked earlier closes no circle", async () => {
  await using virtual = new VirtualSystem();
  const gate = Promise.withResolvers<void>();
  const answers: string[] = [];
  const a: ActorRef<Step> = virtual.system.spawn(
    Behaviors.setup<Step>((context) => {
      context.timers.startSingle("first", "first", 10);
      context.timers.startSingle("work", "work", 20);
      return Behaviors.receive((_context, message) => {
        if (message === "work") return gate.promise.then(() => Behaviors.same());
        if (message === "first") {
          context.ask(b, (replyTo: ActorRef<string>) => ({ replyTo })).catch(() => {});
        } else if ("tell" in message) message.tell("hello");
        return Behaviors.same();
      });
    }),
    "a",
  );
  const b: ActorRef<Step> = virtual.system.spawn(
    Behaviors.receive<Step>(async (context, message) => {
      if (message === "work") answers.push(await context.ask(a, itself));
      return Behaviors.same();
    }),
    "b",
  );
  await virtual.clock.advance(30);
  b.tell("work");
  await virtual.settle();
  gate.resolve();
  await virtual.settle();
  assertEquals(answers, ["hello"]);
});

Deno.test("what a hook of the incarnation before still begins has no effect on the next", async () => {
  await using virtual = new VirtualSystem({ stopTimeout: 100 });
  const codes: string[] = [];
  const heard: string[] = [];
  const late = Promise.withResolvers<void>();
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.withLifecycle(
        Behaviors.receive<string>((_context, message) => {
          if (message === "fail") throw new Error("told to");
          heard.push(message);
          return Behaviors.same();
        }),
        {
          preRestart: async (context) => {
            await late.promise;
            for (
              const attempt of [
                () => context.timers.startFixedDelay("late", "late", 10),
                () => context.spawn(Behaviors.ignore()),
                () => context.watchWith(context.self, "late"),
                () => context.stash.add("late"),
                () => context.messageAdapter(() => "late"),
                () => context.setReceiveTimeout(10, "late"),
              ]
            ) codes.push(assertThrows(attempt, ActorError).code);
          },
        },
      ),
    ),
    "late",
  );
  ref.tell("fail");
  await virtual.clock.advance(100);
  late.resolve();
  await virtual.clock.advance(100);
  assertEquals([heard, codes], [[], Array(6).fill("earlierIncarnation")]);
});

Deno.test("a shutdown does not wait for a reply of a sibling that is gone", async () => {
  const virtual = new VirtualSystem();
  virtual.system.spawn(
    Behaviors.setup<never>((context) => {
      const silent = context.spawn(Behaviors.ignore(), "silent");
      const asker = context.spawn(
        Behaviors.receive<string>(async (context) => {
          await context.ask(silent, itself).catch(() => {});
          return Behaviors.same();
        }),
        "asker",
      );
      asker.tell("go");
      return Behaviors.ignore();
    }),
    "parent",
  );
  await virtual.settle();
  await virtual[Symbol.asyncDispose]();
  assertEquals(virtual.clock.now(), 0);
});

Deno.test("a message that throws when it is read breaks neither its sender nor others", async () => {
  await using virtual = new VirtualSystem();
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const handled: unknown[] = [];
  const odd = virtual.system.spawn(
    Behaviors.receive<unknown>((_context, message) => message as never),
    "odd",
  );
  const other = virtual.system.spawn(
    Behaviors.receive<unknown>((_context, message) => {
      handled.push(message);
      return Behaviors.same();
    }),
    "other",
  );
  odd.tell(proxy);
  other.tell("fine");
  await virtual.settle();
  odd.tell(proxy);
  assertEquals(handled, ["fine"]);
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 1 });
});

Deno.test("a message that is stashed in a signal handler, or twice, counts as sent", async () => {
  await using virtual = new VirtualSystem();
  const ref = virtual.system.spawn(
    Behaviors.receive<string>((context, message) => {
      context.stash.add(message);
      context.stash.add(message);
      return Behaviors.same();
    }, (context) => {
      context.stash.add("from a signal");
      return Behaviors.same();
    }),
    "stashing",
  );
  const target = virtual.system.spawn(Behaviors.ignore(), "target");
  (ref as LocalRef<string>).watch(target);
  ref.tell("a");
  await virtual.clock.resolve(virtual.system.stop(target));
  await virtual.settle();
  const { sent, delivered, inFlight } = virtual.system.ledger.snapshot();
  assertEquals({ sent, delivered, inFlight }, { sent: 3, delivered: 0, inFlight: 3 });
});
