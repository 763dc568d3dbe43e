import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import type { Telemetry } from "../../lib/runtime/telemetry.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";

/** A cluster in one process, on virtual time and an in-memory network, all from one seed. */
export class SimulatedCluster extends SimulatedHosts {
  /** Where a host records what it measures. Default: nowhere. */
  telemetryOf?: (host: string) => Telemetry;

  constructor(seed: number | string) {
    super(seed, { min: 1, max: 10 });
  }

  /** The runtime of one host; measured if `telemetryOf` says where. */
  override runtime(host: string, logger?: Logger): Runtime {
    const telemetry = this.telemetryOf?.(host);
    return { ...super.runtime(host, logger), ...(telemetry && { telemetry }) };
  }

  /** Starts `node-1` to `node-<count>`, all with `node-1` as seed; resolves when all are up. */
  async start(
    count: number,
    options: Partial<ClusterOptions> = {},
  ): Promise<ClusteredActorSystem[]> {
    const starting = Array.from({ length: count }, (_, index) => {
      const host = `node-${index + 1}`;
      const runtime = this.runtime(host);
      return ClusteredActorSystem.start({
        name: "sim",
        nodeId: host,
        host,
        port: 25_520,
        seedNodes: ["node-1:25520"],
        requiredQuorum: count,
        runtime,
        logger: runtime.logger,
        ...options,
      });
    });
    return await this.clock.resolve(Promise.all(starting));
  }

  /** Shuts all down, gracefully. */
  async stop(nodes: readonly ClusteredActorSystem[]): Promise<void> {
    await this.clock.resolve(Promise.all(nodes.map((node) => node.shutdown())));
  }
}
