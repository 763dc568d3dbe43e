import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { SpyEvent } from "../../lib/actor/behavior/spy.ts";
import { VirtualSystem } from "./virtual_system.ts";

type Message = string | { replyTo: ActorRef<string[]> };

/** Keeps what it is told; "next" goes on in a setup, "fail" throws. */
const keeping = (kept: string[] = []): Behavior<Message> =>
  Behaviors.receive((_context, message) => {
    if (typeof message !== "string") {
      message.replyTo.tell(kept);
      return Behaviors.same();
    }
    if (message === "fail") throw new Error("told to");
    return Behaviors.setup(() => keeping([...kept, message]));
  });

Deno.test("an interceptor drops, changes and forwards messages, whatever the behaviour becomes", async () => {
  await using virtual = new VirtualSystem();
  const behavior = Behaviors.intercept(keeping(), {
    onMessage(_context, message, next) {
      if (message === "secret") return Behaviors.same();
      return next(typeof message === "string" ? message.toUpperCase() : message);
    },
  });
  const ref = virtual.system.spawn(behavior, "kept");
  for (const message of ["a", "secret", "b", "secret", "c"]) ref.tell(message);
  const kept = virtual.system.ask(ref, (replyTo: ActorRef<string[]>) => ({ replyTo }));
  assertEquals(await virtual.clock.resolve(kept), ["A", "B", "C"]);
});

Deno.test("of several interceptors the outermost sees a message first", async () => {
  await using virtual = new VirtualSystem();
  const seen: string[] = [];
  const naming = (name: string) => ({
    onMessage: (_: unknown, message: string, next: (m: string) => Behavior<string>) => {
      seen.push(`${name} ${message}`);
      const result = next(message + name);
      seen.push(`${name} done`);
      return result;
    },
  });
  const behavior = Behaviors.intercept(
    Behaviors.intercept(
      Behaviors.receive<string>((_context, message) => {
        seen.push(`handler ${message}`);
        return Behaviors.same();
      }),
      naming("inner") as never,
    ),
    naming("outer") as never,
  );
  virtual.system.spawn(behavior, "onion").tell("x");
  await virtual.settle();
  assertEquals(seen, [
    "outer x",
    "inner xouter",
    "handler xouterinner",
    "inner done",
    "outer done",
  ]);
});

Deno.test("signals pass interceptors too, and an interceptor that throws is a failure of the actor", async () => {
  await using virtual = new VirtualSystem();
  const seen: string[] = [];
  const restarted = virtual.events("actorRestarted");
  const behavior = Behaviors.supervise(
    Behaviors.intercept(keeping(), {
      onMessage: (_context, message, next) => {
        if (message === "refused") throw new Error("interceptor");
        return next(message);
      },
      onSignal: (_context, signal, next) => {
        seen.push(signal.type);
        return next(signal);
      },
    }),
  );
  const ref = virtual.system.spawn(behavior, "kept");
  ref.tell("refused");
  await virtual.settle();
  await virtual.clock.resolve(virtual.system.stop(ref));
  assertEquals([seen, restarted.length], [["preRestart", "postStop"], 1]);
});

/** Spies and collects. */
function spying(
  virtual: VirtualSystem,
  make: (observer: ActorRef<SpyEvent>) => Behavior<Message>,
): { events: SpyEvent[]; ref: ActorRef<Message> } {
  const events: SpyEvent[] = [];
  const observer = virtual.system.spawn(
    Behaviors.receive<SpyEvent>((_context, event) => {
      events.push(event);
      return Behaviors.same();
    }),
    "observer",
  );
  return { events, ref: virtual.system.spawn(make(observer), "spied") };
}

Deno.test("a spy sees what was handled, with path and time, and disturbs nothing", async () => {
  await using virtual = new VirtualSystem();
  const { events, ref } = spying(virtual, (observer) => Behaviors.spy(keeping(), observer));
  await virtual.clock.advance(5);
  ref.tell("a");
  await virtual.clock.advance(5);
  const kept = virtual.system.ask(ref, (replyTo: ActorRef<string[]>) => ({ replyTo }));
  assertEquals(await virtual.clock.resolve(kept), ["a"]);
  await virtual.settle();
  assertEquals(events.map(({ path, kind, at }) => [path, kind, at]), [
    ["/spied", "message", 5],
    ["/spied", "message", 10],
  ]);
  assertEquals(events[0], { type: "spied", path: "/spied", kind: "message", event: "a", at: 5 });
});

for (const nesting of ["spy(supervise)", "supervise(spy)"] as const) {
  Deno.test(`a spy sees failures with their error, the stop and what follows: ${nesting}`, async () => {
    await using virtual = new VirtualSystem();
    const { events, ref } = spying(
      virtual,
      (observer) =>
        nesting === "spy(supervise)"
          ? Behaviors.spy(Behaviors.supervise(keeping()), observer)
          : Behaviors.supervise(Behaviors.spy(keeping(), observer)),
    );
    for (const message of ["a", "fail", "b"]) ref.tell(message);
    await virtual.settle();
    await virtual.clock.resolve(virtual.system.stop(ref));
    assertEquals(events.map(({ kind, event }) => kind === "message" ? event : kind), [
      "a",
      "fail",
      "signal",
      "b",
      "signal",
    ]);
    assert(events[1]!.error instanceof Error);
    assertEquals("error" in events[0]!, false);
    assertEquals((events[2]!.event as { type: string }).type, "preRestart");
  });
}

Deno.test("an async handler is seen when it has ended", async () => {
  await using virtual = new VirtualSystem();
  const release = Promise.withResolvers<void>();
  const { events, ref } = spying(virtual, (observer) =>
    Behaviors.spy(
      Behaviors.receive<Message>(async (_context, message) => {
        await release.promise;
        if (message === "fail") throw new Error("later");
        return Behaviors.same();
      }),
      observer,
    ));
  ref.tell("a");
  ref.tell("fail");
  await virtual.settle();
  assertEquals(events, []);
  release.resolve();
  await virtual.settle();
  assertEquals(events.map(({ event, error }) => [event, error !== undefined]), [
    ["a", false],
    ["fail", true],
    [{ type: "postStop" }, false],
  ]);
});

/** Passes what it is told to a child, and that to a child of its own. */
const family = (depth: number): Behavior<Message> =>
  Behaviors.setup((context) => {
    const child = depth > 0
      ? context.spawn(Behaviors.withLifecycle(family(depth - 1), {}), "child")
      : undefined;
    return Behaviors.receive((_context, message) => {
      child?.tell(message);
      return Behaviors.same();
    });
  });

for (const spyChildren of [true, false]) {
  Deno.test(`children ${spyChildren ? "are seen" : "are not seen"} with spyChildren ${spyChildren}`, async () => {
    await using virtual = new VirtualSystem();
    const { events, ref } = spying(
      virtual,
      (observer) => Behaviors.spy(family(2), observer, { spyChildren }),
    );
    for (let i = 0; i < 5; i++) ref.tell(`${i}`);
    await virtual.settle();
    const count = (path: string) => events.filter((event) => event.path === path).length;
    const below = spyChildren ? 5 : 0;
    assertEquals(
      [count("/spied"), count("/spied/child"), count("/spied/child/child")],
      [5, below, below],
    );
  });
}

Deno.test("an actor and its parent under one observer are seen once each", async () => {
  await using virtual = new VirtualSystem();
  const { events, ref } = spying(virtual, (observer) =>
    Behaviors.spy(
      Behaviors.setup<Message>((context) => {
        const child = context.spawn(Behaviors.spy(keeping(), observer), "child");
        return Behaviors.receive((_context, message) => {
          child.tell(message);
          return Behaviors.same();
        });
      }),
      observer,
      { spyChildren: true },
    ));
  ref.tell("a");
  await virtual.settle();
  assertEquals(events.map(({ path }) => path).toSorted(), ["/spied", "/spied/child"]);
});
