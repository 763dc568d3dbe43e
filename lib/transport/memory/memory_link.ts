import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link, PeerIdentity } from "../../runtime/network.ts";
import { ByteArena } from "./byte_arena.ts";
import type { MemoryLane } from "./memory_lane.ts";
import { connectionLost, writeInProgress } from "../base/socket_errors.ts";
import { lingerTime } from "../tcp/tcp_socket.ts";

/** Adds an event to the network's trace. */
export type LinkTrace = (from: string, to: string, kind: string, bytes?: Uint8Array) => void;

/** Parameters of one end of a simulated connection. */
export interface LinkParts {
  /** This end's address. */
  readonly local: string;
  /** The far end's address. */
  readonly remote: string;
  /** The identity that the far end proved. */
  readonly identity: PeerIdentity;
  /** When the first certificate of both ends expires. */
  readonly validUntil: number;
  /** From here to the far end. */
  readonly lane: MemoryLane;
  readonly clock: Clock;
  readonly trace: LinkTrace;
  /**
   * Bytes that the systems of both ends hold, so that a write is done before the far end has taken
   * it. 0: they hold nothing.
   */
  readonly socketBuffer: number;
  /** Passes an event to the owner of this end, at once or when its host runs. */
  readonly enter: (take: () => void) => void;
  /**
   * Whether this end's host runs: after a silent crash a new host without this connection takes its
   * address.
   */
  readonly answers: () => boolean;
  /** The connection is over at this end. */
  readonly onEnd: (link: MemoryLink) => void;
}

/** What is in flight on all links. */
const inFlight = new ByteArena();

/** One end of a simulated connection. It keeps to the rules of a TCP socket. */
export class MemoryLink implements Link {
  readonly remote: string;
  readonly identity: PeerIdentity;
  readonly validUntil: number;
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};

  readonly #parts: LinkParts;
  #peer: MemoryLink | undefined;
  /** Bytes that have arrived and are not delivered yet. */
  #arrivals: Uint8Array[] = [];
  /** Bytes that were written and that the far end has not taken. */
  #underWay = 0;
  /** Whether the write in progress waits until the buffers have room again. */
  #awaitsRoom = false;
  /** Called when the write in progress is done. */
  #done: () => void = () => {};
  #vanished = false;
  #breaksOff = false;
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
    this.validUntil = parts.validUntil;
  }

  /** Connects two ends. */
  static join(one: MemoryLink, other: MemoryLink): void {
    one.#peer = other;
    other.#peer = one;
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#closing || this.#ended) return;
    if (this.#writing) throw writeInProgress(this.remote);
    const { clock, lane, socketBuffer } = this.#parts;
    this.#writing = true;
    this.#done = done;
    this.#underWay += bytes.length;
    const isHeld = this.#underWay <= socketBuffer;
    if (!isHeld) this.#awaitsRoom = true;
    // Copied, because the writer may reuse its memory while the bytes are in flight.
    const sent = isHeld ? inFlight.copy(bytes) : bytes;
    lane.send(() => this.#peer!.#arrive(sent));
    if (isHeld) clock.defer(this.#onWritten);
  }

  readonly #onWritten = (): void => {
    if (this.#ended) return;
    this.#writing = false;
    this.#guard(this.#done);
  };

  /** A reader that pauses holds the writer back, once the buffers are full. */
  #taken(length: number): void {
    const { enter, socketBuffer } = this.#parts;
    this.#underWay -= length;
    if (!this.#awaitsRoom || this.#underWay > socketBuffer) return;
    this.#awaitsRoom = false;
    enter(this.#onWritten);
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
    // Drop bytes that have arrived, so that the far end's write does not wait forever.
    clock.defer(() => this.#deliver());
  }

  destroy(): void {
    if (this.#ended) return;
    this.#reset();
    this.#parts.clock.defer(() => this.onClose());
  }

  /** The host of this end has crashed: its owner is no longer called. */
  vanish(silently: boolean): void {
    if (this.#ended) return;
    this.#vanished = silently;
    if (silently) this.#end();
    else this.#reset();
  }

  /** Resets the connection at both ends: now, or in the middle of what arrives next. */
  breakOff(inMidstream: boolean): void {
    if (this.#ended) return;
    if (inMidstream) {
      this.#breaksOff = true;
      this.#peer!.#breaksOff = true;
      return;
    }
    this.#parts.enter(() => {
      if (this.#ended) return;
      this.#parts.trace(this.remote, this.#parts.local, "break");
      this.#reset();
      this.onClose(connectionLost(this.remote));
    });
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#ended) return this.#answerGhost();
    this.#arrivals.push(bytes);
    this.#deliver();
  }

  #onFarEnd(): void {
    if (this.#ended) return this.#answerGhost();
    this.#farEnded = true;
    this.#deliver();
  }

  /** A restarted host has none of the connections of its earlier incarnation. */
  #answerGhost(): void {
    const { answers, lane, local } = this.#parts;
    if (this.#vanished && answers()) lane.send(() => this.#peer!.#fail(connectionLost(local)));
  }

  #deliver(): void {
    while (this.#arrivals.length > 0) {
      if (this.#ended || (this.#paused && !this.#closing)) return;
      const bytes = this.#arrivals.shift()!;
      if (!this.#closing) this.#take(bytes);
      this.#peer!.#taken(bytes.length);
    }
    if (!this.#farEnded || this.#ended || (this.#paused && !this.#closing)) return;
    this.#parts.trace(this.remote, this.#parts.local, "end");
    if (!this.#closing) this.#parts.lane.send(() => this.#peer!.#onFarEnd());
    this.#finish();
  }

  #take(bytes: Uint8Array): void {
    const cut = this.#breaksOff && bytes.length > 1;
    const part = cut ? bytes.subarray(0, bytes.length >> 1) : bytes;
    this.#parts.trace(this.remote, this.#parts.local, "data", part);
    this.#guard(() => this.onData(part));
    if (cut) this.breakOff(false);
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
    this.#arrivals = [];
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
