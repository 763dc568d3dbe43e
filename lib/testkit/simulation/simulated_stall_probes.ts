import type {
  StallAnswer,
  StallProbe,
  StallRequest,
  StallResponder,
  StallResponderOptions,
} from "../../runtime/stall_probe.ts";
import type { MemoryNetwork } from "../../transport/memory/memory_network.ts";
import type { EventLoop } from "./event_loop.ts";
import type { SimulationTime } from "./simulation_time.ts";

/** An event loop that ran within this time is no stalled one, milliseconds. */
const aliveWithin = 1_000;
/** Ports are given out in order, so that one seed gives one history. */
const firstPort = 30_000;

interface Responder {
  readonly incarnation: number;
  readonly loop: EventLoop;
  beatAt: number;
}

/**
 * The threads that answer while the event loop of their node is paused, and the nodes that ask them,
 * over the simulated network. A process that is paused as a whole does not answer.
 */
export class SimulatedStallProbes {
  readonly #time: SimulationTime;
  readonly #network: MemoryNetwork;
  readonly #responders = new Map<string, Responder>();
  #nextPort = firstPort;

  constructor(time: SimulationTime, network: MemoryNetwork) {
    this.#time = time;
    this.#network = network;
  }

  /** For one process of a node. */
  probe(host: string, loop: EventLoop): StallProbe {
    return {
      serve: (options) => Promise.resolve(this.#serve(host, loop, options)),
      ask: (request) => this.#ask(host, loop, request),
    };
  }

  #serve(host: string, loop: EventLoop, options: StallResponderOptions): StallResponder {
    const port = options.port === 0 ? this.#nextPort++ : options.port;
    const key = `${host}:${port}`;
    const { incarnation } = options;
    const responder: Responder = { incarnation, loop, beatAt: this.#time.now() };
    this.#responders.set(key, responder);
    return {
      port,
      beat: () => void (responder.beatAt = this.#time.now()),
      close: () => {
        if (this.#responders.get(key) === responder) this.#responders.delete(key);
        return Promise.resolve();
      },
    };
  }

  #ask(from: string, loop: EventLoop, request: StallRequest): Promise<StallAnswer> {
    const { host, port, incarnation, timeout } = request;
    return new Promise((resolve) => {
      const timer = loop.schedule(timeout, () => resolve({ outcome: "unknown", ms: 0 }));
      this.#network.carry(from, host, () => {
        const answer = this.#answer(host, port, incarnation);
        if (answer === undefined) return;
        this.#network.carry(host, from, () => {
          loop.enter(() => {
            timer.cancel();
            resolve(answer);
          });
        });
      });
    });
  }

  /** Undefined: there is none. */
  #answer(host: string, port: number, incarnation: number): StallAnswer | undefined {
    if (!this.#network.answers(host)) return undefined;
    const responder = this.#responders.get(`${host}:${port}`);
    if (!responder?.loop.alive || responder.incarnation !== incarnation) {
      return { outcome: "gone", ms: 0 };
    }
    if (responder.loop.frozen) return undefined;
    const ms = this.#time.now() - responder.beatAt;
    return { outcome: ms <= aliveWithin ? "alive" : "stalled", ms };
  }
}
