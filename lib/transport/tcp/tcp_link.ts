import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Link, PeerIdentity } from "../../runtime/network.ts";
import type { TcpConn } from "../../runtime/platform_port.ts";
import { connectionLost, writeInProgress } from "../base/socket_errors.ts";
import { closeQuietly, lingerTime, readSize, remoteAddress } from "./tcp_socket.ts";

const plain: PeerIdentity = { kind: "plain" };

/** A link over a plain TCP socket. One promise per read and per write, no copies. */
export class TcpLink implements Link {
  readonly remote: string;
  readonly identity: PeerIdentity = plain;
  onData: (chunk: Uint8Array) => void = () => {};
  onClose: (error?: Error) => void = () => {};

  readonly #conn: TcpConn;
  readonly #clock: Clock;
  readonly #buffer = new Uint8Array(readSize);
  /** Bytes of `#buffer` that arrived while paused. */
  #held = 0;
  #reading = false;
  #delivering = false;
  #paused = false;
  #bytes: Uint8Array | undefined;
  #written = 0;
  #done: () => void = () => {};
  #closing = false;
  #ended = false;
  #linger: Timer | undefined;

  constructor(conn: TcpConn, clock: Clock) {
    this.#conn = conn;
    this.#clock = clock;
    this.remote = remoteAddress(conn);
    // A read that is ready at once would settle as a microtask, before the owner of a dialled link
    // had the chance to set its callbacks.
    clock.yield(() => this.#read());
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#closing || this.#ended) return;
    if (this.#bytes !== undefined) throw writeInProgress(this.remote);
    this.#bytes = bytes;
    this.#written = 0;
    this.#done = done;
    this.#conn.write(bytes).then(this.#onWritten, this.#onError);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#delivering) this.#clock.defer(this.#continue);
  }

  close(): void {
    if (this.#closing || this.#ended) return;
    this.#closing = true;
    this.#linger = this.#clock.schedule(lingerTime, () => {
      this.#finish(this.#bytes === undefined ? undefined : connectionLost(this.remote));
    });
    if (this.#bytes === undefined) this.#sendEnd();
  }

  destroy(): void {
    if (this.#ended) return;
    this.#end();
    this.#clock.defer(() => this.onClose());
  }

  #read(): void {
    if (this.#reading || this.#ended || this.#held > 0) return;
    if (this.#paused && !this.#closing) return;
    this.#reading = true;
    this.#conn.read(this.#buffer).then(this.#onRead, this.#onError);
  }

  readonly #onRead = (length: number | null): void => {
    this.#reading = false;
    if (this.#ended) return;
    if (length === null) return this.#finish();
    if (this.#closing) return this.#read();
    this.#held = length;
    this.#continue();
  };

  readonly #continue = (): void => {
    if (this.#ended || this.#delivering) return;
    if (this.#closing) this.#held = 0;
    if (this.#held > 0) {
      if (this.#paused) return;
      const chunk = this.#buffer.subarray(0, this.#held);
      this.#held = 0;
      this.#delivering = true;
      try {
        this.onData(chunk);
      } catch (error) {
        return this.#finish(asError(error));
      } finally {
        this.#delivering = false;
      }
    }
    this.#read();
  };

  readonly #onWritten = (length: number): void => {
    if (this.#ended || this.#bytes === undefined) return;
    this.#written += length;
    if (this.#written < this.#bytes.length) {
      const rest = this.#bytes.subarray(this.#written);
      this.#conn.write(rest).then(this.#onWritten, this.#onError);
      return;
    }
    this.#bytes = undefined;
    if (this.#closing) this.#sendEnd();
    try {
      this.#done();
    } catch (error) {
      this.#finish(asError(error));
    }
  };

  /**
   * Ends our direction and drains the other one. Closing a socket that still holds unread bytes
   * makes the system send a reset, which may destroy data that the far end has not read yet.
   */
  #sendEnd(): void {
    this.#conn.closeWrite().then(() => this.#continue(), this.#onError);
  }

  readonly #onError = (cause: unknown): void => {
    this.#finish(this.#closing ? undefined : connectionLost(this.remote, cause));
  };

  #finish(error?: Error): void {
    if (this.#ended) return;
    this.#end();
    this.onClose(error);
  }

  #end(): void {
    this.#ended = true;
    this.#linger?.cancel();
    closeQuietly(this.#conn);
  }
}

/** A callback of the owner that throws ends its own link, not the process. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
