import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AskError } from "../../../lib/actor/errors.ts";
import { ActorSystem } from "../../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import {
  type DurableContext,
  durableState,
  type Effect,
  type EventSourced,
  eventSourced,
  type Journal,
  memoryJournal,
  PersistenceError,
  type PersistenceErrorCode,
  persistenceId,
  type Reminders,
} from "../../../lib/persistence/mod.ts";
import { silentLogger } from "../../../lib/runtime/logger.ts";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { HeldJournal } from "../faulty_journal.ts";

/** Changes reminders by a function: the tests are about these. */
type Command =
  | { type: "do"; change: (reminders: Reminders<Command>) => void; replyTo: ActorRef<string[]> }
  | { type: "list"; replyTo: ActorRef<string[]> }
  | { type: "ring"; name: string };
type State = readonly string[];
type Handler = EventSourced<Command, string, State>["onCommand"];
type SyncHandler = (...args: Parameters<Handler>) => Effect<string, State>;

const id = persistenceId("alarm", "a");
const ring = (name: string): Command => ({ type: "ring", name });

const handle: SyncHandler = (context, state, command, effect) => {
  switch (command.type) {
    case "do":
      command.change(context.reminders);
      return effect.persist("changed").thenReply(command.replyTo, (after) => [...after]);
    case "list":
      return effect.reply(command.replyTo, [...state]);
    case "ring":
      return effect.persist(`${command.name} ${context.reminders.current?.key}`);
  }
};

class Bench {
  readonly clock = new ManualClock();
  readonly held: HeldJournal;
  readonly #memory: Journal;
  #system: ActorSystem | undefined;
  #ref: ActorRef<Command> | undefined;
  #count = 0;

  constructor(memory: Journal = memoryJournal()) {
    this.#memory = memory;
    this.held = new HeldJournal(memory);
  }

  /** Starts the actor, at the clock's time. */
  start(
    onCommand: Handler = handle,
    more: Partial<EventSourced<Command, string, State>> = {},
    decider: () => "restart" | "resume" = () => "restart",
  ): this {
    this.#system ??= new ActorSystem({ runtime: { clock: this.clock, logger: silentLogger } });
    const behavior = eventSourced<Command, string, State>({
      id,
      journal: this.held.journal,
      initial: [],
      onCommand,
      onEvent: (state, event) => [...state, event],
      ...more,
    });
    this.#ref = this.#system.spawn(
      Behaviors.supervise(behavior, { maxRestarts: 100, decider }),
      `a${++this.#count}`,
    );
    return this;
  }

  async stop(): Promise<void> {
    await this.clock.resolve(this.#system!.stop(this.#ref!));
  }

  do(change: (reminders: Reminders<Command>) => void): Promise<string[]> {
    return this.clock.resolve(
      this.#system!.ask(this.#ref!, (replyTo) => ({ type: "do", change, replyTo })),
    );
  }

  async rung(): Promise<string[]> {
    const state = await this.clock.resolve(
      this.#system!.ask(this.#ref!, (replyTo) => ({ type: "list", replyTo })),
    );
    return state.filter((event) => event !== "changed");
  }

  /** Events in the store, with the entries of the metadata beside them. */
  async stored(): Promise<{ events: number; withMetadata: number }> {
    let [events, withMetadata] = [0, 0];
    for await (const { payload, metadata } of this.#memory.read(id)) {
      if (payload.length > 0) events++;
      if (metadata !== undefined) withMetadata++;
    }
    return { events, withMetadata };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.#system!.shutdown());
  }
}

Deno.test("reminders arrive as commands when they are due", async () => {
  await using bench = new Bench().start();
  await bench.do((reminders) => {
    reminders.once("once", 5_000, ring("o"));
    reminders.once("date", new Date(bench.clock.wallTime() + 7_000), ring("d"));
    reminders.every("every", 4_000, ring("e"));
  });
  await bench.clock.advance(4_999);
  assertEquals(await bench.rung(), ["e every"]);
  await bench.clock.advance(8_000);
  assertEquals(await bench.rung(), ["e every", "o once", "d date", "e every", "e every"]);
});

Deno.test("cron reminders arrive at their times in their zone", async () => {
  await using bench = new Bench().start();
  const dues: number[] = [];
  const onCommand: Handler = (context, state, command, effect) => {
    if (command.type === "ring") dues.push(context.reminders.current!.due);
    return handle(context, state, command, effect);
  };
  await bench.stop();
  bench.start(onCommand);
  await bench.do((reminders) =>
    reminders.cron("night", { expression: "30 2 * * *", timeZone: "Europe/Berlin" }, ring("n"))
  );
  await bench.clock.advance(3 * 86_400_000);
  assertEquals(dues.length, 3);
  const shown = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Berlin", timeStyle: "short" });
  assertEquals(dues.map((due) => shown.format(due)), ["02:30", "02:30", "02:30"]);
});

Deno.test("reminders are there after a restart, and times that have passed are one", async () => {
  await using bench = new Bench();
  const dues: number[] = [];
  const onCommand: Handler = (context, state, command, effect) => {
    if (command.type === "ring") dues.push(context.reminders.current!.due);
    return handle(context, state, command, effect);
  };
  bench.start(onCommand);
  const begun = bench.clock.wallTime();
  await bench.do((reminders) => {
    reminders.once("once", 5_000, ring("o"));
    reminders.every("every", 4_000, ring("e"));
  });
  await bench.stop();
  await bench.clock.advance(3_601_000);
  bench.start(onCommand);
  assertEquals(await bench.rung(), []);
  await bench.clock.advance(1);
  assertEquals(await bench.rung(), ["e every", "o once"]);
  await bench.clock.advance(3_000);
  // 3 604 000 is the next time of the rhythm.
  assertEquals(dues.map((due) => due - begun), [4_000, 5_000, 3_604_000]);
});

Deno.test("the mark of a due time is in the append of what its command persists", async () => {
  await using bench = new Bench().start();
  await bench.do((reminders) => reminders.once("once", 5_000, ring("o")));
  const before = bench.held.appends.length;
  await bench.clock.advance(5_000);
  const [entry, ...more] = bench.held.appends.slice(before);
  assertEquals(more.length, 0);
  assertEquals(entry!.events.length, 1);
  assert(entry!.events[0]!.payload.length > 0 && entry!.events[0]!.metadata !== undefined);
});

Deno.test("a command of a reminder that persists nothing is marked as well", async () => {
  await using bench = new Bench();
  let rings = 0;
  const onCommand: Handler = (context, state, command, effect) => {
    if (command.type !== "ring") return handle(context, state, command, effect);
    rings++;
    return effect.none();
  };
  bench.start(onCommand);
  await bench.do((reminders) => reminders.once("once", 5_000, ring("o")));
  await bench.clock.advance(10_000);
  await bench.stop();
  bench.start(onCommand);
  await bench.clock.advance(10_000);
  assertEquals([rings, (await bench.stored()).events], [1, 1]);
});

Deno.test("a reminder whose append has failed before the commit arrives again", async () => {
  await using bench = new Bench().start();
  await bench.do((reminders) => reminders.once("once", 5_000, ring("o")));
  bench.held.fault = { type: "before", error: new PersistenceError("storeUnavailable", "away") };
  await bench.clock.advance(5_000);
  await bench.clock.advance(70_000);
  assertEquals(await bench.rung(), ["o once"]);
});

Deno.test("a reminder whose append was done and not confirmed does not arrive again", async () => {
  await using bench = new Bench().start();
  await bench.do((reminders) => reminders.every("every", 60_000, ring("e")));
  bench.held.fault = { type: "after", error: new PersistenceError("outcomeUnknown", "cut") };
  await bench.clock.advance(60_000);
  await bench.clock.advance(59_000);
  assertEquals(await bench.rung(), ["e every"]);
  await bench.clock.advance(1_000);
  assertEquals(await bench.rung(), ["e every", "e every"]);
});

Deno.test("what a command changes is stored with its events, or not at all", async () => {
  await using bench = new Bench().start();
  await bench.do(() => {});
  bench.held.fault = { type: "before", error: new PersistenceError("storeUnavailable", "away") };
  await assertRejects(
    () => bench.do((reminders) => reminders.once("lost", 5_000, ring("l"))),
    AskError,
  );
  await assertRejects(
    () =>
      bench.do((reminders) => {
        reminders.once("thrown", 5_000, ring("t"));
        throw new Error("the command fails");
      }),
    AskError,
  );
  let keys: string[] = [];
  await bench.do((reminders) => keys = reminders.list().map(({ key }) => key));
  assertEquals(keys, []);
  await bench.clock.advance(10_000);
  assertEquals(await bench.rung(), []);
});

Deno.test("what a failed command has changed is not left to the next one", async () => {
  await using bench = new Bench().start(handle, {}, () => "resume");
  await assertRejects(
    () =>
      bench.do((reminders) => {
        reminders.once("thrown", 5_000, ring("t"));
        throw new Error("the command fails");
      }),
    AskError,
  );
  await bench.do((reminders) => reminders.once("next", 6_000, ring("n")));
  await bench.clock.advance(10_000);
  assertEquals(await bench.rung(), ["n next"]);
});

Deno.test("a command sees what it has changed: replaced, cancelled, listed", async () => {
  await using bench = new Bench().start();
  let seen: unknown[] = [];
  await bench.do((reminders) => {
    reminders.once("a", 5_000, ring("old"));
    reminders.once("a", 9_000, ring("new"));
    reminders.once("b", 5_000, ring("b"));
    seen = [
      reminders.cancel("b"),
      reminders.cancel("b"),
      reminders.cancel("none"),
      reminders.list().map(({ key, due }) => [key, due - bench.clock.wallTime()]),
      reminders.current,
    ];
  });
  assertEquals(seen, [true, false, false, [["a", 9_000]], undefined]);
  await bench.clock.advance(20_000);
  assertEquals(await bench.rung(), ["new a"]);
});

Deno.test("a cancelled reminder does not arrive, though it is due", async () => {
  await using bench = new Bench().start();
  await bench.do((reminders) => reminders.once("a", 5_000, ring("a")));
  await bench.stop();
  await bench.clock.advance(10_000);
  bench.start();
  // The first command comes before what is due.
  await bench.do((reminders) => void reminders.cancel("a"));
  await bench.clock.advance(10_000);
  assertEquals(await bench.rung(), []);
});

Deno.test("a reminder can set itself anew", async () => {
  await using bench = new Bench().start((context, state, command, effect) => {
    if (command.type === "ring") context.reminders.once("again", 1_000, ring(`${command.name}+`));
    return handle(context, state, command, effect);
  });
  await bench.do((reminders) => reminders.once("again", 1_000, ring("r")));
  await bench.clock.advance(3_500);
  assertEquals(await bench.rung(), ["r again", "r+ again", "r++ again"]);
});

Deno.test("an async command has reminders until its promise has ended", async () => {
  await using bench = new Bench();
  let kept: DurableContext<Command> | undefined;
  bench.start(async (context, state, command, effect) => {
    await new Promise<void>((resolve) => void bench.clock.schedule(10, resolve));
    kept = context;
    return handle(context, state, command, effect);
  });
  await bench.do((reminders) => reminders.once("a", 5_000, ring("a")));
  await bench.clock.advance(6_000);
  assertEquals(await bench.rung(), ["a a"]);
  const refused = assertCode(() => kept!.reminders.once("b", 1, ring("b")));
  assertEquals(refused, "noCommand");
});

Deno.test("reminders are for commands only", async () => {
  let code: PersistenceErrorCode | undefined;
  await using bench = new Bench().start((context, state, command, effect) => {
    const { reminders } = context;
    return handle(context, state, command, effect).thenRun(() => {
      code = assertCode(() => reminders.cancel("a"));
    });
  });
  await bench.do(() => {});
  assertEquals(code, "noCommand");
});

Deno.test("a command that throws leaves no open door for changes", async () => {
  await using bench = new Bench();
  let kept: DurableContext<Command> | undefined;
  bench.start((context, state, command, effect) => {
    kept = context;
    return handle(context, state, command, effect);
  });
  await assertRejects(() =>
    bench.do(() => {
      throw new Error("fails");
    }), AskError);
  assertEquals(assertCode(() => kept!.reminders.once("b", 1, ring("b"))), "noCommand");
});

Deno.test("wrong reminders and too many are refused", async () => {
  await using bench = new Bench().start(handle, { maxReminders: 2 });
  const codes: (PersistenceErrorCode | undefined)[] = [];
  await bench.do((reminders) => {
    const add = (change: () => void) => void codes.push(assertCode(change));
    add(() => reminders.once("", 1, ring("x")));
    add(() => reminders.once("x".repeat(256), 1, ring("x")));
    add(() => reminders.once("x", -1, ring("x")));
    add(() => reminders.every("x", 999, ring("x")));
    add(() => reminders.cron("x", "61 * * * *", ring("x")));
    add(() => reminders.cron("x", { expression: "* * * * *", timeZone: "Nowhere" }, ring("x")));
    reminders.once("a", 1_000, ring("a"));
    reminders.once("b", 1_000, ring("b"));
    reminders.once("b", 2_000, ring("b"));
    add(() => reminders.once("c", 1_000, ring("c")));
  });
  assertEquals(codes, [
    ...new Array<PersistenceErrorCode>(6).fill("badReminder"),
    "tooManyReminders",
  ]);
  await bench.clock.advance(2_000);
  assertEquals(await bench.rung(), ["a a", "b b"]);
});

Deno.test("a reminder whose command always fails is tried after growing pauses, beside others", async () => {
  await using bench = new Bench();
  const tries: number[] = [];
  bench.start((context, state, command, effect) => {
    if (command.type === "ring" && command.name === "bad") {
      tries.push(bench.clock.now());
      throw new Error("it always fails");
    }
    return handle(context, state, command, effect);
  });
  await bench.do((reminders) => {
    reminders.once("bad", 1_000, ring("bad"));
    reminders.every("good", 20_000, ring("g"));
  });
  await bench.clock.advance(40_500);
  const pauses = tries.slice(1).map((time, at) => Math.round((time - tries[at]!) / 1_000));
  assertEquals(pauses, [1, 2, 4, 8, 16]);
  assertEquals(await bench.rung(), ["g good", "g good"]);
});

Deno.test("a reminder that is stashed stays due, and is handled once", async () => {
  let isOpen = false;
  await using bench = new Bench().start((context, state, command, effect) => {
    if (command.type === "ring" && !isOpen) {
      context.reminders.once("lost", 1_000, ring("lost"));
      return effect.stash();
    }
    if (command.type === "do") {
      return handle(context, state, command, effect).thenUnstashAll();
    }
    return handle(context, state, command, effect);
  });
  await bench.do((reminders) => reminders.once("a", 1_000, ring("a")));
  await bench.clock.advance(200_000);
  assertEquals(await bench.rung(), []);
  isOpen = true;
  await bench.do(() => {});
  await bench.clock.advance(200_000);
  assertEquals(await bench.rung(), ["a a"]);
});

Deno.test("with the gate `command` reminders arrive, and failed appends repeat them", async () => {
  await using bench = new Bench().start(handle, { gate: "command" });
  await bench.do((reminders) => {
    reminders.once("a", 1_000, ring("a"));
    reminders.every("b", 30_000, ring("b"));
  });
  bench.held.fault = { type: "before", error: new PersistenceError("storeUnavailable", "away") };
  await bench.clock.advance(1_000);
  await bench.clock.advance(20_000);
  assertEquals(await bench.rung(), ["a a"]);
  bench.held.fault = { type: "after", error: new PersistenceError("outcomeUnknown", "cut") };
  await bench.clock.advance(9_500);
  await bench.clock.advance(20_000);
  assertEquals(await bench.rung(), ["a a", "b b"]);
});

Deno.test("reminders are in snapshots: events before can be deleted", async () => {
  await using bench = new Bench();
  const snapshots = { every: 2, keep: 1, deleteEvents: true };
  bench.start(handle, { snapshots });
  await bench.do((reminders) => reminders.every("e", 600_000, ring("e")));
  for (let count = 0; count < 9; count++) await bench.do(() => {});
  await bench.clock.advance(100);
  assert((await bench.stored()).events < 5);
  await bench.stop();
  bench.start(handle, { snapshots });
  await bench.clock.advance(600_000);
  assertEquals(await bench.rung(), ["e e"]);
});

Deno.test("an actor whose whole state is stored has reminders", async () => {
  const clock = new ManualClock();
  const journal = memoryJournal();
  type Message = { type: "set"; replyTo: ActorRef<number> } | { type: "add" };
  const counter = durableState<Message, number>({
    id: persistenceId("counter", "a"),
    journal,
    initial: 0,
    onMessage({ reminders }, count, message, effect) {
      if (message.type === "add") return effect.persist(count + 1);
      if (count === 0) reminders.every("add", 10_000, { type: "add" });
      return effect.reply(message.replyTo, count);
    },
  });
  const counts: number[] = [];
  for (let run = 1; run <= 2; run++) {
    const system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
    const ref = system.spawn(counter, "counter");
    await clock.resolve(system.ask(ref, (replyTo) => ({ type: "set", replyTo })));
    await clock.advance(25_000);
    counts.push(await clock.resolve(system.ask(ref, (replyTo) => ({ type: "set", replyTo }))));
    await clock.resolve(system.shutdown());
    await clock.advance(300_000);
  }
  // The second run begins with one for all that it has missed.
  assertEquals(counts, [2, 6]);
});

function assertCode(change: () => unknown): PersistenceErrorCode | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    assertInstanceOf(error, PersistenceError);
    return error.code;
  }
}
