import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link, PeerIdentity } from "../../runtime/network.ts";
import { pauseReading, resumeReading } from "./node_socket.ts";
import { connectionLost, writeInProgress } from "../base/socket_errors.ts";
import { lingerTime } from "../tcp/tcp_socket.ts";

/**
 * Bytes that one turn of the event loop takes from one link at most, roughly. Deno reads up to 32
 * chunks of 64 KiB from a socket before it looks at the next one, and while it is busy it asks the
 * system once in 61 turns which other sockets have something to read: a heartbeat would wait until
 * 61 times 2 MiB of bulk are handled. (The 61 is the event interval of tokio; docs/production.md.)
 */
const maxPerTurn = 65_536;

/**
 * A link over mutual TLS whose peer has been verified. A peer whose connection is cut without a
 * TLS close looks on Deno like one that closed in order, so the layer above must notice an
 * unfinished frame.
 */
export class TlsLink implements Link {
  readonly remote: string;
  readonly identity: PeerIdentity;
  readonly validUntil: number;
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};

  readonly #socket: TLSSocket;
  readonly #under: Socket;
  readonly #clock: Clock;
  #done: (() => void) | undefined;
  /** Ends a closed connection whose peer does not close. */
  #linger: Timer | undefined;
  #started = false;
  /** Bytes read since the last pause; reading pauses for one turn after too many. */
  #read = 0;
  #resting = false;
  #paused = false;
  #closing = false;
  #ended = false;

  /** `under` must be paused; reading starts after the current turn, when the callbacks are set. */
  constructor(
    socket: TLSSocket,
    under: Socket,
    remote: string,
    identity: PeerIdentity,
    clock: Clock,
    validUntil = Infinity,
  ) {
    this.validUntil = validUntil;
    this.#socket = socket;
    this.#under = under;
    this.#clock = clock;
    this.remote = remote;
    this.identity = identity;
    clock.yield(() => this.#start());
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#closing || this.#ended) return;
    if (this.#done !== undefined) throw writeInProgress(this.remote);
    this.#done = done;
    this.#socket.write(bytes, this.#onWritten);
  }

  pause(): void {
    if (this.#paused || this.#closing) return;
    this.#paused = true;
    if (!this.#started) return;
    // Both: the one below keeps further bytes out, the other keeps what is decrypted already.
    pauseReading(this.#under);
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Before the start there is no data listener: a socket that flows then drops what has arrived.
    if (!this.#started) return;
    this.#socket.resume();
    this.#resting = false;
    this.#read = 0;
    resumeReading(this.#under);
  }

  close(): void {
    if (this.#closing || this.#ended) return;
    // What still arrives is read and dropped: unread bytes would turn the close into a reset.
    this.resume();
    this.#closing = true;
    this.#linger = this.#clock.schedule(lingerTime, () => {
      this.#finish(this.#done === undefined ? undefined : connectionLost(this.remote));
    });
    this.#socket.end();
  }

  destroy(): void {
    if (this.#ended) return;
    this.#end();
    this.#clock.defer(() => this.onClose());
  }

  #start(): void {
    if (this.#ended) return;
    this.#started = true;
    if (this.#socket.destroyed) return this.#finish(connectionLost(this.remote));
    this.#socket.on("error", (cause) => this.#finish(connectionLost(this.remote, cause)));
    this.#under.on("error", (cause) => this.#finish(connectionLost(this.remote, cause)));
    this.#socket.on("end", () => this.#finish());
    this.#socket.on("close", () => {
      this.#finish(this.#closing ? undefined : connectionLost(this.remote));
    });
    // A socket that is paused does not start to flow when a listener is added.
    if (this.#paused) this.#socket.pause();
    this.#socket.on("data", this.#onData);
    if (!this.#paused) resumeReading(this.#under);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#closing || this.#ended) return;
    this.#read += chunk.length;
    if (this.#read >= maxPerTurn && !this.#resting) this.#rest();
    try {
      this.onData(chunk);
    } catch (error) {
      this.#finish(asError(error));
    }
  };

  /** Lets the other sockets have their turn. */
  #rest(): void {
    this.#resting = true;
    pauseReading(this.#under);
    this.#clock.yield(this.#onRested);
  }

  readonly #onRested = (): void => {
    this.#read = 0;
    if (!this.#resting) return;
    this.#resting = false;
    if (!this.#paused && !this.#ended) resumeReading(this.#under);
  };

  readonly #onWritten = (error?: Error | null): void => {
    const done = this.#done;
    if (error || this.#ended || done === undefined) return;
    this.#done = undefined;
    try {
      done();
    } catch (thrown) {
      this.#finish(asError(thrown));
    }
  };

  #finish(error?: Error): void {
    if (this.#ended) return;
    this.#end();
    this.onClose(this.#closing && this.#done === undefined ? undefined : error);
  }

  #end(): void {
    this.#ended = true;
    this.#linger?.cancel();
    this.#socket.destroy();
    this.#under.destroy();
  }
}

/** A callback of the owner that throws ends its own link, not the process. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
