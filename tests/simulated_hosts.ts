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

  /** `dials`: the trace has these events only, which takes less time. */
  constructor(
    seed: number | string = 1,
    latency = { min: 1, max: 5 },
    { dials = false }: { readonly dials?: boolean } = {},
  ) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      random: this.random.fork("network"),
      latency,
      ...(dials
        ? {
          observe: (from, to, kind) => {
            if (kind === "dial") this.trace.push(`${from} > ${to} ${kind}`);
          },
        }
        : { trace: (line: string) => this.trace.push(line) }),
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
