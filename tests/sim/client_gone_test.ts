import { assert, assertEquals } from "@std/assert";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ProducerMessage } from "../../lib/streams/protocol.ts";
import { streamProducer } from "../../lib/streams/stream_producer.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { type Fault, simulate, type Simulation } from "../../lib/testkit/mod.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** Asks for a producer of its own. */
interface Subscribe {
  readonly replyTo: ActorRef<ActorRef<ProducerMessage<number>>>;
}

const key = ServiceKey<Subscribe>("feed");

/** Gives each subscriber a producer, and each of these a number twice a second. */
function feed(open: Set<ActorRef<ProducerMessage<number>>>) {
  return discoverable(
    Behaviors.setup<Subscribe | "tick">((context) => {
      let count = 0;
      context.timers.startFixedDelay("timer", "tick", 500);
      return Behaviors.receive<Subscribe | "tick">((context, message) => {
        if (message === "tick") {
          count++;
          for (const producer of open) producer.tell({ type: "streamPush", element: count });
          return Behaviors.same();
        }
        const producer = context.spawn(streamProducer<number>());
        context.watch(producer);
        open.add(producer);
        message.replyTo.tell(producer);
        return Behaviors.same();
      }, (_context, signal) => {
        if (signal.type === "terminated") open.delete(signal.ref as never);
        return Behaviors.same();
      });
    }),
    key as ServiceKey<Subscribe | "tick">,
  );
}

/** A watcher that writes down which actors are gone, and why. */
const watcher = (ref: ActorRef<never>, heard: string[]) =>
  Behaviors.setup<string>((context) => {
    context.watch(ref);
    return Behaviors.receive<string>(() => Behaviors.same(), (_context, signal) => {
      if (signal.type === "terminated") heard.push(signal.reason);
      return Behaviors.same();
    });
  });

interface Reading {
  last: number;
  failed: string;
}

/** A client reads a stream of a node, for as long as it lasts. */
async function read(
  client: ClusterClient,
  resolve: <T>(promise: Promise<T>) => Promise<T>,
): Promise<Reading> {
  const reading: Reading = { last: 0, failed: "" };
  const [found] = client.lookup(key);
  const producer = await resolve(
    client.ask(found!, (replyTo: Subscribe["replyTo"]) => ({ replyTo })),
  );
  (async () => {
    for await (const number of streamSource(client.system, producer)) {
      assert(number > reading.last, "the elements come in order");
      reading.last = number;
    }
  })().catch((error) => void (reading.failed = error.code));
  return reading;
}

/** A client and node-1 watch an actor of node-2, whose stream the client reads. */
async function onThreeNodes(
  seed: number,
  scenario: (
    sim: Simulation,
    client: ClusterClient,
    watched: { readonly client: string[]; readonly node: string[] },
    reading: Reading,
    open: ReadonlySet<unknown>,
  ) => Promise<void>,
): Promise<void> {
  const open = new Set<ActorRef<ProducerMessage<number>>>();
  await simulate({
    seed,
    nodes: 3,
    duration: 600_000,
    failures: false,
    shrink: 0,
    setup: (node) => {
      if (node.name === "node-2") node.system.spawn(feed(open), "feed");
    },
    // Its actors live on, so that a producer without a consumer would stay.
    cluster: { whenDowned: "rejoin" },
  }, async (sim) => {
    const client = await sim.connect();
    const one = sim.node("node-1").system;
    await sim.until(() =>
      client.lookup(key).length === 1 && one.receptionist.find(key).length === 1
    );
    const watched = { client: [] as string[], node: [] as string[] };
    client.spawn(watcher(client.lookup(key)[0]!, watched.client), "watcher");
    one.spawn(watcher(one.receptionist.find(key)[0]!, watched.node), "watcher");
    const reading = await read(client, (promise) => promise);
    await sim.sleep(5_000);
    await scenario(sim, client, watched, reading, open);
  });
}

const cutOff: Fault = {
  type: "partition",
  at: 0,
  for: 10_000,
  between: ["node-2"],
  and: ["node-1", "node-3"],
};

const shortFaults: Record<string, Fault> = {
  "a partition between nodes": cutOff,
  "a stall of the node": { type: "pause", at: 0, for: 25_000, node: "node-2" },
  "a stall of another node": { type: "pause", at: 0, for: 25_000, node: "node-1" },
};

for (const [name, fault] of Object.entries(shortFaults)) {
  Deno.test(`watches and streams of a client survive ${name}, and end with the client`, async () => {
    await onThreeNodes(3, async (sim, client, watched, reading, open) => {
      const before = reading.last;
      sim.inject(fault);
      await sim.sleep(5 * 60_000);
      assertEquals(sim.downings, []);
      assertEquals(watched, { client: [], node: [] });
      assertEquals(reading.failed, "");
      assert(reading.last > before + 500, `${before} to ${reading.last}`);
      assertEquals(open.size, 1);
      await client.close();
      await sim.until(() => open.size === 0, { limit: 5_000 });
      assertEquals(reading.failed, "", "who closes a client leaves its streams");
    });
  });
}

Deno.test("a client hears that a node was declared down, and that its stream has ended", async () => {
  await onThreeNodes(4, async (sim, client, watched, reading) => {
    sim.inject({ type: "crash", at: 0, node: "node-2", silently: true });
    await sim.sleep(60_000);
    assertEquals(sim.downings.length, 1);
    assertEquals(watched, { client: ["nodeDown"], node: ["nodeDown"] });
    assertEquals(reading.failed, "streamClosed");
    await client.close();
  });
});

Deno.test("a node that is cut off until it is declared down keeps no producer for a client", async () => {
  await onThreeNodes(5, async (sim, client, watched, reading, open) => {
    sim.inject({ ...cutOff, for: 60_000 });
    await sim.sleep(5 * 60_000);
    assertEquals(sim.downings.length, 1);
    assertEquals([watched.client, watched.node], [["nodeDown"], ["nodeDown"]]);
    assertEquals(reading.failed, "streamClosed");
    assertEquals(open.size, 0);
    await client.close();
  });
});

interface Scene {
  readonly cluster: SimulatedCluster;
  readonly nodes: readonly ClusteredActorSystem[];
  readonly client: ClusterClient;
  readonly reading: Reading;
  readonly open: ReadonlySet<unknown>;
}

/** Three nodes and a client that reads a stream of node-2. */
async function scene(seed: number): Promise<Scene> {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(3);
  const open = new Set<ActorRef<ProducerMessage<number>>>();
  nodes[1]!.spawn(feed(open), "feed");
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  await cluster.clock.runUntil(() => client.lookup(key).length === 1);
  const reading = await read(client, (promise) => cluster.clock.resolve(promise));
  await cluster.clock.advance(5_000);
  return { cluster, nodes, client, reading, open };
}

async function end({ cluster, nodes, client }: Scene): Promise<void> {
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
}

Deno.test("a stream of a client survives that it is cut off from the node for 15 s", async () => {
  const made = await scene(6);
  const { cluster: { clock, network }, reading, open } = made;
  const before = reading.last;
  network.partition("client", "node-2");
  await clock.advance(15_000);
  network.heal();
  await clock.advance(60_000);
  assertEquals(reading.failed, "");
  assert(reading.last > before + 130, `${before} to ${reading.last}`);
  assertEquals(open.size, 1);
  await end(made);
});

Deno.test("a stream that has lost elements with a connection says so, and its producer ends", async () => {
  const made = await scene(10);
  const { cluster: { clock, network }, reading, open } = made;
  network.partition("client", "node-2");
  // Longer than `writeTimeout`: the connection ends.
  await clock.advance(30_000);
  assertEquals([reading.failed, open.size], ["", 1]);
  network.heal();
  await clock.runUntil(() => reading.failed !== "");
  assertEquals(reading.failed, "streamBroken");
  await clock.runUntil(() => open.size === 0);
  await end(made);
});

Deno.test("a producer whose client has crashed ends, as soon as the client counts as gone", async () => {
  const made = await scene(7);
  const { cluster: { clock, network }, open } = made;
  network.crash("client", { silently: true });
  await clock.advance(60_000);
  assertEquals(open.size, 1, "it may come back");
  await clock.advance(60_000);
  assertEquals(open.size, 0);
  await end(made);
});

Deno.test("a consumer that was away for too long hears that its producer is gone", async () => {
  const made = await scene(8);
  const { cluster: { clock, network }, reading, open } = made;
  network.partition("client", ["node-1", "node-2", "node-3"]);
  await clock.advance(150_000);
  assertEquals(open.size, 0);
  assertEquals(reading.failed, "");
  network.heal();
  await clock.runUntil(() => reading.failed !== "");
  assert(["streamClosed", "streamBroken"].includes(reading.failed), reading.failed);
  await end(made);
});

Deno.test("a client hears that the node of its stream has left", async () => {
  const made = await scene(9);
  const { cluster, nodes, client, reading } = made;
  await cluster.stop([nodes[1]!]);
  await cluster.clock.runUntil(() => reading.failed !== "");
  assertEquals(reading.failed, "streamClosed");
  assertEquals(client.lookup(key), []);
  await cluster.clock.resolve(client.close());
  await cluster.stop([nodes[0]!, nodes[2]!]);
});

Deno.test("what has arrived at a client is read after the end of the stream", async () => {
  const made = await scene(11);
  const { cluster: { clock }, nodes, client } = made;
  const numbers = ServiceKey<ProducerMessage<number>>("numbers");
  const producer = nodes[0]!.spawn(discoverable(streamProducer<number>(), numbers), "numbers");
  await clock.runUntil(() => client.lookup(numbers).length === 1);
  const elements = streamSource(client.system, client.lookup(numbers)[0]!)[Symbol.asyncIterator]();
  const first = elements.next();
  for (const element of [1, 2, 3]) producer.tell({ type: "streamPush", element });
  producer.tell({ type: "streamComplete" });
  assertEquals((await clock.resolve(first)).value, 1);
  await clock.advance(5_000);
  assertEquals(nodes[0]!.lookup("/numbers"), undefined);
  const rest = [await elements.next(), await elements.next(), await elements.next()];
  assertEquals(rest.map(({ value }) => value), [2, 3, undefined]);
  await end(made);
});
