import type { Clock, Timer } from "../runtime/clock.ts";
import type { Link, PeerIdentity } from "../runtime/network.ts";
import type { MemoryLane } from "./memory_lane.ts";
import { connectionLost, writeInProgress } from "./socket_errors.ts";
import { lingerTime } from "./tcp_socket.ts";

/** Tells the network's trace what happened. */
export type LinkTrace = (from: string, to: string, kind: string, bytes?: Uint8Array) => void;

/** What one end of a simulated connection is made of. */
export interface LinkParts {
  /** This end's address. */
  readonly local: string;
  /** The far end's address. */
  readonly remote: string;
  /** What the far end proved. */
  readonly identity: PeerIdentity;
  /** From here to the far end. */
  readonly lane: MemoryLane;
  readonly clock: Clock;
  readonly trace: LinkTrace;
  /** The connection is over at this end. */
  readonly onEnd: (link: MemoryLink) => void;
}

/** Bytes that have arrived and are not delivered yet. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

/** One end of a simulated connection. It keeps to the rules of a TCP socket. */
export class MemoryLink implements Link {
  readonly remote: string;
  readonly identity: PeerIdentity;
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};

  readonly #parts: LinkParts;
  #peer: MemoryLink | undefined;
  /** At most one, since the far end has one write at a time. */
  #arrival: Arrival | undefined;
  #farEnded = false;
  #paused = false;
  #writing = false;
  #closing = false;
  #ended = false;
  #linger: Timer | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.remote = parts.remote;
    this.identity = parts.identity;
  }

  /** Makes two ends a connection. */
  static join(one: MemoryLink, other: MemoryLink): void {
    one.#peer = other;
    other.#peer = one;
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#closing || this.#ended) return;
    if (this.#writing) throw writeInProgress(this.remote);
    this.#writing = true;
    // Not done before the far end has taken it: a reader that pauses holds the writer back.
    const taken = () => {
      if (this.#ended) return;
      this.#writing = false;
      this.#guard(done);
    };
    this.#parts.lane.send(() => this.#peer!.#arrive({ bytes, done: taken }));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#parts.clock.defer(() => this.#deliver());
  }

  close(): void {
    if (this.#closing || this.#ended) return;
    this.#closing = true;
    const { clock, lane } = this.#parts;
    this.#linger = clock.schedule(lingerTime, () => {
      this.#finish(this.#writing ? connectionLost(this.remote) : undefined);
    });
    lane.send(() => this.#peer!.#onFarEnd());
    // What has arrived already is dropped, so that the far end's write does not wait for ever.
    clock.defer(() => this.#deliver());
  }

  destroy(): void {
    if (this.#ended) return;
    this.#reset();
    this.#parts.clock.defer(() => this.onClose());
  }

  /** The host of this end is gone: its owner is not called any more. */
  vanish(silently: boolean): void {
    if (this.#ended) return;
    if (silently) this.#end();
    else this.#reset();
  }

  #arrive(arrival: Arrival): void {
    if (this.#ended) return;
    this.#arrival = arrival;
    this.#deliver();
  }

  #onFarEnd(): void {
    this.#farEnded = true;
    this.#deliver();
  }

  #deliver(): void {
    const arrival = this.#arrival;
    if (this.#ended || (this.#paused && !this.#closing)) return;
    if (arrival !== undefined) {
      this.#arrival = undefined;
      if (!this.#closing) {
        this.#parts.trace(this.remote, this.#parts.local, "data", arrival.bytes);
        this.#guard(() => this.onData(arrival.bytes));
      }
      arrival.done();
    }
    if (!this.#farEnded || this.#ended || (this.#paused && !this.#closing)) return;
    this.#parts.trace(this.remote, this.#parts.local, "end");
    if (!this.#closing) this.#parts.lane.send(() => this.#peer!.#onFarEnd());
    this.#finish();
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#parts.trace(this.remote, this.#parts.local, "reset");
    this.#finish(this.#closing ? undefined : error);
  }

  #reset(): void {
    this.#end();
    const { lane, local } = this.#parts;
    lane.drop();
    lane.send(() => this.#peer!.#fail(connectionLost(local)));
  }

  #finish(error?: Error): void {
    if (this.#ended) return;
    this.#end();
    this.onClose(error);
  }

  #end(): void {
    this.#ended = true;
    this.#arrival = undefined;
    this.#linger?.cancel();
    this.#parts.onEnd(this);
  }

  /** A callback of the owner that throws ends its own link, not the simulation. */
  #guard(callback: () => void): void {
    try {
      callback();
    } catch (thrown) {
      if (this.#ended) return;
      this.#reset();
      this.onClose(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }
}
