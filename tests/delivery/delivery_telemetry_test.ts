import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { consumerController, type Deliver, producerController } from "../../lib/delivery/mod.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

Deno.test("deliveries are measured at their producer and at their consumer", async () => {
  const clock = new ManualClock();
  const telemetry = new RecordedTelemetry();
  const random = new SeededRandom(1);
  const system = new ActorSystem({ runtime: { clock, random, telemetry, logger: silentLogger } });
  let failures = 1;
  const handled: boolean[] = [];
  const spawnConsumer = (name: string) =>
    system.spawn(
      consumerController<number>({
        window: 4,
        onMessage: async (_context, number, { again }) => {
          handled.push(again);
          await new Promise<void>((resolve) => void clock.schedule(100, resolve));
          if (number === 2 && failures-- > 0) throw new Error("on purpose");
        },
      }),
      name,
    );
  const producer = system.spawn(
    producerController<number>({ consumer: spawnConsumer("first"), bufferSize: 6 }),
    "producer",
  );
  const accepted: Promise<unknown>[] = [];
  for (let message = 1; message <= 8; message++) {
    const deliver = (acceptedTo: ActorRef<never>) =>
      ({ type: "deliver", message, acceptedTo }) as unknown as Deliver<number>;
    accepted.push(system.askStatus(producer, deliver as never, { timeout: 60_000 }));
  }
  await clock.advance(50);
  const value = (about: { readonly name: string }, labels = {}) =>
    telemetry.sum(about.name, { actor: "/producer", ...labels });
  assertEquals(value(instruments.unconfirmedDeliveries), 6);
  assertEquals(value(instruments.waitingDeliveries), 2);
  assertEquals(value(instruments.deliveryDemand), 0);
  const events = (event: string, labels = {}) =>
    telemetry.sum(instruments.deliveryEvents.name, { event, ...labels });
  assertEquals([events("resent"), events("confirmed")], [0, 0]);
  // The consumer fails at the second message, and ends with it: another one gets the rest.
  await clock.advance(1_000);
  producer.tell({ type: "setConsumer", consumer: spawnConsumer("second") });
  await clock.resolve(Promise.all(accepted));
  await clock.advance(10_000);
  assertEquals(value(instruments.unconfirmedDeliveries), 0);
  assertEquals(value(instruments.waitingDeliveries), 0);
  assertEquals(value(instruments.deliveryDemand), 4);
  assertEquals(events("confirmed", { actor: "/producer" }), 8);
  // What the first consumer failed on, and had in its mailbox, was sent again; not what it had handled.
  assertEquals([events("sent"), events("resent")], [8, 3]);
  assertEquals(handled.filter(Boolean).length > 0, true);
  assertEquals(events("handled"), handled.filter((again) => !again).length);
  assertEquals(events("handledAgain"), handled.filter((again) => again).length);
  await clock.resolve(system.shutdown());
  assertEquals(telemetry.count(instruments.unconfirmedDeliveries.name), 0, "it is gone");
});
