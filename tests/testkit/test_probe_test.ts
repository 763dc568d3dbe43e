import { assert, assertEquals, assertRejects } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ActorTestKit } from "../../lib/testkit/actor_test_kit.ts";
import { TestkitError } from "../../lib/testkit/errors.ts";
import { InboxRef } from "../../lib/testkit/test_inbox.ts";
import { spawnProbe, TestProbe } from "../../lib/testkit/test_probe.ts";
import { OptionError } from "../../lib/options/option_error.ts";

type Message = { type: "sum"; value: number } | { type: "failed"; reason: string };

/** The expectation must fail, with a message that holds all of these. */
async function assertFails(run: () => Promise<unknown>, ...texts: string[]): Promise<TestkitError> {
  const error = await assertRejects(run, TestkitError);
  assertEquals(error.code, "expectationFailed");
  for (const text of texts) {
    assert(error.message.includes(text), `"${text}" is missing in: ${error.message}`);
  }
  return error;
}

/** Tells the message after a while. */
const later = <M>(target: ActorRef<M>, message: M, delay: number) =>
  Behaviors.setup<"now">((context) => {
    context.timers.startSingle("later", "now", delay);
    return Behaviors.receive(() => {
      target.tell(message);
      return Behaviors.stopped();
    });
  });

Deno.test("expectMessage takes a message that is equal in all its parts", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<{ list: number[]; from: ActorRef<never> }>();
  probe.ref.tell({ list: [1, 2], from: probe.ref });
  const message = await probe.expectMessage({ list: [1, 2], from: probe.ref });
  assertEquals(message.list, [1, 2]);
  assertEquals(probe.hasMessage, false);
  assertEquals(kit.clock.now(), 0, "no time goes by for what is there");
});

Deno.test("expectMessage tells what it expected, what came, and what waits", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<Message>("listener");
  probe.ref.tell({ type: "sum", value: 41 });
  probe.ref.tell({ type: "failed", reason: "tired" });
  const error = await assertFails(
    () => probe.expectMessage({ type: "sum", value: 42 }),
    '/listener expected { type: "sum", value: 42 }',
    'but got { type: "sum", value: 41 }',
    '- { type: "failed", reason: "tired" }',
  );
  assertEquals(error.value, { type: "sum", value: 41 });
});

Deno.test("expectMessage waits on virtual time, no longer than needed", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  kit.spawn(later(probe.ref, "hello", 2_999));
  await probe.expectMessage("hello");
  assertEquals(kit.clock.now(), 2_999);
});

Deno.test("expectMessage fails after exactly its timeout", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  kit.spawn(later(probe.ref, "late", 3_001));
  await assertFails(
    () => probe.expectMessage("late"),
    'expected "late" within 3000 ms, but none came',
    "waiting in its queue: nothing",
  );
  assertEquals(kit.clock.now(), 3_000);
  await probe.expectMessage("late", { timeout: 1 });
});

Deno.test("receive takes whatever comes next, in order", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<unknown>();
  probe.ref.tell(undefined);
  probe.ref.tell(2);
  assertEquals(await probe.receive(), undefined);
  assertEquals(await probe.receive(), 2);
  await assertFails(() => probe.receive({ timeout: 5 }), "a message within 5 ms, but none came");
});

Deno.test("expectMessageType gives the message as that type", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<Message>();
  probe.ref.tell({ type: "sum", value: 42 });
  const { value } = await probe.expectMessageType("sum");
  assertEquals(value, 42);
  probe.ref.tell({ type: "failed", reason: "tired" });
  await assertFails(
    () => probe.expectMessageType("sum"),
    'expected a message of type "sum", but got { type: "failed", reason: "tired" }',
  );
  // @ts-expect-error: the protocol has no such type
  await assertFails(() => probe.expectMessageType("other", { timeout: 0 }), "none came");
});

Deno.test("expectNoMessage lets its time go by", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  await probe.expectNoMessage();
  assertEquals(kit.clock.now(), 100);
  await probe.expectNoMessage({ duration: 5_000 });
  assertEquals(kit.clock.now(), 5_100);
});

Deno.test("expectNoMessage fails as soon as a message comes, or at once if one is there", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  kit.spawn(later(probe.ref, "hello", 40));
  await assertFails(() => probe.expectNoMessage(), 'no message within 100 ms, but got "hello"');
  assertEquals(kit.clock.now(), 40);
  probe.ref.tell("again");
  await assertFails(() => probe.expectNoMessage({ duration: 0 }), 'but got "again"');
});

Deno.test("fishFor gives the catch as the last of what was passed over", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<number>();
  for (const n of [1, 2, 3, 10, 11]) probe.ref.tell(n);
  assertEquals(await probe.fishFor((n) => n >= 10), [1, 2, 3, 10]);
  assertEquals(await probe.receive(), 11);
});

Deno.test("fishFor knows outcomes by name", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<number>();
  for (const n of [1, 2, 3, 4]) probe.ref.tell(n);
  const fished = await probe.fishFor((n) =>
    n === 4 ? "complete" : n % 2 === 0 ? "ignore" : "continue"
  );
  assertEquals(fished, [1, 3, 4]);
  probe.ref.tell(5);
  probe.ref.tell(6);
  await assertFails(
    () => probe.fishFor((n) => n === 5 ? "fail" : "complete"),
    "none such while fishing, but got 5",
    "- 6",
  );
});

Deno.test("fishFor has one timeout for the whole catch", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  kit.spawn(later(probe.ref, "first", 60));
  kit.spawn(later(probe.ref, "second", 120));
  await assertFails(
    () => probe.fishFor((message) => message === "second", { timeout: 100 }),
    "a message that is fished for within 100 ms",
    '- "first"',
    "but none came",
  );
  assertEquals(kit.clock.now(), 100);
});

Deno.test("receiveMessages takes a number of messages within one timeout", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<number>();
  kit.spawn(later(probe.ref, 1, 10));
  kit.spawn(later(probe.ref, 2, 20));
  kit.spawn(later(probe.ref, 3, 30));
  assertEquals(await probe.receiveMessages(0), []);
  assertEquals(await probe.receiveMessages(2), [1, 2]);
  await assertFails(
    () => probe.receiveMessages(2, { timeout: 50 }),
    "2 messages within 50 ms (1 came: \n  - 3)",
  );
  const error = await assertRejects(() => probe.receiveMessages(1.5), OptionError);
  assertEquals(error.code, "badOption");
});

Deno.test("expectTerminated watches, waits and tells why", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<never>();
  const short = kit.spawn(later(kit.createProbe<string>().ref, "", 500), "short");
  assertEquals((await probe.expectTerminated(short)).reason, "stopped");
  assertEquals(kit.clock.now(), 500);
  const failing = kit.spawn(
    Behaviors.receive<string>(() => {
      throw new Error("broken");
    }),
    "failing",
  );
  probe.watch(failing);
  failing.tell("go");
  const { reason, cause } = await probe.expectTerminated(failing);
  assertEquals([reason, (cause as Error).message], ["failed", "broken"]);
  assertEquals((await probe.expectTerminated(short)).ref, short, "also of one long gone");
});

Deno.test("expectTerminated fails for an actor that runs on", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>("watcher");
  const other = kit.spawn(Behaviors.ignore(), "other");
  probe.ref.tell("hello");
  await assertFails(
    () => probe.expectTerminated(other, { timeout: 50 }),
    "/watcher expected /other to stop within 50 ms, but it has not",
    '- "hello"',
  );
  const foreign = new InboxRef("/elsewhere", () => {});
  const error = await assertRejects(() => probe.expectTerminated(foreign), ActorError);
  assertEquals(error.code, "cannotWatch");
});

Deno.test("expectSignal takes signals in order, apart from messages", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  const a = kit.spawn(Behaviors.ignore(), "a");
  const b = kit.spawn(Behaviors.ignore(), "b");
  probe.watch(a);
  probe.watch(b);
  await kit.stop(b);
  await kit.stop(a);
  probe.ref.tell("hello");
  assertEquals((await probe.expectSignal("terminated")).ref, b);
  await probe.expectTerminated(a);
  await assertFails(() => probe.expectSignal("terminated"), "the signal terminated within 3000 ms");
  await kit.clock.resolve(probe.stop());
  await assertFails(() => probe.expectSignal("terminated"), "but got", "postStop");
  await probe.expectMessage("hello");
});

Deno.test("two expectations of one probe share what comes", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<number>();
  kit.spawn(later(probe.ref, 1, 10));
  kit.spawn(later(probe.ref, 2, 20));
  const both = await Promise.all([probe.receive(), probe.receive()]);
  assertEquals(both.toSorted(), [1, 2]);
});

Deno.test("two probes that wait at once do not turn time back", async () => {
  await using kit = ActorTestKit.create();
  const fast = kit.createProbe<number>();
  const slow = kit.createProbe<number>();
  kit.spawn(later(slow.ref, 1, 2_000));
  await Promise.all([
    assertFails(() => fast.receive({ timeout: 500 }), "none came"),
    slow.expectMessage(1),
  ]);
  assertEquals(kit.clock.now(), 2_000);
});

Deno.test("a probe with too many messages fails", async () => {
  await using kit = ActorTestKit.create();
  const probe = new TestProbe<number>(kit.system, { capacity: 2, name: "small" });
  for (let i = 0; i < 5; i++) probe.ref.tell(i);
  await kit.settle();
  const error = await assertRejects(() => probe.receive(), TestkitError);
  assertEquals(error.code, "probeOverflow");
  assert(error.message.includes("/small keeps 2 messages for the test; 3 more came"));
  assert(error.message.includes("capacity"));
});

Deno.test("times and counts that mean nothing are refused", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<number>();
  const bad = [
    () => probe.receive({ timeout: -1 }),
    () => probe.expectMessage(1, { timeout: NaN }),
    () => probe.expectNoMessage({ duration: Infinity }),
    () => Promise.resolve().then(() => new TestProbe(kit.system, { capacity: 0 })),
    () => Promise.resolve().then(() => kit.advance(-5)),
  ];
  for (const run of bad) {
    assertEquals((await assertRejects(run, OptionError)).code, "badOption");
  }
});

Deno.test("names of probes are free ones", async () => {
  await using kit = ActorTestKit.create();
  kit.spawn(Behaviors.ignore(), "probe-2");
  const paths = [1, 2, 3].map(() => kit.spawnProbe().ref.path);
  assertEquals(paths, ["/probe-1", "/probe-3", "/probe-4"]);
  assertEquals(kit.createProbe("mine").ref.path, "/mine");
});

Deno.test("on the machine's clock a probe waits for what comes", async () => {
  await using system = new ActorSystem({ runtime: { logger: silentLogger } });
  const probe = spawnProbe<string>(system);
  system.spawn(later(probe.ref, "hello", 5), "later");
  await probe.expectMessage("hello", { timeout: 60_000 });
  await probe.expectNoMessage({ duration: 1 });
  await assertFails(() => probe.receive({ timeout: 1 }), "a message within 1 ms, but none came");
  await assertFails(() => probe.receive({ timeout: 0 }), "a message within 0 ms, but none came");
  probe.ref.tell("sent");
  await assertFails(() => probe.expectNoMessage({ duration: 60_000 }), 'but got "sent"');
  const other = system.spawn(Behaviors.ignore(), "other");
  const ended = probe.expectTerminated(other, { timeout: 60_000 });
  await system.stop(other);
  assertEquals((await ended).reason, "stopped");
});
