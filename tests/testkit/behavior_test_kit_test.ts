import { OptionError } from "../../lib/options/option_error.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { Signal } from "../../lib/actor/behavior/signal.ts";
import type { SpyEvent } from "../../lib/actor/behavior/spy.ts";
import { BehaviorTestKit } from "../../lib/testkit/behavior_test_kit.ts";
import { TestkitError } from "../../lib/testkit/errors.ts";
import { TestInbox } from "../../lib/testkit/test_inbox.ts";

/** Does what its messages say. */
interface Command {
  (context: ActorContext<Command>): void;
}

const obedient: Behavior<Command> = Behaviors.receive((context, command) => {
  command(context);
  return Behaviors.same();
});

/** Records its messages; does what `answers` says about each. */
function noting(seen: unknown[], answers: Record<string, Behavior<string>> = {}): Behavior<string> {
  return Behaviors.receive((_context, message) => {
    seen.push(message);
    return answers[message] ?? Behaviors.same();
  }, (_context, signal) => {
    seen.push(signal.type);
    return Behaviors.same();
  });
}

function assertCode(code: string, run: () => unknown, text = ""): TestkitError {
  const error = assertThrows(run, TestkitError, text);
  assertEquals(error.code, code);
  return error;
}

Deno.test("a message gives the next behaviour at once", () => {
  const counter = (value: number): Behavior<number | ActorRef<number>> =>
    Behaviors.receive((_context, message) => {
      if (typeof message === "number") return counter(value + message);
      message.tell(value);
      return Behaviors.same();
    });
  const first = counter(1);
  const kit = BehaviorTestKit.create(first);
  const inbox = new TestInbox<number>();
  assert(kit.currentBehavior === first);
  kit.run(41);
  assert(kit.currentBehavior !== first);
  kit.run(inbox.ref);
  assertEquals(inbox.receiveAll(), [42]);
});

Deno.test("a setup runs when the kit is made, a later one when it is given", () => {
  const steps: string[] = [];
  const named = (name: string): Behavior<string> =>
    Behaviors.setup((context) => {
      steps.push(`${name} of ${context.self.path}`);
      return Behaviors.receive((_context, message) => named(message));
    });
  const kit = BehaviorTestKit.create(named("first"), { name: "me" });
  assertEquals(steps, ["first of /me"]);
  kit.run("second");
  assertEquals(steps, ["first of /me", "second of /me"]);
  assertEquals(kit.ref.path, "/me");
});

Deno.test("a behaviour that stops hears its last signal, and takes nothing more", () => {
  const seen: unknown[] = [];
  const kit = BehaviorTestKit.create(noting(seen, { end: Behaviors.stopped() }));
  kit.run("a");
  assert(kit.isAlive);
  kit.run("end");
  assertEquals(seen, ["a", "end", "postStop"]);
  assert(!kit.isAlive);
  assertCode("behaviorStopped", () => kit.run("b"), "/test has stopped");
  assertCode("behaviorStopped", () => kit.stop());
  assert(!BehaviorTestKit.create(Behaviors.stopped()).isAlive);
});

Deno.test("stop from outside gives postStop", () => {
  const seen: unknown[] = [];
  const kit = BehaviorTestKit.create(noting(seen));
  kit.stop();
  assertEquals([seen, kit.isAlive], [["postStop"], false]);
});

Deno.test("a message that is not understood is an effect", () => {
  const kit = BehaviorTestKit.create(Behaviors.receive<string>(() => Behaviors.unhandled()));
  kit.run("what?");
  kit.expectEffect({ type: "unhandled", message: "what?" });
  kit.expectNoEffects();
});

Deno.test("children are spawned and stopped, and do not run", () => {
  const seen: unknown[] = [];
  const child = noting(seen);
  const options = { stashCapacity: 5 };
  const kit = BehaviorTestKit.create(obedient);
  kit.run((context) => {
    const named = context.spawn(child, "named", options);
    named.tell("hello");
    context.spawn(child).tell("nobody knows my name");
    context.stop(named);
    context.stop(named);
  });
  const { ref } = kit.expectEffect({ type: "spawned", name: "named", behavior: child, options });
  assertEquals(ref.path, "/test/named");
  const anonymous = kit.expectEffect({ type: "spawnedAnonymous", behavior: child });
  kit.expectEffect({ type: "stopped", child: ref });
  kit.expectNoEffects();
  assert(kit.children.length === 1 && kit.children[0] === anonymous.ref);
  kit.childInbox<string>("named").expectMessage("hello");
  kit.childInbox<string>(anonymous.ref as ActorRef<string>).expectMessage("nobody knows my name");
  assertEquals(seen, []);
  assertCode("noSuchChild", () => kit.childInbox("other"), "it has spawned: named, $1");
});

Deno.test("a child's name is free again when it was stopped", () => {
  const kit = BehaviorTestKit.create(obedient);
  kit.run((context) => {
    const first = context.spawn(Behaviors.ignore(), "child");
    const error = assertThrows(() => context.spawn(Behaviors.ignore(), "child"), ActorError);
    assertEquals(error.code, "duplicateName");
    context.stop(first);
    assert(context.spawn(Behaviors.ignore(), "child") !== first);
  });
  assertEquals(kit.effects.map(({ type }) => type), ["spawned", "stopped", "spawned"]);
});

Deno.test("what a system would refuse, the kit refuses in the same way", () => {
  const kit = BehaviorTestKit.create(obedient, { stashCapacity: 1 });
  const refused: [string, Command][] = [
    ["badName", (context) => context.spawn(Behaviors.ignore(), "no/slash")],
    ["badBehavior", (context) => context.spawn(Behaviors.same(), "same")],
    ["notAChild", (context) => context.stop(context.self)],
    ["badOption", (context) => context.timers.startSingle("t", () => {}, -1)],
    ["badOption", (context) => context.setReceiveTimeout(0, () => {})],
    ["stashFull", (context) => {
      context.stash.add(() => {});
      context.stash.add(() => {});
    }],
  ];
  for (const [code, command] of refused) {
    assertEquals(assertThrows(() => kit.run(command), CastyError).code, code);
  }
  const bad = [
    () => BehaviorTestKit.create(Behaviors.same()),
    () => BehaviorTestKit.create(undefined as never),
    () => BehaviorTestKit.create(Behaviors.setup(() => Behaviors.same())),
    () => BehaviorTestKit.create(Behaviors.setup(() => 5 as never)),
  ];
  for (const make of bad) assertEquals(assertThrows(make, ActorError).code, "badBehavior");
  assertThrows(() => BehaviorTestKit.create(obedient, { name: "a/b" }), ActorError, "a/b");
  assertThrows(() => BehaviorTestKit.create(obedient, { stashCapacity: 0 }), OptionError);
});

Deno.test("nothing new begins in a behaviour that has stopped", () => {
  const codes: string[] = [];
  const attempts: Command[] = [
    (context) => context.spawn(Behaviors.ignore()),
    (context) => context.timers.startSingle("t", () => {}, 1),
    (context) => context.messageAdapter(() => () => {}),
    (context) => context.setReceiveTimeout(1, () => {}),
    (context) => context.stash.add(() => {}),
  ];
  const kit = BehaviorTestKit.create(Behaviors.receive<Command>(
    () => Behaviors.same(),
    (context, _signal) => {
      for (const attempt of attempts) {
        codes.push(assertThrows(() => attempt(context), ActorError).code);
      }
      return Behaviors.same();
    },
  ));
  kit.stop();
  assertEquals(codes, attempts.map(() => "actorStopped"));
});

Deno.test("watched actors end when the test says so", () => {
  const received: unknown[] = [];
  const target = new TestInbox<string>("target");
  const kit = BehaviorTestKit.create(Behaviors.receive<Command>((context, command) => {
    command(context);
    return Behaviors.same();
  }, (_context, signal) => {
    received.push(signal);
    return Behaviors.same();
  }));
  const ended: Signal = { type: "terminated", ref: target.ref, reason: "nodeDown" };
  assertCode("notWatched", () => kit.signal(ended), "/test does not watch /target");
  kit.run((context) => context.watch(target.ref));
  kit.expectEffect({ type: "watched", ref: target.ref });
  kit.signal(ended);
  assertEquals(received, [ended]);
  assertCode("notWatched", () => kit.signal(ended));
  kit.run((context) => {
    context.watch(target.ref);
    context.unwatch(target.ref);
  });
  assertCode("notWatched", () => kit.signal(ended));
  kit.retrieveEffects();
  const message = () => received.push("message");
  kit.run((context) => context.watchWith(target.ref, message));
  kit.expectEffect({ type: "watchedWith", ref: target.ref, message });
  kit.signal(ended);
  assertEquals(received, [ended, "message"]);
});

Deno.test("a child's failure is a signal like any other", () => {
  const seen: unknown[] = [];
  const kit = BehaviorTestKit.create(noting(seen));
  kit.signal({ type: "childFailed", ref: new TestInbox("child").ref, cause: new Error("x") });
  assertEquals(seen, ["childFailed"]);
  BehaviorTestKit.create(Behaviors.ignore())
    .signal({ type: "childFailed", ref: new TestInbox("child").ref, cause: 1 });
});

Deno.test("timers fire when the test says so", () => {
  const seen: unknown[] = [];
  const kit = BehaviorTestKit.create<string>(Behaviors.setup((context) => {
    context.timers.startSingle("once", "first", 10);
    context.timers.startSingle("once", "second", 20);
    context.timers.startFixedDelay("often", "tick", 1_000);
    context.timers.startSingle("never", "no", 5);
    context.timers.cancel("never");
    return noting(seen);
  }));
  kit.expectEffect({ type: "timerStarted", key: "once", delay: 10, repeated: false });
  kit.expectEffect({ type: "timerStarted", key: "once", message: "second", delay: 20 });
  kit.expectEffect({ type: "timerStarted", key: "often", delay: 1_000, repeated: true });
  kit.expectEffect({ type: "timerStarted", key: "never" });
  kit.expectEffect({ type: "timerCancelled", key: "never" });
  assertEquals(kit.activeTimers, ["once", "often"]);
  kit.fireTimer("once");
  kit.fireTimer("often");
  kit.fireTimer("often");
  assertEquals(seen, ["second", "tick", "tick"]);
  assertCode(
    "noSuchTimer",
    () => kit.fireTimer("once"),
    'no timer "once" is active; active: often',
  );
  kit.stop();
  assertCode("noSuchTimer", () => kit.fireTimer("often"), "there is none");
});

Deno.test("the receive timeout comes when the test says so", () => {
  const seen: unknown[] = [];
  const kit = BehaviorTestKit.create<string>(Behaviors.setup((context) => {
    context.setReceiveTimeout(500, "quiet");
    return Behaviors.receive((inner, message) => {
      seen.push(message);
      if (message === "enough") inner.cancelReceiveTimeout();
      return Behaviors.same();
    });
  }));
  kit.expectEffect({ type: "receiveTimeoutSet", timeout: 500, message: "quiet" });
  kit.fireReceiveTimeout();
  kit.fireReceiveTimeout();
  kit.run("enough");
  kit.expectEffect({ type: "receiveTimeoutCancelled" });
  assertCode("noSuchTimer", () => kit.fireReceiveTimeout(), "no receive timeout");
  assertEquals(seen, ["quiet", "quiet", "enough"]);
});

Deno.test("stashed messages come back in order, in the run that unstashes", () => {
  const seen: string[] = [];
  const open: Behavior<string> = Behaviors.receive((_context, message) => {
    seen.push(message);
    return message === "close" ? closed : Behaviors.same();
  });
  const closed: Behavior<string> = Behaviors.receive((context, message) => {
    if (message !== "open") {
      context.stash.add(message);
      return Behaviors.same();
    }
    assertEquals([context.stash.size, context.stash.capacity], [3, 1_000]);
    context.stash.unstashAll();
    return open;
  });
  const kit = BehaviorTestKit.create(closed);
  for (const message of ["a", "close", "b"]) kit.run(message);
  kit.expectEffect({ type: "stashed", message: "a" });
  kit.expectEffect({ type: "stashed", message: "close" });
  kit.expectEffect({ type: "stashed", message: "b" });
  kit.run("open");
  assertEquals(seen, ["a", "close"]);
  kit.expectEffect({ type: "unstashed", messages: ["a", "close", "b"] });
  kit.expectEffect({ type: "stashed", message: "b" });
});

Deno.test("a behaviour that stashes what it unstashes for ever is reported", () => {
  const kit = BehaviorTestKit.create(Behaviors.receive<number>((context, message) => {
    context.stash.add(message);
    context.stash.unstashAll();
    return Behaviors.same();
  }));
  assertCode("tooManyMessages", () => kit.run(1), "without an end");
});

Deno.test("a question is answered by the test, within its call", () => {
  type Message = { type: "go" } | { type: "got"; value: number } | { type: "lost"; error: string };
  const target = new TestInbox<ActorRef<number>>("target");
  const asking: Behavior<Message> = Behaviors.receive((context, message) => {
    if (message.type !== "go") return Behaviors.same();
    context.pipeToSelf(
      context.ask(target.ref, (replyTo: ActorRef<number>) => replyTo, { timeout: 70 }),
      (value) => ({ type: "got" as const, value }),
      (error) => ({ type: "lost" as const, error: (error as Error).message }),
    );
    return Behaviors.same();
  });
  const kit = BehaviorTestKit.create(asking);
  kit.run({ type: "go" });
  const asked = kit.expectEffect({ type: "asked", target: target.ref, timeout: 70 });
  kit.expectEffect({ type: "piped" });
  assert(target.receiveMessage() === asked.message);
  assert(!asked.answered);
  asked.reply(42);
  assert(asked.answered);
  kit.selfInbox.expectMessage({ type: "got", value: 42 });
  assertCode("alreadyAnswered", () => asked.reply(43), "the ask of /target");
  assertCode("alreadyAnswered", () => asked.fail(new Error("x")));

  kit.run({ type: "go" });
  kit.expectEffect({ type: "asked" }).fail(new Error("no answer"));
  kit.selfInbox.expectMessage({ type: "lost", error: "no answer" });

  kit.run({ type: "go" });
  const replyTo = target.receiveAll().at(-1)!;
  replyTo.tell(1);
  replyTo.tell(2);
  assertEquals(kit.selfInbox.receiveAll(), [{ type: "got", value: 1 }]);
});

Deno.test("a question that cannot be asked fails as in a system", async () => {
  const target = new TestInbox<ActorRef<number>>("target");
  const kit = BehaviorTestKit.create(obedient);
  const controller = new AbortController();
  const questions: Promise<unknown>[] = [];
  kit.run((context) => {
    const ask = (timeout: number, signal: AbortSignal, broken = false) =>
      questions.push(context.ask(target.ref, (replyTo: ActorRef<number>) => {
        if (broken) throw new Error("broken factory");
        return replyTo;
      }, { timeout, signal }));
    ask(-1, controller.signal);
    ask(5, controller.signal, true);
    ask(5, controller.signal);
    ask(5, AbortSignal.abort("earlier"));
  });
  controller.abort("enough");
  const failures = await Promise.allSettled(questions);
  assertEquals(
    failures.map((failure) =>
      failure.status === "rejected" && (failure.reason.code ?? failure.reason.message)
    ),
    ["badOption", "broken factory", "askAborted", "askAborted"],
  );
  assertEquals(target.receiveAll().length, 1);
});

Deno.test("what a promise comes to is in selfInbox when promises have settled", async () => {
  const kit = BehaviorTestKit.create<string>(Behaviors.receive((context, message) => {
    context.pipeToSelf(Promise.resolve(`${message}!`));
    context.pipeToSelf(Promise.reject(new Error("bad")), String, (error) => String(error));
    context.pipeToSelf(Promise.reject(new Error("nobody cares")), String);
    context.pipeToSelf(Promise.resolve(1), () => {
      throw new Error("cannot map");
    });
    context.pipeToSelf(Promise.resolve(1), () => {
      throw new Error("mapped otherwise");
    }, (error) => String(error));
    return Behaviors.same();
  }));
  kit.run("hello");
  assertEquals(kit.retrieveEffects().map(({ type }) => type), Array(5).fill("piped"));
  assert(!kit.selfInbox.hasMessages);
  await kit.settle();
  assertEquals(
    kit.selfInbox.receiveAll(),
    ["hello!", "Error: bad", "Error: mapped otherwise"],
  );
  assertEquals(
    kit.log.lines.map(({ level, message, fields }) =>
      [level, message, (fields.error as Error).message].join(": ")
    ).toSorted(),
    [
      "error: actor failed: a mapping of pipeToSelf has thrown: cannot map",
      "warn: pipeToSelf failed: nobody cares",
    ],
  );
});

Deno.test("an adapter brings its messages to selfInbox", () => {
  const seen: unknown[] = [];
  const map = (value: number) => `number ${value}`;
  let adapter: ActorRef<number> | undefined;
  const kit = BehaviorTestKit.create<string>(Behaviors.setup((context) => {
    adapter = context.messageAdapter(map);
    assert(context.messageAdapter(map) === adapter);
    assert(context.messageAdapter((value: number) => String(value)) !== adapter);
    return noting(seen);
  }));
  kit.expectEffect({ type: "messageAdapterMade", ref: adapter!, map });
  kit.expectEffect({ type: "messageAdapterMade" });
  kit.expectNoEffects();
  adapter!.tell(5);
  assertEquals(kit.runOne(), "number 5");
  assertEquals(seen, ["number 5"]);
  assertCode("inboxEmpty", () => kit.runOne(), "nothing was told to /test");
});

Deno.test("messages to itself wait in selfInbox", () => {
  const kit = BehaviorTestKit.create(obedient);
  const message = () => {};
  kit.run((context) => context.self.tell(message));
  assert(kit.runOne() === message);
});

Deno.test("log lines are recorded under the actor's path", () => {
  const kit = BehaviorTestKit.create(obedient, { name: "talker" });
  kit.run(({ log }) => {
    log.debug("a");
    log.info("b", { x: 1 });
    log.warn("c");
    log.error("d");
  });
  assertEquals(kit.log.lines.map(({ level, source }) => `${level} ${source}`), [
    "debug /talker",
    "info /talker",
    "warn /talker",
    "error /talker",
  ]);
  assertEquals(kit.log.find({ level: "info" })?.fields, { x: 1 });
});

Deno.test("what a handler throws goes to the test, whatever the supervision", () => {
  const strategy = { maxRestarts: 2 };
  const failing = Behaviors.receive<string>(() => {
    throw new Error("broken");
  });
  const kit = BehaviorTestKit.create(Behaviors.supervise(failing, strategy));
  kit.expectEffect({ type: "supervised", strategy });
  assertThrows(() => kit.run("go"), Error, "broken");
  assert(kit.isAlive);
  assert(kit.currentBehavior === failing);
  assertThrows(
    () =>
      BehaviorTestKit.create(Behaviors.setup(() => {
        throw new Error("no start");
      })),
    Error,
    "no start",
  );
});

Deno.test("a behaviour that wraps all its successors is supervised once", () => {
  const strategy = {};
  const next: Behavior<string> = Behaviors.supervise(Behaviors.receive(() => next), strategy);
  const kit = BehaviorTestKit.create(next);
  for (const message of ["a", "b", "c"]) kit.run(message);
  assertEquals(kit.retrieveEffects(), [{ type: "supervised", strategy }]);
});

Deno.test("hooks run at the start, at the end and around a restart", () => {
  const steps: string[] = [];
  const hooks = (name: string) => ({
    preStart: () => void steps.push(`${name} preStart`),
    postStop: () => void steps.push(`${name} postStop`),
    preRestart: (_context: unknown, cause: unknown) =>
      void steps.push(`${name} preRestart ${cause}`),
    postRestart: () => void steps.push(`${name} postRestart`),
  });
  const inner = Behaviors.setup<string>((context) => {
    steps.push("setup");
    context.timers.startSingle("t", "fired", 1);
    return noting(steps, { again: Behaviors.restart() });
  });
  const kit = BehaviorTestKit.create(
    Behaviors.withLifecycle(Behaviors.withLifecycle(inner, hooks("in")), hooks("out")),
  );
  assertEquals(steps.splice(0), ["out preStart", "in preStart", "setup"]);
  kit.run("again");
  assertEquals(steps.splice(0), [
    "again",
    "preRestart",
    "in preRestart undefined",
    "out preRestart undefined",
    "out preStart",
    "in preStart",
    "setup",
    "out postRestart",
    "in postRestart",
  ]);
  kit.signal({ type: "preRestart", cause: "fire" });
  assert(steps.splice(0).includes("in preRestart fire"));
  assertEquals(kit.activeTimers, ["t"]);
  kit.stop();
  assertEquals(steps, ["postStop", "in postStop", "out postStop"]);
  assertEquals(kit.retrieveEffects().map(({ type }) => type), [
    "timerStarted",
    "restarted",
    "timerStarted",
    "restarted",
    "timerStarted",
  ]);
});

Deno.test("a restart leaves nothing behind but the stash, which is handled", () => {
  const seen: unknown[] = [];
  const target = new TestInbox("target");
  const first = Behaviors.setup<string>((context) => {
    seen.push(`setup with ${context.children.length} children`);
    return Behaviors.receive((inner, message) => {
      seen.push(message);
      if (message === "later" && seen.length < 4) {
        inner.stash.add(message);
        inner.spawn(Behaviors.ignore(), "child");
        inner.watch(target.ref);
        inner.setReceiveTimeout(1, "quiet");
      }
      return message === "again" ? Behaviors.restart() : Behaviors.same();
    });
  });
  const kit = BehaviorTestKit.create(first);
  kit.run("later");
  kit.run("again");
  assertEquals(seen, [
    "setup with 0 children",
    "later",
    "again",
    "setup with 0 children",
    "later",
  ]);
  assertCode("noSuchTimer", () => kit.fireReceiveTimeout());
  assertCode(
    "notWatched",
    () => kit.signal({ type: "terminated", ref: target.ref, reason: "stopped" }),
  );
});

Deno.test("interceptors and spies are applied, to later behaviours as well", () => {
  const seen: unknown[] = [];
  const observer = new TestInbox<SpyEvent>("observer");
  const second = noting(seen);
  const first = noting(seen, { "next!": second });
  const kit = BehaviorTestKit.create(Behaviors.spy(
    Behaviors.intercept(first, {
      onMessage: (_context, message, next) =>
        message === "skip" ? Behaviors.same() : next(`${message}!`),
    }),
    observer.ref,
  ));
  assert(kit.currentBehavior === first);
  kit.run("next");
  assert(kit.currentBehavior === second);
  kit.run("skip");
  kit.run("a");
  kit.stop();
  assertEquals(seen, ["next!", "a!", "postStop"]);
  assertEquals(observer.receiveAll().map(({ path, kind, event }) => [path, kind, event]), [
    ["/test", "message", "next"],
    ["/test", "message", "skip"],
    ["/test", "message", "a"],
    ["/test", "signal", { type: "postStop" }],
  ]);
});

Deno.test("a handler that gives a promise needs runAsync", async () => {
  const seen: string[] = [];
  const asking = Behaviors.receive<string>(async (context, message) => {
    seen.push(message);
    const answer = await context.ask(
      new TestInbox<ActorRef<string>>("oracle").ref,
      (replyTo: ActorRef<string>) => replyTo,
    );
    seen.push(answer);
    return Behaviors.stopped();
  });
  const kit = BehaviorTestKit.create(asking);
  const running = kit.runAsync("question");
  assertEquals(seen, ["question"], "the first part runs at once");
  assertCode("stillRunning", () => kit.run("another"));
  kit.expectEffect({ type: "asked" }).reply("answer");
  await running;
  assertEquals([seen, kit.isAlive], [["question", "answer"], false]);

  const other = BehaviorTestKit.create(asking);
  assertCode("asyncHandler", () => other.run("question"), "use createAsync, runAsync");
  other.expectEffect({ type: "asked" }).fail(new Error("nobody waits for this any more"));
  await other.settle();
});

Deno.test("what an async handler throws goes to the test", async () => {
  const kit = BehaviorTestKit.create(Behaviors.receive<string>(async (_context, message) => {
    await Promise.resolve();
    throw new Error(`cannot ${message}`);
  }));
  await assertRejects(() => kit.runAsync("jump"), Error, "cannot jump");
  await assertRejects(() => kit.runAsync("sing"), Error, "cannot sing");
  assert(kit.isAlive);
});

Deno.test("setups, hooks, signals and timers may take their time as well", async () => {
  const seen: string[] = [];
  const behavior = Behaviors.withLifecycle<string>(
    Behaviors.setup(async (context) => {
      await Promise.resolve();
      context.timers.startSingle("t", "fired", 1);
      seen.push("setup");
      return Behaviors.receive<string>(async (_context, message) => {
        await Promise.resolve();
        seen.push(message);
        return Behaviors.same();
      }, async (_context, signal) => {
        await Promise.resolve();
        seen.push(signal.type);
        return Behaviors.same();
      });
    }),
    {
      preStart: async () => {
        await Promise.resolve();
        seen.push("preStart");
      },
      postStop: () => void seen.push("hook"),
    },
  );
  assertCode("asyncHandler", () => BehaviorTestKit.create(behavior));
  await Promise.resolve();
  seen.length = 0;
  const kit = await BehaviorTestKit.createAsync(behavior);
  await kit.fireTimerAsync("t");
  await kit.signalAsync({ type: "postStop" });
  assertEquals(seen, ["preStart", "setup", "fired", "postStop", "hook"]);
  await assertRejects(() => kit.fireTimerAsync("t"), TestkitError, "there is none");
});

Deno.test("a kit that is run from within a handler says so", () => {
  const kit: BehaviorTestKit<string> = BehaviorTestKit.create<string>(
    Behaviors.receive((_context, message) => {
      kit.run(message);
      return Behaviors.same();
    }),
  );
  assertCode("stillRunning", () => kit.run("a"), "await runAsync before the next");
});

Deno.test("a behaviour that gives something else is reported", () => {
  const kit = BehaviorTestKit.create(Behaviors.receive<string>(() => 5 as never));
  assertEquals(assertThrows(() => kit.run("a"), ActorError).code, "badBehavior");
});

Deno.test("the system that the behaviour sees is one on virtual time", async () => {
  const kit = BehaviorTestKit.create(obedient);
  kit.run((context) => {
    assert(context.system === kit.system);
    assertEquals(context.system.runtime.clock.now(), 0);
  });
  assert(kit.system !== BehaviorTestKit.create(obedient).system);
  await kit.system.shutdown();
});

Deno.test("expectEffect tells what it expected, what came and what else there is", () => {
  const target = new TestInbox("target");
  const kit = BehaviorTestKit.create(obedient);
  assertCode(
    "expectationFailed",
    () => kit.expectEffect({ type: "watched" }),
    '/test expected the effect { type: "watched" }, but there was none\neffects: nothing',
  );
  kit.expectNoEffects();
  kit.run((context) => {
    context.watch(target.ref);
    context.timers.cancel("t");
  });
  const error = assertCode(
    "expectationFailed",
    () => kit.expectEffect({ type: "watched", ref: kit.ref }),
    '{ type: "watched", ref: </test> }, but got { type: "watched", ref: </target> }',
  );
  assert(error.message.includes('- { type: "timerCancelled", key: "t" }'), error.message);
  assertCode("expectationFailed", () => kit.expectEffect({ type: "unwatched", ref: target.ref }));
  assertCode("expectationFailed", () => kit.expectNoEffects(), "expected no effect");
  assertEquals(kit.effects.length, 2, "an expectation that fails takes nothing out");
  kit.expectEffect({ type: "watched", ref: target.ref });
  // @ts-expect-error: an effect of this type has no such field
  assertThrows(() => kit.expectEffect({ type: "timerCancelled", delay: 5 }), TestkitError);
  assertEquals(kit.retrieveEffects(), [{ type: "timerCancelled", key: "t" }]);
  kit.expectNoEffects();
});

Deno.test("an inbox gives its messages in order", () => {
  const inbox = new TestInbox<{ n: number }>("mine");
  assertEquals(inbox.ref.path, "/mine");
  assertCode("inboxEmpty", () => inbox.receiveMessage(), "nothing was told to /mine");
  assertCode(
    "expectationFailed",
    () => inbox.expectMessage({ n: 1 }),
    "/mine expected { n: 1 }, but nothing came",
  );
  for (const n of [1, 2, 3]) inbox.ref.tell({ n });
  assertEquals(inbox.receiveMessage(), { n: 1 });
  assertCode(
    "expectationFailed",
    () => inbox.expectMessage({ n: 9 }),
    "expected { n: 9 }, but got { n: 2 }",
  );
  inbox.expectMessage({ n: 2 });
  assert(inbox.hasMessages);
  assertEquals(inbox.receiveAll(), [{ n: 3 }]);
  assert(!inbox.hasMessages);
});

Deno.test("a behaviour of an entity sees the id, the epoch and the deadline that the test gives it", () => {
  const seen: unknown[] = [];
  const entity = Behaviors.setup<string>((context) => {
    seen.push(context.entityId, context.epoch, context.deadline);
    return Behaviors.receive(() => Behaviors.same());
  });
  BehaviorTestKit.create(entity, { entityId: "alice", grantEpoch: 3, deadline: 500 });
  BehaviorTestKit.create(entity);
  assertEquals(seen, ["alice", 3, 500, "", 0, undefined]);
});
