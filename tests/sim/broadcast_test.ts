import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ActorError } from "../../lib/actor/errors.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { BroadcastRef, BroadcastReplies } from "../../lib/broadcast/broadcast_ref.ts";
import type { ClientOptions } from "../../lib/client/client_options.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

type Message =
  | { type: "add"; value: number }
  | { type: "get"; replyTo: ActorRef<readonly number[]> }
  | { type: "silent"; replyTo: ActorRef<string> }
  | { type: "stop" };

/** Keeps what it gets. */
function instance(values: readonly number[] = []): ReturnType<typeof Behaviors.receive<Message>> {
  return Behaviors.receive<Message>((_context, message) => {
    switch (message.type) {
      case "add":
        return instance([...values, message.value]);
      case "get":
        message.replyTo.tell(values);
        return Behaviors.same();
      case "silent":
        return Behaviors.same();
      case "stop":
        return Behaviors.stopped();
    }
  });
}

const get = (replyTo: ActorRef<readonly number[]>) => ({ type: "get", replyTo }) as const;
const silent = (replyTo: ActorRef<string>) => ({ type: "silent", replyTo }) as const;

function spawn(node: ClusteredActorSystem, role?: string): BroadcastRef<Message> {
  return node.spawn(Behaviors.broadcasted(instance(), role === undefined ? {} : { role }), "all");
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

function connect(
  cluster: SimulatedCluster,
  options: Partial<ClientOptions> = {},
): Promise<ClusterClient> {
  const runtime = cluster.runtime("client");
  return cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
    ...options,
  }));
}

/** The replies by host. */
function byHost<R>({ replies }: BroadcastReplies<R>): Record<string, R> {
  const sorted = replies.toSorted((a, b) => a.node < b.node ? -1 : 1);
  return Object.fromEntries(sorted.map(({ node, reply }) => [node.split(":")[0]!, reply]));
}

const missing = (answer: BroadcastReplies<unknown>) =>
  answer.missing.map(({ node, reason }) => `${node.split(":")[0]} ${reason}`).sort();

Deno.test("a message reaches the instance of every member, and of those that join later", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const refs = nodes.map((node) => spawn(node));
  for (let value = 0; value < 5; value++) refs[0]!.tell({ type: "add", value });
  await cluster.clock.advance(100);
  const late = await startNode(cluster, "node-4");
  await cluster.clock.runUntil(() => refs[1]!.nodes().length === 4);
  // The others see it as up before its program has gone on.
  refs[1]!.tell({ type: "add", value: 5 });
  await cluster.clock.advance(100);
  spawn(late);
  const answer = await cluster.clock.resolve(refs[2]!.ask(get));
  const values = [0, 1, 2, 3, 4, 5];
  assertEquals(byHost(answer), {
    "node-1": values,
    "node-2": values,
    "node-3": values,
    "node-4": [5],
  });
  assertEquals(answer.missing, []);
  await cluster.stop([...nodes, late]);
  assertBalanced([...nodes, late]);
});

Deno.test("a node without an instance is missing at once, with its reason", async () => {
  const cluster = new SimulatedCluster(2);
  const nodes = await cluster.start(3);
  const [ref] = [spawn(nodes[0]!), spawn(nodes[1]!)];
  await cluster.clock.advance(10_000);
  const before = cluster.clock.now();
  const answer = await cluster.clock.resolve(ref!.ask(get, { timeout: 60_000 }));
  assert(cluster.clock.now() - before < 1_000);
  assertEquals(Object.keys(byHost(answer)), ["node-1", "node-2"]);
  assertEquals(missing(answer), ["node-3 noSuchActor"]);
  assert(String(answer.missing[0]!.error).includes('has not spawned the broadcast actor "all"'));
  // An instance that stops itself is missing, until it is spawned again.
  nodes[1]!.lookup<Message>("/all")!.tell({ type: "stop" });
  await cluster.clock.advance(100);
  assertEquals(missing(await cluster.clock.resolve(ref!.ask(get))), [
    "node-2 noSuchActor",
    "node-3 noSuchActor",
  ]);
  spawn(nodes[1]!);
  assertEquals(missing(await cluster.clock.resolve(ref!.ask(get))), ["node-3 noSuchActor"]);
  await cluster.stop(nodes);
  assertBalanced(nodes);
});

Deno.test("an ask keeps the replies that have come when its time is over", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(3);
  const refs = nodes.map((node) => spawn(node));
  let asked = 0;
  // Every instance gets a message of its own, and that of one node does not answer.
  const asking = refs[0]!.ask((replyTo: ActorRef<readonly number[]>) => {
    return ++asked === 2 ? { type: "silent", replyTo: replyTo as never } : get(replyTo);
  }, { timeout: 3_000 });
  const before = cluster.clock.now();
  const answer = await cluster.clock.resolve(asking);
  assertEquals(cluster.clock.now() - before, 3_000);
  assertEquals(answer.replies.length, 2);
  assertEquals(missing(answer).map((text) => text.split(" ")[1]), ["timeout"]);
  const aborting = new AbortController();
  const aborted = refs[0]!.ask(silent, { signal: aborting.signal });
  await cluster.clock.advance(10);
  aborting.abort();
  assertEquals(new Set((await aborted).missing.map(({ reason }) => reason)), new Set(["aborted"]));
  await assertRejects(() => refs[0]!.ask(get, { timeout: -1 }), OptionError);
  await assertRejects(
    () =>
      refs[0]!.ask(() => {
        throw new RangeError("in the factory");
      }),
    RangeError,
  );
  await cluster.stop(nodes);
});

Deno.test("a node that dies during an ask is missing long before the timeout", async () => {
  const cluster = new SimulatedCluster(4);
  const nodes = await cluster.start(3);
  const refs = nodes.map((node) => spawn(node));
  const asking = refs[0]!.ask(silent, { timeout: 600_000 });
  await cluster.clock.advance(100);
  cluster.network.crash("node-3", { silently: true });
  const other = refs[0]!.ask(get, { timeout: 600_000 });
  const before = cluster.clock.now();
  const answer = await cluster.clock.resolve(other);
  assert(cluster.clock.now() - before < 60_000);
  assertEquals(Object.keys(byHost(answer)), ["node-1", "node-2"]);
  assertEquals(missing(answer).length, 1);
  assert(/^node-3 (ownerLost|disconnected)$/.test(missing(answer)[0]!), missing(answer)[0]);
  // The instance of another node stops while it has the ask.
  nodes[1]!.lookup<Message>("/all")!.tell({ type: "stop" });
  nodes[0]!.lookup<Message>("/all")!.tell({ type: "stop" });
  const silence = await cluster.clock.resolve(asking);
  assert(cluster.clock.now() - before < 120_000);
  assertEquals(silence.replies, []);
  assertEquals(missing(silence).slice(0, 2), ["node-1 stopped", "node-2 stopped"]);
  await cluster.stop(nodes.slice(0, 2));
  await cluster.stop([nodes[2]!]);
});

Deno.test("a node that cannot be reached is missing as unreachable when the time is over", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(3, { membership: { stableAfter: 600_000 } });
  const refs = nodes.map((node) => spawn(node));
  cluster.network.partition(["node-1", "node-2"], "node-3");
  await cluster.clock.runUntil(() => nodes[0]!.cluster.state().unreachable.length > 0);
  const answer = await cluster.clock.resolve(refs[0]!.ask(get, { timeout: 2_000 }));
  assertEquals(Object.keys(byHost(answer)), ["node-1", "node-2"]);
  assert(/^node-3 (unreachable|disconnected)$/.test(missing(answer)[0]!), missing(answer)[0]);
  cluster.network.heal();
  await cluster.clock.runUntil(() =>
    nodes.every(({ cluster }) => cluster.state().unreachable.length === 0)
  );
  await cluster.clock.advance(30_000);
  const again = await cluster.clock.resolve(refs[0]!.ask(get));
  assertEquals([again.replies.length, again.missing], [3, []]);
  await cluster.stop(nodes);
});

Deno.test("only nodes with the role have an instance, and all nodes and clients may send", async () => {
  const cluster = new SimulatedCluster(6);
  const nodes = [
    await startNode(cluster, "node-1"),
    await startNode(cluster, "node-2", { roles: ["cache"] }),
    await startNode(cluster, "node-3", { roles: ["cache"] }),
  ];
  await cluster.clock.advance(2_000);
  const refs = nodes.map((node) => spawn(node, "cache"));
  assertEquals(nodes[0]!.lookup("/all"), undefined);
  refs[0]!.tell({ type: "add", value: 1 });
  const client = await connect(cluster);
  const remote = client.broadcastRef<Message>("all", { role: "cache" });
  assertEquals(remote.nodes().toSorted(), ["node-2:25520", "node-3:25520"]);
  await cluster.clock.advance(100);
  remote.tell({ type: "add", value: 2 });
  const expected = { "node-2": [1, 2], "node-3": [1, 2] };
  assertEquals(byHost(await cluster.clock.resolve(remote.ask(get))), expected);
  assertEquals(byHost(await cluster.clock.resolve(refs[0]!.ask(get))), expected);
  assertEquals(missing(await cluster.clock.resolve(client.broadcastRef<Message>("all").ask(get))), [
    "node-1 noSuchActor",
  ]);
  // One that dies is missing for the client as well.
  const asking = remote.ask(silent, { timeout: 600_000 });
  await cluster.clock.advance(100);
  cluster.network.crash("node-3");
  nodes[1]!.lookup<Message>("/all")!.tell({ type: "stop" });
  const before = cluster.clock.now();
  const answer = await cluster.clock.resolve(asking);
  assert(cluster.clock.now() - before < 60_000);
  assertEquals(missing(answer).map((text) => text.split(" ")[0]), ["node-2", "node-3"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes.slice(0, 2));
  await cluster.stop([nodes[2]!]);
});

Deno.test("a reference arrives in messages as one that sends to all, and cannot be forged by clients", async () => {
  const cluster = new SimulatedCluster(7);
  const nodes = await cluster.start(2);
  const refs = nodes.map((node) => spawn(node));
  const received: ActorRef<Message>[] = [];
  const keeper = Behaviors.receive<ActorRef<Message>>((_context, ref) => {
    received.push(ref);
    return Behaviors.same();
  });
  nodes[1]!.spawn(keeper, "keeper");
  nodes[0]!.lookup<ActorRef<Message>>("/keeper", { node: "node-2:25520" }).tell(refs[0]!);
  await cluster.clock.advance(100);
  received[0]!.tell({ type: "add", value: 3 });
  await cluster.clock.advance(100);
  const answer = await cluster.clock.resolve(refs[1]!.ask(get));
  assertEquals(byHost(answer), { "node-1": [3], "node-2": [3] });
  const client = await connect(cluster);
  const lost: DeadLetter[] = [];
  nodes[1]!.eventStream.subscribe<DeadLetter>("deadLetter", (event) => void lost.push(event));
  const guarded = Behaviors.broadcasted(keeper, { clients: () => true });
  nodes.forEach((node) => node.spawn(guarded, "keepers"));
  client.broadcastRef<ActorRef<Message>>("keepers").tell(client.broadcastRef<Message>("all"));
  await cluster.clock.advance(1_000);
  for (const ref of received.slice(1)) ref.tell({ type: "add", value: 4 });
  await cluster.clock.advance(1_000);
  assertEquals(received.length, 3);
  assertEquals(byHost(await cluster.clock.resolve(refs[1]!.ask(get))), {
    "node-1": [3],
    "node-2": [3],
  });
  assert(lost.some(({ reason }) => reason === "unauthorized"));
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("the policy says which clients may send, and a client's message is never kept", async () => {
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(2);
  const guarded = Behaviors.broadcasted(instance(), {
    clients: ({ address }) => address === "nobody",
  });
  const refs = nodes.map((node) => node.spawn(guarded, "all"));
  const client = await connect(cluster);
  const answer = await cluster.clock.resolve(client.broadcastRef<Message>("all").ask(get));
  assertEquals(missing(answer), ["node-1 unauthorized", "node-2 unauthorized"]);
  client.broadcastRef<Message>("other").tell({ type: "add", value: 1 });
  await cluster.clock.advance(100);
  nodes.forEach((node) => node.spawn(Behaviors.broadcasted(instance()), "other"));
  const other = await cluster.clock.resolve(client.broadcastRef<Message>("other").ask(get));
  assertEquals(byHost(other), { "node-1": [], "node-2": [] });
  assertEquals(byHost(await cluster.clock.resolve(refs[0]!.ask(get))), {
    "node-1": [],
    "node-2": [],
  });
  assertThrows(() => nodes[0]!.spawn(guarded, "all"), ActorError, "all");
  assertThrows(() => Behaviors.broadcasted(guarded as never), OptionError);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
  assertBalanced(nodes);
});

Deno.test("a broadcast actor with another role or policy at one node is logged and explained", async () => {
  const cluster = new SimulatedCluster(8);
  const logged: unknown[] = [];
  const nodes = await cluster.start(3, {
    logger: {
      log: (_level, module, _message, fields) => {
        if (module === "broadcast") logged.push([fields?.name, fields?.option]);
      },
    },
  });
  const cache = Behaviors.ignore();
  for (const node of nodes) {
    node.spawn(Behaviors.broadcasted(cache, { role: "r", clients: () => true }), "alike");
  }
  nodes[0]!.spawn(Behaviors.broadcasted(cache), "cache");
  await cluster.clock.advance(2_000);
  assertEquals(logged, []);
  nodes[2]!.spawn(Behaviors.broadcasted(cache, { role: "r", clients: () => true }), "cache");
  await cluster.clock.advance(2_000);
  // Both nodes that have it.
  assertEquals(logged.toSorted(), [
    ["cache", "clients"],
    ["cache", "clients"],
    ["cache", "role"],
    ["cache", "role"],
  ]);
  const differing = nodes.map((node) =>
    node.explain("broadcast").facts.filter((line) => line.includes('"cache": ')).length
  );
  assertEquals(differing, [2, 0, 2]);
  // The one that is left has nothing to differ from.
  await cluster.clock.resolve(nodes[2]!.shutdown());
  await cluster.clock.advance(5_000);
  assertEquals(nodes[0]!.explain("broadcast").facts.length, 1);
  await cluster.stop(nodes.slice(0, 2));
});
