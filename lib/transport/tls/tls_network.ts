import type { Socket } from "node:net";
import type { Clock } from "../../runtime/clock.ts";
import type {
  DialOptions,
  Link,
  Listener,
  ListenOptions,
  Network,
  TlsMaterial,
} from "../../runtime/network.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { TransportError } from "../base/errors.ts";
import { SocketAcceptor } from "./node_socket.ts";
import { PeerLooks } from "./peer_looks.ts";
import { TlsServerHandshake } from "./tls_server_handshake.ts";
import { dialTls } from "./tls_dial.ts";
import { prepareMaterial } from "./tls_material.ts";
import { TlsServers } from "./tls_servers.ts";

/**
 * Mutual TLS 1.3: both ends prove who they are with a certificate of our authority, and a link
 * exists only after that. Both ends are `node:tls`; the reasons stand at `TlsServerHandshake` and
 * `dialTls`.
 */
export class TlsNetwork implements Network {
  readonly #clock: Clock;
  readonly #looks: PeerLooks;

  /** `clock` measures timeouts and is used to check the validity of certificates. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#looks = new PeerLooks(clock);
  }

  /** Binds a port. Rejects with a `TransportError`. */
  async listen(options: ListenOptions): Promise<Listener> {
    const tls = required(options.tls);
    prepareMaterial(tls);
    const listener = new TlsListener(this.#clock, options, tls);
    await listener.open();
    return listener;
  }

  /** Connects and verifies. Rejects with a `TransportError`. */
  async dial(options: DialOptions): Promise<Link> {
    const tls = required(options.tls);
    return await dialTls(this.#clock, { ...options, tls }, this.#looks);
  }
}

/** Rejected foreign peers a second that are told why, and logged with the exact reason. */
const maxExplanations = 5;

class TlsListener implements Listener {
  readonly #clock: Clock;
  readonly #options: ListenOptions;
  readonly #tls: TlsMaterial;
  readonly #pending = new Set<TlsServerHandshake>();
  readonly #servers: TlsServers;
  #acceptor: SocketAcceptor | undefined;
  #explanations = { tokens: maxExplanations, at: 0 };

  constructor(clock: Clock, options: ListenOptions, tls: TlsMaterial) {
    this.#clock = clock;
    this.#options = options;
    this.#tls = tls;
    // The deadline of a handshake comes first.
    this.#servers = new TlsServers(options.handshakeTimeout + 1_000);
  }

  get port(): number {
    return this.#acceptor!.port;
  }

  async open(): Promise<void> {
    const { host, port } = this.#options;
    this.#acceptor = await SocketAcceptor.listen(host, port, (socket, remote) => {
      this.#receive(socket, remote);
    });
  }

  close(): Promise<void> {
    this.#acceptor!.close();
    for (const handshake of this.#pending) handshake.cancel("the listener was closed");
    return Promise.resolve();
  }

  /** Foreign peers are many, and the reasons against them are for people. */
  #mayExplain(): boolean {
    const now = this.#clock.now();
    const { tokens, at } = this.#explanations;
    const left = Math.min(maxExplanations, tokens + (now - at) * maxExplanations / 1_000);
    this.#explanations = { tokens: left < 1 ? left : left - 1, at: now };
    return left >= 1;
  }

  #receive(socket: Socket, remote: string): void {
    const { handshakeTimeout, maxPendingHandshakes, onLink, onRefused } = this.#options;
    const { sendsReason = true } = this.#options;
    const since = this.#clock.now();
    const handshake = new TlsServerHandshake(socket, remote, this.#clock, {
      tls: this.#tls,
      servers: this.#servers,
      timeout: handshakeTimeout,
      sendsReason,
      mayExplain: () => this.#mayExplain(),
      onLink: (link) => {
        this.#pending.delete(handshake);
        onLink(link, since);
      },
      onRefused: (remote, reason) => {
        this.#pending.delete(handshake);
        onRefused(remote, reason);
      },
    });
    const admitted = this.#options.admit?.(remote, (reason) => handshake.cancel(reason)) ?? true;
    if (!admitted) return void socket.destroy();
    if (this.#pending.size >= maxPendingHandshakes) {
      return handshake.cancel(
        `maxPendingHandshakes (${maxPendingHandshakes}) are unfinished already`,
      );
    }
    this.#pending.add(handshake);
    handshake.start();
  }
}

function required(tls: TlsMaterial | undefined): TlsMaterial {
  if (tls !== undefined) return tls;
  throw new TransportError("badTlsMaterial", "a TLS network needs the option `tls`", {
    remedy: "pass a TlsConfig, or use the plain network",
  });
}
