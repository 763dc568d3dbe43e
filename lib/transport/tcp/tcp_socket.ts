import { formatAddress } from "../../runtime/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import { platform } from "../../runtime/platform.ts";
import type { SocketAddress, TcpConn, TcpListener } from "../../runtime/platform_port.ts";
import { dialFailed, dialGivenUp, dialTimedOut, listenFailed } from "../base/socket_errors.ts";

/** How long a closed link waits for its last bytes and for the far end to close, milliseconds. */
export const lingerTime = 5_000;

/** Bytes that one read takes at most. */
export const readSize = 65_536;

/** How long accepting pauses when the system has no descriptor left, milliseconds. */
const acceptBackoff = 50;

/**
 * Connects a TCP socket without Nagle's delay. Gives up after `timeout` milliseconds, or when
 * `signal` aborts.
 *
 * @throws {TransportError} `connectionRefused`, `hostUnreachable`, `nameNotFound`,
 * `connectTimeout`, `permissionDenied` or `networkFailure`.
 */
export async function connectTcp(
  clock: Clock,
  host: string,
  port: number,
  timeout: number,
  signal?: AbortSignal,
): Promise<TcpConn> {
  const abort = new AbortController();
  const timer = clock.schedule(timeout, () => abort.abort());
  const giveUp = () => abort.abort();
  signal?.addEventListener("abort", giveUp);
  try {
    const conn = await platform.tcp.connect({ hostname: host, port, signal: abort.signal });
    return withoutDelay(conn);
  } catch (cause) {
    if (signal?.aborted) throw dialGivenUp(host, port);
    if (abort.signal.aborted) throw dialTimedOut(host, port, timeout, "connecting");
    throw dialFailed(host, port, cause);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** A bound port whose connections go to a callback. */
export class TcpAcceptor {
  readonly port: number;
  readonly #listener: TcpListener;
  readonly #clock: Clock;
  readonly #stopped: Promise<void>;
  #closed = false;

  private constructor(clock: Clock, listener: TcpListener, accept: (conn: TcpConn) => void) {
    this.#listener = listener;
    this.port = listener.addr.port;
    this.#clock = clock;
    this.#stopped = this.#run(accept);
  }

  /**
   * Binds and starts to accept after the current turn.
   *
   * @throws {TransportError} `addressInUse`, `addressNotAvailable`, `nameNotFound`,
   * `permissionDenied` or `networkFailure`.
   */
  static async listen(
    clock: Clock,
    host: string,
    port: number,
    accept: (conn: TcpConn) => void,
  ): Promise<TcpAcceptor> {
    let listener: TcpListener;
    try {
      listener = await platform.tcp.listen({ hostname: host, port });
    } catch (cause) {
      throw listenFailed(host, port, cause);
    }
    return new TcpAcceptor(clock, listener, accept);
  }

  /** Stops accepting. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#listener.close();
    }
    return this.#stopped;
  }

  async #run(accept: (conn: TcpConn) => void): Promise<void> {
    while (!this.#closed) {
      let conn: TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch {
        // A peer may vanish between SYN and accept, or descriptors may have run out: neither may
        // end the listener, and a pause keeps the second from becoming a busy loop.
        if (!this.#closed) await this.#pause();
        continue;
      }
      if (this.#closed) return conn.close();
      try {
        accept(withoutDelay(conn));
      } catch {
        closeQuietly(conn);
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#clock.schedule(acceptBackoff, resolve));
  }
}

/** `"host:port"` of the far end; an IPv4 address mapped into IPv6 is shown as IPv4. */
export function remoteAddress(conn: TcpConn): string {
  return socketAddress(conn.remoteAddr);
}

/** `"host:port"`; an IPv4 address mapped into IPv6 is shown as IPv4. */
export function socketAddress(address: SocketAddress): string {
  return formatAddress(address.hostname.replace(/^::ffff:(?=[\d.]+$)/i, ""), address.port);
}

/** Some systems refuse options on a socket that the peer has closed already. */
function withoutDelay(conn: TcpConn): TcpConn {
  try {
    conn.setNoDelay(true);
  } catch {
    // The first read fails if the socket is unusable.
  }
  return conn;
}

/** Closes a socket unless it is closed already. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Already closed.
  }
}
