import { assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { zoneAware } from "../../lib/sharding/coordinator/allocation.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("zoneAware spreads shards by the option zone of each node", async () => {
  const cluster = new SimulatedCluster(1);
  const zones = ["north", "north", "south"];
  const starting = zones.map((zone, index) => {
    const host = `node-${index + 1}`;
    const runtime = cluster.runtime(host);
    return ClusteredActorSystem.start({
      name: "sim",
      host,
      port: 25_520,
      seedNodes: ["node-1:25520"],
      requiredQuorum: zones.length,
      zone,
      runtime,
      logger: runtime.logger,
    });
  });
  const nodes = await cluster.clock.resolve(Promise.all(starting));
  for (const node of nodes) {
    const behavior = Behaviors.sharded(() => Behaviors.ignore(), {
      numShards: 12,
      strategy: zoneAware(),
    });
    node.spawn(behavior, "e");
  }
  const owned = () => nodes.map((node) => node.sharding.ownedShards().length);
  await cluster.clock.runUntil(() => owned().reduce((sum, count) => sum + count) === 12, 60_000);
  assertEquals(owned(), [3, 3, 6]);
  await cluster.stop(nodes);
});
