/**
 * The connections of a client to its cluster: executes the effects of {@linkcode Contacts} and
 * {@linkcode NodeCircuitBreakers} decide, and informs extensions and services.
 *
 * @module
 */
import { withDefaults } from "../options/check_options.ts";
import { clientDefaults } from "../options/tables/client_tables.ts";
import { clientTransportDefaults } from "../options/tables/transport_tables.ts";
import type { ActorSystem } from "../actor/system/actor_system.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import {
  clientTopologyPath,
  emptyTopology,
  gatewayPath,
  type GatewayRequest,
  parseTopologyPush,
  type Topology,
  type TopologyPush,
} from "../cluster/gateway/topology.ts";
import { parseWithdrawal, withdrawalPath } from "../remoting/withdrawal_protocol.ts";
import { Remoting } from "../remoting/remoting.ts";
import type { Peer } from "../transport/base/peer.ts";
import type { DialFailure } from "../transport/endpoint/dial_failure.ts";
import type { Timer } from "../runtime/clock.ts";
import { randomId } from "../runtime/random.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { clientAddress } from "../transport/base/client_address.ts";
import { ownHolder } from "../transport/tls/own_certificate.ts";
import { addressMapper } from "./address_map.ts";
import type { ClientContext, ClientExtension } from "./client_extension.ts";
import { clientLabel, type ClientOptions } from "./client_options.ts";
import type {
  ClientConnectionRejected,
  ClientNodeChanged,
  ClientState,
  ClientStateChanged,
} from "./client_state.ts";
import { ContactBook } from "./contact_book.ts";
import { defaultContactTiming } from "./contact_timing.ts";
import { type ContactEvent, Contacts } from "./contacts.ts";
import { ClientError } from "./errors.ts";
import { NodeCircuitBreakers } from "./node_circuit_breakers.ts";
import { ServiceDirectory } from "./service_directory.ts";
import { chooseTopology } from "./topology_choice.ts";

/** Milliseconds between two ticks of all machines. */
const tickInterval = 250;
/** Why the connection to a node ends that the cluster has removed. */
const noMember = "it is no member of the cluster any more";

/** See the module's text. */
export class ClientConnections {
  readonly services = new ServiceDirectory();
  /** This client's address. */
  readonly address: string;
  /** The random part of the address. */
  readonly #id: string;
  readonly #system: ActorSystem;
  readonly #runtime: Runtime;
  readonly #options: ClientOptions;
  readonly #extensions: readonly ClientExtension[];
  readonly #contacts: Contacts;
  readonly #breakers = new NodeCircuitBreakers(defaultContactTiming);
  readonly #book: ContactBook;
  /** The latest topology of each node that the client is subscribed to. */
  readonly #topologies = new Map<string, { revision: number; topology: Topology }>();
  #remoting: Remoting | undefined;
  #topology = emptyTopology;
  /** Members of the topology to which messages may be sent; leaving ones included. */
  #reachable: ReadonlySet<string> = new Set();
  /** Members that leave: services on them are asked no more. */
  #leaving: ReadonlySet<string> = new Set();
  /** Nodes that have told this client that they leave. */
  readonly #withdrawn = new Set<string>();
  /**
   * The incarnation of each node that is in the cluster, reachable or not, as the topologies have said
   * last. What is not here is gone.
   */
  readonly #incarnations = new Map<string, number>();
  /** The incarnations of the nodes that are connected: a topology may come later. */
  readonly #connected = new Map<string, number>();
  #timer: Timer | undefined;
  #connectsToAll = false;
  #onFirst: (() => void) | undefined;
  /** No contact point can be used as things are configured. */
  #onHopeless: (() => void) | undefined;
  #endMeasuring = (): void => {};
  #closed = false;

  /** Opens no connections before `connect`. */
  constructor(
    system: ActorSystem,
    runtime: Runtime,
    options: ClientOptions,
    extensions: readonly ClientExtension[],
  ) {
    this.#extensions = extensions;
    this.#system = system;
    this.#runtime = runtime;
    this.#options = options;
    this.#id = randomId(runtime.random);
    this.address = clientAddress(ownHolder(options.tls), this.#id);
    const { liveness, unisocket } = options;
    this.#contacts = new Contacts({
      ...(liveness !== undefined && { liveness }),
      ...(unisocket && { contacts: 1 }),
    });
    this.#book = new ContactBook(options.contactPoints, runtime);
  }

  /** The state of the client. */
  get state(): ClientState {
    return this.#contacts.state;
  }

  /** The latest topology. */
  get topology(): Topology {
    return this.#topology;
  }

  /** The nodes that the client is subscribed to. */
  get contacts(): readonly string[] {
    return this.#contacts.subscribed;
  }

  /** The connections; not before `open`. */
  get remoting(): Remoting {
    return this.#remoting!;
  }

  #measure(): () => void {
    const { telemetry } = this.#runtime;
    if (!telemetry?.enabled) return () => {};
    return telemetry.gauge(instruments.clientConnected, (observe) => {
      observe(this.state === "connected" || this.state === "degraded" ? 1 : 0);
    });
  }

  /** Starts connecting; unless `lazy`, resolves with the first topology. */
  async open(): Promise<void> {
    await this.#startRemoting();
    this.#endMeasuring = this.#measure();
    const { lazy, connectTimeout, signal } = withDefaults(clientDefaults, this.#options);
    if (signal?.aborted) throw aborted(signal);
    const first = lazy ? Promise.resolve() : this.#firstTopology(connectTimeout, signal);
    this.#resolvePoints();
    this.#scheduleTick();
    await first;
  }

  /** From now on there is a connection to every member, so that each can send to this client. */
  connectToAll(): void {
    if (this.#connectsToAll || this.#options.unisocket) return;
    this.#connectsToAll = true;
    this.#connectToMissing();
  }

  /** Resolves when the queue to a node is at most half full. */
  drained(node: string): Promise<void> {
    return this.#remoting?.endpoint.drained(node) ?? Promise.resolve();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    // First: their messages are lost only because the client closes.
    internalsOf(this.#system).rejectAsks();
    this.#step({ type: "close" });
    this.#closed = true;
    this.#timer?.cancel();
    this.#book.close();
    this.services.close();
    for (const extension of this.#extensions) extension.close();
    await this.#system.shutdown();
    this.#endMeasuring();
    // Nodes keep what a client has there while it may come back; this one does not.
    for (const { address } of this.#remoting?.endpoint.peers() ?? []) {
      this.#toGateway(address, { type: "close" });
    }
    await this.#remoting?.close();
  }

  async #startRemoting(): Promise<void> {
    const { clock } = this.#runtime;
    const options = this.#options;
    this.#remoting = await Remoting.start(this.#system, {
      runtime: this.#runtime,
      systemName: options.systemName,
      role: "client",
      nodeId: clientLabel(options, this.#id),
      incarnation: Math.max(1, Math.floor(clock.wallTime())),
      address: this.address,
      addressMap: addressMapper(options.addressMap),
      limits: withDefaults(clientTransportDefaults, options.transport),
      ...(options.tls && { tls: options.tls }),
      ...(options.serializers && { serializers: options.serializers }),
      ...(options.unisocket && {
        relay: {
          contact: () => this.#contacts.current,
          // The answer to a contact that leaves follows what was sent through it.
          isDirect: (path, to) =>
            path === gatewayPath ||
            (path === withdrawalPath && this.#remoting?.endpoint.peerAt(to, "user") !== undefined),
        },
      }),
      onTlsEvent: (event) => this.#system.eventStream.publish(event),
      onSignOfLife: (peer) => this.#onSignOfLife(peer),
      onPeerUp: (peer) => this.#onUp(peer),
      onPeerDown: (peer, _lane, reason) => this.#onDown(peer.address, reason),
      onUnreachable: (failure) => this.#onUnreachable(failure),
    });
    this.#remoting.handlePeers(clientTopologyPath, (peer, value) => {
      const push = parseTopologyPush(value);
      if (push !== undefined) this.#onPush(peer.address, push);
    });
    this.#remoting.handlePeers(withdrawalPath, (peer, value) => this.#onWithdrawal(peer, value));
    // Where nodes listen. A reference to such a path is forged: this client must not write there for it.
    this.#remoting.reserve(gatewayPath, { own: true });
    const context = this.#contextOf(this.#remoting);
    for (const extension of this.#extensions) extension.install(context);
  }

  #contextOf(remoting: Remoting): ClientContext {
    const system = internalsOf(this.#system);
    return {
      address: this.address,
      system: this.#system,
      runtime: this.#runtime,
      contacts: () => this.#contacts.subscribed,
      members: () => this.#topology.members,
      leader: () => this.#topology.leader,
      isPresent: (address) => this.#incarnations.has(address),
      isUsable: (address) => this.#isUsable(address),
      incarnationOf: (address) =>
        Math.max(this.#incarnations.get(address) ?? 0, this.#connected.get(address) ?? 0),
      handleUndelivered: (...given) => remoting.handleUndelivered(...given),
      handle: (path, handler) =>
        remoting.handlePeers(
          path,
          (peer, value, deadline) => handler(peer.address, value, deadline),
        ),
      resolveRefs: (prefix, resolve) => remoting.resolveRefs(prefix, resolve),
      handleMissing: (prefix, handler) =>
        remoting.handleMissing(
          prefix,
          (_peer, message, path, deadline) => handler(message, path, deadline),
        ),
      reserve: (path, options) => remoting.reserve(path, options),
      send: (to, path, message, deadline) => remoting.send(to, path, 0, message, deadline),
      deadLetter: (reason, target, message, details) =>
        system.deadLetter(reason, target, message, { details }),
    };
  }

  #firstTopology(timeout: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#onHopeless = undefined;
      };
      const onAbort = () => {
        end();
        reject(aborted(signal!));
      };
      const timer = this.#runtime.clock.schedule(timeout, () => {
        end();
        reject(
          new ClientError(
            "connectTimeout",
            `no contact point answered within ${timeout} ms (${this.#book.report()})`,
            { value: timeout, remedy: "check addresses, certificates and the system's name" },
          ),
        );
      });
      signal?.addEventListener("abort", onAbort);
      this.#onHopeless = () => {
        end();
        const message = `no contact point can be used: ${this.#book.report()}`;
        const remedy = "correct what is named here, on either end, and connect again";
        reject(new ClientError("contactsUnusable", message, { remedy }));
      };
      this.#onFirst = () => {
        end();
        resolve();
      };
    });
  }

  #resolvePoints(): void {
    this.#book.resolve((addresses) => {
      this.#step({ type: "points", addresses, random: this.#runtime.random.next() });
    });
  }

  #onPush(from: string, { asked, revision, draining, topology }: TopologyPush): void {
    if (topology !== undefined) this.#topologies.set(from, { revision, topology });
    // With one connection, only the contact points are known to be within reach.
    const isFirst = this.#topology === emptyTopology && !this.#options.unisocket;
    this.#step({
      type: "answer",
      from,
      asked: asked || from,
      draining,
      ...(isFirst && topology && { members: topology.members.map(({ address }) => address) }),
    });
    this.#choose();
    if (topology !== undefined) this.#toGateway(from, { type: "confirm", have: revision });
  }

  /** A node leaves: its services are asked no more, which it learns behind the last ask. */
  #onWithdrawal({ role, address }: Peer, value: unknown): void {
    if (role !== "node" || parseWithdrawal(value)?.type !== "withdraw") return;
    if (!this.#incarnations.has(address)) return;
    this.#withdrawn.add(address);
    this.#onNodesChanged();
    this.#send(address, withdrawalPath, { type: "withdrawn" });
  }

  /** Takes the topology of one of the contacts. */
  #choose(): void {
    const candidates = this.#contacts.subscribed.flatMap((from) => {
      const known = this.#topologies.get(from);
      return known === undefined ? [] : [{ from, topology: known.topology }];
    });
    const choice = chooseTopology(candidates);
    if (choice === undefined || choice.topology === this.#topology) return;
    const { topology } = choice;
    const isReplaced = this.#replaces(topology);
    this.#topology = topology;
    const members = topology.members.map(({ address }) => address);
    this.#reachable = new Set([...members, ...topology.leaving]);
    const incarnations = incarnationsOf(topology);
    this.#breakers.retain(incarnations);
    for (const [address, incarnation] of incarnations) {
      const before = this.#incarnations.get(address) || incarnation;
      // An old node does not say which incarnation leaves.
      this.#incarnations.set(address, incarnation || before);
      if (incarnation !== 0 && before !== incarnation) this.#onNodeGone(address);
    }
    for (const address of this.#incarnations.keys()) {
      if (incarnations.has(address)) continue;
      this.#incarnations.delete(address);
      // One that leaves in order closes its connections itself, after its last replies.
      if (!this.#leaves(address)) this.#remoting?.endpoint.disconnect(address, noMember);
      this.#onNodeGone(address);
    }
    this.#leaving = new Set(topology.leaving);
    if (isReplaced) {
      for (const extension of this.#extensions) extension.onClusterReplaced();
    }
    this.#remoting?.onMembers(incarnations);
    // With one connection, only the contact points are known to be within reach.
    if (!this.#options.unisocket) this.#step({ type: "members", members });
    this.#onNodesChanged();
    this.#onFirst?.();
    this.#onFirst = undefined;
    if (this.#connectsToAll) this.#connectToMissing();
  }

  /** Whether a topology has none of the nodes of the one before. */
  #replaces({ members, leaving, others }: Topology): boolean {
    const known = this.#incarnations;
    return !leaving.some((address) => known.has(address)) &&
      ![...members, ...others].some(({ address, incarnation }) =>
        known.get(address) === incarnation
      );
  }

  #onNodesChanged(): void {
    if (this.#closed) return;
    this.services.update(this.#topology, (node) => this.#isUsable(node) && !this.#leaves(node));
    // For group routers of this client.
    this.#system.receptionist.setRemote(this.services.listings);
    for (const extension of this.#extensions) extension.onNodesChanged();
  }

  #onNodeGone(address: string): void {
    this.#withdrawn.delete(address);
    for (const extension of this.#extensions) extension.onNodeGone(address);
  }

  /** Whether a node leaves, so that services on it are asked no more. */
  #leaves(address: string): boolean {
    return this.#leaving.has(address) || this.#withdrawn.has(address);
  }

  #isUsable(address: string): boolean {
    if (!this.#reachable.has(address)) return false;
    return this.#options.unisocket
      ? this.#contacts.current !== undefined
      : this.#breakers.isClosed(address);
  }

  #onUp({ address, incarnation }: Peer): void {
    this.#connected.set(address, incarnation);
    this.#book.connected(address);
    if (incarnation > (this.#incarnations.get(address) ?? incarnation)) {
      // It is the first to say that it has restarted.
      this.#later(() => {
        this.#onNodeGone(address);
        this.#onNodesChanged();
      });
    }
    this.#onConnected(address);
  }

  #onConnected(address: string): void {
    if (!this.#breakers.connected(address)) return;
    this.#publishNode(address, true, undefined);
    this.#later(() => this.#onNodesChanged());
  }

  #onDown(address: string, reason: string): void {
    this.#connected.delete(address);
    this.#book.failed(address, reason);
    this.#topologies.delete(address);
    this.#later(() => {
      // Replies to asks that were sent there cannot arrive any more.
      internalsOf(this.#system).failAsksWhere(
        (target, holder) => this.#sendsTo(target) && this.#wentThrough(address, holder),
        "disconnected",
      );
      for (const extension of this.#extensions) extension.onConnectionLost(address);
      this.#onFailed(address, reason);
    });
  }

  /** Whether messages for the target leave this client. */
  #sendsTo(target: ActorRef<never>): boolean {
    return (target instanceof Ref && target.node !== this.address) ||
      this.#extensions.some((extension) => extension.sends(target));
  }

  /** Whether the reply to an ask that `holder` has would come over the connection to a node. */
  #wentThrough(address: string, holder: string | undefined): boolean {
    return this.#options.unisocket ? holder !== undefined : holder === address;
  }

  #onUnreachable({ address, reason, code, isDefinite }: DialFailure): void {
    const isKnown = this.#book.failed(address, reason, isDefinite);
    this.#later(() => {
      if (isDefinite && !isKnown) {
        const type = "connectionRejected";
        const event: ClientConnectionRejected = { type, address, code, reason };
        this.#system.eventStream.publish(event);
      }
      this.#onFailed(address, reason);
      if (this.#book.isHopeless) this.#onHopeless?.();
    });
  }

  #onFailed(address: string, reason: string): void {
    const random = this.#runtime.random.next();
    const wasClosed = this.#open(address, random);
    this.#step({ type: "lost", address, random });
    if (wasClosed) this.#onOpened(address, reason);
    this.#choose();
  }

  /** Opens the circuit of a node. Returns whether it was closed. */
  #open(address: string, random: number): boolean {
    return this.#incarnations.has(address) &&
      this.#breakers.failed(address, this.#runtime.clock.now(), random);
  }

  #onOpened(address: string, reason: string): void {
    if (!this.#reachable.has(address)) return;
    this.#publishNode(address, false, reason);
    this.#onNodesChanged();
  }

  /**
   * A contact was silent for too long. That is no proof that it is gone: its messages may still come,
   * and what this client holds there lives on. A probe dials it again, which shows whether it answers.
   */
  #onSilent(address: string): void {
    const reason = "no answer within the liveness timeout";
    this.#book.failed(address, reason);
    this.#later(() => {
      if (this.#open(address, this.#runtime.random.next())) this.#onOpened(address, reason);
      this.#choose();
    });
  }

  /** Something has arrived from a node that was silent. */
  #onSignOfLife({ address }: Peer): void {
    if (!this.#breakers.isClosed(address)) this.#onConnected(address);
  }

  /** Deferred: the transport may be in the middle of a notification. */
  #later(task: () => void): void {
    this.#runtime.clock.defer(() => {
      if (!this.#closed) task();
    });
  }

  #step(event: ContactEvent): void {
    if (this.#closed) return;
    const previous = this.#contacts.state;
    const through = this.#contacts.current;
    for (const effect of this.#contacts.step(event, this.#runtime.clock.now())) {
      switch (effect.type) {
        case "subscribe": {
          const { to } = effect;
          const have = this.#topologies.get(to)?.revision ?? 0;
          this.#toGateway(to, { type: "subscribe", asked: to, have });
          break;
        }
        case "unsubscribe":
          this.#topologies.delete(effect.to);
          this.#toGateway(effect.to, { type: "unsubscribe" });
          break;
        case "silent":
          this.#onSilent(effect.to);
          break;
        case "resolve":
          this.#later(() => this.#resolvePoints());
          break;
        case "state":
          this.#publishState(effect.state, previous);
      }
    }
    const { current } = this.#contacts;
    if (this.#options.unisocket && current !== undefined && current !== through) this.#reroute();
  }

  /** Everything goes through another node: replies have to come back through it as well. */
  #reroute(): void {
    for (const address of this.#incarnations.keys()) {
      if (address === this.#contacts.current) continue;
      this.#remoting?.sendThroughContact(address, gatewayPath, { type: "meet" });
    }
  }

  #publishState(state: ClientState, previous: ClientState): void {
    const contacts = this.#contacts.subscribed;
    const isBad = state === "reconnecting" || state === "degraded";
    const reason = isBad ? this.#book.lastFailure : undefined;
    const event: ClientStateChanged = { type: "clientState", state, previous, contacts, reason };
    const level = state === "reconnecting" ? "warn" : "info";
    this.#runtime.logger.log(level, "client", `the client is ${state}`, { previous, reason });
    this.#system.eventStream.publish(event);
  }

  #publishNode(address: string, usable: boolean, reason: string | undefined): void {
    const event: ClientNodeChanged = { type: "clientNode", address, usable, reason };
    this.#system.eventStream.publish(event);
  }

  #toGateway(to: string, request: GatewayRequest): void {
    this.#send(to, gatewayPath, request);
  }

  #send(to: string, path: string, message: unknown): void {
    this.#remoting?.send(to, path, 0, message);
  }

  #connectToMissing(): void {
    const { endpoint } = this.#remoting!;
    for (const address of this.#incarnations.keys()) {
      if (!this.#breakers.isClosed(address) || endpoint.peerAt(address, "user")) continue;
      this.#toGateway(address, { type: "meet" });
    }
  }

  /** Tries to connect to a node; if its connection may be dead, with another one. */
  #probe(address: string): void {
    const { endpoint } = this.#remoting!;
    if (endpoint.peerAt(address, "user") !== undefined) endpoint.renew(address);
    else this.#toGateway(address, { type: "meet" });
  }

  #scheduleTick(): void {
    const due = this.#runtime.clock.now() + tickInterval;
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      if (this.#closed) return;
      const { clock, random } = this.#runtime;
      const lag = clock.now() - due;
      // A stall of this client must not be mistaken for silence of its contacts.
      if (lag > tickInterval) this.#step({ type: "lag", ms: lag });
      this.#step({ type: "tick", random: random.next() });
      for (const address of this.#breakers.dueProbes(clock.now())) this.#probe(address);
      for (const extension of this.#extensions) extension.tick();
      if (this.#connectsToAll) this.#connectToMissing();
      this.#scheduleTick();
    });
  }
}

/** The incarnation of each node that is in the cluster; 0 if it is not said. */
function incarnationsOf({ members, leaving, others }: Topology): ReadonlyMap<string, number> {
  const incarnations = new Map(leaving.map((address) => [address, 0]));
  for (const { address, incarnation } of [...others, ...members]) {
    incarnations.set(address, incarnation);
  }
  return incarnations;
}

function aborted(signal: AbortSignal): ClientError {
  return new ClientError("connectAborted", "connecting was aborted", {
    value: signal.reason,
    cause: signal.reason,
  });
}
