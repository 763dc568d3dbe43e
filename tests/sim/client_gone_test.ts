import { assert, assertEquals } from "@std/assert";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { type ClientOptions, ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ProducerMessage } from "../../lib/streams/protocol.ts";
import { streamProducer } from "../../lib/streams/stream_producer.ts";
import { streamSink } from "../../lib/streams/stream_sink.ts";
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
async function scene(seed: number, options: Partial<ClientOptions> = {}): Promise<Scene> {
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
    ...options,
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

Deno.test("what only keeps a client connected is no dead letter when it is lost", async () => {
  const made = await scene(17);
  const { cluster: { clock, network }, nodes, client } = made;
  client.spawn(Behaviors.receive<string>(() => Behaviors.same()), "connected");
  const lost: string[] = [];
  for (const { eventStream } of [client.system, ...nodes]) {
    eventStream.subscribe("deadLetter", ({ target }: DeadLetter) => lost.push(target));
  }
  network.partition("client", "node-1");
  await clock.advance(70_000);
  network.heal();
  await clock.advance(20_000);
  assertEquals(lost.filter((target) => target.includes("/_")), []);
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

Deno.test("a stream of a client with one connection survives that its contact leaves", async () => {
  const contactPoints = ["node-1:25520", "node-3:25520"];
  const made = await scene(12, { unisocket: true, contactPoints });
  const { cluster, nodes, client, reading, open } = made;
  const contact = client.contact;
  const leaving = nodes.find(({ address }) => address === contact)!;
  const before = reading.last;
  await cluster.stop([leaving]);
  await cluster.clock.advance(180_000);
  assert(client.contact !== contact);
  assertEquals([reading.failed, open.size], ["", 1]);
  assert(reading.last > before + 300, `${before} to ${reading.last}`);
  await cluster.clock.resolve(client.close());
  await cluster.clock.runUntil(() => open.size === 0);
  await cluster.stop(nodes.filter((node) => node !== leaving));
});

Deno.test("a producer hears that a client with one connection is gone, when its contact crashes with it", async () => {
  const made = await scene(13, { unisocket: true });
  const { cluster, nodes, open } = made;
  cluster.network.crash("client", { silently: true });
  cluster.network.crash("node-1", { silently: true });
  await cluster.clock.advance(150_000);
  assertEquals(open.size, 0);
  await cluster.stop(nodes.slice(1));
});

Deno.test("a sink of a client that is gone is lost, and one that was cut off is not", async () => {
  const made = await scene(14);
  const { cluster: { clock, network }, nodes, client } = made;
  const numbers = ServiceKey<ProducerMessage<number>>("numbers");
  const producer = nodes[0]!.spawn(discoverable(streamProducer<number>(), numbers), "numbers");
  await clock.runUntil(() => client.lookup(numbers).length === 1);
  const sink = streamSink(client.system, client.lookup(numbers)[0]!);
  const elements = streamSource(nodes[0]!, producer)[Symbol.asyncIterator]();
  await clock.resolve(sink.put(1));
  assertEquals((await clock.resolve(elements.next())).value, 1);
  network.partition("client", ["node-1", "node-2", "node-3"]);
  await clock.advance(15_000);
  network.heal();
  await clock.advance(15_000);
  await clock.resolve(sink.put(2));
  assertEquals((await clock.resolve(elements.next())).value, 2);
  const last = elements.next();
  let failed = "";
  last.catch((error) => void (failed = error.code));
  network.crash("client", { silently: true });
  await clock.advance(50_000);
  assertEquals(failed, "");
  await clock.runUntil(() => failed !== "");
  assertEquals(failed, "streamFailed");
  await end(made);
});

Deno.test("a consumer on a node hears that the producer of a client is gone", async () => {
  const made = await scene(15);
  const { cluster: { clock, network }, nodes, client } = made;
  type Offer = ActorRef<ProducerMessage<number>>;
  const offers = ServiceKey<Offer>("offers");
  let failed = "";
  let got = 0;
  const taking = Behaviors.receive<Offer>((_context, producer) => {
    (async () => {
      for await (const _ of streamSource(nodes[2]!, producer)) got++;
    })().catch((error) => void (failed = error.code));
    return Behaviors.same();
  });
  nodes[2]!.spawn(discoverable(taking, offers), "taking");
  await clock.runUntil(() => client.lookup(offers).length === 1);
  const producer = client.spawn(streamProducer<number>(), "numbers");
  client.lookup(offers)[0]!.tell(producer);
  producer.tell({ type: "streamPush", element: 1 });
  await clock.runUntil(() => got === 1);
  network.partition(["node-3"], ["node-1", "node-2"]);
  await clock.advance(10_000);
  network.heal();
  await clock.advance(30_000);
  producer.tell({ type: "streamPush", element: 2 });
  await clock.runUntil(() => got === 2);
  network.crash("client", { silently: true });
  await clock.advance(50_000);
  assertEquals(failed, "");
  await clock.runUntil(() => failed !== "");
  assertEquals(failed, "streamClosed");
  await end(made);
});

Deno.test("an ask of an actor of a client fails when the client is gone, and not before", async () => {
  for (const [closes, from, to] of [[true, 0, 1_000], [false, 59_000, 62_000]] as const) {
    const made = await scene(18);
    const { cluster: { clock, network }, nodes, client } = made;
    const silent = ServiceKey<ActorRef<ActorRef<string>>>("silent");
    let told = "";
    const asking = Behaviors.receive<ActorRef<ActorRef<string>>>((context, ref) => {
      context.system.ask(ref, (replyTo: ActorRef<string>) => replyTo, { timeout: 600_000 })
        .catch(({ code }) => void (told = code));
      return Behaviors.same();
    });
    nodes[1]!.spawn(discoverable(asking, silent), "asking");
    await clock.runUntil(() => client.lookup(silent).length === 1);
    const ref = client.spawn(Behaviors.receive<ActorRef<string>>(() => Behaviors.same()), "mute");
    client.lookup(silent)[0]!.tell(ref);
    await clock.advance(1_000);
    if (closes) await clock.resolve(client.close());
    else network.crash("client", { silently: false });
    await clock.advance(from);
    if (!closes) assertEquals(told, "");
    await clock.advance(to - from);
    assertEquals(told, "askTargetDead");
    await end(made);
  }
});

Deno.test("hostile: a client cannot withdraw services, and what it has got after its end is taken away", async () => {
  const made = await scene(16);
  const { cluster: { clock }, nodes, client } = made;
  const { remoting } = clientInternalsOf(client)!;
  remoting.send("node-1:25520", "/_withdraw", 0, { type: "withdraw" });
  remoting.send("node-1:25520", "/_withdraw", 0, { type: "withdrawn" });
  remoting.send("node-1:25520", "/_withdraw", 0, { type: "x" });
  await clock.advance(1_000);
  assertEquals(nodes[0]!.receptionist.find(key).length, 1);
  assertEquals(client.lookup(key).length, 1);
  remoting.send("node-2:25520", "/_gateway", 0, { type: "close" });
  await clock.advance(1_000);
  assertEquals(made.open.size, 0, "it has said that it ends");
  // It is served as a new client, and keeps nothing when its connection ends.
  const again = await read(client, (promise) => clock.resolve(promise));
  await clock.advance(5_000);
  assert(again.last > 0);
  assertEquals(made.open.size, 1);
  await end(made);
  assertEquals(made.open.size, 0);
});
