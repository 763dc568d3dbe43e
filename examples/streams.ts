/**
 * Back-pressure: three sensors feed one slow consumer through a stream with a buffer of eight
 * elements. A put waits while the buffer is full.
 *
 *     deno run -A examples/streams.ts
 *
 * @module
 */
import { ActorSystem } from "@casty/casty";
import { streamProducer, type StreamSink, streamSink, streamSource } from "@casty/casty/streams";

interface Reading {
  readonly sensor: string;
  readonly value: number;
}

const perSensor = 20;
const sensors = ["north", "east", "south"];
let sent = 0;
let received = 0;
let mostAhead = 0;
/** Milliseconds that each sensor needed for all its puts. */
const waited = new Map<string, number>();

/** Puts one reading after the other. */
async function measure(sensor: string, sink: StreamSink<Reading>): Promise<void> {
  const start = performance.now();
  for (let value = 1; value <= perSensor; value++) {
    await sink.put({ sensor, value });
    sent++;
    mostAhead = Math.max(mostAhead, sent - received);
  }
  waited.set(sensor, performance.now() - start);
  await sink.leave();
}

await using system = new ActorSystem({ name: "weather" });
const producer = system.spawn(streamProducer<Reading>({ bufferSize: 8 }), "readings");

// This sink keeps the stream open, and completes it when the sensors have finished.
await using control = streamSink(system, producer);
const measuring = Promise.all(
  sensors.map((sensor) => measure(sensor, streamSink(system, producer))),
).then(() => control.complete());

const last = new Map<string, number>();
for await (const { sensor, value } of streamSource(system, producer, { demand: 4 })) {
  received++;
  if (value !== (last.get(sensor) ?? 0) + 1) throw new Error(`${sensor} ${value} is out of order`);
  last.set(sensor, value);
  if (received % 10 === 0) {
    console.log(`received ${received}, sent ${sent}, ${sent - received} in the stream`);
  }
  // The slow consumer.
  await new Promise((resolve) => setTimeout(resolve, 5));
}
await measuring;

const total = sensors.length * perSensor;
console.log(`${received} of ${total} readings, in order, from ${[...last.keys()].join(", ")}`);
console.log(`at most ${mostAhead} readings between the sensors and the consumer`);
for (const [sensor, time] of waited) {
  console.log(`${sensor} was held back for ${time.toFixed()} ms`);
}
const { type } = await control.outcome;
console.log(`the stream was ${type}`);

// Eight in the buffer, four requested, and one being handled by the consumer.
const heldBack = [...waited.values()].every((time) => time > 50);
if (received !== total || type !== "completed" || mostAhead > 8 + 4 + 1 || !heldBack) Deno.exit(1);
