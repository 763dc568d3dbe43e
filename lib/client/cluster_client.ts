/**
 * A client stands outside the cluster: it owns no shards, does not gossip and cannot be dialled.
 * It hears from one node who is in the cluster, and sends straight to the node that owns an
 * entity.
 *
 * @module
 */
import { ActorSystem } from "../actor/actor_system.ts";
import type { AskOptions, Written } from "../actor/ask.ts";
import { Behaviors } from "../actor/behaviors.ts";
import { internalsOf } from "../actor/internals.ts";
import type { ActorRef } from "../actor/ref.ts";
import {
  clientTopologyPath,
  gatewayPath,
  parseTopology,
  type Topology,
} from "../cluster/topology.ts";
import { Remoting } from "../remoting/remoting.ts";
import { parseAddress } from "../runtime/address.ts";
import type { Timer } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { TlsMaterial } from "../runtime/network.ts";
import { randomId } from "../runtime/random.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { clientShardsPath, locatePath, parseShardingMessage } from "../sharding/protocol.ts";
import { checkNumShards } from "../sharding/sharded_behavior.ts";
import type { ShardEnvelope } from "../sharding/shard_envelope.ts";
import { ShardProxy } from "../sharding/shard_proxy.ts";
import { ShardRouter } from "../sharding/shard_router.ts";
import type { TransportLimits } from "../transport/limits.ts";
import { systemRuntime } from "../transport/system_runtime.ts";
import type { Serializer } from "../wire/serializer.ts";
import { type AddressMap, addressMapper } from "./address_map.ts";
import { type ContactEvent, Contacts } from "./contacts.ts";
import { ClientError } from "./errors.ts";

/** Milliseconds between two ticks of the contact and the routers. */
const tickInterval = 250;

/** How a client connects. */
export interface ClientOptions {
  /** Addresses of nodes to begin with, `"host:port"`, at least one. More are learned. */
  readonly contactPoints: readonly string[];
  /** Name of the cluster's system; nodes refuse another. */
  readonly systemName: string;
  /** Where to dial for an address of the cluster. */
  readonly addressMap?: AddressMap;
  /** Certificate of the client (or a node) and the cluster's authority. */
  readonly tls?: TlsMaterial;
  /** Milliseconds until `connect` gives up. Default 10 000. */
  readonly connectTimeout?: number;
  /** How values of your classes cross the wire: the same as those of the nodes. Default: none. */
  readonly serializers?: readonly Serializer[];
  /** Bounds of connections and queues. */
  readonly transport?: Partial<TransportLimits>;
  /** Where log lines go. Default: standard error, `warn` and above. */
  readonly logger?: Logger;
  /** Replaces clock, chance and network, for simulations. */
  readonly runtime?: Partial<Runtime>;
}

/**
 * See the module's text. Each client has an identity of its own, so any number of them can live on
 * one host.
 */
export class ClusterClient implements AsyncDisposable {
  readonly #runtime: Runtime;
  readonly #system: ActorSystem;
  readonly #contacts: Contacts;
  readonly #routers = new Map<string, { router: ShardRouter; proxy: ActorRef<never> }>();
  #remoting: Remoting | undefined;
  #topology: Topology = { members: [], leader: undefined };
  #timer: Timer | undefined;
  #onConnected: (() => void) | undefined;
  #lastFailure = "";
  #closed: Promise<void> | undefined;

  private constructor(options: ClientOptions) {
    this.#runtime = systemRuntime({
      ...options.runtime,
      ...(options.logger && { logger: options.logger }),
    });
    this.#system = new ActorSystem({
      name: `${options.systemName}-client`,
      runtime: this.#runtime,
    });
    this.#contacts = new Contacts(options.contactPoints);
  }

  /**
   * Resolves when a node has told who is in the cluster.
   *
   * @throws {ClientError} code `badOption`, or `connectTimeout` if no contact point answers.
   */
  static async connect(options: ClientOptions): Promise<ClusterClient> {
    if (options.contactPoints.length === 0) {
      throw new ClientError("badOption", "contactPoints is empty", {
        value: options.contactPoints,
        remedy: "name at least one node",
      });
    }
    for (const point of options.contactPoints) parseAddress(point);
    const client = new ClusterClient(options);
    try {
      await client.#open(options);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /** The members that the client has heard of last. */
  get topology(): Topology {
    return this.#topology;
  }

  /** The node that the client listens to. */
  get contact(): string {
    return this.#contacts.current;
  }

  /**
   * A reference to the entities of a sharded actor: it takes envelopes and sends each to the node
   * that owns the entity.
   *
   * @param name the name under which the nodes spawn it.
   * @throws {ClientError} code `shardCountMismatch` if asked before with another number.
   */
  entityRef<M>(name: string, { numShards = 256 }: { numShards?: number } = {}): ActorRef<
    ShardEnvelope<M>
  > {
    checkNumShards(numShards);
    const known = this.#routers.get(name);
    if (known !== undefined) {
      if (known.router.numShards === numShards) return known.proxy as ActorRef<ShardEnvelope<M>>;
      throw new ClientError(
        "shardCountMismatch",
        `"${name}" was asked for with ${known.router.numShards} shards before`,
        { value: numShards, remedy: "use the number with which the nodes spawn it" },
      );
    }
    const router = this.#makeRouter(name, numShards);
    const anchor = this.#system.spawn<ShardEnvelope<M>>(
      Behaviors.receive((_context, { entityId, message }) => {
        router.route(entityId, message);
        return Behaviors.same();
      }),
      name,
    );
    const proxy = new ShardProxy(router, anchor);
    this.#routers.set(name, { router, proxy });
    return proxy;
  }

  /**
   * Sends what `factory` makes and resolves with the first reply.
   *
   * @throws {AskTimeoutError} if none comes in time.
   */
  ask<M, R, const Q extends Written<M> = Written<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<R> {
    return this.#system.ask(ref, factory, options);
  }

  /** Closes all connections. What waits for a reply fails. */
  close(): Promise<void> {
    this.#closed ??= this.#closeOnce();
    return this.#closed;
  }

  /** The same as {@linkcode ClusterClient.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(options: ClientOptions): Promise<void> {
    const { clock, random } = this.#runtime;
    const id = randomId(random);
    this.#remoting = await Remoting.start(this.#system, {
      runtime: this.#runtime,
      systemName: options.systemName,
      role: "client",
      nodeId: id,
      incarnation: Math.max(1, Math.floor(clock.wallTime())),
      address: `client:${id}`,
      addressMap: addressMapper(options.addressMap),
      ...(options.tls && { tls: options.tls }),
      ...(options.transport && { limits: options.transport }),
      ...(options.serializers && { serializers: options.serializers }),
      onPeerDown: (peer, _lane, reason) => this.#onLost(peer.address, reason),
      onUndelivered: (to, reason) => this.#onLost(to, reason),
    });
    this.#remoting.handlePeers(clientTopologyPath, (peer, value) => {
      const topology = parseTopology(value);
      if (topology !== undefined) this.#onTopology(peer.address, topology);
    });
    this.#remoting.handlePeers(clientShardsPath, (_peer, value) => this.#onShards(value));
    await this.#firstTopology(options.connectTimeout ?? 10_000);
  }

  #firstTopology(timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#runtime.clock.schedule(timeout, () => {
        const why = this.#lastFailure === "" ? "" : ` (${this.#lastFailure})`;
        reject(
          new ClientError(
            "connectTimeout",
            `no contact point answered within ${timeout} ms${why}`,
            { value: this.#contacts.current, remedy: "check addresses, certificates and name" },
          ),
        );
      });
      this.#onConnected = () => {
        timer.cancel();
        resolve();
      };
      this.#step({ type: "start" });
      this.#scheduleTick();
    });
  }

  #onTopology(from: string, topology: Topology): void {
    this.#topology = topology;
    const members = topology.members.map(({ address }) => address);
    const present = new Set(members);
    for (const { router } of this.#routers.values()) router.retainOwners(present);
    // Best effort: a client is told of nodes that are up and reachable, and not of their lives.
    this.#remoting?.onMembers(new Map(members.map((address) => [address, 0])));
    this.#step({ type: "topology", from, members });
  }

  #onShards(value: unknown): void {
    const message = parseShardingMessage(value);
    if (message?.type === "location") {
      this.#routers.get(message.shardType)?.router
        .learn(message.shard, message.owner, message.epoch);
    } else if (message?.type === "refused") {
      this.#runtime.logger.log("error", "client", "the cluster refused", { ...message });
      this.#routers.get(message.shardType)?.router.refuse();
    }
  }

  #onLost(address: string, reason: string): void {
    this.#lastFailure = `${address}: ${reason}`;
    // Deferred: the transport may be in the middle of telling others.
    this.#runtime.clock.defer(() => this.#step({ type: "lost", address }));
  }

  #step(event: ContactEvent): void {
    if (this.#closed !== undefined) return;
    for (const effect of this.#contacts.step(event, this.#runtime.clock.now())) {
      switch (effect.type) {
        case "subscribe":
          this.#remoting?.send(effect.to, gatewayPath, 0, { type: "subscribe" });
          break;
        case "connected":
          this.#onConnected?.();
          for (const { router } of this.#routers.values()) router.tick();
          break;
        case "disconnected":
          this.#runtime.logger.log("warn", "client", "the contact is lost", {
            why: this.#lastFailure,
          });
      }
    }
  }

  #makeRouter(name: string, numShards: number): ShardRouter {
    return new ShardRouter({
      shardType: name,
      numShards,
      port: {
        self: this.#remoting!.address,
        now: () => this.#runtime.clock.now(),
        send: (to, path, message) => this.#remoting!.send(to, path, 0, message),
        deadLetter: (reason, target, message) =>
          internalsOf(this.#system).deadLetter(reason, target, message),
      },
      ask: (shard) => {
        this.#remoting!.send(this.#contacts.current, locatePath, 0, {
          type: "locate",
          shardType: name,
          numShards,
          shard,
        });
      },
    });
  }

  #scheduleTick(): void {
    this.#timer = this.#runtime.clock.schedule(tickInterval, () => {
      if (this.#closed !== undefined) return;
      this.#step({ type: "tick" });
      for (const { router } of this.#routers.values()) router.tick();
      this.#scheduleTick();
    });
  }

  async #closeOnce(): Promise<void> {
    this.#timer?.cancel();
    await this.#system.shutdown();
    await this.#remoting?.close();
  }
}
