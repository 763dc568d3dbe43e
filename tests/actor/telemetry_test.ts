import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import type { Span, Telemetry } from "../../lib/runtime/telemetry.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";

type Work = { type: "work"; replyTo: ActorRef<string> } | { type: "fail" };

/** A system whose telemetry is recorded, on virtual time. */
function measured() {
  const clock = new ManualClock();
  const telemetry = new RecordedTelemetry();
  const system = new ActorSystem({ runtime: { clock, telemetry, logger: silentLogger } });
  return { clock, telemetry, system };
}

const worker = Behaviors.receive<Work>((_context, message) => {
  if (message.type === "fail") throw new Error("on purpose");
  message.replyTo.tell("done");
  return Behaviors.same();
});

Deno.test("messages, actors and dead letters are read from what the system counts", async () => {
  const { clock, telemetry, system } = measured();
  const ref = system.spawn(worker, "worker");
  await clock.resolve(system.ask<Work, string>(ref, (replyTo) => ({ type: "work", replyTo })));
  assertEquals(telemetry.sum(instruments.messagesSent.name), system.ledger.sent);
  assertEquals(telemetry.sum(instruments.messagesDelivered.name), system.ledger.delivered);
  assert(system.ledger.delivered >= 2);
  assertEquals(telemetry.sum(instruments.actors.name), 1);
  await clock.resolve(system.stop(ref));
  ref.tell({ type: "fail" });
  assertEquals(telemetry.sum(instruments.deadLetters.name, { reason: "stopped" }), 1);
  assertEquals(telemetry.sum(instruments.actors.name), 0);
  await clock.resolve(system.shutdown());
  assertEquals(telemetry.count(instruments.messagesSent.name), 0, "a system that is gone");
});

Deno.test("a handler's time counts until its promise is settled", async () => {
  const { clock, telemetry, system } = measured();
  const slow = Behaviors.receive<"go">(async () => {
    await new Promise<void>((resolve) => clock.schedule(2_000, resolve));
    return Behaviors.same();
  });
  const ref = system.spawn(slow, "slow");
  ref.tell("go");
  await clock.advance(1_000);
  assertEquals(telemetry.count(instruments.handlerDuration.name), 0);
  await clock.advance(1_000);
  assertEquals(telemetry.sum(instruments.handlerDuration.name, { actor: "/slow" }), 2);
  await clock.resolve(system.shutdown());
});

Deno.test("the depth of a mailbox is what waits when a turn begins", async () => {
  const { clock, telemetry, system } = measured();
  const ref = system.spawn(Behaviors.receive<number>(() => Behaviors.same()), "counter");
  for (let i = 0; i < 5; i++) ref.tell(i);
  await clock.advance(0);
  assertEquals(telemetry.sum(instruments.mailboxDepth.name, { actor: "/counter" }), 5);
  await clock.resolve(system.shutdown());
});

Deno.test("restarts are counted", async () => {
  const { clock, telemetry, system } = measured();
  const ref = system.spawn(Behaviors.supervise(worker), "worker");
  ref.tell({ type: "fail" });
  ref.tell({ type: "fail" });
  await clock.advance(10_000);
  assertEquals(telemetry.sum(instruments.restarts.name, { actor: "/worker" }), 2);
  await clock.resolve(system.shutdown());
});

Deno.test("asks are measured by their outcome", async () => {
  const { clock, telemetry, system } = measured();
  const ref = system.spawn(worker, "worker");
  const mute = system.spawn(Behaviors.ignore(), "mute");
  await clock.resolve(system.ask<Work, string>(ref, (replyTo) => ({ type: "work", replyTo })));
  const lost = system.askOrUndefined<Work, string>(
    mute as ActorRef<Work>,
    (replyTo) => ({ type: "work", replyTo }),
    { timeout: 3_000 },
  );
  assertEquals(telemetry.sum(instruments.pendingAsks.name), 1);
  await clock.resolve(lost);
  assertEquals(telemetry.count(instruments.askDuration.name, { outcome: "replied" }), 1);
  assertEquals(telemetry.sum(instruments.askDuration.name, { outcome: "askTimeout" }), 3);
  assertEquals(telemetry.sum(instruments.pendingAsks.name), 0);
  await clock.resolve(system.shutdown());
});

Deno.test("a trace goes from an ask through every mailbox that its message leads to", async () => {
  const { clock, telemetry, system } = measured();
  const second = system.spawn(worker, "second");
  const first = system.spawn(
    Behaviors.receive<Work>((_context, message) => {
      second.tell(message);
      return Behaviors.same();
    }),
    "first",
  );
  await clock.resolve(system.ask<Work, string>(first, (replyTo) => ({ type: "work", replyTo })));
  const [ask, one, two] = telemetry.spans;
  assertEquals(telemetry.spans.map(({ name }) => name), [
    "ask /first",
    "handle /first",
    "handle /second",
  ]);
  assertEquals(one!.parent, ask!.context);
  assertEquals(two!.parent, one!.context);
  assertEquals(new Set(telemetry.spans.map(({ context }) => context.traceId)).size, 1);
  assert(telemetry.spans.every(({ ended }) => ended));
  await clock.resolve(system.shutdown());
});

Deno.test("a traced message that is lost or measured by size is told as it was sent", async () => {
  const { clock, telemetry, system } = measured();
  const letters: unknown[] = [];
  system.eventStream.subscribe("deadLetter", ({ message }) => void letters.push(message));
  const sizes: unknown[] = [];
  const ref = system.spawn(Behaviors.receive<string>(() => Behaviors.same()), "small", {
    mailbox: {
      maxBytes: 2,
      overflow: "dropOldest",
      sizeOf: (message: string) => {
        sizes.push(message);
        return 1;
      },
    },
  });
  const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true };
  telemetry.with(context, () => ["a", "b", "c"].forEach((each) => ref.tell(each)));
  assertEquals(sizes, ["a", "b", "c"]);
  assertEquals(letters, ["a"]);
  ref.tell("d");
  await clock.resolve(system.stop(ref));
  assertEquals(letters.every((each) => typeof each === "string"), true);
  await clock.resolve(system.shutdown());
});

Deno.test("telemetry that records nothing changes nothing", async () => {
  const clock = new ManualClock();
  const system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const ref = system.spawn(worker, "worker");
  const reply = await clock.resolve(
    system.ask<Work, string>(ref, (replyTo) => ({ type: "work", replyTo })),
  );
  assertEquals(reply, "done");
  await clock.resolve(system.shutdown());
});

Deno.test("telemetry that throws loses measurements, and nothing else", async () => {
  const clock = new ManualClock();
  const broken = (): never => {
    throw new Error("the exporter is gone");
  };
  const reports: string[] = [];
  const logger = {
    log: (_level: string, source: string, message: string) =>
      void reports.push(`${source}: ${message}`),
  };
  const recorded = new RecordedTelemetry();
  const span = (name: string): Span => ({
    ...recorded.startSpan(name),
    set: broken,
    fail: broken,
    end: broken,
  });
  const parts: Telemetry = {
    enabled: true,
    counter: () => ({ add: broken }),
    histogram: () => ({ record: broken }),
    gauge: () => broken,
    startSpan: span,
    with: (context, task) => {
      recorded.with(context, task);
      return broken();
    },
    active: () => recorded.active(),
  };
  const whole = new Proxy({ enabled: true } as Telemetry, {
    get: (target, name) => name === "enabled" ? target.enabled : broken,
  });
  for (const telemetry of [parts, whole]) {
    reports.length = 0;
    const system = new ActorSystem({ runtime: { clock, telemetry, logger } });
    const ref = system.spawn(Behaviors.supervise(worker), "worker");
    const ask = () => system.ask<Work, string>(ref, (replyTo) => ({ type: "work", replyTo }));
    assertEquals(await clock.resolve(ask()), "done");
    ref.tell({ type: "fail" });
    await clock.advance(10_000);
    assertEquals(await clock.resolve(ask()), "done");
    await clock.resolve(system.shutdown());
    assertEquals(reports.filter((each) => each.startsWith("telemetry: ")).length, 1);
    assertEquals(system.ledger.sent, system.ledger.delivered);
  }
});

Deno.test("the span of an ask that fails at once has ended", async () => {
  const { clock, telemetry, system } = measured();
  const ref = system.spawn(worker, "worker");
  const broken = () => {
    throw new Error("on purpose");
  };
  await Promise.try(() => system.ask<Work, string>(ref, broken)).catch(() => {});
  assert(telemetry.spans.length > 0 && telemetry.spans.every(({ ended }) => ended));
  await clock.resolve(system.shutdown());
});

Deno.test("a message that is stashed stays in its trace", async () => {
  const { clock, telemetry, system } = measured();
  const open = Behaviors.receive<Work | "open">((_context, message) => {
    if (message !== "open" && message.type === "work") message.replyTo.tell("done");
    return Behaviors.same();
  });
  const closed = Behaviors.receive<Work | "open">(({ stash }, message) => {
    if (message !== "open") {
      stash.add(message);
      return Behaviors.same();
    }
    stash.unstashAll();
    return open;
  });
  const ref = system.spawn(closed, "door");
  const asked = system.ask(ref, (replyTo: ActorRef<string>): Work => ({ type: "work", replyTo }));
  await clock.advance(1_000);
  // Of no trace: what it lets in must not become a part of its own.
  ref.tell("open");
  assertEquals(await clock.resolve(asked), "done");
  const [ask, first, second, ...others] = telemetry.spans;
  assertEquals(others, []);
  assertEquals([ask!.name, first!.name, second!.name], [
    "ask /door",
    "handle /door",
    "handle /door",
  ]);
  assertEquals([first!.parent, second!.parent], [ask!.context, first!.context]);
  assert(telemetry.spans.every(({ ended }) => ended));
  await clock.resolve(system.shutdown());
});

Deno.test("a trace that is not sampled goes on, and records no span", async () => {
  const { clock, telemetry, system } = measured();
  const contexts: unknown[] = [];
  const last = system.spawn(
    Behaviors.receive<Work>((_context, message) => {
      contexts.push(telemetry.active());
      if (message.type === "work") message.replyTo.tell("done");
      return Behaviors.same();
    }),
    "last",
  );
  const first = system.spawn(
    Behaviors.receive<Work>(async (context, message) => {
      if (message.type !== "work") return Behaviors.same();
      const trace = telemetry.active();
      contexts.push(trace);
      // After an await only the telemetry itself could follow the trace: this one does not.
      const reply = telemetry.with(trace, () => context.ask(last, ask));
      message.replyTo.tell(await reply);
      return Behaviors.same();
    }),
    "first",
  );
  const ask = (replyTo: ActorRef<string>): Work => ({ type: "work", replyTo });
  const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: false };
  assertEquals(
    await clock.resolve(telemetry.with(context, () => system.ask(first, ask))),
    "done",
  );
  assertEquals(contexts, [context, context]);
  assertEquals(telemetry.spans, []);
  assertEquals(telemetry.count(instruments.askDuration.name, { outcome: "replied" }), 2);
  await clock.resolve(system.shutdown());
});

Deno.test("an untraced message that a traced handler's turn precedes is in no trace", async () => {
  const { clock, telemetry, system } = measured();
  const contexts: unknown[] = [];
  const ref = system.spawn(
    Behaviors.receive<string>(() => {
      contexts.push(telemetry.active()?.traceId);
      return Behaviors.same();
    }),
    "both",
  );
  const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true };
  telemetry.with(context, () => ref.tell("traced"));
  ref.tell("untraced");
  await clock.advance(0);
  assertEquals(contexts, [context.traceId, undefined]);
  await clock.resolve(system.shutdown());
});
