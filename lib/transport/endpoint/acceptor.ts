import { formatAddress } from "../../runtime/address.ts";
import type { Link, Listener, ListenOptions } from "../../runtime/network.ts";
import { isLoopback, isUnspecified } from "../../x509/host_names.ts";
import { Gate } from "./gate.ts";
import type { EndpointOptions } from "./endpoint_options.ts";
import type { TransportLimits } from "../base/limits.ts";
import { checkOwnCertificate } from "../tls/own_certificate.ts";
import { listenWithProof } from "../tls/mutual_tls_proof.ts";
import type { PeerConnection } from "../connection/peer_connection.ts";
import { PartialMessages } from "../connection/partial_messages.ts";
import type { RefusalLog } from "./refusal_log.ts";

/** A connection whose handshake is not complete. */
interface Unfinished {
  destroy(reason: string): void;
}

/** Accepts connections at the port of a node, within limits. */
export class Acceptor {
  /** Unfinished messages of all connections. */
  readonly partials: PartialMessages;
  readonly #options: EndpointOptions;
  readonly #limits: TransportLimits;
  readonly #refusals: RefusalLog;
  readonly #gate: Gate;
  readonly #onLink: (link: Link, since: number) => Unfinished;
  #listener: Listener | undefined;
  /** From the proof that the listener refuses peers without a certificate to `stop`. */
  #accepting = false;

  /** `onLink` receives the links of accepted peers. Opens no port. */
  constructor(
    options: EndpointOptions,
    limits: TransportLimits,
    refusals: RefusalLog,
    onLink: (link: Link, since: number) => Unfinished,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#refusals = refusals;
    this.#gate = new Gate(limits, options.runtime.clock);
    this.partials = new PartialMessages(limits);
    this.#onLink = onLink;
  }

  /** Opens the port; resolves with the node's address. Rejects with a `TransportError`. */
  async open(): Promise<string> {
    const { host = "127.0.0.1", port = 0, bindHost = host, tls, runtime } = this.#options;
    const { network, clock, logger } = runtime;
    const { advertisedHost = host } = this.#options;
    if (tls !== undefined) checkOwnCertificate(tls, advertisedHost, clock.wallTime());
    const options: ListenOptions = {
      host: bindHost,
      port,
      handshakeTimeout: this.#limits.handshakeTimeout,
      maxPendingHandshakes: this.#limits.maxPendingHandshakes,
      admit: (remote, cut) => this.#admit(remote, cut),
      onLink: (link, since) => this.#accept(link, since ?? clock.now()),
      onRefused: (remote, reason) => {
        this.ended(remote);
        this.#refusals.add(remote, reason, "handshake");
      },
    };
    if (tls === undefined && !isLoopback(bindHost)) {
      logger.log("warn", "transport", "without TLS every peer that reaches the port can join", {
        host: bindHost,
      });
    }
    if (isUnspecified(advertisedHost)) {
      logger.log("warn", "transport", "other machines cannot dial the address of this node", {
        host: advertisedHost,
        remedy:
          "set bindHost to it, and host to a name or address under which others reach this node",
      });
    }
    this.#listener = tls === undefined
      ? await network.listen(options)
      : await listenWithProof(network, { ...options, tls }, clock);
    this.#accepting = true;
    const { advertisedPort = this.#listener.port } = this.#options;
    return formatAddress(advertisedHost, advertisedPort);
  }

  /** The handshake with a peer is complete, on a connection that either end has dialled. */
  opened({ remote, dialled, peer }: PeerConnection): void {
    if (peer?.role === "node") this.#gate.proved(remote);
    if (!dialled) this.#gate.opened(remote);
  }

  /** The connection of an accepted peer has ended. */
  ended(remote: string): void {
    this.#gate.ended(remote);
  }

  /** Accepts no more connections. */
  stop(): void {
    this.#accepting = false;
  }

  /** Closes the port. */
  async close(): Promise<void> {
    this.stop();
    await this.#listener?.close();
  }

  #admit(remote: string, cut: (reason: string) => void): boolean {
    // Before `listen` has returned, the listener checks its mutual TLS with its own connections.
    if (!this.#accepting) return this.#listener === undefined;
    const refused = this.#gate.accept(remote, cut);
    if (refused !== undefined) this.#refusals.add(remote, refused, "limit");
    return refused === undefined;
  }

  #accept(link: Link, since: number): void {
    const { remote } = link;
    if (!this.#accepting) {
      link.destroy();
      return this.ended(remote);
    }
    const connection = this.#onLink(link, since);
    this.#gate.replaceCut(remote, (reason) => connection.destroy(reason));
  }
}
