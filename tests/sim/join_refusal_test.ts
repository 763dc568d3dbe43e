import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import { ClusterError } from "../../lib/cluster/errors.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const conflicts: readonly (readonly [string, Partial<ClusterOptions>, Partial<ClusterOptions>])[] =
  [
    [
      'user.currency is "USD" on the node and "EUR" in the cluster',
      { clusterConfig: { currency: "EUR", region: "x" } },
      { clusterConfig: { currency: "USD", other: "y" } },
    ],
    [
      'user.regions is "1" on the node and "2" in the cluster',
      { clusterConfig: { regions: "2", schema: "7" } },
      { clusterConfig: { schema: "7", regions: "1" } },
    ],
  ];

for (const [sentence, ours, theirs] of conflicts) {
  Deno.test(`a node is refused at once and told why: ${sentence}`, async () => {
    const cluster = new SimulatedCluster(1);
    const nodes = await cluster.start(2, ours);
    const before = cluster.clock.now();
    const start = ClusteredActorSystem.start({
      name: "sim",
      host: "node-3",
      port: 25_520,
      seedNodes: ["node-1:25520", "node-2:25520", "node-9:25520"],
      runtime: cluster.runtime("node-3"),
      logger: silentLogger,
      ...theirs,
    });
    const error = await assertRejects(() => cluster.clock.resolve(start), ClusterError);
    assertEquals(error.code, "joinRefused");
    assert(error.message.includes(sentence), error.message);
    assert(cluster.clock.now() - before < 5_000, "long before startTimeout");
    assertEquals(nodes[0]!.members.length, 2);
    await cluster.stop(nodes);
  });
}
