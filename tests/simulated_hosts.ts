import { type Logger, silentLogger } from "../lib/runtime/logger.ts";
import type { Runtime } from "../lib/runtime/runtime.ts";
import { ManualClock } from "../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../lib/testkit/seeded_random.ts";
import { memoryStorage } from "../lib/testkit/simulation/simulated_storage.ts";
import { MemoryNetwork } from "../lib/transport/memory/memory_network.ts";

/** Hosts in one process, on virtual time and a network in memory, all from one seed. */
export class SimulatedHosts {
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  /** One line per event on the network. */
  readonly trace: string[] = [];
  readonly network: MemoryNetwork;

  constructor(seed: number | string = 1, latency = { min: 1, max: 5 }) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      random: this.random.fork("network"),
      latency,
      trace: (line) => this.trace.push(line),
    });
  }

  /** The runtime of one host. */
  runtime(host: string, logger: Logger = silentLogger): Runtime {
    return {
      clock: this.clock,
      random: this.random.fork(host),
      logger,
      network: this.network.host(host),
      storage: memoryStorage(this.clock),
    };
  }
}
