/** Faults of the first Casty that whole nodes must not have; each is named after its number. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { counter, getValue, increment } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const sharded = (numShards: number) => Behaviors.sharded(() => counter(), { numShards });

Deno.test("W7: shutdown hands shards over first, announces itself, and nobody is downed", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const counters = nodes.map((node) => node.spawn(sharded(12), "counters"));
  for (let index = 0; index < 24; index++) counters[index % 3]!.tell(increment(`c${index}`));
  await cluster.clock.advance(2_000);
  const story: string[] = [];
  for (const type of ["memberLeft", "memberDowned", "unreachableMember"] as const) {
    nodes[0]!.eventStream.subscribe(type, () => story.push(type));
  }
  const before = nodes[2]!.sharding.runningEntities("counters").length;
  assert(before > 0);
  await cluster.stop([nodes[2]!]);
  assertEquals(nodes[2]!.sharding.runningEntities("counters").length, 0);
  await cluster.clock.runUntil(() => nodes[0]!.members.length === 2);
  assertEquals(story, ["memberLeft"]);
  for (let index = 0; index < 24; index++) {
    const ask = nodes[0]!.ask(counters[0]!, getValue(`c${index}`), { timeout: 3_000 });
    assert(await cluster.clock.resolve(ask) <= 1);
  }
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("W7: a node that leaves while it is cut off goes within its budget", async () => {
  const cluster = new SimulatedCluster(2);
  const nodes = await cluster.start(3, { leaveTimeout: 3_000 });
  nodes.forEach((node) => node.spawn(sharded(12), "counters"));
  await cluster.clock.advance(1_000);
  cluster.network.partition(["node-1", "node-2"], ["node-3"]);
  const start = cluster.clock.now();
  await cluster.stop([nodes[2]!]);
  // Once for the shards, once for the membership, and the end of what cannot be sent any more.
  assert(cluster.clock.now() - start <= 10_000, `${cluster.clock.now() - start} ms`);
  cluster.network.heal();
  await cluster.clock.runUntil(() => nodes[0]!.members.length === 2, 60_000);
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("W20: all documented events of the membership are told", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(3, { membership: { weaklyUpAfter: 500, stableAfter: 8_000 } });
  const told = new Set<string>();
  const types = [
    "memberJoined",
    "memberWeaklyUp",
    "memberUp",
    "memberLeft",
    "memberDowned",
    "memberRemoved",
    "unreachableMember",
    "reachableMember",
    "leaderChanged",
  ] as const;
  for (const type of types) nodes[1]!.eventStream.subscribe(type, () => told.add(type));
  const { clock, network } = cluster;
  network.partition(["node-1", "node-2"], ["node-3"]);
  await clock.runUntil(() => told.has("unreachableMember"), 20_000);
  const runtime = cluster.runtime("node-4");
  const late = await clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-4",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    runtime,
    logger: runtime.logger,
  }));
  network.heal();
  await clock.runUntil(() => told.has("reachableMember"), 20_000);
  network.partition(["node-1", "node-2", "node-4"], ["node-3"]);
  await clock.runUntil(() => told.has("memberRemoved"), 60_000);
  await cluster.stop([nodes[0]!]);
  await clock.runUntil(() => told.has("leaderChanged"), 20_000);
  assertEquals([...told].sort(), [...types].sort());
  network.heal();
  await cluster.stop([nodes[1]!, late, nodes[2]!]);
});

Deno.test("W22: a label of a node is no address: references travel and answer whatever it is", async () => {
  const cluster = new SimulatedCluster(4);
  const nodes = await cluster.start(2, { nodeId: "a label / of:people@here" });
  type Meet = { readonly other: ActorRef<ActorRef<string>> };
  const echo = nodes[0]!.spawn(
    Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
      replyTo.tell("here");
      return Behaviors.same();
    }),
    "echo",
  );
  const heard: string[] = [];
  nodes[1]!.spawn(
    Behaviors.setup<Meet>((context) => {
      const ears = context.spawn(
        Behaviors.receive<string>((_inner, text) => {
          heard.push(text);
          return Behaviors.same();
        }),
        "ears",
      );
      return Behaviors.receive((_context, { other }) => {
        other.tell(ears);
        return Behaviors.same();
      });
    }),
    "visitor",
  );
  nodes[0]!.lookup<Meet>("/visitor", { node: nodes[1]!.address }).tell({ other: echo });
  await cluster.clock.runUntil(() => heard.length > 0, 5_000);
  assertEquals(heard, ["here"]);
  const labels = nodes[0]!.cluster.state().members.map(({ nodeId }) => nodeId);
  assertEquals(labels, ["a label / of:people@here", "a label / of:people@here"]);
  await cluster.stop(nodes);
});

Deno.test("W39: the oldest leads, whatever the addresses, and newcomers change nothing", async () => {
  const cluster = new SimulatedCluster(5);
  const start = (host: string) => {
    const runtime = cluster.runtime(host);
    return cluster.clock.resolve(ClusteredActorSystem.start({
      name: "sim",
      host,
      port: 25_520,
      seedNodes: ["10.0.0.9:25520"],
      runtime,
      logger: runtime.logger,
    }));
  };
  const nodes = [await start("10.0.0.9")];
  const changes: unknown[] = [];
  nodes[0]!.eventStream.subscribe("leaderChanged", (event) => changes.push(event));
  for (const host of ["10.0.0.10", "10.0.0.1", "10.0.0.2"]) nodes.push(await start(host));
  for (const node of nodes) {
    await cluster.clock.runUntil(() => node.leader === "10.0.0.9:25520", 10_000);
  }
  assertEquals(changes, []);
  await cluster.stop([nodes[0]!]);
  const rest = nodes.slice(1);
  await cluster.clock.runUntil(() => rest.every(({ leader }) => leader === "10.0.0.10:25520"));
  await cluster.stop(rest);
});

Deno.test("W48: seeds are asked for again at every attempt", async () => {
  const cluster = new SimulatedCluster(6);
  const nodes = await cluster.start(1);
  let asked = 0;
  const runtime = cluster.runtime("node-2");
  const late = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-2",
    port: 25_520,
    seedNodes: () => ++asked < 4 ? ["nowhere:25520"] : [nodes[0]!.address],
    requiredQuorum: 2,
    runtime,
    logger: runtime.logger,
  }));
  assert(asked >= 4, `${asked}`);
  assertEquals(late.members.length, 2);
  await cluster.stop([...nodes, late]);
});

Deno.test("a different number of shards on one node is an error with both numbers and the type", async () => {
  const cluster = new SimulatedCluster(7);
  const lines: string[] = [];
  const logger: Logger = {
    log: (level, _component, message, fields) => {
      if (level === "error") lines.push(`${message} ${JSON.stringify(fields)}`);
    },
  };
  const nodes = await cluster.start(2, { logger });
  const [ours, theirs]: ActorRef<ReturnType<typeof increment>>[] = [
    nodes[0]!.spawn(sharded(10), "counters"),
    nodes[1]!.spawn(sharded(12), "counters"),
  ];
  ours!.tell(increment("a"));
  theirs!.tell(increment("a"));
  await cluster.clock.advance(3_000);
  assert(lines.length >= 1 && lines.length <= 5, lines.join("\n"));
  assert(lines[0]!.includes('\\"counters\\" has 10 shards in this cluster, not 12'), lines[0]);
  const value = nodes[0]!.ask(ours as ActorRef<never>, getValue("a") as never, { timeout: 2_000 });
  assertEquals(await cluster.clock.resolve(value), 1, "those who agree go on");
  await assertRejects(() =>
    cluster.clock.resolve(
      nodes[1]!.ask(theirs as ActorRef<never>, getValue("a") as never, { timeout: 2_000 }),
    )
  );
  await cluster.stop(nodes);
});

Deno.test("shutting down twice, and while the node still joins, ends all the same", async () => {
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(2);
  await cluster.clock.resolve(Promise.all([nodes[1]!.shutdown(), nodes[1]!.shutdown()]));
  await cluster.clock.resolve(nodes[1]!.shutdown());
  const runtime = cluster.runtime("node-3");
  const start = ClusteredActorSystem.start({
    name: "sim",
    host: "node-3",
    port: 25_520,
    seedNodes: ["nowhere:25520"],
    startTimeout: 2_000,
    runtime,
    logger: runtime.logger,
  });
  const error = await assertRejects(() => cluster.clock.resolve(start));
  assert((error as Error).message.includes("nowhere:25520 has not answered"), String(error));
  await cluster.stop([nodes[0]!]);
  assertEquals(cluster.clock.pending, 0);
});
