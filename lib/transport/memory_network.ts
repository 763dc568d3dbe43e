import type { Clock } from "../runtime/clock.ts";
import type { Network, PeerIdentity } from "../runtime/network.ts";
import type { Random } from "../runtime/random.ts";
import { MemoryHost } from "./memory_host.ts";
import { MemoryLane } from "./memory_lane.ts";

/** What a simulated network is made of. */
export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that bytes travel, drawn evenly from this range. Default: 1 to 5. */
  readonly latency?: { readonly min: number; readonly max: number };
  /** Receives one line for each event; the same seed gives the same lines. */
  readonly trace?: (line: string) => void;
}

/** What a simulated host is. */
export interface MemoryHostOptions {
  /** What this host proves to its peers. Default: `{ kind: "plain" }`. */
  readonly identity?: PeerIdentity;
}

/** How a simulated host goes down. */
export interface CrashOptions {
  /**
   * The whole machine is gone: its peers hear nothing, and only their failure detectors can tell.
   * Default: false; the process died, and its machine resets the connections.
   */
  readonly silently?: boolean;
}

/**
 * A network in memory on a given clock and random source, so that a whole cluster runs in one
 * process, on virtual time, the same way twice. Bytes arrive late but in order, writers wait for
 * slow readers, links can be cut and hosts can crash.
 */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #minLatency: number;
  readonly #maxLatency: number;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #hosts = new Map<string, MemoryHost>();
  readonly #cuts = new Set<string>();
  #healed: (() => void)[] = [];

  /** Makes a network without hosts. */
  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#minLatency = options.latency?.min ?? 1;
    this.#maxLatency = options.latency?.max ?? 5;
    this.#trace = options.trace;
  }

  /**
   * The network as the host `name` sees it; others dial it by that name. After a crash it is a new
   * one, without anything of the old.
   */
  host(name: string, options: MemoryHostOptions = {}): Network {
    const known = this.#hosts.get(name);
    if (known?.up) {
      if (options.identity !== undefined) known.identity = options.identity;
      return known;
    }
    const host = new MemoryHost(name, options.identity ?? { kind: "plain" }, {
      clock: this.#clock,
      hosts: this.#hosts,
      lane: (from, to) => this.#lane(from, to),
      trace: (from, to, kind, bytes) => this.#write(`${from} > ${to} ${kind}`, bytes),
    });
    this.#hosts.set(name, host);
    return host;
  }

  /** Cuts every connection between `a` and `b`: what is sent waits until `heal`. */
  partition(a: string | readonly string[], b: string | readonly string[]): void {
    const left = [a].flat();
    const right = [b].flat();
    for (const one of left) {
      for (const other of right) this.#cuts.add(`${one} ${other}`).add(`${other} ${one}`);
    }
    this.#write(`${left.join(",")} | ${right.join(",")} partition`);
  }

  /** Ends all partitions. What waited arrives with new latencies, in order. */
  heal(): void {
    this.#cuts.clear();
    this.#write("* heal");
    const waiting = this.#healed;
    this.#healed = [];
    for (const retry of waiting) retry();
  }

  /** Ends the host: its listeners and links are gone, and its owner is not called any more. */
  crash(name: string, options: CrashOptions = {}): void {
    this.#write(`${name} crash`);
    this.#hosts.get(name)?.crash(options.silently ?? false);
  }

  #lane(from: string, to: string): MemoryLane {
    return new MemoryLane(
      {
        clock: this.#clock,
        latency: () => {
          return this.#minLatency + this.#random.next() * (this.#maxLatency - this.#minLatency);
        },
        isCut: (one, other) => this.#cuts.has(`${one} ${other}`),
        onHeal: (retry) => void this.#healed.push(retry),
      },
      from,
      to,
    );
  }

  #write(event: string, bytes?: Uint8Array): void {
    if (this.#trace === undefined) return;
    const content = bytes === undefined ? "" : ` ${bytes.length} ${hash(bytes)}`;
    this.#trace(`${this.#clock.now().toFixed(3)} ${event}${content}`);
  }
}

/** FNV-1a, 32 bits: enough to see that two histories differ. */
function hash(bytes: Uint8Array): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}
