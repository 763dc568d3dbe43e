import { assert, assertEquals, assertRejects } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterError } from "../../lib/cluster/errors.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { MemberDowned } from "../../lib/membership/state/member_event.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { counter, getValue, increment } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const up = (node: ClusteredActorSystem) =>
  node.members.filter(({ status }) => status === "up").map(({ nodeId }) => nodeId).toSorted();

/** Three nodes, of which the third is cut off until it has downed itself and the others have removed it. */
async function downed(seed: number, options: Partial<ClusterOptions>) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(3, options);
  const refs = nodes.map((node) =>
    node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters")
  );
  await cluster.clock.resolve(Promise.all(nodes.map((node) => node.barrier("spawned", 3))));
  const third = nodes[2]!;
  let stopped = false;
  third.spawn(
    Behaviors.receive<never>(() => Behaviors.same(), (_context, signal) => {
      if (signal.type === "postStop") stopped = true;
      return Behaviors.same();
    }),
    "local",
  );
  const told: MemberDowned[] = [];
  third.eventStream.subscribe("memberDowned", (event: MemberDowned) => void told.push(event));
  for (let i = 0; i < 20; i++) refs[0]!.tell(increment(`entity-${i}`));
  await cluster.clock.runUntil(() => third.sharding.ownedShards().length > 0, 10_000);
  const life = nodeInternalsOf(third)!.view.self.incarnation;
  cluster.network.partition(["node-1", "node-2"], ["node-3"]);
  await cluster.clock.runUntil(() => nodes[0]!.members.length === 2, 60_000);
  await cluster.clock.runUntil(() => told.length > 0, 60_000);
  return { cluster, nodes, refs, third, told, life, stopped: () => stopped };
}

Deno.test("a downed node knows who, why and on what evidence, and runs no shard any more", async () => {
  const { cluster, nodes, third, told } = await downed(1, { whenDowned: "wait" });
  assertEquals(told.map(({ member }) => member.nodeId), ["node-3"]);
  const { evidence } = told[0]!;
  assertEquals(evidence.by, third.address);
  assert(evidence.why.startsWith("1 of 3 members are reachable for"), evidence.why);
  assertEquals(evidence.observers, ["node-1:25520", "node-2:25520"]);
  assertEquals(third.sharding.ownedShards(), []);
  assertEquals(nodeInternalsOf(third)!.view.self.status, "down");
  await cluster.stop(nodes);
});

for (const whenDowned of ["rejoin", "wait"] as const) {
  Deno.test(`a downed node becomes a member again with a later incarnation (${whenDowned})`, async () => {
    const { cluster, nodes, refs, third, life, stopped } = await downed(2, { whenDowned });
    await cluster.clock.advance(10_000);
    assertEquals(up(nodes[0]!), ["node-1", "node-2"]);
    cluster.network.heal();
    if (whenDowned === "wait") await cluster.clock.resolve(third.rejoin());
    await cluster.clock.runUntil(() => nodes.every((node) => up(node).length === 3), 30_000);
    const { self, clusterId } = nodeInternalsOf(third)!.view;
    assert(self.incarnation > life, `${self.incarnation} after ${life}`);
    assertEquals(clusterId, nodeInternalsOf(nodes[0]!)!.view.clusterId);
    refs[2]!.tell(increment("entity-7"));
    const ask = third.ask(refs[2]!, getValue("entity-7"), { timeout: 10_000 });
    assert(await cluster.clock.resolve(ask) >= 1);
    assert(!stopped(), "local actors live on");
    await cluster.stop(nodes);
  });
}

Deno.test("by default a downed node stops", async () => {
  const { cluster, nodes, stopped } = await downed(3, {});
  await cluster.clock.runUntil(stopped, 20_000);
  await cluster.stop(nodes);
});

Deno.test("who was not downed cannot join again", async () => {
  const cluster = new SimulatedCluster(4);
  const nodes = await cluster.start(2);
  const error = await assertRejects(() => nodes[0]!.rejoin(), ClusterError);
  assertEquals(error.code, "notDowned");
  const { localHealth, peers } = nodes[0]!.cluster.health;
  assertEquals([localHealth, peers.map(({ address }) => address)], [0, ["node-2:25520"]]);
  await cluster.stop(nodes);
});

Deno.test("the first seed, cut off and downed, bootstraps no second cluster while it waits", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(3, { whenDowned: "rejoin" });
  const { clusterId } = nodeInternalsOf(nodes[1]!)!.view;
  cluster.network.partition(["node-1"], ["node-2", "node-3"]);
  await cluster.clock.runUntil(() => nodes[1]!.members.length === 2, 60_000);
  await cluster.clock.advance(60_000);
  assertEquals(nodes[0]!.members, []);
  cluster.network.heal();
  await cluster.clock.runUntil(() => nodes.every((node) => up(node).length === 3), 60_000);
  for (const node of nodes) assertEquals(nodeInternalsOf(node)!.view.clusterId, clusterId);
  await cluster.stop(nodes);
});
