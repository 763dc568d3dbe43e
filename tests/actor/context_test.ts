import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { VirtualSystem } from "./virtual_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";

/** Pushes what it is told. */
const into = <T>(list: T[]): Behavior<T> =>
  Behaviors.receive((_context, message) => {
    list.push(message);
    return Behaviors.same();
  });

// --- stash ---

type Stashing = "open" | "close" | "stop" | "fail" | number;

/** Stashes numbers while closed; handles them in order when opened. */
const door = (handled: number[]): Behavior<Stashing> => {
  const closed: Behavior<Stashing> = Behaviors.receive((context, message) => {
    if (message === "stop") return Behaviors.stopped();
    if (message === "fail") throw new Error("told to");
    if (message !== "open") {
      context.stash.add(message);
      return Behaviors.same();
    }
    context.stash.unstashAll();
    return opened;
  });
  const opened: Behavior<Stashing> = Behaviors.receive((_context, message) => {
    if (message === "close") return closed;
    if (message === "stop") return Behaviors.stopped();
    if (typeof message === "number") handled.push(message);
    return Behaviors.same();
  });
  return closed;
};

Deno.test("stashed messages are handled in order, before what waits in the mailbox", async () => {
  await using virtual = new VirtualSystem();
  const handled: number[] = [];
  const ref = virtual.system.spawn(door(handled), "door");
  for (const message of [1, 2, "open", 3, "close", 4, 5] as const) ref.tell(message);
  await virtual.settle();
  assertEquals(handled, [1, 2, 3]);
  assertEquals(virtual.system.ledger.snapshot().inFlight, 2);
  ref.tell("open");
  await virtual.settle();
  assertEquals(handled, [1, 2, 3, 4, 5]);
});

Deno.test("whatever opens and closes when, nothing stashed is lost or out of order", async () => {
  const actions = fc.array(fc.constantFrom("tell", "open", "close"), { maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(actions, async (all) => {
      await using virtual = new VirtualSystem();
      const handled: number[] = [];
      const ref = virtual.system.spawn(door(handled), "door");
      let told = 0;
      for (const action of all) {
        // Closing twice would stash the word itself.
        if (action === "close") ref.tell("open");
        ref.tell(action === "tell" ? told++ : action as Stashing);
      }
      ref.tell("open");
      await virtual.settle();
      assertEquals(handled, Array.from({ length: told }, (_, index) => index));
    }),
    { numRuns: 40 },
  );
});

Deno.test("a full stash is a clear error, and the actor's supervision decides", async () => {
  await using virtual = new VirtualSystem();
  const handled: number[] = [];
  const restarted = virtual.events("actorRestarted");
  const ref = virtual.system.spawn(Behaviors.supervise(door(handled)), "door", {
    stashCapacity: 2,
  });
  for (const message of [1, 2, 3] as const) ref.tell(message);
  await virtual.settle();
  const { cause } = restarted[0] as unknown as { cause: ActorError };
  assertEquals([cause.code, cause.value], ["stashFull", 2]);
  assert(cause.message.includes("stashCapacity"));
  // What was stashed went back to the mailbox, and was stashed again.
  ref.tell("open");
  await virtual.settle();
  assertEquals(handled, [1, 2]);
});

Deno.test("what is stashed when the actor stops is dead letters, and what it fails with goes back", async () => {
  await using virtual = new VirtualSystem();
  const handled: number[] = [];
  const ref = virtual.system.spawn(Behaviors.supervise(door(handled)), "door");
  for (const message of [1, 2, "fail", "open", "close", 3, 4, "stop"] as const) ref.tell(message);
  await virtual.settle();
  assertEquals(handled, [1, 2]);
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 2 });
});

Deno.test("the stash counts against the capacity of the mailbox", async () => {
  await using virtual = new VirtualSystem();
  const handled: number[] = [];
  const ref = virtual.system.spawn(door(handled), "door", { mailbox: { capacity: 3 } });
  ref.tell(1);
  ref.tell(2);
  await virtual.settle();
  ref.tell("open");
  ref.tell(3);
  await virtual.settle();
  assertEquals(handled, [1, 2]);
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { mailboxFull: 1 });
});

// --- message adapters ---

Deno.test("an adapter lets an actor take another protocol", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  let adapter: ActorRef<number> | undefined;
  let again: ActorRef<number> | undefined;
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      const map = (n: number) => `number ${n}`;
      adapter = context.messageAdapter(map);
      again = context.messageAdapter(map);
      return into(heard);
    }),
    "adapted",
  );
  await virtual.settle();
  adapter!.tell(5);
  await virtual.settle();
  assertEquals(heard, ["number 5"]);
  assertEquals(adapter, again);
});

Deno.test("an adapter is found by its path while its actor runs", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  let adapter: ActorRef<number> | undefined;
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      adapter = context.messageAdapter((n: number) => `${n}`);
      return into(heard);
    }),
    "adapted",
  );
  await virtual.settle();
  const { deliver, resolve } = internalsOf(virtual.system);
  const { path, uid } = adapter as unknown as { path: string; uid: number };
  assertEquals(resolve(path, uid), adapter as never);
  assertEquals(resolve(path, uid + 1), undefined);
  assertEquals(deliver(path, uid, 7), undefined);
  await virtual.settle();
  assertEquals(heard, ["7"]);
  await virtual.clock.resolve(virtual.system.stop(ref));
  adapter!.tell(8);
  assertEquals(deliver(path, uid, 9), "noSuchActor");
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 1, noSuchActor: 1 });
});

Deno.test("an adapter that throws is a failure of the actor, not of the sender", async () => {
  await using virtual = new VirtualSystem();
  const restarted = virtual.events("actorRestarted");
  let adapter: ActorRef<number> | undefined;
  virtual.system.spawn(
    Behaviors.supervise(Behaviors.setup<string>((context) => {
      adapter = context.messageAdapter(() => {
        throw new Error("cannot map");
      });
      return Behaviors.ignore();
    })),
    "adapted",
  );
  await virtual.settle();
  adapter!.tell(5);
  await virtual.settle();
  assertEquals(restarted.length, 1);
});

// --- receive timeout ---

Deno.test("a receive timeout comes after a quiet time, again and again, until it is cancelled", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const at = () => virtual.clock.now();
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.setReceiveTimeout(100, "idle");
      return Behaviors.receive((_context, message) => {
        heard.push(`${at()} ${message}`);
        if (message === "cancel") context.cancelReceiveTimeout();
        return Behaviors.same();
      });
    }),
    "quiet",
  );
  await virtual.clock.advance(99);
  ref.tell("a");
  await virtual.clock.advance(99);
  ref.tell("b");
  await virtual.clock.advance(250);
  ref.tell("cancel");
  await virtual.clock.advance(1_000);
  assertEquals(heard, ["99 a", "198 b", "298 idle", "398 idle", "448 cancel"]);
});

Deno.test("an actor that is busy is not idle, however long a handler takes", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const release = Promise.withResolvers<void>();
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.setReceiveTimeout(100, "idle");
      return Behaviors.receive(async (_context, message) => {
        if (message === "slow") await release.promise;
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "busy",
  );
  ref.tell("slow");
  await virtual.clock.advance(1_000);
  release.resolve();
  ref.tell("next");
  await virtual.settle();
  assertEquals(heard, ["slow", "next"]);
  await virtual.clock.advance(100);
  assertEquals(heard, ["slow", "next", "idle"]);
});

Deno.test("a receive timeout that no timer knows is refused", async () => {
  await using virtual = new VirtualSystem();
  const codes: string[] = [];
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      for (const timeout of [0, -1, NaN, Infinity]) {
        const error = assertThrows(() => context.setReceiveTimeout(timeout, "x"), OptionError);
        codes.push(error.code);
      }
      return Behaviors.ignore();
    }),
    "wrong",
  );
  await virtual.settle();
  assertEquals(codes, Array(4).fill("badOption"));
});

// --- watchWith ---

Deno.test("watchWith gives a message instead of the signal, in order, once", async () => {
  await using virtual = new VirtualSystem();
  const heard: unknown[] = [];
  const targets = ["a", "b", "c"].map((name) => virtual.system.spawn(Behaviors.ignore(), name));
  const stopped = virtual.system.spawn(Behaviors.stopped() as Behavior<string>, "gone");
  await virtual.settle();
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.watch(targets[0]!);
      context.watchWith(targets[0]!, "a is gone");
      context.watchWith(targets[1]!, "b is gone");
      context.unwatch(targets[1]!);
      context.watchWith(targets[2]!, "c is gone");
      context.watch(targets[2]!);
      context.watchWith(stopped, "gone before");
      return Behaviors.receive((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      }, (_context, signal) => {
        if (signal.type === "terminated") heard.push(signal.ref.path);
        return Behaviors.same();
      });
    }),
    "watcher",
  );
  await virtual.settle();
  for (const target of targets) await virtual.clock.resolve(virtual.system.stop(target));
  await virtual.settle();
  assertEquals(heard, ["gone before", "a is gone", "/c"]);
});

// --- children and names ---

Deno.test("children have checked names that are free again when they have stopped", async () => {
  await using virtual = new VirtualSystem();
  const codes: string[] = [];
  let parent: ActorContext<string> | undefined;
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      parent = context;
      const first = context.spawn(Behaviors.ignore(), "child");
      context.spawn(Behaviors.ignore());
      context.spawn(Behaviors.ignore());
      for (const name of ["child", "a/b", "", "_x", "ü", "x".repeat(257)]) {
        codes.push(assertThrows(() => context.spawn(Behaviors.ignore(), name), ActorError).code);
      }
      context.stop(first);
      return Behaviors.ignore();
    }),
    "parent",
  );
  await virtual.settle();
  assertEquals(codes, ["duplicateName", "badName", "badName", "badName", "badName", "badName"]);
  assertEquals(parent!.children.map(({ path }) => path), ["/parent/$1", "/parent/$2"]);
  parent!.spawn(Behaviors.ignore(), "child");
  assertEquals(virtual.system.lookup("/parent/child")?.path, "/parent/child");
});

Deno.test("an actor that has stopped can have no children, timers, stash or adapters", async () => {
  await using virtual = new VirtualSystem();
  const codes: string[] = [];
  const ref = virtual.system.spawn(
    Behaviors.receive<string>(() => Behaviors.same(), (context) => {
      for (
        const attempt of [
          () => context.spawn(Behaviors.ignore(), "late"),
          () => context.timers.startSingle("late", "x", 1),
          () => context.messageAdapter((n: number) => `${n}`),
          () => context.setReceiveTimeout(5, "x"),
          () => context.stash.add("x"),
        ]
      ) codes.push(assertThrows(attempt, ActorError).code);
      return Behaviors.same();
    }),
    "stopping",
  );
  await virtual.settle();
  await virtual.clock.resolve(virtual.system.stop(ref));
  assertEquals(codes, Array(5).fill("actorStopped"));
});

Deno.test("an adapter maps in the turn of its actor, when the messages before are handled", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  let state = "initial";
  let adapter: ActorRef<number> | undefined;
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      adapter = context.messageAdapter((n: number) => `${n} when ${state}`);
      return Behaviors.receive((_context, message) => {
        if (message === "change") state = "changed";
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "adapted",
  );
  await virtual.settle();
  ref.tell("change");
  adapter!.tell(1);
  assertEquals(heard, []);
  await virtual.settle();
  assertEquals(heard, ["change", "1 when changed"]);
});

Deno.test("an adapter that throws costs its message, in order, under the actor's supervision", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  let adapter: ActorRef<number> | undefined;
  const ref = virtual.system.spawn(
    Behaviors.supervise(
      Behaviors.setup<string>((context) => {
        adapter = context.messageAdapter((n: number) => {
          if (n === 0) throw new Error("cannot map");
          return `number ${n}`;
        });
        return into(heard);
      }),
      { decider: () => "resume" },
    ),
    "adapted",
  );
  await virtual.settle();
  ref.tell("before");
  for (const n of [1, 0, 2]) adapter!.tell(n);
  ref.tell("after");
  await virtual.settle();
  assertEquals(heard, ["before", "number 1", "number 2", "after"]);
  assertEquals(virtual.lines.map(({ message }) => message), ["actor failed; resuming"]);
});

Deno.test("the mailbox measures what comes through an adapter by itself, and sizeOf its own messages", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const measured: string[] = [];
  let adapter: ActorRef<{ n: number }> | undefined;
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      adapter = context.messageAdapter(({ n }: { n: number }) => `number ${n}`);
      return into(heard);
    }),
    "adapted",
    {
      mailbox: {
        maxBytes: 1_000,
        sizeOf: (message: string) => {
          measured.push(message.toUpperCase());
          return message.length;
        },
      },
    },
  );
  await virtual.settle();
  adapter!.tell({ n: 1 });
  ref.tell("own");
  await virtual.settle();
  assertEquals([heard, measured], [["number 1", "own"], ["OWN"]]);
});

Deno.test("with checkMessages an adapter's message is checked as it was mapped", async () => {
  await using virtual = new VirtualSystem({ checkMessages: true });
  const heard: object[] = [];
  let adapter: ActorRef<{ n: () => number }> | undefined;
  virtual.system.spawn(
    Behaviors.setup<object>((context) => {
      adapter = context.messageAdapter((value: { n: () => number }) => ({ n: value.n() }));
      return Behaviors.receive((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "adapted",
  );
  await virtual.settle();
  const value = { n: () => 1 };
  adapter!.tell(value);
  await virtual.settle();
  assertEquals(heard, [{ n: 1 }]);
  assertEquals([Object.isFrozen(value), Object.isFrozen(heard[0])], [false, true]);
  assertEquals(virtual.lines, []);
});

// --- pipeToSelf ---

Deno.test("pipeToSelf: the result itself, mapped, or the failure; what fails without a map is logged", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.pipeToSelf(Promise.resolve("as it is"));
      context.pipeToSelf(Promise.resolve(5), (n) => `mapped ${n}`);
      context.pipeToSelf(Promise.reject(new Error("a")), () => "", (e) => `failed ${e}`);
      context.pipeToSelf(Promise.reject(new Error("b")) as Promise<string>);
      return into(heard);
    }),
    "piping",
  );
  await virtual.settle();
  assertEquals(heard.toSorted(), ["as it is", "failed Error: a", "mapped 5"]);
  const warnings = virtual.lines.filter(({ message }) => message === "pipeToSelf failed");
  assertEquals(warnings.map(({ source, level }) => `${source} ${level}`), ["/piping warn"]);
});

for (const catches of [true, false]) {
  const what = catches ? "goes to onRejected" : "fails the actor";
  Deno.test(`a mapping of pipeToSelf that throws ${what}`, async () => {
    await using virtual = new VirtualSystem();
    const heard: string[] = [];
    const restarted = virtual.events("actorRestarted");
    let starts = 0;
    virtual.system.spawn(
      Behaviors.supervise(Behaviors.setup<string>((context) => {
        if (++starts === 1) {
          context.pipeToSelf(
            Promise.resolve("{not json"),
            (text) => JSON.parse(text) as string,
            catches ? (reason) => `rejected: ${(reason as Error).name}` : undefined,
          );
        }
        return into(heard);
      })),
      "piping",
    );
    await virtual.settle();
    assertEquals(heard, catches ? ["rejected: SyntaxError"] : []);
    assertEquals(restarted.length, catches ? 0 : 1);
  });
}

Deno.test("an onRejected of pipeToSelf that throws fails the actor", async () => {
  await using virtual = new VirtualSystem();
  const stopped = virtual.events("actorStopped");
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.pipeToSelf(Promise.reject(new Error("lost")), String, () => {
        throw new Error("cannot map");
      });
      return Behaviors.ignore();
    }),
    "piping",
  );
  await virtual.settle();
  assertEquals(stopped.map((event) => String((event as { cause?: unknown }).cause)), [
    "Error: cannot map",
  ]);
});

Deno.test("the mailbox is handled while a pipe waits, and results come in the order of their ends", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  const ends = [0, 1, 2].map(() => Promise.withResolvers<string>());
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      for (const { promise } of ends) context.pipeToSelf(promise);
      return into(heard);
    }),
    "piping",
  );
  ref.tell("meanwhile");
  await virtual.settle();
  for (const index of [2, 0, 1]) {
    ends[index]!.resolve(`end ${index}`);
    await virtual.settle();
  }
  assertEquals(heard, ["meanwhile", "end 2", "end 0", "end 1"]);
});

Deno.test("a result of a pipe after the actor has stopped is a dead letter", async () => {
  await using virtual = new VirtualSystem();
  const end = Promise.withResolvers<string>();
  const ref = virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.pipeToSelf(end.promise);
      return Behaviors.ignore();
    }),
    "piping",
  );
  await virtual.settle();
  await virtual.clock.resolve(virtual.system.stop(ref));
  end.resolve("late");
  await virtual.settle();
  assertEquals(virtual.system.ledger.snapshot().deadLetters, { stopped: 1 });
});

Deno.test("log lines carry the actor's path", async () => {
  await using virtual = new VirtualSystem();
  virtual.system.spawn(
    Behaviors.setup<string>((context) => {
      context.log.info("here", { count: 3 });
      return Behaviors.ignore();
    }),
    "logging",
  );
  await virtual.settle();
  assertEquals(virtual.lines, [
    { level: "info", source: "/logging", message: "here", fields: { count: 3 } },
  ]);
});
