import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClientOptions } from "../../lib/client/client_options.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { SimulatedCluster } from "../sim/simulated_cluster.ts";

/** Connects a client to a simulated cluster. */
export function connect(
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

/** The nodes where entities of a type run, one for each. */
export function placesOf(nodes: readonly ClusteredActorSystem[], shardType: string): string[] {
  return nodes.flatMap((node) => node.sharding.runningEntities(shardType).map(() => node.nodeId))
    .toSorted();
}
