import { formatAddress } from "../../runtime/address.ts";
import type { Link, Listener, ListenOptions } from "../../runtime/network.ts";
import { Admission } from "./admission.ts";
import type { EndpointOptions } from "./endpoint_options.ts";
import type { TransportLimits } from "../base/limits.ts";
import { checkOwnCertificate } from "../tls/own_certificate.ts";
import { listenWithProof } from "../tls/mutual_tls_proof.ts";
import { PartialMessages } from "../connection/partial_messages.ts";
import type { RefusalLog } from "./refusal_log.ts";

/** Where the connections of others arrive: a node's port, and who is let near it. */
export class Reception {
  /** What peers have begun to send and not finished. */
  readonly partials: PartialMessages;
  readonly #options: EndpointOptions;
  readonly #limits: TransportLimits;
  readonly #refusals: RefusalLog;
  readonly #admission: Admission;
  readonly #onLink: (link: Link, since: number) => void;
  #listener: Listener | undefined;
  /** Not before the listener has proved that it refuses strangers, and not after `refuse`. */
  #receiving = false;

  /** Opens nothing yet. `onLink` gets the peers that are received. */
  constructor(
    options: EndpointOptions,
    limits: TransportLimits,
    refusals: RefusalLog,
    onLink: (link: Link, since: number) => void,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#refusals = refusals;
    this.#admission = new Admission(limits);
    this.partials = new PartialMessages(limits);
    this.#onLink = onLink;
  }

  /** Opens the port; resolves with the node's address. Rejects with a `TransportError`. */
  async open(): Promise<string> {
    const { host = "127.0.0.1", port = 0, bindHost = host, tls, runtime } = this.#options;
    const { network, clock, logger } = runtime;
    const { advertisedHost = host } = this.#options;
    if (tls !== undefined) checkOwnCertificate(tls, advertisedHost);
    const options: ListenOptions = {
      host: bindHost,
      port,
      handshakeTimeout: this.#limits.handshakeTimeout,
      maxPendingHandshakes: this.#limits.maxPendingHandshakes,
      admit: (remote) => this.#admit(remote),
      onLink: (link, since) => this.#receive(link, since ?? clock.now()),
      onRefused: (remote, reason) => {
        this.#admission.ended(remote);
        this.#refusals.add(remote, reason);
      },
    };
    if (tls === undefined && !isLoopback(bindHost)) {
      logger.log("warn", "transport", "without TLS anybody who reaches the port can join", {
        host: bindHost,
      });
    }
    this.#listener = tls === undefined
      ? await network.listen(options)
      : await listenWithProof(network, { ...options, tls }, clock);
    this.#receiving = true;
    const { advertisedPort = this.#listener.port } = this.#options;
    return formatAddress(advertisedHost, advertisedPort);
  }

  /** A peer that was received has introduced itself. */
  opened(remote: string): void {
    this.#admission.opened(remote);
  }

  /** The connection of a peer that was received is over. */
  ended(remote: string): void {
    this.#admission.ended(remote);
  }

  /** Receives nobody from now on. */
  refuse(): void {
    this.#receiving = false;
  }

  /** Gives the port back. */
  async close(): Promise<void> {
    this.refuse();
    await this.#listener?.close();
  }

  #admit(remote: string): boolean {
    // While the listener is proved it has to decide by itself.
    if (!this.#receiving) return this.#listener === undefined;
    const reason = this.#admission.receive(remote, this.#options.runtime.clock.now());
    if (reason !== undefined) this.#refusals.add(remote, reason);
    return reason === undefined;
  }

  #receive(link: Link, since: number): void {
    if (this.#receiving) return this.#onLink(link, since);
    link.destroy();
    this.#admission.ended(link.remote);
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
