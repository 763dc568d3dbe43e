import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import type { Telemetry } from "../../lib/runtime/telemetry.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { MemoryNetwork } from "../../lib/transport/memory/memory_network.ts";

/** A cluster in one process, on virtual time and an in-memory network, all from one seed. */
export class SimulatedCluster {
  readonly clock = new ManualClock();
  /** One line per event on the network. */
  readonly trace: string[] = [];
  readonly network: MemoryNetwork;
  /** Where a host records what it measures. Default: nowhere. */
  telemetryOf?: (host: string) => Telemetry;
  readonly #random: SeededRandom;

  constructor(seed: number | string) {
    this.#random = new SeededRandom(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      random: this.#random.fork("network"),
      latency: { min: 1, max: 10 },
      trace: (line) => this.trace.push(line),
    });
  }

  /** The runtime of one simulated host; measured if `telemetryOf` says where. */
  runtime(host: string): Runtime {
    const telemetry = this.telemetryOf?.(host);
    return {
      ...(telemetry && { telemetry }),
      clock: this.clock,
      random: this.#random.fork(host),
      logger: silentLogger,
      network: this.network.host(host),
    };
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
