/**
 * Three sensors, each on its own node, stream 20 readings each to a client. Back-pressure holds the
 * sensors back while the client is slow. The client streams readings above the limit back into the
 * cluster, to a monitor on a fourth node.
 *
 *     deno run -A examples/sensor_pipeline.ts
 *
 * @module
 */
import { type ActorRef, Behaviors, ClusteredActorSystem, ServiceKey } from "@casty/casty";
import {
  type ProducerMessage,
  streamProducer,
  streamSink,
  streamSource,
} from "@casty/casty/streams";
import { ClusterClient } from "@casty/casty/client";
import { type NodeStart, nodeStart, Processes, tlsOf } from "./processes.ts";

interface Reading {
  readonly sensor: string;
  readonly number: number;
  readonly value: number;
}

const systemName = "weather";
const perSensor = 20;
const readings: ServiceKey<ProducerMessage<Reading>> = ServiceKey("readings");
const alerts: ServiceKey<ProducerMessage<Reading>> = ServiceKey("alerts");

/** The first value, the step from one reading to the next, and the limit. */
const sensors: Readonly<Record<string, readonly [first: number, step: number, limit: number]>> = {
  temperature: [20, 0.7, 30],
  humidity: [55, 1, 70],
  pressure: [1_005, 1, 1_020],
};

/** A node: a sensor, or the monitor. */
async function runNode({ name, seeds, folder }: NodeStart): Promise<void> {
  const system = await ClusteredActorSystem.start({
    name: systemName,
    nodeId: name,
    host: "127.0.0.1",
    port: 0,
    seedNodes: seeds,
    tls: await tlsOf(folder, name),
    stopOnSignals: true,
  });
  const key = name === "monitor" ? alerts : readings;
  // A sensor waits while four of its readings are buffered.
  const behavior = streamProducer<Reading>({ bufferSize: 4 });
  const producer = system.spawn(Behaviors.discoverable(behavior, key), "stream");
  console.log(`LISTENING ${system.address}`);
  await (name === "monitor" ? watch(system, producer) : measure(system, producer, name));
}

async function measure(
  system: ClusteredActorSystem,
  producer: ActorRef<ProducerMessage<Reading>>,
  sensor: string,
): Promise<void> {
  const [first, step] = sensors[sensor]!;
  const sink = streamSink(system, producer);
  for (let number = 1; number <= perSensor; number++) {
    await sink.put({ sensor, number, value: first + number * step });
  }
  await sink.complete();
  await sink.outcome;
  console.log(`sent ${perSensor} readings`);
}

async function watch(
  system: ClusteredActorSystem,
  producer: ActorRef<ProducerMessage<Reading>>,
): Promise<void> {
  let count = 0;
  for await (const { sensor, value } of streamSource(system, producer)) {
    count++;
    console.log(`${sensor} is above its limit: ${value.toFixed(1)}`);
  }
  console.log(`${count} alerts`);
}

/** Waits until `count` actors are registered under a service key, and returns them. */
async function find<M>(client: ClusterClient, key: ServiceKey<M>, count: number) {
  for await (const refs of client.subscribe(key)) if (refs.length === count) return refs;
  throw new Error(`the client was closed before ${count} actors of ${key.id} were found`);
}

/** Reads all readings of one sensor; returns whether they were complete and in order. */
async function follow(
  client: ClusterClient,
  producer: ActorRef<ProducerMessage<Reading>>,
  alert: (reading: Reading) => Promise<void>,
): Promise<boolean> {
  let last: Reading | undefined;
  let highest = -Infinity;
  let inOrder = true;
  for await (const reading of streamSource(client.system, producer, { demand: 2 })) {
    inOrder &&= reading.number === (last?.number ?? 0) + 1;
    highest = Math.max(highest, reading.value);
    if (reading.value > sensors[reading.sensor]![2]) await alert(reading);
    // The slow consumer.
    await new Promise((resolve) => setTimeout(resolve, 5));
    last = reading;
  }
  console.log(`client | ${last?.sensor}: ${last?.number} readings, highest ${highest.toFixed(1)}`);
  return inOrder && last?.number === perSensor;
}

async function main(): Promise<number> {
  const script = new URL(import.meta.url).pathname;
  await using nodes = await Processes.start(script, ["monitor", ...Object.keys(sensors)]);
  await using client = await ClusterClient.connect({
    contactPoints: [nodes.addresses.get("monitor")!],
    systemName,
    tls: await nodes.clientTls(),
  });
  const producers = await find(client, readings, 3);
  const [monitor] = await find(client, alerts, 1);
  const sink = streamSink(client.system, monitor!);
  let sent = 0;
  const alert = (reading: Reading) => {
    sent++;
    return sink.put(reading);
  };
  const complete = await Promise.all(
    producers.map((producer) => follow(client, producer, alert)),
  );
  await sink.complete();
  const { type } = await sink.outcome;
  console.log(`client | sent ${sent} alerts; the stream ${type}`);
  return complete.every(Boolean) && sent === 16 && type === "completed" ? 0 : 1;
}

if (import.meta.main) {
  const start = nodeStart(Deno.args);
  if (start === undefined) Deno.exit(await main());
  await runNode(start);
}
