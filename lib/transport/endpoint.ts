/**
 * All connections of one system: dials, accepts, and sends by address.
 *
 * @module
 */
import { formatAddress, parseAddress } from "../runtime/address.ts";
import type { Link, Listener, ListenOptions, TlsMaterial } from "../runtime/network.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { AssociationEvent } from "./association.ts";
import { Channel } from "./channel.ts";
import type { SendRefusal } from "./connection.ts";
import { type Introduction, protocol, type Refusal } from "./handshake.ts";
import { Handshaken, type HandshakeOwner } from "./handshaken.ts";
import type { Lane } from "./lane.ts";
import { type TransportLimits, transportLimits } from "./limits.ts";
import { listenWithProof } from "./mutual_tls_proof.ts";
import { holderOf, type Peer } from "./peer.ts";
import { RefusalLog } from "./refusal_log.ts";

/** How an endpoint is opened. */
export interface EndpointOptions {
  readonly runtime: Runtime;
  readonly systemName: string;
  readonly role: "node" | "client";
  /** A label for people. Empty: the address. */
  readonly nodeId: string;
  readonly incarnation: number;
  /** A client's own address, `"client:<id>"`. */
  readonly address?: string;
  /** A node's host, as others reach it, and port; 0 lets the system choose. */
  readonly host?: string;
  readonly port?: number;
  /** A node's interface. Default: `host`. */
  readonly bindHost?: string;
  readonly tls?: TlsMaterial;
  /** Where to dial for an address. Default: the address itself. */
  readonly addressMap?: (address: string) => string;
  readonly limits?: Partial<TransportLimits>;
  /** A message. The bytes are valid during the call only. */
  readonly onMessage: (
    peer: Peer,
    lane: Lane,
    bytes: Uint8Array,
    start: number,
    end: number,
  ) => void;
  readonly onPeerUp?: (peer: Peer, lane: Lane) => void;
  readonly onPeerDown?: (peer: Peer, lane: Lane, reason: string) => void;
  /** A node could not be dialled, or has refused this end. */
  readonly onUnreachable?: (address: string, reason: string) => void;
  /** Something has arrived from the peer. */
  readonly onSignOfLife?: (peer: Peer) => void;
  /** A message could not be sent. The payload is valid during the call only. */
  readonly onDropped: (to: string, lane: Lane, payload: Uint8Array, reason: SendRefusal) => void;
}

/** See the module's text. */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #runtime: Runtime;
  readonly #limits: TransportLimits;
  readonly #refusals: RefusalLog;
  readonly #channels = new Map<string, Channel>();
  readonly #clients = new Map<string, Handshaken>();
  readonly #connections = new Set<Handshaken>();
  #address = "";
  #listener: Listener | undefined;
  #closed = false;
  #onEmpty: (() => void) | undefined;

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#runtime = options.runtime;
    this.#limits = transportLimits(options.limits);
    this.#refusals = new RefusalLog(options.runtime.clock, options.runtime.logger);
  }

  /** Opens the port of a node; a client opens none. Rejects with a `TransportError`. */
  static async start(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    if (options.role === "client") endpoint.#address = options.address!;
    else await endpoint.#listen();
    return endpoint;
  }

  /** `"host:port"`, or `"client:<id>"`. */
  get address(): string {
    return this.#address;
  }

  /** Everybody to whom there is a connection now; a node once for each lane. */
  peers(): Peer[] {
    return [...this.#connections].flatMap(({ peer }) => peer === undefined ? [] : [peer]);
  }

  /** Sends to a node, which is dialled if need be, or to a client that is connected. */
  send(to: string, lane: Lane, payload: Uint8Array): void {
    const refused = to.startsWith("client:")
      ? this.#clients.get(to)?.send(payload) ?? (this.#clients.has(to) ? undefined : "disconnected")
      : this.#sendToNode(to, lane, payload);
    if (refused !== undefined) this.#options.onDropped(to, lane, payload, refused);
  }

  /** Closes all connections to an address. */
  disconnect(to: string, reason: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.peer?.address === to) connection.close(reason);
    }
  }

  /**
   * Judges everybody who is connected anew, after what decides about that has changed (authorities,
   * revoked certificates). Who is given a reason is cut off at once and told it: what waits for it
   * is not sent any more, and nothing more is heard from it.
   */
  recheck(verdict: (peer: Peer) => string | undefined): void {
    for (const connection of [...this.#connections]) {
      const reason = connection.peer && verdict(connection.peer);
      if (reason !== undefined) connection.expel(reason);
    }
  }

  /** Sends what is queued, then closes everything. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const channel of this.#channels.values()) {
      channel.timer?.cancel();
      this.#drop(channel);
    }
    const empty = new Promise<void>((resolve) => this.#onEmpty = resolve);
    for (const connection of [...this.#connections]) {
      if (connection.peer === undefined) connection.destroy("this end shuts down");
      else connection.close("this end shuts down");
    }
    if (this.#connections.size > 0) await empty;
    await this.#listener?.close();
  }

  async #listen(): Promise<void> {
    const { host = "127.0.0.1", port = 0, bindHost = host, tls, runtime } = this.#options;
    const options: ListenOptions = {
      host: bindHost,
      port,
      handshakeTimeout: this.#limits.handshakeTimeout,
      maxPendingHandshakes: this.#limits.maxPendingHandshakes,
      onLink: (link) => this.#onLink(link),
      onRefused: (remote, reason) => this.#refusals.add(remote, reason),
    };
    if (tls === undefined && !isLoopback(bindHost)) {
      runtime.logger.log("warn", "transport", "without TLS anybody who reaches the port can join", {
        host: bindHost,
      });
    }
    this.#listener = tls === undefined
      ? await runtime.network.listen(options)
      : await listenWithProof(runtime.network, { ...options, tls }, runtime.clock);
    this.#address = formatAddress(host, this.#listener.port);
  }

  #sendToNode(to: string, lane: Lane, payload: Uint8Array): SendRefusal | undefined {
    if (this.#closed) return "disconnected";
    const channel = this.#channel(to, this.#options.role === "client" ? "user" : lane);
    if (channel.connection !== undefined) return channel.connection.send(payload);
    if (payload.length + 1 > this.#limits.maxFrame) return "tooLarge";
    if (!channel.queue(payload)) return "queueFull";
    this.#step(channel, { type: "wanted" });
    return undefined;
  }

  #step(channel: Channel, event: AssociationEvent): void {
    for (const effect of channel.association.step(event, this.#runtime.clock.now())) {
      switch (effect.type) {
        case "dial":
          void this.#dial(channel);
          break;
        case "drop":
          this.#drop(channel);
          break;
        case "wait":
          channel.timer = this.#runtime.clock.schedule(effect.delay, () => {
            this.#step(channel, { type: "timer" });
          });
      }
    }
  }

  async #dial(channel: Channel): Promise<void> {
    const { addressMap, tls } = this.#options;
    try {
      const { host, port } = parseAddress(addressMap?.(channel.address) ?? channel.address);
      const link = await this.#runtime.network.dial({
        host,
        port,
        serverName: parseAddress(channel.address).host,
        timeout: this.#limits.handshakeTimeout,
        ...(tls && { tls }),
      });
      if (this.#closed) return link.destroy();
      this.#shakeHands(link, channel);
    } catch (error) {
      this.#dialFailed(channel, error instanceof Error ? error.message : String(error));
    }
  }

  #dialFailed(channel: Channel, reason: string, level: "info" | "warn" = "info"): void {
    if (this.#closed) return;
    this.#runtime.logger.log(level, "transport", "a peer cannot be reached", {
      address: channel.address,
      lane: channel.lane,
      reason,
    });
    this.#options.onUnreachable?.(channel.address, reason);
    this.#step(channel, { type: "failed", random: this.#runtime.random.next() });
  }

  #onLink(link: Link): void {
    // Without an address yet: the listener has not proved that it refuses strangers.
    if (this.#closed || this.#address === "") return link.destroy();
    if (this.#connections.size >= this.#limits.maxConnections) {
      link.destroy();
      return this.#refusals.add(
        link.remote,
        `maxConnections (${this.#limits.maxConnections}) are open`,
      );
    }
    this.#shakeHands(link, undefined);
  }

  #shakeHands(link: Link, channel: Channel | undefined): void {
    const connection = new Handshaken({
      link,
      clock: this.#runtime.clock,
      limits: this.#limits,
      self: this.#introduce(channel?.lane ?? "user"),
      dialled: channel !== undefined,
      owner: this.#owner(channel),
    });
    this.#connections.add(connection);
  }

  #introduce(lane: Lane): Introduction {
    const { systemName, role, nodeId, incarnation } = this.#options;
    return {
      protocolMin: protocol.min,
      protocolMax: protocol.max,
      systemName,
      role,
      nodeId: nodeId || this.#address,
      address: this.#address,
      incarnation,
      lane,
      maxFrame: this.#limits.maxFrame,
      window: this.#limits.window,
      features: [],
    };
  }

  #owner(channel: Channel | undefined): HandshakeOwner {
    const { onMessage, onSignOfLife } = this.#options;
    return {
      admit: (_connection, peer) => this.#admit(peer, channel),
      onOpen: (connection, peer) => this.#onOpen(connection, peer, channel),
      onFailed: (connection, reason, refusal) => {
        this.#forget(connection);
        if (channel === undefined) {
          // That two dial each other at once is no fault of anybody.
          if (refusal !== "duplicate") this.#refusals.add(connection.remote, reason);
          return;
        }
        if (refusal === "duplicate") this.#step(channel, { type: "duplicate" });
        else this.#dialFailed(channel, reason, refusal === undefined ? "info" : "warn");
      },
      onMessage: (peer, bytes, start, end) => onMessage(peer, peer.lane, bytes, start, end),
      onDown: (connection, peer, reason) => this.#onDown(connection, peer, reason, channel),
      onUnsent: (peer, payload) => {
        this.#options.onDropped(peer.address, peer.lane, payload, "disconnected");
      },
      onSignOfLife: (peer) => onSignOfLife?.(peer),
    };
  }

  /** Of two connections to one peer only one may stay, and both ends must choose the same. */
  #admit(peer: Peer, dialledFor: Channel | undefined): Refusal | undefined {
    if (this.#closed) return { code: "full", reason: "this end shuts down" };
    const known = this.#connectionTo(peer);
    if (known?.peer !== undefined && known.peer.incarnation > peer.incarnation) {
      return { code: "stale", reason: `a later life of ${peer.address} is connected` };
    }
    if (known?.peer !== undefined && holderOf(known.peer) !== holderOf(peer)) {
      return {
        code: "taken",
        reason: `${peer.address} is connected with the certificate of another holder`,
      };
    }
    if (dialledFor !== undefined || peer.role === "client") return undefined;
    const goesFirst = this.#address < peer.address;
    const channel = this.#channels.get(keyOf(peer.address, peer.lane));
    const recent = known?.dialled === true && known.peer?.incarnation === peer.incarnation &&
      this.#runtime.clock.now() - known.openedAt < this.#limits.handshakeTimeout;
    return goesFirst && (channel?.association.dialing || recent)
      ? { code: "duplicate", reason: "this end dials already" }
      : undefined;
  }

  #onOpen(connection: Handshaken, peer: Peer, dialledFor: Channel | undefined): void {
    const known = this.#connectionTo(peer);
    if (peer.role === "client") {
      this.#clients.set(peer.address, connection);
    } else {
      this.#attach(this.#channel(peer.address, peer.lane), connection);
      // What was dialled may be another name of the peer.
      if (dialledFor !== undefined) this.#attach(dialledFor, connection);
    }
    if (known !== undefined && known !== connection) known.close("replaced by a newer connection");
    this.#options.onPeerUp?.(peer, peer.lane);
  }

  #attach(channel: Channel, connection: Handshaken): void {
    channel.timer?.cancel();
    channel.connection = connection;
    this.#step(channel, { type: "up" });
    for (const payload of channel.takeQueued()) {
      const refused = connection.send(payload);
      if (refused !== undefined) {
        this.#options.onDropped(channel.address, channel.lane, payload, refused);
      }
    }
  }

  #onDown(
    connection: Handshaken,
    peer: Peer,
    reason: string,
    dialledFor: Channel | undefined,
  ): void {
    this.#forget(connection);
    if (this.#clients.get(peer.address) === connection) this.#clients.delete(peer.address);
    for (const channel of [this.#channels.get(keyOf(peer.address, peer.lane)), dialledFor]) {
      if (channel?.connection !== connection) continue;
      channel.connection = undefined;
      this.#step(channel, { type: "down" });
    }
    if (this.#connectionTo(peer) === undefined) {
      this.#options.onPeerDown?.(peer, peer.lane, reason);
    }
  }

  #connectionTo(peer: Peer): Handshaken | undefined {
    return peer.role === "client"
      ? this.#clients.get(peer.address)
      : this.#channels.get(keyOf(peer.address, peer.lane))?.connection;
  }

  #channel(address: string, lane: Lane): Channel {
    const key = keyOf(address, lane);
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = new Channel(address, lane, this.#limits);
      this.#channels.set(key, channel);
    }
    return channel;
  }

  #drop(channel: Channel): void {
    for (const payload of channel.takeQueued()) {
      this.#options.onDropped(channel.address, channel.lane, payload, "disconnected");
    }
  }

  #forget(connection: Handshaken): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}

function keyOf(address: string, lane: Lane): string {
  return `${lane} ${address}`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
