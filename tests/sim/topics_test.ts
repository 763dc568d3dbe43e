import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClientOptions } from "../../lib/client/client_options.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import { TopicError } from "../../lib/topics/errors.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { Topic } from "../../lib/topics/topic.ts";
import type { TopicHandle } from "../../lib/topics/topic_handle.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

const Numbers = Topic<number>("numbers");
const Latest = Topic<string>("latest", { retain: 3 });

/** An actor of a node that keeps what it gets. */
function collect<M>(
  system: ClusteredActorSystem | ClusterClient,
  topic: TopicHandle<M>,
  name: string,
): M[] {
  const got: M[] = [];
  const sink = Behaviors.receive<M>((_context, message) => {
    got.push(message);
    return Behaviors.same();
  });
  const actors = system instanceof ClusterClient ? system.system : system;
  topic.subscribe(actors.spawn(sink, name));
  return got;
}

function connect(
  cluster: SimulatedCluster,
  options: Partial<ClientOptions> = {},
  host = "client",
): Promise<ClusterClient> {
  const runtime = cluster.runtime(host);
  const contactPoints = ["node-1:25520"];
  return cluster.clock.resolve(ClusterClient.connect({
    contactPoints,
    systemName: "sim",
    runtime,
    logger: runtime.logger,
    ...options,
  }));
}

async function startNode(
  cluster: SimulatedCluster,
  host: string,
  options: Partial<ClusterOptions> = {},
): Promise<ClusteredActorSystem> {
  const runtime = cluster.runtime(host);
  return await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host,
    port: 25_520,
    seedNodes: ["node-1:25520"],
    runtime,
    logger: runtime.logger,
    ...options,
  }));
}

function deadLetters(system: ClusteredActorSystem | ClusterClient): DeadLetter[] {
  const found: DeadLetter[] = [];
  const { eventStream } = system instanceof ClusterClient ? system.system : system;
  eventStream.subscribe<DeadLetter>("deadLetter", (event) => void found.push(event));
  return found;
}

Deno.test("a message reaches all subscribers of all nodes, once, in the order of its publisher", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const topics = nodes.map((node) => node.topic(Numbers));
  const got = nodes.flatMap((node, index) => [
    collect(node, topics[index]!, "one"),
    collect(node, topics[index]!, "two"),
  ]);
  await cluster.clock.advance(200);
  for (let value = 0; value < 50; value++) topics[value % 3]!.publish(value);
  await cluster.clock.advance(200);
  for (const values of got) {
    for (const publisher of [0, 1, 2]) {
      const expected = Array.from({ length: 50 }, (_, value) => value)
        .filter((value) => value % 3 === publisher);
      assertEquals(values.filter((value) => value % 3 === publisher), expected);
    }
    assertEquals(values.length, 50);
  }
  await cluster.stop(nodes);
  assertBalanced(nodes);
});

Deno.test("one copy travels to a node with many subscribers, and none to a node without", async () => {
  const cluster = new SimulatedCluster(2);
  const seen: string[] = [];
  const nodes: ClusteredActorSystem[] = [];
  for (const host of ["node-1", "node-2", "node-3"]) {
    const runtime = cluster.runtime(host);
    nodes.push(
      await startNode(cluster, host, {
        runtime: {
          ...runtime,
          inbound: (from, path, deliver) => {
            if (path === "/_topics") seen.push(`${from.split(":")[0]} > ${host}`);
            deliver();
          },
        },
      }),
    );
  }
  const [publisher, subscribed] = nodes.map((node) => node.topic(Numbers));
  const got = Array.from(
    { length: 100 },
    (_, index) => collect(nodes[1]!, subscribed!, `actor-${index}`),
  );
  await cluster.clock.advance(200);
  publisher!.publish(7);
  await cluster.clock.advance(200);
  assertEquals(got, Array.from({ length: 100 }, () => [7]));
  assertEquals(seen, ["node-1 > node-2"]);
  await cluster.stop(nodes);
});

Deno.test("an actor that stops, or takes its subscription back, gets nothing more", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(2);
  const [here, there] = nodes.map((node) => node.topic(Numbers));
  const got: number[] = [];
  const sink = Behaviors.receive<number>((_context, value) => {
    got.push(value);
    return value === 2 ? Behaviors.stopped() : Behaviors.same();
  });
  const ref = nodes[0]!.spawn(sink, "sink");
  const end = here!.subscribe(ref);
  here!.subscribe(ref);
  await cluster.clock.advance(200);
  there!.publish(1);
  await cluster.clock.advance(50);
  end();
  await cluster.clock.advance(50);
  there!.publish(10);
  await cluster.clock.advance(50);
  here!.subscribe(ref);
  await cluster.clock.advance(50);
  there!.publish(2);
  await cluster.clock.advance(50);
  const lost = deadLetters(nodes[0]!);
  there!.publish(3);
  here!.publish(4);
  await cluster.clock.advance(50);
  assertEquals(got, [1, 2]);
  assertEquals(lost, []);
  // One that has stopped already.
  here!.subscribe(ref);
  here!.publish(5);
  await cluster.clock.advance(50);
  assertEquals(lost, []);
  const foreign = nodes[1]!.spawn(sink, "foreign");
  assertThrows(() => here!.subscribe(foreign), TopicError, "not an actor of this system");
  await cluster.stop(nodes);
  assertBalanced(nodes);
});

Deno.test("a reader has a bounded buffer, and its policy says what happens when it is full", async () => {
  const cluster = new SimulatedCluster(4);
  const [node] = await cluster.start(1);
  const topic = node!.topic(Numbers);
  const lost = deadLetters(node!);
  const oldest = topic.subscribe({ buffer: 3 });
  const newest = topic.subscribe({ buffer: 3, overflow: "dropNewest" });
  const failing = topic.subscribe({ buffer: 3, overflow: "fail" });
  for (let value = 1; value <= 5; value++) topic.publish(value);
  assertEquals([oldest.dropped, newest.dropped, failing.dropped], [2, 2, 1]);
  assertEquals(lost.map(({ reason, target, message }) => [reason, target, message]), [
    ["bufferFull", "/_topics/numbers", 1],
    ["bufferFull", "/_topics/numbers", 4],
    ["bufferFull", "/_topics/numbers", 4],
    ["bufferFull", "/_topics/numbers", 2],
    ["bufferFull", "/_topics/numbers", 5],
  ]);
  const read = async (reader: typeof oldest, count: number) => {
    const values: number[] = [];
    for await (const value of reader) {
      values.push(value);
      if (values.length === count) break;
    }
    return values;
  };
  assertEquals(await read(oldest, 3), [3, 4, 5]);
  assertEquals(await read(newest, 3), [1, 2, 3]);
  await assertRejects(() => read(failing, 4), TopicError, "3 messages waiting");
  // A reader that waits gets the next message at once, and one that is left gets no more.
  const waiting = topic.subscribe();
  const next = waiting.next();
  topic.publish(6);
  assertEquals(await next, { done: false, value: 6 });
  topic.publish(7);
  await waiting.return();
  assertEquals(await waiting.next(), { done: true, value: undefined });
  const last = topic.subscribe().next();
  await cluster.stop([node!]);
  assertEquals(await last, { done: true, value: undefined });
  topic.publish(8);
  assertEquals(node!.ledger.snapshot().deadLetters.stopped, 1);
});

Deno.test("later subscribers get what is retained, in order and once, wherever they are", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(3);
  const [a, b] = nodes.map((node) => node.topic(Latest));
  await cluster.clock.advance(200);
  for (let index = 1; index <= 3; index++) a!.publish(`a${index}`);
  await cluster.clock.advance(50);
  for (let index = 1; index <= 2; index++) b!.publish(`b${index}`);
  await cluster.clock.advance(50);
  assertEquals(collect(nodes[0]!, a!, "late"), []);
  const early = collect(nodes[1]!, b!, "late");
  await cluster.clock.advance(50);
  assertEquals(early, ["a3", "b1", "b2"]);
  // The third node has not opened the topic before.
  const other = collect(nodes[2]!, nodes[2]!.topic(Latest), "late");
  a!.publish("a4");
  await cluster.clock.advance(200);
  assertEquals(other.filter((text) => text.startsWith("b")), ["b1", "b2"]);
  assertEquals(other.filter((text) => text.startsWith("a")).slice(-2), ["a3", "a4"]);
  // What the node retained that is gone is not lost with it.
  await cluster.stop([nodes[0]!]);
  await cluster.clock.advance(5_000);
  const newcomer = await startNode(cluster, "node-4", { seedNodes: ["node-2:25520"] });
  const latest = collect(newcomer, newcomer.topic(Latest), "late");
  await cluster.clock.advance(5_000);
  // There is no order between publishers.
  assertEquals(latest.toSorted(), ["a4", "b1", "b2"]);
  assert(latest.indexOf("b1") < latest.indexOf("b2"));
  const rest = [nodes[1]!, nodes[2]!, newcomer];
  await cluster.stop(rest);
  assertBalanced(rest);
});

Deno.test("a topic is open with one number of retained messages, and a node has a limit of topics", async () => {
  const cluster = new SimulatedCluster(6);
  const [node] = await cluster.start(1, { transport: { maxTopics: 2 } });
  node!.topic(Latest);
  assertThrows(
    () => node!.topic(Topic<string>("latest", { retain: 1 })),
    TopicError,
    'the topic "latest" retains 1 messages, and is open here with 3',
  );
  assertEquals(node!.topic(Topic<string>("latest", { retain: 3 })), node!.topic(Latest));
  node!.topic(Numbers);
  assertThrows(() => node!.topic(Topic<string>("more")), TopicError, "one more than 2");
  await cluster.stop([node!]);
});

Deno.test("subscriptions work again after a partition, and with a new incarnation of a node", async () => {
  const cluster = new SimulatedCluster(7);
  const nodes = await cluster.start(3, { membership: { stableAfter: 60_000 } });
  const { clock, network } = cluster;
  const topics = nodes.map((node) => node.topic(Numbers));
  const got = nodes.map((node, index) => collect(node, topics[index]!, "sink"));
  await clock.advance(200);
  network.partition(["node-1", "node-2"], "node-3");
  await clock.runUntil(() => nodes[0]!.cluster.state().unreachable.length > 0);
  topics[0]!.publish(1);
  // Subscribed while the others cannot hear of it.
  const later = Topic<number>("later");
  const onlyThere = collect(nodes[2]!, nodes[2]!.topic(later), "later");
  await clock.advance(5_000);
  network.heal();
  await clock.runUntil(() =>
    nodes.every(({ cluster }) => cluster.state().unreachable.length === 0)
  );
  await clock.advance(3_000);
  for (const [index, topic] of topics.entries()) topic.publish(10 + index);
  nodes[0]!.topic(later).publish(5);
  await clock.advance(500);
  assertEquals(got[1], [1, 10, 11, 12].sort((a, b) => got[1]!.indexOf(a) - got[1]!.indexOf(b)));
  assertEquals(got[2]!.filter((value) => value >= 10).length, 3);
  assertEquals(onlyThere, [5]);
  cluster.network.crash("node-3", { silently: true });
  await clock.advance(120_000);
  const again = await startNode(cluster, "node-3");
  const restarted = collect(again, again.topic(Numbers), "sink");
  await clock.advance(3_000);
  topics[0]!.publish(20);
  again.topic(Numbers).publish(21);
  await clock.advance(500);
  assertEquals(restarted.toSorted(), [20, 21]);
  assertEquals(got[0]!.slice(-2).toSorted(), [20, 21]);
  await cluster.stop([nodes[0]!, nodes[1]!, again]);
  await cluster.stop([nodes[2]!]);
});

Deno.test("clients publish and subscribe, one copy each, and follow their contact", async () => {
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(4);
  const topics = nodes.map((node) => node.topic(Numbers));
  const got = nodes.map((node, index) => collect(node, topics[index]!, "sink"));
  const client = await connect(cluster);
  const other = await connect(cluster, { contactPoints: ["node-2:25520"] }, "other");
  const theirs = [client, other].map((one) => collect(one, one.topic(Numbers), "sink"));
  const reader = client.topic(Numbers).subscribe();
  await cluster.clock.advance(1_000);
  client.topic(Numbers).publish(1);
  client.topic(Numbers).publish(2);
  topics[2]!.publish(3);
  await cluster.clock.advance(500);
  for (const values of [...got, ...theirs]) assertEquals(values.toSorted(), [1, 2, 3]);
  for (const values of [...got, ...theirs]) {
    assertEquals(values.filter((value) => value < 3), [1, 2]);
  }
  assertEquals(reader.buffered, 3);
  // The contact goes: everything continues through another node.
  const contact = client.contact!;
  const leaving = nodes.find(({ address }) => address === contact)!;
  await cluster.stop([leaving]);
  await cluster.clock.advance(3_000);
  assert(client.contact !== undefined && client.contact !== contact);
  client.topic(Numbers).publish(4);
  topics[nodes.findIndex((node) => node !== leaving)]!.publish(5);
  await cluster.clock.advance(500);
  for (const values of theirs) assertEquals(values.slice(3).toSorted(), [4, 5]);
  // A contact that dies without a word: the others are a majority.
  const next = client.contact!;
  cluster.network.crash(next.split(":")[0]!, { silently: true });
  await cluster.clock.runUntil(() => client.contact !== undefined && client.contact !== next);
  await cluster.clock.advance(15_000);
  const left = nodes.filter((node) => node !== leaving && node.address !== next);
  left.forEach((node, index) => node.topic(Numbers).publish(6 + index));
  client.topic(Numbers).publish(8);
  await cluster.clock.advance(500);
  assertEquals(theirs[0]!.slice(5).toSorted(), [6, 7, 8]);
  await cluster.clock.resolve(Promise.all([client.close(), other.close()]));
  assertEquals((await reader.next()).done, false);
  await cluster.stop(left);
  await cluster.stop(nodes.filter((node) => node.address === next));
});

Deno.test("a client gets what is retained, also what it has missed while it was not connected", async () => {
  const cluster = new SimulatedCluster(9);
  const nodes = await cluster.start(2);
  const topics = nodes.map((node) => node.topic(Latest));
  for (let index = 1; index <= 5; index++) topics[0]!.publish(`m${index}`);
  await cluster.clock.advance(500);
  const client = await connect(cluster);
  const got = collect(client, client.topic(Latest), "sink");
  await cluster.clock.advance(1_000);
  assertEquals(got, ["m3", "m4", "m5"]);
  const { network, clock } = cluster;
  network.partition(["node-1", "node-2"], "client");
  await clock.runUntil(() => client.state === "reconnecting");
  topics[0]!.publish("m6");
  topics[0]!.publish("m7");
  await clock.advance(20_000);
  network.heal();
  await clock.runUntil(() => client.state === "connected");
  await clock.advance(5_000);
  assertEquals(got, ["m3", "m4", "m5", "m6", "m7"]);
  topics[1]!.publish("m8");
  await clock.advance(500);
  assertEquals(got.slice(5), ["m8"]);
  await clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a client reaches open topics only, and those that the policy of the node opens to it", async () => {
  const cluster = new SimulatedCluster(10);
  const nodes = await cluster.start(1);
  const [node] = nodes;
  const Read = Topic<string>("read");
  const Write = Topic<string>("write");
  const Closed = Topic<string>("closed");
  node!.topic(Read, { clients: () => "subscribe" });
  node!.topic(Write, { clients: () => "publish" });
  node!.topic(Closed, {
    clients: () => {
      throw new Error("a policy that fails permits nothing");
    },
  });
  const client = await connect(cluster);
  const [read, write, closed] = [Read, Write, Closed].map((topic) => {
    return { at: node!.topic(topic), by: client.topic(topic) };
  });
  const got = [read!, write!, closed!].map(({ by }, index) => collect(client, by, `sink-${index}`));
  const heard = [read!, write!, closed!].map(({ at }, index) =>
    collect(node!, at, `sink-${index}`)
  );
  const unknown = client.topic(Topic<string>("unknown"));
  const late = collect(client, unknown, "late");
  await cluster.clock.advance(1_000);
  const [lost, lostThere] = [deadLetters(client), deadLetters(node!)];
  for (const { at } of [read!, write!, closed!]) at.publish("from node");
  await cluster.clock.advance(100);
  assertEquals(got, [["from node"], [], []]);
  for (const { by } of [read!, write!, closed!]) by.publish("from client");
  unknown.publish("nobody knows it");
  await cluster.clock.advance(100);
  assertEquals(heard, [["from node"], ["from node", "from client"], ["from node"]]);
  const expected = [
    ["unauthorized", "/_topics/read"],
    ["unauthorized", "/_topics/closed"],
    ["noSuchActor", "/_topics/unknown"],
  ];
  assertEquals(lost.map(({ reason, target }) => [reason, target]), expected);
  assertEquals(lostThere.map(({ reason, target }) => [reason, target]), expected);
  // A topic that is opened later is subscribed to then.
  const opened = node!.topic(Topic<string>("unknown"));
  await cluster.clock.advance(4_000);
  opened.publish("now");
  await cluster.clock.advance(100);
  assertEquals(late, ["nobody knows it", "now"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
  assertBalanced(nodes);
});

Deno.test("a client that publishes too much makes no work for others beyond its budget", async () => {
  const cluster = new SimulatedCluster(11);
  const nodes = await cluster.start(2, {
    transport: { maxPublishRatePerIdentity: 20, maxTopicsPerIdentity: 2 },
  });
  const topics = nodes.map((node) => node.topic(Numbers));
  const got = collect(nodes[1]!, topics[1]!, "sink");
  const client = await connect(cluster);
  const lost = deadLetters(client);
  await cluster.clock.advance(2_000);
  for (let value = 0; value < 500; value++) client.topic(Numbers).publish(value);
  await cluster.clock.advance(200);
  assert(got.length <= 24, `${got.length} were published`);
  assertEquals(got.slice(0, 20), Array.from({ length: 20 }, (_, value) => value));
  assertEquals(lost.length, 500 - got.length);
  assertEquals(new Set(lost.map(({ reason }) => reason)), new Set(["bufferFull"]));
  // Others are not affected.
  topics[0]!.publish(1_000);
  await cluster.clock.advance(200);
  assertEquals(got.at(-1), 1_000);
  // Nor has it more subscriptions than it may have.
  const names = ["numbers", "t1", "t2", "t3"].map((name) => Topic<number>(name));
  for (const name of names) nodes.forEach((node) => node.topic(name));
  const mine = names.map((name, index) => collect(client, client.topic(name), `sink-${index}`));
  await cluster.clock.advance(3_000);
  for (const name of names) nodes[1]!.topic(name).publish(1);
  await cluster.clock.advance(500);
  assertEquals(mine.filter((values) => values.length > 0).length, 2);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
  assertBalanced(nodes);
});

Deno.test("a client that is gone is sent nothing after its subscriptions have ended", async () => {
  const cluster = new SimulatedCluster(12);
  const nodes = await cluster.start(1);
  const topic = nodes[0]!.topic(Numbers);
  const clients = [await connect(cluster, {}, "c1"), await connect(cluster, {}, "c2")];
  for (const [index, client] of clients.entries()) {
    collect(client, client.topic(Numbers), `s${index}`);
  }
  await cluster.clock.advance(1_000);
  const lost = deadLetters(nodes[0]!);
  await cluster.clock.resolve(clients[0]!.close());
  await cluster.clock.advance(100);
  topic.publish(1);
  await cluster.clock.advance(100);
  assertEquals(lost, []);
  cluster.network.crash("c2", { silently: true });
  await cluster.clock.advance(60_000);
  const before = lost.length;
  topic.publish(2);
  await cluster.clock.advance(100);
  assertEquals(lost.slice(before), []);
  assert(nodes[0]!.cluster.explain("topics").join("\n").includes('topic "numbers"'));
  await cluster.stop(nodes);
  await cluster.clock.resolve(clients[1]!.close());
});

Deno.test("a client with one connection publishes and subscribes through it", async () => {
  const cluster = new SimulatedCluster(13);
  const nodes = await cluster.start(2);
  const topics = nodes.map((node) => node.topic(Numbers));
  const got = nodes.map((node, index) => collect(node, topics[index]!, "sink"));
  const client = await connect(cluster, { unisocket: true });
  const mine = collect(client, client.topic(Numbers), "sink");
  await cluster.clock.advance(1_000);
  client.topic(Numbers).publish(1);
  topics[1]!.publish(2);
  await cluster.clock.advance(500);
  assertEquals([...got, mine].map((values) => values.toSorted()), [[1, 2], [1, 2], [1, 2]]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a reference that a client may have forged is not published", async () => {
  const cluster = new SimulatedCluster(14);
  const nodes = await cluster.start(2);
  const Refs = Topic<{ replyTo: ActorRef<string> }>("refs");
  const topics = nodes.map((node) => node.topic(Refs));
  const heard: string[] = [];
  const hearing = Behaviors.receive<string>((_context, text) => {
    heard.push(text);
    return Behaviors.same();
  });
  // Answers what it gets.
  const answering = Behaviors.receive<{ replyTo: ActorRef<string> }>((_context, { replyTo }) => {
    replyTo.tell("answer");
    return Behaviors.same();
  });
  nodes.forEach((node, index) => {
    node.spawn(hearing, "secret");
    node.spawn(Behaviors.broadcasted(hearing), "all");
    topics[index]!.subscribe(node.spawn(answering, "answering"));
  });
  const client = await connect(cluster);
  const accomplice = await connect(cluster, { contactPoints: ["node-2:25520"] }, "accomplice");
  const got = collect(accomplice, accomplice.topic(Refs), "sink");
  await cluster.clock.advance(1_000);
  const lost = deadLetters(client);
  const forged: ActorRef<string>[] = [
    ...nodes.map(({ address }) => client.lookup<string>("/secret", { node: address })),
    client.broadcastRef<string>("all"),
    client.entityRef<string>("entities").entity("x"),
  ];
  for (const replyTo of forged) client.topic(Refs).publish({ replyTo });
  await cluster.clock.advance(1_000);
  assertEquals([heard, got], [[], []]);
  assertEquals(lost.map(({ reason }) => reason), forged.map(() => "unauthorized"));
  // Its own actors are answered.
  const own = client.spawn(hearing, "own");
  client.topic(Refs).publish({ replyTo: own });
  await cluster.clock.advance(1_000);
  assertEquals(heard, ["answer", "answer"]);
  assertEquals(got.length, 1);
  // What a node publishes permits a client nothing.
  topics[1]!.publish({ replyTo: nodes[1]!.lookup<string>("/secret")! });
  await cluster.clock.advance(1_000);
  heard.length = 0;
  got[1]!.replyTo.tell("from a client");
  await cluster.clock.advance(1_000);
  assertEquals(heard, []);
  await cluster.clock.resolve(Promise.all([client.close(), accomplice.close()]));
  await cluster.stop(nodes);
});

Deno.test("a bad member does not silence the publisher of another one", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const [first, second, bad] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  const topic = first.topic(Latest);
  const got = collect(second, second.topic(Latest), "reader");
  await cluster.clock.advance(3_000);
  const { view, remoting } = nodeInternalsOf(bad)!;
  const { incarnation } = view.members.find(({ address }) => address === first.address)!;
  for (const copy of [[], [true]]) {
    const publisher = `${first.address}@${incarnation}`;
    const forged = ["latest", publisher, 2 ** 50, 2 ** 40, "forged", ...copy];
    remoting.send(second.address, "/_topics", 0, forged);
  }
  await cluster.clock.advance(1_000);
  topic.publish("true");
  await cluster.clock.advance(1_000);
  assertEquals(got, ["true"]);
  await cluster.stop(nodes);
});

Deno.test("a bad member does not silence a client of another one", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const [first, second, bad] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  const atContact = collect(first, first.topic(Latest), "reader");
  const connect = (host: string, contact: string) =>
    cluster.clock.resolve(ClusterClient.connect({
      contactPoints: [contact],
      systemName: "sim",
      runtime: cluster.runtime(host),
    }));
  const publisher = await connect("publisher", first.address);
  const reader = await connect("reader", second.address);
  const got = collect(second, second.topic(Latest), "reader");
  const atClient = collect(reader, reader.topic(Latest), "reader");
  const topic = publisher.topic(Latest);
  topic.publish("true0");
  await cluster.clock.advance(3_000);
  const { remoting } = nodeInternalsOf(bad)!;
  const { view } = nodeInternalsOf(first)!;
  for (const name of [publisher.address, `${publisher.address}|${first.address}@1`]) {
    for (const copy of [[], [true]]) {
      const forged = ["latest", name, 2 ** 50, 2 ** 40, "forged", ...copy];
      for (const { address } of view.members) remoting.send(address, "/_topics", 0, forged);
    }
  }
  await cluster.clock.advance(1_000);
  // At the node that the client is connected to, no other node can take its numbers.
  topic.publish("true1");
  // Elsewhere it may be that the client has changed the node, for a while.
  await cluster.clock.advance(10_000);
  topic.publish("true2");
  await cluster.clock.advance(1_000);
  const own = (seen: readonly string[]) => seen.filter((message) => message !== "forged");
  assertEquals(own(atContact), ["true0", "true1", "true2"]);
  for (const seen of [got, atClient]) assertEquals(own(seen), ["true0", "true2"]);
  await cluster.clock.resolve(Promise.all([publisher.close(), reader.close()]));
  await cluster.stop(nodes);
});

Deno.test("a clock that is ahead does not keep its messages in the place of newer ones", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const [first, second, bad] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  const topic = first.topic(Latest);
  const readers = second.topic(Latest);
  await cluster.clock.advance(3_000);
  const { view, remoting } = nodeInternalsOf(bad)!;
  const { incarnation } = view.members.find(({ address }) => address === bad.address)!;
  for (let number = 1; number <= 3; number++) {
    const ahead = ["latest", `${bad.address}@${incarnation}`, number, 2 ** 50, `ahead${number}`];
    remoting.send(second.address, "/_topics", 0, ahead);
  }
  await cluster.clock.advance(1_000);
  for (let index = 1; index <= 3; index++) topic.publish(`now${index}`);
  await cluster.clock.advance(1_000);
  const late = collect(second, readers, "late");
  await cluster.clock.advance(50);
  assertEquals(late, ["now1", "now2", "now3"]);
  await cluster.stop(nodes);
});

Deno.test("a topic with a policy for clients at one node only is logged and explained", async () => {
  const cluster = new SimulatedCluster(1);
  const logged: unknown[] = [];
  const nodes = await cluster.start(3, {
    logger: {
      log: (_level, module, message, fields) => {
        if (module === "topics" && message.includes("policy")) logged.push(fields?.topic);
      },
    },
  });
  const [Guarded, Alike] = [Topic<string>("guarded"), Topic<string>("alike")];
  for (const [index, node] of nodes.entries()) {
    node.topic(Alike, { clients: () => "subscribe" }).subscribe();
    const guarded = node.topic(Guarded);
    // A later call gives one.
    if (index === 0) node.topic(Guarded, { clients: () => false });
    if (index === 1) guarded.subscribe();
  }
  await cluster.clock.advance(5_000);
  // The one that has it, which has no subscribers, and hears of those of the other.
  assertEquals(logged, ["guarded"]);
  const facts = nodes.map((node) =>
    node.explain("topics").facts.filter((line) => line.includes("clients: ")).length
  );
  assertEquals(facts, [1, 0, 0]);
  await cluster.stop(nodes);
});

Deno.test("nodes that retain different numbers of messages of a topic log both", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(2);
  const logged: unknown[] = [];
  const loud = cluster.runtime("node-3", {
    log: (level, module, message, fields) => {
      if (module === "topics") {
        logged.push([level, message, fields?.topic, fields?.here, fields?.there]);
      }
    },
  });
  const third = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    nodeId: "node-3",
    host: "node-3",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    runtime: loud,
    logger: loud.logger,
  }));
  third.topic(Topic<string>("differing", { retain: 2 }));
  await cluster.clock.advance(3_000);
  for (const node of nodes) node.topic(Topic<string>("differing", { retain: 7 }));
  await cluster.clock.advance(3_000);
  assertEquals(logged, [[
    "warn",
    "nodes retain different numbers of messages",
    "differing",
    2,
    7,
  ]]);
  await cluster.stop([...nodes, third]);
});
