import type { LocalRef } from "../../lib/actor/ref/local_ref.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import { AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { VirtualSystem } from "./virtual_system.ts";

interface Request {
  /** Whom to ask in turn, the next first. */
  readonly route: readonly ActorRef<Request>[];
  readonly replyTo: ActorRef<string>;
}

type Asking = (
  context: ActorContext<Request>,
  next: ActorRef<Request>,
  make: (replyTo: ActorRef<string>) => Request,
) => Promise<string>;

/** Asks along the route and replies with what came back, or with the error. */
const link = (asking: Asking): Behavior<Request> =>
  Behaviors.receive(async (context, { route, replyTo }) => {
    const [next, ...rest] = route;
    if (next === undefined) {
      replyTo.tell("end");
      return Behaviors.same();
    }
    try {
      replyTo.tell(await asking(context, next, (to) => ({ route: rest, replyTo: to })));
    } catch (error) {
      replyTo.tell((error as AskError).message);
    }
    return Behaviors.same();
  });

const byContext: Asking = (context, next, make) => context.ask(next, make);
const bySystem: Asking = (context, next, make) => context.system.ask(next, make);
const afterAWait: Asking = async (context, next, make) => {
  await Promise.resolve();
  await Promise.resolve();
  return await context.ask(next, make);
};

for (const [name, asking] of Object.entries({ byContext, bySystem, afterAWait })) {
  Deno.test(`an ask that closes a circle fails at once with the path: ${name}`, async () => {
    await using virtual = new VirtualSystem();
    const [a, b, c] = ["a", "b", "c"].map((n) => virtual.system.spawn(link(asking), n)) as [
      ActorRef<Request>,
      ActorRef<Request>,
      ActorRef<Request>,
    ];
    const ask = (first: ActorRef<Request>, ...route: ActorRef<Request>[]) =>
      virtual.system.ask(first, (replyTo: ActorRef<string>) => ({ route, replyTo }));
    const answers: string[] = [];
    for (
      const asking of [
        () => ask(a, b, c),
        () => ask(a, b, a),
        () => ask(a, a),
        () => ask(b, c, a, b),
      ]
    ) {
      answers.push(await virtual.clock.resolve(asking()));
    }
    const say = (path: string) =>
      `actors wait for each other: ${path}; ` +
      "give one of the asks to pipeToSelf instead of waiting for its reply";
    assertEquals(answers, [
      "end",
      say("/b asks /a asks /b"),
      say("/a asks /a"),
      say("/a asks /b asks /c asks /a"),
    ]);
    assertEquals(virtual.clock.now(), 0);
  });
}

Deno.test("the error of a circle names the path as its value, and has a code", async () => {
  await using virtual = new VirtualSystem();
  const errors: unknown[] = [];
  const self = virtual.system.spawn(
    Behaviors.receive<ActorRef<string>>(async (context) => {
      const ask = context.ask(context.self, (replyTo: ActorRef<string>) => replyTo);
      errors.push(await assertRejects(() => ask, AskError));
      return Behaviors.ignore();
    }),
    "self",
  );
  const answer = virtual.system.ask(self, (replyTo: ActorRef<string>) => replyTo, { timeout: 10 });
  await assertRejects(() => virtual.clock.resolve(answer), AskTimeoutError);
  const [error] = errors as AskError[];
  assertEquals([error!.code, error!.value], ["askCycle", ["/self", "/self"]]);
});

Deno.test("two actors that ask each other with pipeToSelf do not wait, and both are answered", async () => {
  await using virtual = new VirtualSystem();
  const heard: string[] = [];
  type Message = { ask: ActorRef<Message> } | { replyTo: ActorRef<string> } | { reply: string };
  const piping = (slow: Promise<void>): Behavior<Message> =>
    Behaviors.receive(async (context, message) => {
      if ("reply" in message) heard.push(message.reply);
      else if ("replyTo" in message) message.replyTo.tell(`from ${context.self.path}`);
      else {
        const reply = context.ask(message.ask, (replyTo: ActorRef<string>) => ({ replyTo }));
        context.pipeToSelf(reply, (text) => ({ reply: text }));
        // It waits, but not for the reply.
        await slow;
      }
      return Behaviors.same();
    });
  const slow = Promise.withResolvers<void>();
  const a = virtual.system.spawn(piping(slow.promise), "a");
  const b = virtual.system.spawn(piping(slow.promise), "b");
  a.tell({ ask: b });
  b.tell({ ask: a });
  await virtual.clock.advance(1_000);
  assertEquals(heard, []);
  slow.resolve();
  await virtual.settle();
  assertEquals(heard.toSorted(), ["from /a", "from /b"]);
});

Deno.test("an actor that waits for something else closes no circle", async () => {
  await using virtual = new VirtualSystem();
  const release = Promise.withResolvers<void>();
  const b: ActorRef<ActorRef<string>> = virtual.system.spawn(
    Behaviors.receive<ActorRef<string>>(async (_context, replyTo) => {
      await release.promise;
      replyTo.tell("late");
      return Behaviors.same();
    }),
    "b",
  );
  const a = virtual.system.spawn(
    Behaviors.receive<ActorRef<string>>(async (context, replyTo) => {
      replyTo.tell(await context.ask(b, (to: ActorRef<string>) => to));
      return Behaviors.same();
    }),
    "a",
  );
  const answer = virtual.system.ask(a, (replyTo: ActorRef<string>) => replyTo);
  await virtual.clock.advance(100);
  release.resolve();
  assertEquals(await virtual.clock.resolve(answer), "late");
});

Deno.test("an ask is forgotten when it ends, however it ends", async () => {
  await using virtual = new VirtualSystem();
  const silent = virtual.system.spawn(Behaviors.ignore(), "silent");
  const outcomes: string[] = [];
  const a = virtual.system.spawn(
    Behaviors.receive<"go">(async (context) => {
      const controller = new AbortController();
      const asks = [
        context.ask(silent, () => "x", { timeout: 5 }),
        context.ask(silent, () => "x", { signal: controller.signal }),
      ];
      controller.abort();
      for (const result of await Promise.allSettled(asks)) {
        outcomes.push(result.status === "rejected" ? result.reason.code : "answered");
      }
      return Behaviors.same();
    }),
    "a",
  );
  a.tell("go");
  await virtual.clock.advance(10);
  assertEquals(outcomes, ["askTimeout", "askAborted"]);
  assertEquals((a as LocalRef<string>).pendingAsks!.size, 0);
});

Deno.test("a circle of more than 1,000 actors is not looked for: it ends with its timeouts", async () => {
  await using virtual = new VirtualSystem();
  const refs = Array.from(
    { length: 1_200 },
    (_, index) => virtual.system.spawn(link(byContext), `a${index}`),
  );
  const ask = (count: number, ...more: ActorRef<Request>[]) =>
    virtual.clock.resolve(virtual.system.ask(
      refs[0]!,
      (replyTo: ActorRef<string>) => ({ route: [...refs.slice(1, count), ...more], replyTo }),
      { timeout: 10_000 },
    ));
  assertEquals(await ask(1_200), "end");
  const found = await ask(1_000, refs[0]!);
  assert(found.startsWith("actors wait for each other: /a999 asks /a0 asks /a1 asks"));
  assertEquals(virtual.clock.now(), 0);
  assertEquals(
    await ask(1_200, refs[0]!),
    "/a1 did not reply within 5000 ms; " +
      "check that it replies to this message, or raise the timeout",
  );
});
