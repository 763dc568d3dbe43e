import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { ActorError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ActorTestKit } from "../../lib/testkit/actor_test_kit.ts";
import { TestkitError } from "../../lib/testkit/errors.ts";
import { checkLedger } from "../../lib/testkit/ledger_check.ts";
import { RecordedLog } from "../../lib/testkit/recorded_log.ts";

const double = Behaviors.receive<{ value: number; replyTo: ActorRef<number> }>(
  (_context, { value, replyTo }) => {
    replyTo.tell(value * 2);
    return Behaviors.same();
  },
);

/** Logs a line per second. */
const chatty: Behavior<"tick"> = Behaviors.setup((context) => {
  context.timers.startFixedDelay("tick", "tick", 1_000);
  const count = (n: number): Behavior<"tick"> =>
    Behaviors.receive(() => {
      context.log.info(`tick ${n}`, { n });
      return count(n + 1);
    });
  return count(1);
});

Deno.test("ask moves time on until the reply is there", async () => {
  await using kit = ActorTestKit.create();
  const answer = await kit.ask(
    kit.spawn(double),
    (replyTo: ActorRef<number>) => ({ value: 21, replyTo }),
  );
  assertEquals(answer, 42);
  const deaf = kit.spawn(Behaviors.ignore());
  await assertRejects(() => kit.ask(deaf, (replyTo) => replyTo), AskTimeoutError);
  assertEquals(kit.clock.now(), 5_000);
});

Deno.test("actors without a name get one", async () => {
  await using kit = ActorTestKit.create({ name: "mine" });
  assertEquals(kit.system.name, "mine");
  assertEquals(kit.spawn(double).path, "/actor-1");
  assertEquals(kit.spawn(double).path, "/actor-2");
  assertEquals(kit.spawn(double, "double").path, "/double");
  assertThrows(() => kit.spawn(double, "double"), ActorError, "/double");
});

Deno.test("stop waits until the actor has stopped, however long that takes", async () => {
  await using kit = ActorTestKit.create({ stopTimeout: 30_000 });
  const stuck = kit.spawn(Behaviors.receive<string>(() => new Promise(() => {})), "stuck");
  stuck.tell("go");
  await kit.settle();
  await kit.stop(stuck);
  assertEquals(kit.clock.now(), 30_000);
  assertEquals(kit.system.lookup("/stuck"), undefined);
});

Deno.test("one seed gives one run, another seed another", async () => {
  const run = async (seed: number | string) => {
    await using kit = ActorTestKit.create({ seed });
    const { random } = kit.system.runtime;
    await kit.settle();
    return [random.next(), random.next()];
  };
  assertEquals(await run("a"), await run("a"));
  assert((await run("a"))[0] !== (await run("b"))[0]);
});

Deno.test("expectLog finds a line by its parts and takes it out", async () => {
  await using kit = ActorTestKit.create();
  kit.spawn(chatty, "chatty");
  const line = await kit.expectLog({ level: "info", source: "/chatty", message: "tick" });
  assertEquals([line.message, line.fields.n, kit.clock.now()], ["tick 1", 1, 1_000]);
  assertEquals((await kit.expectLog({ message: /^tick [34]$/g })).message, "tick 3");
  assertEquals(kit.log.lines.map(({ message }) => message), ["tick 2"]);
  assertEquals((await kit.expectLog({})).message, "tick 2");
});

Deno.test("expectLog tells what is in the log instead", async () => {
  await using kit = ActorTestKit.create();
  kit.spawn(chatty, "chatty");
  const error = await assertRejects(
    () => kit.expectLog({ level: "warn", message: "tick" }, { timeout: 1_500 }),
    TestkitError,
  );
  assertEquals([error.code, kit.clock.now()], ["expectationFailed", 1_500]);
  assert(error.message.includes('{ level: "warn", message: "tick" } within 1500 ms'));
  assert(error.message.includes('source: "/chatty", message: "tick 1"'), error.message);
});

Deno.test("expectNoLog lets its time go by, and fails at the first line", async () => {
  await using kit = ActorTestKit.create();
  kit.spawn(chatty, "chatty");
  await kit.expectNoLog({}, { duration: 999 });
  await kit.expectNoLog({ level: "error" }, { duration: 5_000 });
  kit.log.clear();
  const error = await assertRejects(() => kit.expectNoLog({}, { duration: 1_000 }), TestkitError);
  assert(error.message.includes('but got { level: "info"'), error.message);
});

Deno.test("a logger of one's own hears each line as well", async () => {
  const mine = new RecordedLog();
  await using kit = ActorTestKit.create({ logger: mine });
  kit.spawn(chatty, "chatty");
  await kit.advance(2_000);
  assertEquals(mine.toString(), "INFO  /chatty: tick 1 n=1\nINFO  /chatty: tick 2 n=2");
  assertEquals(kit.log.lines, mine.lines);
});

Deno.test("a recorded log keeps the last lines only", () => {
  const log = new RecordedLog({ capacity: 2 });
  for (const text of ["a", "b", "c"]) log.log("debug", "test", text);
  assertEquals(log.lines.map(({ message }) => message), ["b", "c"]);
  assertEquals(log.find({ source: "nobody" }), undefined);
  assertEquals(log.take({ message: "b" })?.message, "b");
  assertEquals(log.take({ message: "b" }), undefined);
});

Deno.test("messages to probes and to the dead are in the ledger at the end", async () => {
  const kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  probe.ref.tell("one");
  await probe.expectMessage("one");
  const gone = kit.spawn(double);
  await kit.stop(gone);
  gone.tell({ value: 1, replyTo: kit.createProbe<number>().ref });
  probe.ref.tell("never expected");
  assertEquals(checkLedger(kit.system).inFlight, 1);
  await kit[Symbol.asyncDispose]();
  const { sent, delivered, deadLetters, inFlight } = kit.system.ledger.snapshot();
  assertEquals({ sent, delivered, inFlight }, { sent: 3, delivered: 2, inFlight: 0 });
  assertEquals(deadLetters, { stopped: 1 });
});

Deno.test("a test that loses a message without a trace fails at its end", async () => {
  const kit = ActorTestKit.create({ name: "lossy" });
  const probe = kit.createProbe<string>();
  probe.ref.tell("one");
  await probe.expectMessage("one");
  const gone = kit.spawn(double);
  await kit.stop(gone);
  gone.tell({ value: 1, replyTo: kit.createProbe<number>().ref });
  kit.system.ledger.sent++;
  const error = await assertRejects(() => kit[Symbol.asyncDispose](), TestkitError);
  assertEquals(error.code, "ledgerMismatch");
  assertEquals(
    error.message,
    "the ledger of lossy does not balance: 3 sent, but 1 delivered + 1 dead letters (stopped 1) + " +
      "0 in flight = 2",
  );
  assertEquals(error.value, kit.system.ledger.snapshot());
  const again = await assertRejects(() => kit[Symbol.asyncDispose](), TestkitError);
  assert(again === error, "a second end is the first");
});

Deno.test("a message that waits when all have stopped is lost, too", async () => {
  const kit = ActorTestKit.create({ name: "forgetful" });
  const { ledger } = kit.system;
  const snapshot = ledger.snapshot.bind(ledger);
  ledger.sent++;
  ledger.snapshot = () => ({ ...snapshot(), inFlight: 1 });
  const error = await assertRejects(() => kit[Symbol.asyncDispose](), TestkitError);
  assertEquals(error.message, "1 messages wait still in forgetful, which was shut down");
});

Deno.test("a system that the test has shut down itself may end again", async () => {
  await using kit = ActorTestKit.create();
  const probe = kit.createProbe<string>();
  kit.spawn(chatty);
  await kit.clock.resolve(kit.system.shutdown());
  probe.ref.tell("too late");
  await probe.expectNoMessage();
  assertThrows(() => kit.createProbe(), ActorError, "shut down");
  assertEquals(checkLedger(kit.system).deadLetters, { stopped: 1 });
});

Deno.test("checkLedger serves systems on any clock", async () => {
  await using system = new ActorSystem({ name: "real", runtime: { logger: silentLogger } });
  system.spawn(Behaviors.ignore(), "sink").tell(1);
  assertEquals(checkLedger(system).sent, 1);
  system.ledger.delivered--;
  const error = assertThrows(() => checkLedger(system), TestkitError, "the ledger of real");
  assertEquals(error.code, "ledgerMismatch");
});
