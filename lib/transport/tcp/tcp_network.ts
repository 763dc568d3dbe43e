import type { Clock } from "../../runtime/clock.ts";
import type { DialOptions, Link, Listener, ListenOptions, Network } from "../../runtime/network.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { TcpLink } from "./tcp_link.ts";
import { closeQuietly, connectTcp, remoteAddress, TcpAcceptor } from "./tcp_socket.ts";

/**
 * Plain TCP over `Deno.connect` and `Deno.listen`, which move more bytes a second than `node:net`.
 * Nothing is encrypted and no peer proves anything; `tls` in the options is ignored.
 */
export class TcpNetwork implements Network {
  readonly #clock: Clock;

  /** `clock` measures connect and linger timeouts. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Binds a port. Rejects with a `TransportError`. */
  async listen(options: ListenOptions): Promise<Listener> {
    return await TcpAcceptor.listen(this.#clock, options.host, options.port, (conn) => {
      // It becomes a link at once: nothing is left to cut.
      if (options.admit?.(remoteAddress(conn), ignore) === false) return closeQuietly(conn);
      options.onLink(new TcpLink(conn, this.#clock));
    });
  }

  /** Connects. Rejects with a `TransportError`. */
  async dial(options: DialOptions): Promise<Link> {
    const conn = await connectTcp(
      this.#clock,
      options.host,
      options.port,
      options.timeout,
      options.signal,
    );
    return new TcpLink(conn, this.#clock);
  }
}

function ignore(): void {}
