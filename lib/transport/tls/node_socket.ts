import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { formatAddress } from "../../runtime/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import { platform } from "../../runtime/platform.ts";
import { dialFailed, dialGivenUp, dialTimedOut, listenFailed } from "../base/socket_errors.ts";

/**
 * Sockets under TLS are those of `node:net`: a `TLSSocket` reads and writes them without JavaScript
 * in between. A stream of our own under it, as a `Deno.Conn` needs one, costs 12 us of a round trip
 * of 40 us, and a third of the throughput.
 *
 * `node:tls` on Deno ignores `pause()` on its own socket: it keeps reading and buffers all that the
 * peer sends (400 MB in a test). The remedy is to pause the socket below, which must flow for that,
 * once the `TLSSocket` has taken it over.
 */
const options = { noDelay: true };

/**
 * Connections that the system keeps until they are accepted. A short queue overflows in a flood while
 * the event loop is busy, and the connections of honest peers are lost in it for a second or more.
 */
const backlog = 4_096;

/**
 * Connects a socket without Nagle's delay. Gives up after `timeout` milliseconds, or when `signal`
 * aborts.
 *
 * @throws {TransportError} `connectionRefused`, `hostUnreachable`, `nameNotFound`,
 * `connectTimeout`, `permissionDenied` or `networkFailure`.
 */
export async function connectSocket(
  clock: Clock,
  host: string,
  port: number,
  timeout: number,
  signal?: AbortSignal,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = clock.schedule(timeout, () => {
    reject(dialTimedOut(host, port, timeout, "connecting"));
  });
  const giveUp = () => reject(dialGivenUp(host, port));
  signal?.addEventListener("abort", giveUp);
  let socket: Socket | undefined;
  try {
    if (signal?.aborted) giveUp();
    socket = connect({ ...options, host, port });
    socket.on("error", (cause) => reject(dialFailed(host, port, cause)));
    socket.once("connect", resolve);
    await promise;
    return socket;
  } catch (cause) {
    socket?.destroy();
    // Synchronous errors, such as a missing permission, are not for this listener.
    promise.catch(() => {});
    throw cause;
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** A bound port whose sockets go to a callback. */
export class SocketAcceptor {
  /** The port that is bound. */
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * Binds. Rejects with a `TransportError`: `addressInUse`, `addressNotAvailable`, `nameNotFound`,
   * `permissionDenied` or `networkFailure`.
   */
  static async listen(
    host: string,
    port: number,
    accept: (socket: Socket, remote: string) => void,
  ): Promise<SocketAcceptor> {
    const server = createServer(options, (socket) => {
      // A peer may vanish before it is accepted.
      if (socket.remoteAddress === undefined) return void socket.destroy();
      try {
        accept(socket, remoteOf(socket));
      } catch {
        socket.destroy();
      }
    });
    try {
      platform.tcp.checkBind({ hostname: host, port });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port, backlog }, resolve);
      });
    } catch (cause) {
      throw listenFailed(host, port, cause);
    }
    // An accept that fails, say for want of descriptors, must not end the process.
    server.removeAllListeners("error");
    server.on("error", () => {});
    return new SocketAcceptor(server);
  }

  /** Stops accepting; accepted sockets stay open. */
  close(): void {
    // Its callback runs when the last socket has ended; do not wait for that.
    this.#server.close();
  }
}

/** `"host:port"` of the far end; an IPv4 address mapped into IPv6 is shown as IPv4. */
export function remoteOf(socket: Socket): string {
  const host = socket.remoteAddress!.replace(/^::ffff:(?=[\d.]+$)/i, "");
  return formatAddress(host, socket.remotePort!);
}

/** Pauses a socket below a `TLSSocket`; see the options above. */
export function pauseReading(under: Socket): void {
  under.pause();
}

/** Reads again. To be called after the `TLSSocket` is made to flow. */
export function resumeReading(under: Socket): void {
  // Both share one flag, which the `TLSSocket` may have set meanwhile without reading anything:
  // then `resume()` alone would believe that it reads already.
  under.pause();
  under.resume();
}
