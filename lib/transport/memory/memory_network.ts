import type { Clock } from "../../runtime/clock.ts";
import { fnvOffset, fnvStep } from "../../runtime/fnv.ts";
import type { Network, PeerIdentity } from "../../runtime/network.ts";
import type { Random } from "../../runtime/random.ts";
import { MemoryHost } from "./memory_host.ts";
import { type LaneConditions, MemoryLane } from "./memory_lane.ts";
import type { LinkTrace } from "./memory_link.ts";

/** Parameters of a simulated network. */
export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that bytes travel, drawn evenly from this range. Default: 1 to 5. */
  readonly latency?: { readonly min: number; readonly max: number };
  /**
   * Milliseconds that bytes travel from one host to another, given what was drawn from `latency`.
   * Default: just that.
   */
  readonly travel?: (from: string, to: string, drawn: number) => number;
  /**
   * Bytes of a connection that its two systems hold, so that a write is done before the far end has
   * read it, as on real machines. Default 0: a write is done when the far end has taken it.
   */
  readonly socketBuffer?: number;
  /** Receives one line for each event; the same seed gives the same lines. */
  readonly trace?: (line: string) => void;
  /** Like `trace`, as data instead of text. `from` and `to` are addresses. */
  readonly observe?: LinkTrace;
}

/** Parameters of a simulated host. */
export interface MemoryHostOptions {
  /** The identity that this host proves to its peers. Default: `{ kind: "plain" }`. */
  readonly identity?: PeerIdentity;
  /** The host's own clock. Default: the network's. */
  readonly clock?: Clock;
  /**
   * Called with whatever arrives at this host: runs it at once, or later and in order, if the host
   * stands still. Default: at once.
   */
  readonly enter?: (take: () => void) => void;
}

/** How a simulated host goes down. */
export interface CrashOptions {
  /**
   * The whole machine fails: its peers receive nothing, and only failure detectors notice. Default
   * false: only the process crashes, and its machine resets the connections.
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
  readonly #travel: (from: string, to: string, drawn: number) => number;
  readonly #socketBuffer: number;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #observe: LinkTrace | undefined;
  readonly #hosts = new Map<string, MemoryHost>();
  readonly #entrances = new Map<string, (take: () => void) => void>();
  /** How many cuts there are from one host to another. */
  readonly #cuts = new Map<string, number>();
  #healed: (() => void)[] = [];
  readonly #conditions: LaneConditions;

  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#minLatency = options.latency?.min ?? 1;
    this.#maxLatency = options.latency?.max ?? 5;
    this.#travel = options.travel ?? ((_from, _to, drawn) => drawn);
    this.#socketBuffer = options.socketBuffer ?? 0;
    this.#trace = options.trace;
    this.#observe = options.observe;
    this.#conditions = {
      clock: this.#clock,
      latency: (from, to) => {
        const range = this.#maxLatency - this.#minLatency;
        return this.#travel(from, to, this.#minLatency + this.#random.next() * range);
      },
      isCut: (from, to) => this.#cuts.size > 0 && this.isCut(from, to),
      onHeal: (retry) => void this.#healed.push(retry),
      enter: (to, take) => (this.#entrances.get(to) ?? atOnce)(take),
    };
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
    const { identity = { kind: "plain" }, clock = this.#clock, enter = atOnce } = options;
    this.#entrances.set(name, enter);
    const host = new MemoryHost(name, identity, {
      clock,
      enter,
      hosts: this.#hosts,
      lane: (from, to) => this.#lane(from, to),
      trace: this.#onEvent,
      socketBuffer: this.#socketBuffer,
    });
    this.#hosts.set(name, host);
    return host;
  }

  /** Cuts every connection between `a` and `b`: what is sent waits until `heal`. */
  partition(a: string | readonly string[], b: string | readonly string[]): void {
    const left = [a].flat();
    const right = [b].flat();
    for (const one of left) {
      for (const other of right) {
        this.#count(one, other, 1);
        this.#count(other, one, 1);
      }
    }
    this.#write(`${left.join(",")} | ${right.join(",")} partition`);
  }

  /**
   * Cuts one direction only: what `from` sends to `to` waits until `mend` was called as often, or
   * `heal`. No connection can be made in either direction meanwhile.
   */
  cut(from: string, to: string): void {
    this.#count(from, to, 1);
    this.#write(`${from} / ${to} cut`);
  }

  /** Takes back one `cut`. */
  mend(from: string, to: string): void {
    this.#count(from, to, -1);
    this.#write(`${from} / ${to} mend`);
    this.#retry();
  }

  /** Whether the direction from `from` to `to` is cut. */
  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from} ${to}`);
  }

  /** Ends all partitions. Held bytes arrive in order with new latencies. */
  heal(): void {
    this.#cuts.clear();
    this.#write("* heal");
    this.#retry();
  }

  /**
   * Resets all connections between two hosts, now or, with `inMidstream`, when the next bytes arrive,
   * of which the first half is read.
   */
  reset(a: string, b: string, { inMidstream = false }: { inMidstream?: boolean } = {}): void {
    this.#write(`${a} # ${b} reset`);
    this.#hosts.get(a)?.breakOff(b, inMidstream);
  }

  /** Ends the host: discards its listeners and links, and no longer calls its owner. */
  crash(name: string, options: CrashOptions = {}): void {
    this.#write(`${name} crash`);
    this.#hosts.get(name)?.crash(options.silently ?? false);
  }

  /** Carries something from one host to another outside of connections; `arrive` is called there. */
  carry(from: string, to: string, arrive: () => void): void {
    new MemoryLane({ ...this.#conditions, enter: (_to, take) => take() }, from, to).send(arrive);
  }

  /** Whether the system of a host answers: it exists, and was not crashed silently. */
  answers(host: string): boolean {
    return this.#hosts.get(host)?.silent === false;
  }

  /** How many connections of a host have not ended at its end. */
  links(host: string): number {
    return this.#hosts.get(host)?.openLinks ?? 0;
  }

  #lane(from: string, to: string): MemoryLane {
    return new MemoryLane(this.#conditions, from, to);
  }

  #count(from: string, to: string, change: number): void {
    const key = `${from} ${to}`;
    const count = (this.#cuts.get(key) ?? 0) + change;
    if (count > 0) this.#cuts.set(key, count);
    else this.#cuts.delete(key);
  }

  #retry(): void {
    const waiting = this.#healed;
    this.#healed = [];
    for (const retry of waiting) retry();
  }

  readonly #onEvent: LinkTrace = (from, to, kind, bytes) => {
    this.#observe?.(from, to, kind, bytes);
    if (this.#trace !== undefined) this.#write(`${from} > ${to} ${kind}`, bytes);
  };

  #write(event: string, bytes?: Uint8Array): void {
    if (this.#trace === undefined) return;
    const content = bytes === undefined ? "" : ` ${bytes.length} ${hash(bytes)}`;
    this.#trace(`${this.#clock.now().toFixed(3)} ${event}${content}`);
  }
}

function atOnce(take: () => void): void {
  take();
}

/** FNV-1a, 32 bits: enough to see that two histories differ. */
function hash(bytes: Uint8Array): string {
  let value = fnvOffset;
  for (let i = 0; i < bytes.length; i++) value = fnvStep(value, bytes[i]!);
  return (value >>> 0).toString(16).padStart(8, "0");
}
