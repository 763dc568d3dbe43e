/**
 * All connections of one system: dials, accepts, and sends by address.
 *
 * @module
 */
import { parseAddress } from "../../runtime/address.ts";
import type { Timer } from "../../runtime/clock.ts";
import { LimitedLog } from "../../runtime/limited_log.ts";
import type { Link, PeerIdentity } from "../../runtime/network.ts";
import { randomId } from "../../runtime/random.ts";
import { rules } from "../../runtime/rules.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { isSameHost } from "../../x509/host_names.ts";
import { addressMapper } from "../base/address_map.ts";
import { type AssociationEvent, candidateOf, resolveConflict } from "./association.ts";
import { judgeExpiry } from "./certificate_expiry.ts";
import { Channel, Channels } from "./channels.ts";
import { ClientAddressRegistry } from "./client_address_registry.ts";
import type { ConnectionEnd, SendRefusal } from "../connection/connection.ts";
import type { EndpointOptions } from "./endpoint_options.ts";
import { codeOf, isDefinite } from "./dial_failure.ts";
import { type HandshakeRefusal, ownHello } from "../connection/handshake.ts";
import {
  PeerConnection,
  type PeerConnectionOwner,
  type Queued,
} from "../connection/peer_connection.ts";
import { holderOf, type Lane, lanes, type Peer } from "../base/peer.ts";
import { type TransportLimits, transportLimits } from "../base/limits.ts";
import { Acceptor } from "./acceptor.ts";
import { IdentityAccounts } from "./identity_accounts.ts";
import { ReadScheduler } from "./read_scheduler.ts";
import { RefusalLog } from "./refusal_log.ts";
import { ownHolder } from "../tls/own_certificate.ts";
import { revocationOf, superviseTls } from "../tls/tls_supervision.ts";

export type { EndpointOptions } from "./endpoint_options.ts";

const nothingQueued: Queued = { messages: 0, bytes: 0 };

/** See the module's text. */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #runtime: Runtime;
  readonly #limits: TransportLimits;
  readonly #log: LimitedLog;
  readonly #refusals: RefusalLog;
  readonly #acceptor: Acceptor;
  readonly #reads: ReadScheduler;
  readonly #mapAddress: (address: string) => string;
  /** Towards nodes. */
  readonly #channels: Channels;
  /** Towards clients that are connected. */
  readonly #clients = new Map<string, Channel>();
  /** Which certificate each client address belongs to. */
  readonly clientAddresses: ClientAddressRegistry;
  readonly #accounts: IdentityAccounts;
  readonly #connections = new Set<PeerConnection>();
  /** The channels that send through a connection, or wait for it to end. */
  readonly #attached = new WeakMap<PeerConnection, Channel[]>();
  /** Timers of connections whose certificates expire. */
  readonly #expiryTimers = new Map<PeerConnection, Timer>();
  readonly #dials = new Set<Promise<void>>();
  readonly #giveUp = new AbortController();
  #address = "";
  #selfToken: string | undefined;
  #closed = false;
  #endSupervision: (() => Promise<void>) | undefined;
  #onEmpty: (() => void) | undefined;

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#runtime = options.runtime;
    this.#limits = transportLimits(options.limits);
    const { runtime: { clock, logger }, onRejected } = options;
    this.clientAddresses = new ClientAddressRegistry(() => clock.now());
    this.#log = new LimitedLog(clock, logger);
    this.#refusals = new RefusalLog(clock, logger, onRejected);
    this.#acceptor = new Acceptor(options, this.#limits, this.#refusals, (link, since) => {
      return this.#startHandshake(link, since, undefined);
    });
    this.#reads = new ReadScheduler(clock, this.#limits);
    this.#mapAddress = addressMapper(options.addressMap);
    this.#channels = new Channels(this.#limits);
    this.#accounts = new IdentityAccounts(this.#limits);
  }

  /** Opens the port of a node; a client opens none. Rejects with a `TransportError`. */
  static async start(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    if (options.role === "client") endpoint.#address = options.address!;
    else endpoint.#address = await endpoint.#acceptor.open();
    endpoint.#endSupervision = superviseTls(options, (verdict) => endpoint.recheck(verdict));
    return endpoint;
  }

  /** `"host:port"`, or `"client:<id>"`. */
  get address(): string {
    return this.#address;
  }

  /** Whether a peer is connected under an address, on any lane. */
  isConnected(to: string): boolean {
    return [...this.#connections].some(({ peer }) => peer?.address === to);
  }

  /** The bounds in force. */
  get limits(): TransportLimits {
    return this.#limits;
  }
  /** All connected peers; a node once for each lane. */
  peers(): Peer[] {
    return [...this.#connections].flatMap(({ peer }) => peer === undefined ? [] : [peer]);
  }

  /**
   * Sends to a node, which is dialled if need be, or to a client that is connected. With `path`,
   * the payload is an envelope for that path, which may be replaced by its interned number.
   */
  send(to: string, lane: Lane, payload: Uint8Array, path?: string): void {
    const refused = this.trySend(to, lane, payload, path);
    if (refused !== undefined) this.#options.onDropped(to, lane, payload, refused, true);
  }

  /**
   * Sends like `send`, and returns why not, if not: the caller still has the message. `given`: it does
   * not use its memory again if it is taken, so that a large one need not be copied at once.
   */
  trySend(
    to: string,
    lane: Lane,
    payload: Uint8Array,
    path?: string,
    given?: boolean,
  ): SendRefusal | undefined {
    return to.startsWith("client:")
      ? this.#sendToClient(to, payload, path, given)
      : this.#sendToNode(to, lane, payload, path, given);
  }

  /** The connection on which a message to a node may be written now; undefined: none, it has to wait. */
  writableTo(to: string, lane: Lane): PeerConnection | undefined {
    const channel = this.#channels.find(to, this.#options.role === "client" ? "user" : lane);
    return channel?.predecessor === undefined && !this.#closed ? channel?.connection : undefined;
  }

  /** The peer that is connected under an address. */
  peerAt(to: string, lane: Lane): Peer | undefined {
    return this.#find(to, this.#options.role === "client" ? "user" : lane)?.connection?.peer;
  }

  /** Size of the queue to an address on the lane of users. */
  queued(to: string): Queued {
    const channel = this.#find(to);
    if (channel === undefined) return nothingQueued;
    const { messages, bytes } = channel.connection?.queued ?? nothingQueued;
    return { messages: channel.messages + messages, bytes: channel.bytes + bytes };
  }

  /** Sizes of all queues; of clients under their own addresses. */
  *queues(): Generator<Queued & { readonly peer: string; readonly lane: Lane }> {
    for (const channels of [this.#channels, this.#clients.values()]) {
      for (const { address: peer, lane, connection, messages, bytes } of channels) {
        const sent = connection?.queued ?? nothingQueued;
        yield { peer, lane, messages: messages + sent.messages, bytes: bytes + sent.bytes };
      }
    }
  }

  /**
   * Resolves when less than half of what may wait for an address on the lane of users does (half of
   * `maxQueuedMessages` and of `maxQueuedBytes`): at once if so, and also when its connection has
   * ended, after which what is sent counts as lost or is dialled for. Never rejects.
   */
  drained(to: string): Promise<void> {
    return this.#find(to)?.drained() ?? Promise.resolve();
  }

  /**
   * Dials a peer again whose connection on the lane of users may be dead. Once the other is open, it
   * takes over in order; if the dial fails, nothing changes.
   */
  renew(to: string): void {
    const channel = this.#find(to);
    if (this.#closed || channel?.connection === undefined) return;
    if (channel.predecessor === undefined) this.#step(channel, { type: "renew" });
  }

  /** Closes all connections to an address. */
  disconnect(to: string, reason: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.peer?.address === to) connection.close(reason);
    }
  }

  /**
   * Judges all connected peers again, after authorities or revoked certificates have changed. Where
   * `verdict` returns a reason, the connection ends at once with that reason: what is queued is not
   * sent, and nothing more is read.
   */
  recheck(verdict: (peer: Peer) => string | undefined): void {
    for (const connection of [...this.#connections]) {
      const reason = connection.peer && verdict(connection.peer);
      if (reason !== undefined) connection.closeNow(reason);
    }
  }

  /** Flushes all queues, then closes everything. Dials in progress are abandoned. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#acceptor.stop();
    for (const channel of this.#channels) {
      channel.timer?.cancel();
      if (channel.predecessor === undefined) this.#drop(channel);
    }
    const empty = new Promise<void>((resolve) => this.#onEmpty = resolve);
    for (const connection of [...this.#connections]) {
      if (connection.peer === undefined) connection.destroy("this end shuts down");
      else connection.close("this end shuts down");
    }
    this.#giveUp.abort();
    await Promise.all(this.#dials);
    if (this.#connections.size > 0) await empty;
    await this.#acceptor.close();
    await this.#endSupervision?.();
    this.#log.close();
    this.#refusals.close();
  }

  #sendToNode(
    to: string,
    lane: Lane,
    payload: Uint8Array,
    path: string | undefined,
    given: boolean | undefined,
  ): SendRefusal | undefined {
    const own = this.#options.role === "client" ? "user" : lane;
    const channel = this.#channels.find(to, own) ?? this.#newChannel(to, own);
    if (channel === undefined) return "queueFull";
    if (this.#closed) return "disconnected";
    const refused = channel.send(payload, path, given);
    if (refused === undefined && channel.connection === undefined) {
      this.#step(channel, { type: "wanted" });
    }
    return refused;
  }

  #sendToClient(
    to: string,
    payload: Uint8Array,
    path: string | undefined,
    given: boolean | undefined,
  ): SendRefusal | undefined {
    const channel = this.#clients.get(to);
    return channel === undefined ? "disconnected" : channel.send(payload, path, given);
  }

  #step(channel: Channel, event: AssociationEvent): void {
    for (const effect of channel.association.step(event, this.#runtime.clock.now())) {
      switch (effect.type) {
        case "dial": {
          const dial = this.#dial(channel).finally(() => this.#dials.delete(dial));
          this.#dials.add(dial);
          break;
        }
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
    const { tls } = this.#options;
    const since = this.#runtime.clock.now();
    try {
      const { host, port } = parseAddress(this.#mapAddress(channel.address));
      const link = await this.#runtime.network.dial({
        host,
        port,
        serverName: parseAddress(channel.address).host,
        timeout: this.#limits.handshakeTimeout,
        signal: this.#giveUp.signal,
        ...(tls && { tls }),
      });
      if (this.#closed) return link.destroy();
      this.#startHandshake(link, since, channel);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#dialFailed(channel, reason, codeOf(error));
    }
  }

  #dialFailed(channel: Channel, reason: string, code: string): void {
    if (this.#closed) return;
    const { address, lane } = channel;
    const definite = isDefinite(code);
    const level = definite ? "warn" : "info";
    const fields = { address, lane, reason };
    const by = { cause: reason, identity: address };
    this.#log.add(level, "transport", "a peer cannot be reached", fields, by);
    // In vain, to replace a connection that is still there.
    if (channel.connection !== undefined) return;
    this.#options.onUnreachable?.({ address, reason, code, isDefinite: definite });
    this.#step(channel, { type: "failed", random: this.#runtime.random.next() });
  }

  /** What was dialled under the channel's address is the port of this node. */
  #dialledSelf(channel: Channel): void {
    const own = parseAddress(this.#address);
    const { host, port } = parseAddress(channel.address);
    // Any other name may lead to this node today and to another tomorrow, as a load balancer does.
    if ((port === own.port && isSameHost(host, own.host)) || !rules.otherNamesAreNotSelf) {
      this.#options.onAlias?.(channel.address, this.#address);
      return this.#step(channel, { type: "failed", random: this.#runtime.random.next() });
    }
    const reason =
      `it is this node itself, whose address is ${this.#address}; write that address ` +
      `in the list, or set host or advertisedHost to ${host}`;
    this.#dialFailed(channel, reason, "self");
  }

  /** A secret that only this end knows, for a peer that has proved the identity of this end. */
  #tokenFor(identity: PeerIdentity): string | undefined {
    if (holderOf({ identity }) !== holderOf({ identity: ownHolder(this.#options.tls) })) return;
    return this.#selfToken ??= randomId(this.#runtime.random);
  }

  #startHandshake(link: Link, since: number, channel: Channel | undefined): PeerConnection {
    const connection = new PeerConnection({
      link,
      clock: this.#runtime.clock,
      limits: this.#limits,
      self: ownHello(this.#options, this.#limits, this.#address, channel?.lane ?? "user"),
      dialled: channel !== undefined,
      since,
      owner: this.#owner(channel),
      partials: this.#acceptor.partials,
      mayNumberPaths: (peer) => this.#accounts.mayNumberPaths(peer),
      turnsOf: (peer) => this.#reads.turnsOf(peer),
      selfToken: (identity) => this.#tokenFor(identity),
    });
    this.#connections.add(connection);
    return connection;
  }

  #owner(channel: Channel | undefined): PeerConnectionOwner {
    const { onMessage, onSignOfLife } = this.#options;
    return {
      admit: (_connection, peer) => this.#admit(peer, channel),
      onOpen: (connection, peer) => this.#onOpen(connection, peer, channel),
      onFailed: (connection, reason, code) => {
        this.#forget(connection);
        if (channel === undefined) {
          // Two nodes may dial each other at the same time, and a node itself: no error.
          const isOwn = code === "self" && connection.isSelf;
          if (code !== "duplicate" && !isOwn) {
            this.#refusals.add(connection.remote, reason, code ?? "closed");
          }
          return;
        }
        if (code === "duplicate") this.#step(channel, { type: "duplicate" });
        else if (code === "self") this.#dialledSelf(channel);
        else this.#dialFailed(channel, reason, code ?? "closed");
      },
      onMessage: (peer, bytes, start, end, paths, kept, arrivedAt) =>
        onMessage(peer, peer.lane, bytes, start, end, paths, kept, arrivedAt),
      onDown: (connection, peer, ended) => this.#onDown(connection, peer, ended),
      onUnsent: (connection, peer, payload, maybeRead) => {
        const successor = this.#attachedTo(connection)
          .find(({ predecessor }) => predecessor === connection);
        if (successor !== undefined && !maybeRead) return successor.takeOver(payload);
        this.#options.onDropped(peer.address, peer.lane, payload, "disconnected", !maybeRead);
      },
      onSignOfLife: (peer) => {
        this.#heardOn(peer);
        onSignOfLife?.(peer);
      },
    };
  }

  /** Of two connections to one peer one stays, and both ends must choose the same. */
  #admit(peer: Peer, dialledFor: Channel | undefined): HandshakeRefusal | undefined {
    if (this.#closed) return { code: "full", reason: "this end shuts down" };
    const revoked = revocationOf(this.#options.tls, peer);
    if (revoked !== undefined) return { code: "revoked", reason: revoked };
    const full = dialledFor === undefined ? this.#accounts.refusal(peer) : undefined;
    if (full !== undefined) return { code: "full", reason: full };
    if (this.clientAddresses.isUndecided(peer)) {
      const reason =
        `it is not known yet to whom ${peer.address} belongs in this cluster; try again`;
      return { code: "undecided", reason };
    }
    const other = this.clientAddresses.belongsToOther(peer);
    const outcome = other ? "taken" : this.#resolveConflict(peer, dialledFor);
    const { address } = peer;
    switch (outcome) {
      case "stale":
        return { code: outcome, reason: `a later incarnation of ${address} is connected` };
      case "taken":
        return {
          code: outcome,
          reason: `${address} belongs to the holder of another certificate`,
        };
      case "duplicate":
        return { code: outcome, reason: "this end dials already" };
    }
  }

  #resolveConflict(
    peer: Peer,
    dialledFor: Channel | undefined,
  ): ReturnType<typeof resolveConflict> {
    const channel = this.#channelOf(peer);
    const known = channel?.connection;
    return resolveConflict(
      known && candidateOf(known.peer!, known.dialled),
      candidateOf(peer, !!dialledFor),
      {
        hasPriority: peer.role === "node" && this.#address < peer.address,
        dialing: channel?.association.dialing ?? false,
        age: this.#runtime.clock.now() - (known?.openedAt ?? 0),
        dialTimeout: this.#limits.handshakeTimeout,
      },
    );
  }

  #onOpen(connection: PeerConnection, peer: Peer, dialledFor: Channel | undefined): void {
    this.#acceptor.opened(connection);
    const account = connection.dialled ? undefined : this.#accounts.opened(peer);
    if (account !== undefined) connection.chargeTo(account);
    this.clientAddresses.remember(peer);
    const inTurn = this.#resolveConflict(peer, dialledFor) === "succeed";
    const own = this.#channelOf(peer) ?? this.#newChannel(peer.address, peer.lane, peer.role);
    const known = own?.connection;
    // The dialled address may be an alias of the peer; all aliases switch together.
    const channels = new Set([own, dialledFor, ...this.#attachedTo(known)]);
    for (const channel of channels) {
      if (channel === undefined) continue;
      this.#attach(channel, connection, inTurn);
      if (channel.address !== peer.address) {
        this.#options.onAlias?.(channel.address, peer.address);
      }
    }
    if (!inTurn) known?.destroy("replaced by a later incarnation of the peer");
    // The dialling end closes: the other end cannot know whether its welcome has arrived.
    else if (dialledFor !== undefined) known?.close("replaced by a newer connection");
    else known?.retire("replaced by a newer connection");
    this.#watchExpiry(connection, this.#runtime.random.next(), true);
    this.#heardOn(peer);
    this.#options.onPeerUp?.(peer, peer.lane);
  }

  /** No connection outlives the certificates of its ends. */
  #watchExpiry(connection: PeerConnection, spread: number, isNew: boolean): void {
    const { validUntil = Infinity, dialled } = connection;
    if (validUntil === Infinity || !this.#connections.has(connection)) return;
    const { clock } = this.#runtime;
    const { graceAfterExpiry: grace } = this.#limits;
    const now = clock.wallTime();
    const verdict = judgeExpiry({ validUntil, grace, dialled, spread }, now, isNew);
    if (verdict.type === "end") return connection.closeNow(this.#expiryReason(connection, now));
    if (verdict.type === "renew") this.#renew(connection);
    const timer = clock.schedule(verdict.delay, () => this.#watchExpiry(connection, spread, false));
    this.#expiryTimers.set(connection, timer);
  }

  /** Dials another connection, which takes over in order. */
  #renew(connection: PeerConnection): void {
    if (this.#closed) return;
    const channel = this.#attachedTo(connection)
      .find((each) => each.connection === connection && each.predecessor === undefined);
    if (channel !== undefined) this.#step(channel, { type: "renew" });
  }

  /** Read by both ends. */
  #expiryReason({ peer }: PeerConnection, now: number): string {
    const { identity } = peer!;
    if (identity.kind !== "plain" && identity.notAfter <= now) {
      return `expired: the certificate of ${identity.kind} ${identity.name} has expired`;
    }
    const { role } = this.#options;
    return `expired: the certificate of ${role} ${this.#address}, or of an issuer, has expired`;
  }

  /** A peer that is heard on one lane is dialled on the others, if those wait after a failed dial. */
  #heardOn({ role, address, lane }: Peer): void {
    if (role === "client" || this.#closed) return;
    for (const other of lanes) {
      const channel = other === lane ? undefined : this.#channels.find(address, other);
      if (channel !== undefined) this.#step(channel, { type: "heard" });
    }
  }

  #attach(channel: Channel, connection: PeerConnection, inTurn: boolean): void {
    channel.timer?.cancel();
    if (inTurn) channel.predecessor = channel.connection;
    channel.connection = connection;
    this.#attached.set(connection, [...this.#attachedTo(connection), channel]);
    this.#step(channel, { type: "up" });
    this.#flush(channel);
  }

  #attachedTo(connection: PeerConnection | undefined): readonly Channel[] {
    return connection && this.#attached.get(connection) || [];
  }

  #flush(channel: Channel): void {
    const { connection } = channel;
    if (channel.predecessor !== undefined) return;
    const { refuses, adapt } = this.#options;
    for (const { payload: queued, path } of channel.takeQueued()) {
      // What the peer can read was not known when it was queued.
      const payload = connection && adapt ? adapt(connection.peer!, queued) : queued;
      const refused = connection === undefined
        ? "disconnected"
        : refuses?.(connection.peer!, payload) ?? connection.send(payload, path);
      if (refused === undefined) continue;
      this.#options.onDropped(channel.address, channel.lane, payload, refused, true);
    }
  }

  #onDown(connection: PeerConnection, peer: Peer, { reason, fault, cut }: ConnectionEnd): void {
    this.#forget(connection);
    if (!connection.dialled) this.#accounts.ended(peer);
    this.#reads.release(peer);
    if (fault) this.#refusals.add(connection.remote, reason, "fault");
    for (const channel of this.#attachedTo(connection)) {
      if (channel.connection === connection) {
        channel.connection = undefined;
        this.#step(channel, { type: "down" });
      }
      // Deferred: the unsent messages of the predecessor are reported after this call.
      if (channel.predecessor === connection) {
        this.#runtime.clock.defer(() => this.#succeed(channel, connection));
      } else if (peer.role === "client" && channel.connection === undefined) {
        this.#clients.delete(peer.address);
      }
    }
    if (this.#channelOf(peer)?.connection === undefined) {
      this.#options.onPeerDown?.(peer, peer.lane, reason, cut);
    }
  }

  #succeed(channel: Channel, ended: PeerConnection): void {
    if (channel.predecessor !== ended) return;
    channel.predecessor = undefined;
    channel.queueTakenOver();
    this.#flush(channel);
  }

  #channelOf(peer: Peer): Channel | undefined {
    return peer.role === "client"
      ? this.#clients.get(peer.address)
      : this.#channels.find(peer.address, peer.lane);
  }

  #find(address: string, lane: Lane = "user"): Channel | undefined {
    return this.#clients.get(address) ?? this.#channels.find(address, lane);
  }

  #newChannel(address: string, lane: Lane, role: "node" | "client" = "node"): Channel | undefined {
    if (role === "node") return this.#channels.get(address, lane, this.#runtime.clock.now());
    const channel = new Channel(address, lane, this.#limits);
    this.#clients.set(address, channel);
    return channel;
  }

  #drop(channel: Channel): void {
    for (const { payload } of channel.takeQueued()) {
      this.#options.onDropped(channel.address, channel.lane, payload, "disconnected", true);
    }
  }

  #forget(connection: PeerConnection): void {
    this.#connections.delete(connection);
    this.#expiryTimers.get(connection)?.cancel();
    this.#expiryTimers.delete(connection);
    if (!connection.dialled) this.#acceptor.ended(connection.remote);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}
