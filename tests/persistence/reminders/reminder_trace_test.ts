import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../../lib/actor/system/actor_system.ts";
import { eventSourced, memoryJournal, persistenceId } from "../../../lib/persistence/mod.ts";
import { silentLogger } from "../../../lib/runtime/logger.ts";
import { readTraceParent } from "../../../lib/runtime/trace_context.ts";
import { ManualClock } from "../../../lib/testkit/manual_clock.ts";
import { RecordedTelemetry } from "../../../lib/testkit/recorded_telemetry.ts";

type Command =
  | { readonly type: "set"; readonly replyTo: ActorRef<readonly (string | undefined)[]> }
  | { readonly type: "ring" };

Deno.test("a reminder that fires after a restart begins a trace, with a link to the command that has set it", async () => {
  const clock = new ManualClock();
  const journal = memoryJournal();
  const telemetry = new RecordedTelemetry();
  const alarm = () =>
    eventSourced<Command, string, readonly string[]>({
      id: persistenceId("alarm", "a"),
      journal,
      initial: [],
      onCommand: ({ reminders }, _state, command, effect) => {
        if (command.type === "ring") return effect.persist("rung");
        reminders.every("bell", 60_000, { type: "ring" });
        const set = reminders.list().map(({ trace }) => trace);
        return effect.persist("set").thenReply(command.replyTo, () => set);
      },
      onEvent: (state, event) => [...state, event],
    });
  const start = () => {
    const system = new ActorSystem({ runtime: { clock, telemetry, logger: silentLogger } });
    return { system, ref: system.spawn(alarm(), "alarm") };
  };
  const first = start();
  const [stored] = await clock.resolve(
    first.system.ask(first.ref, (replyTo: ActorRef<readonly (string | undefined)[]>): Command => ({
      type: "set",
      replyTo,
    })),
  );
  const setter = telemetry.spans.find(({ name }) => name === "handle /alarm")!;
  assertEquals(readTraceParent(stored), setter.context);
  await clock.resolve(first.system.shutdown());

  const before = telemetry.spans.length;
  const second = start();
  await clock.advance(130_000);
  const spans = telemetry.spans.slice(before);
  const fired = spans.filter(({ name }) => name === "reminder /alarm");
  assertEquals(fired.length, 2);
  for (const { context, parent, links, kind, ended } of fired) {
    assertEquals([parent, kind, ended], [undefined, "consumer", true]);
    assertEquals(links, [setter.context]);
    const children = spans.filter(({ parent }) => parent?.spanId === context.spanId);
    assertEquals(children.map(({ name }) => name), ["append"]);
  }
  assert(fired[0]!.context.traceId !== fired[1]!.context.traceId);
  await clock.resolve(second.system.shutdown());
});

Deno.test("of a trace context as text nothing else is read", () => {
  const text = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  assertEquals(readTraceParent(text)?.sampled, true);
  assertEquals(readTraceParent(text.replace(/01$/, "00"))?.sampled, false);
  const wrong = [undefined, 7, "", `${text} `, text.toUpperCase(), `01${text.slice(2)}`];
  const zeros = [text.replace(/a/g, "0"), text.replace(/b/g, "0")];
  for (const each of [...wrong, ...zeros]) assertEquals(readTraceParent(each), undefined);
});
