import { assert, assertEquals } from "@std/assert";
import { type ActorRef, ActorSystem, Behaviors, silentLogger } from "@casty/casty";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { BusyActors } from "../../lib/admin/busy_actors.ts";
import { shownPath } from "../../lib/admin/shown_path.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { MetricsTelemetry } from "../../metrics.ts";

Deno.test("the busiest are listed by time and by messages, and each window is its own", () => {
  const busy = new BusyActors(0);
  for (let index = 0; index < 100; index++) busy.add("/chatty", 0, 1);
  busy.add("/slow", 50, 1);
  for (let index = 0; index < 10; index++) busy.add(`/quiet/${index}`, 1, 1);
  const { window, messages, handlerTime, actors, incomplete } = busy.take(1_000, 1);
  assertEquals([window, messages, handlerTime, incomplete], [1_000, 111, 60, false]);
  assertEquals(actors, [
    { path: "/slow", messages: 1, handlerTime: 50 },
    { path: "/chatty", messages: 100, handlerTime: 0 },
  ]);
  const next = busy.take(3_000, 5);
  assertEquals([next.window, next.messages, next.actors], [2_000, 0, []]);
});

Deno.test("any number of actors is counted in bounded memory, and the busiest stay", () => {
  const busy = new BusyActors(0);
  for (let index = 0; index < 100_000; index++) {
    busy.add(`/entity/${"x".repeat(500)}${index}`, 0.001, 1);
    if (index % 10 === 0) busy.add("/hot", 1, 1);
  }
  const { actors, incomplete, messages } = busy.take(1_000, 200);
  assert(incomplete && messages === 110_000);
  assertEquals(actors[0], { path: "/hot", messages: 10_000, handlerTime: 10_000 });
  assert(actors.length <= 400 && actors.every(({ path }) => path.length <= 300));
});

Deno.test("handlers are sampled beside telemetry, and only while samples are attached", async () => {
  for (const telemetry of [undefined, new MetricsTelemetry()]) {
    await using system = new ActorSystem({
      // On virtual time telemetry measures each turn.
      runtime: {
        clock: new ManualClock(),
        logger: silentLogger,
        ...(telemetry && { telemetry }),
      },
    });
    type Message = { readonly replyTo: ActorRef<string>; readonly until?: Promise<void> };
    const actor = system.spawn(
      Behaviors.receive<Message>((_context, { replyTo, until }) => {
        replyTo.tell("done");
        return until === undefined ? Behaviors.same() : until.then(() => Behaviors.same());
      }),
      "worker",
    );
    const ask = (until?: Promise<void>) =>
      system.ask(actor, (replyTo) => ({ replyTo, ...(until && { until }) }));
    const seen: string[] = [];
    await ask();
    const stop = internalsOf(system).sampleHandlers({
      add: (path, _ms, messages) => void seen.push(...Array(messages).fill(path)),
    });
    await ask();
    await ask();
    // A handler that is still at work when the samples end is not counted, and harms nothing.
    const { promise, resolve } = Promise.withResolvers<void>();
    await ask(promise);
    stop();
    resolve();
    await ask();
    assertEquals(seen, ["/worker", "/worker"]);
    if (telemetry !== undefined) {
      const counted = /casty_actor_handler_duration\w*_count\{actor="\/worker"\} (\d+)/;
      assertEquals(counted.exec(telemetry.text())?.[1], "5");
    }
  }
});

Deno.test("entities are named by type and id, and what belongs to Casty is left out", () => {
  const shown: readonly [string, string | undefined][] = [
    ["/worker/child", "/worker/child"],
    ["/_region-carts/entity-alice", "carts/alice"],
    ["/_region-carts/entity-alice/child", "carts/alice/child"],
    ["/_region-carts", undefined],
    ["/_region-_singleton/entity-x", undefined],
    ["/_cluster", undefined],
  ];
  for (const [path, name] of shown) assertEquals(shownPath(path), name, path);
});
