import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ShardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { counter, type CounterMessage, getValue, increment } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const entities = Array.from({ length: 12 }, (_, index) => `entity-${index}`);
type Counters = ActorRef<ShardEnvelope<CounterMessage>>;

/** Spawns the counters on all nodes; from then on each can own shards. */
async function spawnCounters(
  cluster: SimulatedCluster,
  nodes: readonly ClusteredActorSystem[],
): Promise<Counters[]> {
  const refs = nodes.map((node) =>
    node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters")
  );
  await cluster.clock.resolve(
    Promise.all(nodes.map((node) => node.barrier("spawned", nodes.length))),
  );
  return refs;
}

/** Asks every entity until it answers; a lost question is asked again. */
async function readAll(cluster: SimulatedCluster, node: Asker, ref: Counters): Promise<number[]> {
  const read = async (entityId: string): Promise<number> => {
    for (;;) {
      try {
        return await node.ask(ref, getValue(entityId), { timeout: 500 });
      } catch {
        // The owner is gone, and its successor is not chosen yet.
      }
    }
  };
  return await cluster.clock.resolve(Promise.all(entities.map(read)), 120_000);
}

interface Asker {
  ask(
    ref: Counters,
    factory: (replyTo: ActorRef<number>) => ShardEnvelope<CounterMessage>,
    options: { timeout: number },
  ): Promise<number>;
}

for (const victim of [1, 3]) {
  const who = victim === 1 ? "the leader" : "a member";
  Deno.test(`${who} crashes: it is downed, its shards move, others keep their state`, async () => {
    const cluster = new SimulatedCluster(victim);
    const nodes = await cluster.start(3);
    const refs = await spawnCounters(cluster, nodes);
    for (const entityId of entities) refs[1]!.tell(increment(entityId));
    assertEquals(await readAll(cluster, nodes[1]!, refs[1]!), entities.map(() => 1));

    cluster.network.crash(`node-${victim}`, { silently: true });
    const survivors = nodes.filter((_, index) => index !== victim - 1);
    const gone = `node-${victim}:25520`;
    await cluster.clock.runUntil(
      () => survivors.every(({ members }) => members.every(({ address }) => address !== gone)),
      60_000,
    );
    const leader = survivors[0]!.leader;
    assert(leader !== undefined && leader !== gone && survivors[1]!.leader === leader);

    const survivor = survivors.at(-1)!;
    const values = await readAll(cluster, survivor, refs[nodes.indexOf(survivor)]!);
    // An entity whose node has died begins anew; the others have kept their count.
    assert(values.every((value) => value === 0 || value === 1), String(values));
    assert(values.includes(0) && values.includes(1), String(values));
    await cluster.stop(survivors);
    // The dead node's process would be gone; here its timers have to be ended by hand.
    await cluster.stop([nodes[victim - 1]!]);
  });
}

Deno.test("a node leaves in order: its entities move, nothing waits for a failure detector", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(3);
  const refs = await spawnCounters(cluster, nodes);
  for (const entityId of entities) refs[0]!.tell(increment(entityId));
  await readAll(cluster, nodes[0]!, refs[0]!);
  const before = cluster.clock.now();
  await cluster.stop([nodes[2]!]);
  assert(cluster.clock.now() - before < 5_000, `took ${cluster.clock.now() - before} ms`);
  const values = await readAll(cluster, nodes[0]!, refs[0]!);
  assert(cluster.clock.now() - before < 8_000, `took ${cluster.clock.now() - before} ms`);
  assert(values.includes(1), String(values));
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("messages to a node that is leaving are passed on, and nothing breaks on the way", async () => {
  const cluster = new SimulatedCluster(8);
  const errors: string[] = [];
  const nodes = await cluster.start(3, {
    logger: { log: (level, _source, message) => void (level === "error" && errors.push(message)) },
  });
  const refs = await spawnCounters(cluster, nodes);
  await readAll(cluster, nodes[0]!, refs[0]!);
  const { clock } = cluster;
  let sending = true;
  const send = () => {
    if (!sending) return;
    for (const entityId of entities) refs[0]!.tell(increment(entityId));
    clock.schedule(5, send);
  };
  send();
  await cluster.stop([nodes[2]!]);
  sending = false;
  const values = await readAll(cluster, nodes[0]!, refs[0]!);
  assert(values.every((value) => value > 0), String(values));
  assertEquals(errors, []);
  for (const node of nodes) {
    const { sent, delivered, deadLetters, inFlight } = node.ledger.snapshot();
    const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
    assertEquals(sent, delivered + lost + inFlight);
  }
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("a client reaches entities on all nodes, and survives the loss of its contact", async () => {
  const cluster = new SimulatedCluster(6);
  const nodes = await cluster.start(3);
  const refs = await spawnCounters(cluster, nodes);
  for (const entityId of entities) refs[1]!.tell(increment(entityId));
  await readAll(cluster, nodes[1]!, refs[1]!);

  const connect = (host: string) =>
    cluster.clock.resolve(ClusterClient.connect({
      contactPoints: ["node-1:25520"],
      systemName: "sim",
      runtime: cluster.runtime(host),
      logger: cluster.runtime(host).logger,
    }));
  const first = await connect("client-1");
  const second = await connect("client-2");
  assertEquals(first.topology.members.length, 3);
  for (const client of [first, second]) {
    const ref = client.entityRef<CounterMessage>("counters", { numShards: 20 });
    assertEquals(await readAll(cluster, client, ref), entities.map(() => 1));
    assertEquals(client.entityRef("counters", { numShards: 20 }), ref);
  }

  await cluster.stop([nodes[0]!]);
  await cluster.clock.runUntil(() => first.contact !== "node-1:25520");
  await cluster.clock.runUntil(() => first.topology.members.length === 2);
  const ref = first.entityRef<CounterMessage>("counters", { numShards: 20 });
  const values = await readAll(cluster, first, ref);
  assert(values.every((value) => value === 0 || value === 1), String(values));
  await cluster.clock.resolve(Promise.all([first.close(), second.close()]));
  await cluster.stop(nodes.slice(1));
});
