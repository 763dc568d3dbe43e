import { assert, assertEquals } from "@std/assert";
import type { ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

const key = ServiceKey<number>("numbers");
const sink = Behaviors.receive<number>(() => Behaviors.same());

function listed(refs: readonly ActorRef<number>[]): string[] {
  return refs.map((ref) => `${(ref as Ref<number>).node.split(":")[0]}${ref.path}`);
}

function found(system: ClusteredActorSystem): string[] {
  return listed(system.receptionist.find(key));
}

/** All listings that a subscriber of a node has heard of. */
function listings(system: ClusteredActorSystem): string[][] {
  const heard: string[][] = [];
  system.receptionist.subscribe(key, (refs) => heard.push(listed(refs)));
  return heard;
}

async function close(cluster: SimulatedCluster, alive: readonly ClusteredActorSystem[]) {
  await cluster.stop(alive);
  assertBalanced(alive);
}

Deno.test("a service is listed on all nodes, those of the own node first, also for newcomers", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3);
  const heard = listings(nodes[2]!);
  nodes[1]!.spawn(discoverable(sink, key), "b");
  nodes[0]!.spawn(discoverable(sink, key), "a");
  await cluster.clock.advance(200);
  nodes[2]!.spawn(discoverable(sink, key), "c");
  await cluster.clock.advance(200);
  assertEquals(nodes.map(found), [
    ["node-1/a", "node-2/b", "node-3/c"],
    ["node-2/b", "node-1/a", "node-3/c"],
    ["node-3/c", "node-1/a", "node-2/b"],
  ]);
  assertEquals(heard.at(-1), found(nodes[2]!));
  const runtime = cluster.runtime("node-4");
  const late = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-4",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    runtime,
    logger: runtime.logger,
  }));
  await cluster.clock.advance(1_000);
  assertEquals(found(late), ["node-1/a", "node-2/b", "node-3/c"]);
  await close(cluster, [...nodes, late]);
});

Deno.test("what is taken back or stops is gone everywhere within a second, and stays gone", async () => {
  const cluster = new SimulatedCluster(2);
  const nodes = await cluster.start(3);
  const [one, two] = ["one", "two"].map((name) => nodes[0]!.spawn(sink, name));
  nodes[0]!.receptionist.register(key, one!);
  nodes[0]!.receptionist.register(key, two!);
  await cluster.clock.advance(200);
  assertEquals(found(nodes[1]!), ["node-1/one", "node-1/two"]);
  nodes[0]!.receptionist.deregister(key, one!);
  await cluster.clock.advance(1_000);
  assertEquals(nodes.map(found), [["node-1/two"], ["node-1/two"], ["node-1/two"]]);
  await cluster.clock.resolve(nodes[0]!.stop(two!));
  await cluster.clock.advance(1_000);
  assertEquals(nodes.map(found), [[], [], []]);
  await cluster.clock.advance(60_000);
  assertEquals(nodes.map(found), [[], [], []]);
  await close(cluster, nodes);
});

Deno.test("an actor that takes the place of another of the same name is listed, and nothing flaps", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(3);
  const first = nodes[0]!.spawn(discoverable(sink, key), "worker");
  await cluster.clock.advance(200);
  const [old] = nodes[1]!.receptionist.find(key);
  const heard = listings(nodes[1]!);
  await cluster.clock.resolve(nodes[0]!.stop(first));
  nodes[0]!.spawn(discoverable(sink, key), "worker");
  await cluster.clock.advance(60_000);
  const [now] = nodes[1]!.receptionist.find(key);
  assert(!(old as Ref<number>).equals(now), "the reference is that of the old actor");
  // At most: gone, and back again. Not once more in a minute of comparisons.
  assert(heard.length <= 3, JSON.stringify(heard));
  assertEquals(found(nodes[1]!), ["node-1/worker"]);
  await close(cluster, nodes);
});

Deno.test("a listing keeps the references that it had, and is told only when it has changed", async () => {
  const cluster = new SimulatedCluster(4);
  const nodes = await cluster.start(2);
  nodes[0]!.spawn(discoverable(sink, key), "a");
  await cluster.clock.advance(200);
  const [before] = nodes[1]!.receptionist.find(key);
  const heard = listings(nodes[1]!);
  const other = ServiceKey<number>("other");
  nodes[0]!.spawn(discoverable(sink, other), "unrelated");
  await cluster.clock.advance(10_000);
  assertEquals(nodes[1]!.receptionist.find(other).length, 1);
  assertEquals(heard, [["node-1/a"]]);
  nodes[0]!.spawn(discoverable(sink, key), "b");
  await cluster.clock.advance(200);
  assert(nodes[1]!.receptionist.find(key)[0] === before);
  assertEquals(heard, [["node-1/a"], ["node-1/a", "node-1/b"]]);
  await close(cluster, nodes);
});

Deno.test("actors of a member that cannot be reached are not listed until it is back", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(3, { membership: { stableAfter: 60_000 } });
  const { clock, network } = cluster;
  nodes[2]!.spawn(discoverable(sink, key), "c");
  await clock.advance(200);
  network.partition(["node-1", "node-2"], "node-3");
  await clock.runUntil(() => nodes[0]!.cluster.state().unreachable.length > 0);
  assertEquals([found(nodes[0]!), found(nodes[2]!)], [[], ["node-3/c"]]);
  // What happens meanwhile on both sides is known to both afterwards.
  nodes[0]!.spawn(discoverable(sink, key), "a");
  nodes[2]!.spawn(discoverable(sink, key), "d");
  await clock.advance(5_000);
  assertEquals(found(nodes[1]!), ["node-1/a"]);
  network.heal();
  await clock.runUntil(() =>
    nodes.every(({ cluster }) => cluster.state().unreachable.length === 0)
  );
  await clock.advance(1_000);
  assertEquals(found(nodes[1]!), ["node-1/a", "node-3/c", "node-3/d"]);
  assertEquals(found(nodes[2]!), ["node-3/c", "node-3/d", "node-1/a"]);
  await close(cluster, nodes);
});

Deno.test("what a node offers goes with it, whether it leaves or dies", async () => {
  const cluster = new SimulatedCluster(6);
  const nodes = await cluster.start(4);
  for (const node of nodes) node.spawn(discoverable(sink, key), "worker");
  await cluster.clock.advance(200);
  assertEquals(found(nodes[0]!).length, 4);
  await cluster.stop([nodes[3]!]);
  await cluster.clock.advance(2_000);
  assertEquals(found(nodes[0]!), ["node-1/worker", "node-2/worker", "node-3/worker"]);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.advance(30_000);
  assertEquals(found(nodes[0]!), ["node-1/worker", "node-2/worker"]);
  await close(cluster, nodes.slice(0, 2));
  await cluster.stop([nodes[2]!]);
});

Deno.test("a group router routes to actors of all nodes, and to no dead one", async () => {
  const cluster = new SimulatedCluster(7);
  const nodes = await cluster.start(3);
  const got = nodes.map((): number[] => []);
  nodes.forEach((node, index) => {
    const worker = Behaviors.receive<number>((_context, value) => {
      got[index]!.push(value);
      return Behaviors.same();
    });
    node.spawn(discoverable(worker, key), "worker");
  });
  await cluster.clock.advance(200);
  const group = nodes[0]!.spawn(Routers.group(key), "group");
  for (let value = 0; value < 9; value++) group.tell(value);
  await cluster.clock.advance(200);
  assertEquals(got, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]);
  await cluster.stop([nodes[2]!]);
  await cluster.clock.advance(2_000);
  for (let value = 10; value < 14; value++) group.tell(value);
  await cluster.clock.advance(200);
  assertEquals(got.map((values) => values.slice(3).length), [2, 2, 0]);
  await close(cluster, nodes.slice(0, 2));
});

Deno.test("what is registered in a row is told together", async () => {
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(2);
  const heard = listings(nodes[1]!);
  for (let index = 0; index < 100; index++) {
    nodes[0]!.spawn(discoverable(sink, key), `worker-${index}`);
    await cluster.clock.advance(5);
  }
  await cluster.clock.advance(200);
  assertEquals(found(nodes[1]!).length, 100);
  assert(heard.length <= 8, `${heard.length} listings`);
  await close(cluster, nodes);
});

Deno.test("a member that leaves is not listed any more when others hear of it, and still answers", async () => {
  const cluster = new SimulatedCluster(9);
  const nodes = await cluster.start(3);
  let handled = 0;
  const counting = Behaviors.receive<number>(() => {
    handled++;
    return Behaviors.same();
  });
  nodes[2]!.spawn(discoverable(counting, key), "c");
  nodes[1]!.spawn(discoverable(sink, key), "b");
  await cluster.clock.advance(200);
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const [old] = nodes[0]!.receptionist.find(key).filter((ref) => listed([ref])[0] === "node-3/c");
  const heard: string[][] = [];
  nodes[0]!.eventStream.subscribe("memberLeft", () => {
    heard.push(
      found(nodes[0]!),
      listed(client.lookup(key)),
      listed(client.system.receptionist.find(key)),
    );
    // One that has kept the reference is served as long as the actor lives.
    old!.tell(1);
  });
  await cluster.stop([nodes[2]!]);
  const expected = ["node-2/b"];
  assertEquals(heard, [expected, expected, expected]);
  assertEquals(handled, 1);
  await cluster.clock.resolve(client.close());
  await close(cluster, nodes.slice(0, 2));
});

Deno.test("a service that is registered while its node leaves is not announced", async () => {
  const cluster = new SimulatedCluster(10);
  const nodes = await cluster.start(2);
  nodes[1]!.spawn(discoverable(sink, key), "b");
  await cluster.clock.advance(200);
  const late = nodes[1]!.spawn(sink, "late");
  const heard = listings(nodes[0]!);
  nodes[1]!.onShutdown("clusterLeave", "too late", () => {
    nodes[1]!.receptionist.register(key, late);
  });
  await cluster.stop([nodes[1]!]);
  assertEquals(heard, [["node-2/b"], []]);
  await close(cluster, [nodes[0]!]);
});
