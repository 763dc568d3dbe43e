import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import {
  type Action,
  Confirmations,
  confirmTime,
  parseAction,
} from "../../lib/dashboard/actions.ts";
import { AskSamples } from "../../lib/dashboard/facts/ask_samples.ts";
import { DeadLetterSamples } from "../../lib/dashboard/facts/dead_letter_samples.ts";
import { MessageTrace } from "../../lib/dashboard/facts/message_trace.ts";
import { Ring } from "../../lib/dashboard/ring.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { VirtualSystem } from "../actor/virtual_system.ts";

Deno.test("a ring keeps the last values in order", () => {
  const ring = new Ring<number>(3);
  for (let i = 1; i <= 100; i++) {
    ring.push(i);
    assertEquals(ring.last(), [i - 2, i - 1, i].filter((value) => value > 0));
  }
  assertEquals(ring.last(2), [99, 100]);
});

Deno.test("the slowest asks and those that failed are kept, for a while", async () => {
  const clock = new ManualClock();
  const samples = new AskSamples(clock);
  for (let i = 1; i <= 100; i++) {
    const end = samples.onAsk(`/actor-${i}`);
    await clock.advance(i);
    end(i % 50 === 0 ? Object.assign(new Error("no"), { code: "askTimeout" }) : undefined);
  }
  const { ended, failed, pending, slowest, failing } = samples.facts();
  assertEquals([ended, failed, pending], [100, 2, 0]);
  assertEquals(slowest.map(({ ms }) => ms), Array.from({ length: 40 }, (_, at) => 100 - at));
  assertEquals(failing.map(({ target, outcome }) => `${target} ${outcome}`), [
    "/actor-100 askTimeout",
    "/actor-50 askTimeout",
  ]);
  await clock.advance(600_001);
  assertEquals(samples.facts().slowest, []);
  samples.onAsk("/waits");
  assertEquals(samples.facts().pending, 1);
});

Deno.test("asks are seen while somebody observes them, and their promises stay the same", async () => {
  await using world = new VirtualSystem();
  const { system, clock } = world;
  const echo = system.spawn(
    Behaviors.receive<{ replyTo: ActorRef<string> }>((_context, { replyTo }) => {
      replyTo.tell("yes");
      return Behaviors.same();
    }),
    "echo",
  );
  const silent = system.spawn(Behaviors.ignore(), "silent");
  const samples = new AskSamples(clock);
  internalsOf(system).observeAsks(samples);
  assertEquals(await clock.resolve(system.ask(echo, (replyTo) => ({ replyTo }))), "yes");
  const failed = system.ask(silent, (replyTo: ActorRef<string>) => ({ replyTo }), { timeout: 50 });
  await clock.resolve(failed.catch(() => {}));
  const facts = samples.facts();
  assertEquals([facts.ended, facts.failed, facts.failing[0]?.outcome], [2, 1, "askTimeout"]);
  internalsOf(system).observeAsks(undefined);
  await clock.resolve(system.ask(echo, (replyTo) => ({ replyTo })));
  assertEquals(samples.facts().ended, 2);
});

Deno.test("lost messages are counted all, and printed some of them a second", async () => {
  await using world = new VirtualSystem();
  const { system, clock } = world;
  const ref = system.spawn(Behaviors.ignore(), "short");
  await clock.resolve(system.stop(ref));
  const shown = new DeadLetterSamples(system, true);
  const hidden = new DeadLetterSamples(system, false);
  for (let i = 0; i < 500; i++) ref.tell({ type: "secret", number: i } as never);
  const { counts, samples } = shown.facts();
  assertEquals(counts.stopped, 500);
  assertEquals(samples.length, 20);
  assertEquals(samples[0]!.message, '{type: "secret", number: 19}');
  assert(hidden.facts().samples.every((sample) => !("message" in sample)));
  await clock.advance(1_000);
  ref.tell({ type: "later" } as never);
  assertEquals(shown.facts().samples[0]!.messageType, "later");
  shown.close();
  ref.tell({ type: "last" } as never);
  assertEquals(shown.facts().samples[0]!.messageType, "later");
});

Deno.test("no actor is observed before somebody looks, nor ten seconds later", async () => {
  await using world = new VirtualSystem();
  const { system, clock } = world;
  const internals = internalsOf(system);
  let traces = 0;
  const counting = {
    traceHandlers: (trace: Parameters<typeof internals.traceHandlers>[0]) => {
      traces += trace === undefined ? -1 : 1;
      internals.traceHandlers(trace);
    },
  } as unknown as typeof internals;
  const trace = new MessageTrace(counting, clock, true);
  const slow = Behaviors.receive<{ type: string }>(async () => {
    await new Promise<void>((resolve) => clock.schedule(30_000, resolve));
    return Behaviors.same();
  });
  const parent = system.spawn(Behaviors.ignore(), "parent");
  const other = system.spawn(slow, "other");
  parent.tell({ type: "unseen" } as never);
  await world.settle();
  assertEquals(traces, 0);

  assertEquals(trace.look("/parent").seen, 0);
  trace.look("/other");
  assertEquals(traces, 1);
  for (let i = 0; i < 80; i++) parent.tell({ type: "seen", number: i } as never);
  // Its handler ends when nobody observes it any more.
  other.tell({ type: "slow" });
  await clock.advance(5_000);
  const { seen, messages } = trace.look("/parent");
  assertEquals([seen, messages.length], [80, 50]);
  assertEquals(messages[0]!.message, '{type: "seen", number: 49}');
  assertEquals(messages[0]!.path, "/parent");
  await clock.advance(10_001);
  assertEquals(traces, 0);
  await clock.advance(30_000);
  other.tell({ type: "again" });
  await clock.advance(40_000);
  assertEquals(trace.look("/parent").seen, 0);
  trace.close();
  assertEquals(traces, 0);
});

Deno.test("only so many paths are traced at a time", async () => {
  await using world = new VirtualSystem();
  const trace = new MessageTrace(internalsOf(world.system), world.clock, true);
  for (let i = 0; i < 8; i++) trace.look(`/actor-${i}`);
  let refused = "";
  try {
    trace.look("/actor-9");
  } catch (error) {
    refused = String(error);
  }
  assert(refused.includes("too many"), refused);
  trace.close();
});

Deno.test("an action is carried out once, in time, and for the one who has asked for it", () => {
  const confirmations = new Confirmations();
  const action: Action = { action: "leave", node: "a:1" };
  confirmations.ask("code-1", action, "alice", 0);
  assertEquals(confirmations.take("code-2", "alice", 0), undefined);
  assertEquals(confirmations.take("code-1", "mallory", 0), undefined);
  assertEquals(confirmations.take("code-1", "alice", confirmTime - 1), action);
  assertEquals(confirmations.take("code-1", "alice", confirmTime - 1), undefined);
  confirmations.ask("late", action, "alice", 0);
  assertEquals(confirmations.take("late", "alice", confirmTime), undefined);
  for (let i = 0; i < 33; i++) confirmations.ask(`many-${i}`, action, "alice", 0);
  assertEquals(confirmations.take("many-0", "alice", 1), undefined);
  assertEquals(confirmations.take("many-32", "alice", 1), action);
});

Deno.test("what is no action is none", () => {
  const wrong = [
    null,
    1,
    {},
    { action: "leave" },
    { action: "leave", node: "" },
    { action: "leave", node: 1 },
    { action: "down", node: "x".repeat(601) },
    { action: "stopActor", node: "a:1" },
    { action: "constructor", node: "a:1" },
  ];
  for (const value of wrong) assertEquals(parseAction(value), undefined, JSON.stringify(value));
  const more = { action: "rebalance", type: "carts", node: "ignored" };
  assertEquals(parseAction(more), { action: "rebalance", type: "carts" });
});
