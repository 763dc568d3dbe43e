/**
 * The composition root of a node: lists the extensions that every node has.
 *
 * @module
 */
import { checkOptions, optionsOf } from "./options/check_options.ts";
import { configPlaceTable } from "./options/tables/cluster_tables.ts";
import { ActorSystem, configureActors } from "./actor_system.ts";
import type { ConfiguredActors } from "./configured_actors.ts";
import type { ConfigPlace } from "./config/config_place.ts";
import { actorSystemTable } from "./options/tables/actor_tables.ts";
import type { AskOptions, LiteralOf } from "./actor/behavior/ask_options.ts";
import type { Behavior } from "./actor/behavior/behavior.ts";
import type { ReplyOf } from "./actor/behavior/reply_of.ts";
import type { ActorRef } from "./actor/ref/ref.ts";
import { ListingSubscription } from "./actor/services/listing_subscription.ts";
import type { ServiceKey } from "./actor/services/service_key.ts";
import type { SpawnOptions } from "./actor/behavior/spawn_options.ts";
import { ExtensionBehavior } from "./cluster/node/extension_behavior.ts";
import type { ExtensionKey } from "./cluster/node/extension_key.ts";
import { makeExtensions } from "./cluster/node/extension_order.ts";
import { StoreHealth } from "./cluster/node/store_health.ts";
import { MembershipTelemetry } from "./cluster/node/membership_telemetry.ts";
import type { NodeExtensionFactory } from "./cluster/node/node_extension.ts";
import { NodeExtensions } from "./cluster/node/node_extensions.ts";
import { ClusterHandle } from "./cluster/node/cluster_handle.ts";
import { ClusterNode } from "./cluster/node/cluster_node.ts";
import { checkClusterOptions, type ClusterOptions } from "./cluster/node/cluster_options.ts";
import { lookupAt, type LookupPlace, nodeOf } from "./remoting/lookup_place.ts";
import type { Member } from "./membership/state/member.ts";
import { internalsOf } from "./actor/system/system_internals.ts";
import type { EventStream } from "./actor/services/event_stream.ts";
import type { ClusterEvent } from "./cluster_event.ts";
import { setNodeInternals } from "./node_internals.ts";
import type { ClusterAccess } from "./sharding/routing/cluster_access.ts";
import type { EntityFactory } from "./sharding/routing/entity_factory.ts";
import type { EntityRef } from "./sharding/routing/entity_ref.ts";
import type { EntityType } from "./sharding/routing/entity_type.ts";
import type { NumberedWorkers } from "./sharding/routing/numbered_workers.ts";
import type { ShardRegionRef } from "./sharding/routing/shard_proxy.ts";
import type { ShardedBehavior, ShardedOptions } from "./sharding/sharded_behavior.ts";
import { type Sharding, shardingKey, shardRefsOf } from "./sharding/sharding.ts";
import { ShardingExtension } from "./sharding/sharding_extension.ts";
import { type Replication, replicationKey } from "./replication/replication.ts";
import type { Distributed } from "./distributed/distributed.ts";
import {
  DistributedExtension,
  distributedKey,
  type DistributedOptions,
} from "./distributed/distributed_extension.ts";
import { ReplicationExtension } from "./replication/replication_extension.ts";
import type { SingletonBehavior } from "./singleton/singleton_behavior.ts";
import { SingletonExtension } from "./singleton/singleton_extension.ts";
import { singletonPlace } from "./singleton/singleton_place.ts";
import type { WorkersBehavior } from "./singleton/workers_behavior.ts";
import { workersOf } from "./singleton/workers_place.ts";
import type { WorkersRef } from "./singleton/workers_ref.ts";
import type { BroadcastBehavior } from "./broadcast/broadcast_behavior.ts";
import { BroadcastExtension } from "./broadcast/broadcast_extension.ts";
import type { BroadcastRef } from "./broadcast/broadcast_ref.ts";
import { type OpenTopicOptions, topicsKey } from "./topics/topics.ts";
import { TopicsExtension } from "./topics/topics_extension.ts";
import type { Topic } from "./topics/topic.ts";
import type { TopicHandle } from "./topics/topic_handle.ts";
import { ownCertificate } from "./transport/tls/own_certificate.ts";
import { AdminExtension } from "./admin/admin_extension.ts";
import type { Explanation } from "./admin/explanation/explanation.ts";
import { systemRuntime } from "./transport/system_runtime.ts";
import { TappedLogger } from "./runtime/tapped_logger.ts";
import { InspectionExtension } from "./inspection/inspection_extension.ts";

/** What every node has. */
const builtIn: readonly NodeExtensionFactory[] = [
  () => new MembershipTelemetry(),
  () => new StoreHealth(),
  () => new ShardingExtension(),
  () => new ReplicationExtension(),
  () => new SingletonExtension(),
  () => new TopicsExtension(),
  () => new BroadcastExtension(),
  () => new DistributedExtension(),
  () => new InspectionExtension(),
];

/**
 * One node of a cluster: an actor system whose actors can be reached from other nodes, and which runs
 * sharded entities and other extensions.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * type Ping = { type: "ping"; replyTo: ActorRef<string> };
 * const pong = (id: string) =>
 *   Behaviors.receive<Ping>((_ctx, { replyTo }) => {
 *     replyTo.tell(`${id} is here`);
 *     return Behaviors.same();
 *   });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const pongs = system.spawn(Behaviors.sharded(pong, { numShards: 20 }), "pongs");
 * const answer = await pongs.entity("alice").ask((replyTo) => ({ type: "ping", replyTo }));
 * console.assert(answer === "alice is here");
 * ```
 */
export class ClusteredActorSystem extends ActorSystem implements ClusterAccess {
  /** Events of the node and of the cluster as this node sees it. */
  declare readonly eventStream: EventStream<ClusterEvent>;
  /** The state of the cluster as this node knows it, and why it is so. */
  readonly cluster: ClusterHandle;
  readonly #node: ClusterNode;
  readonly #extensions: NodeExtensions;
  readonly #admin: AdminExtension;
  /** What a configuration sets for actors by name. */
  readonly #configured: ConfiguredActors | undefined;
  /** Undefined once the node has stopped. */
  #subscriptions: Set<{ end(): void }> | undefined = new Set();

  private constructor(options: ClusterOptions, configured?: ConfiguredActors) {
    checkClusterOptions(options);
    const admin = new AdminExtension();
    const ordered = makeExtensions([...builtIn, () => admin], options.extensions);
    const given = systemRuntime({
      ...options.runtime,
      ...(options.logger && { logger: options.logger }),
    });
    const logger = new TappedLogger(given.logger);
    const runtime = { ...given, logger };
    super({ ...optionsOf(actorSystemTable, options), runtime });
    this.#extensions = new NodeExtensions(ordered, runtime);
    this.#node = new ClusterNode(this, options, runtime, this.#extensions);
    this.cluster = new ClusterHandle(() => this.#node.facts, this.#extensions);
    this.#admin = admin;
    this.#configured = configured;
    if (configured !== undefined) configureActors(this, configured);
    const { tls } = options;
    admin.attach({
      cluster: this.cluster,
      certificate: () => tls && ownCertificate(tls),
      declareDown: (address, why) => void this.#node.declareDown(address, why),
    });
    this.#exposeInternals(options.tls, logger);
    // Both have timeouts of their own.
    const timeout = 0x7fff_ffff;
    this.onShutdown("clusterLeave", "leave the cluster", () => this.#node.leave(), { timeout });
    this.onShutdown("afterStop", "end subscriptions", () => this.#endSubscriptions());
    this.onShutdown("afterStop", "close all connections", () => this.#node.close(), { timeout });
  }

  /**
   * Opens the port, joins the cluster, and resolves when `requiredQuorum` members are up.
   *
   * @throws {OptionError}
   * @throws {ClusterError} codes `badExtension`, `duplicateExtension`, `missingExtension`,
   * `circularExtension`, `extensionFailed`.
   * @throws {ClusterTimeoutError} code `quorumTimeout`; the node is shut down then.
   * @throws {TransportError} when the port cannot be opened, or the TLS configuration would let
   * peers without a certificate in.
   */
  static async start(options: ClusterOptions): Promise<ClusteredActorSystem> {
    return await ClusteredActorSystem.#open(new ClusteredActorSystem(options));
  }

  /**
   * Starts a node with the options of a file, `casty.toml`, and of environment variables such as
   * `CASTY_CLUSTER_PORT`; see `docs/configuration.md`. `options` override both, the environment
   * overrides the file. What the file sets for actors and types by name (`[actors."orders"]`) applies
   * to those that the node spawns.
   *
   * @throws {ConfigError} codes `noConfigFile`, `unreadableConfig`, `badToml`, `badConfig`,
   * `missingConfig`.
   * @throws {TlsConfigError} the files of the section `tls` cannot be used.
   * @throws as {@linkcode ClusteredActorSystem.start}.
   *
   * @example
   * ```ts
   * import { ClusteredActorSystem } from "@casty/casty";
   *
   * const folder = await Deno.makeTempDir();
   * const file = `${folder}/casty.toml`;
   * await Deno.writeTextFile(file, `
   * [cluster]
   * name = "shop"
   * host = "127.0.0.1"
   * port = 25520
   * roles = ["web"]
   * `);
   * await using system = await ClusteredActorSystem.fromConfig({ port: 0 }, { file });
   * console.assert(system.name === "shop" && system.members[0]?.roles[0] === "web");
   * await Deno.remove(folder, { recursive: true });
   * ```
   */
  static override async fromConfig(
    options: Partial<ClusterOptions> = {},
    place: ConfigPlace = {},
  ): Promise<ClusteredActorSystem> {
    checkOptions(configPlaceTable, place);
    // Only then: programs without a file load no parser.
    const [{ loadConfig }, { clusterOptionsOf }, { ConfiguredActors }, { systemConfigSource }] =
      await Promise.all([
        import("./config/load_config.ts"),
        import("./configured_node.ts"),
        import("./configured_actors.ts"),
        import("./runtime/system_config_source.ts"),
      ]);
    const { file, source = systemConfigSource } = place;
    const config = await loadConfig(source, file);
    const resolved = await clusterOptionsOf(config, options, source.folder());
    return await ClusteredActorSystem.#open(
      new ClusteredActorSystem(resolved, new ConfiguredActors(config)),
    );
  }

  static async #open(system: ClusteredActorSystem): Promise<ClusteredActorSystem> {
    try {
      await system.#node.open();
      return system;
    } catch (error) {
      await system.shutdown();
      throw error;
    }
  }

  /** This node's address, `"host:port"`. */
  get address(): string {
    return this.#node.address;
  }

  /** This node's label. */
  get nodeId(): string {
    return this.#node.nodeId;
  }

  /** The members that this node knows: the oldest first, joining ones last. */
  get members(): readonly Member[] {
    return this.#node.view.members;
  }

  /**
   * Explains why something in the cluster is as it is, as this node knows it: facts, and what a person
   * can do. `casty why` asks the same of a node from outside.
   *
   * @param topic one of `joining`, `convergence`, `reachability`, `downing`, `sharding`,
   * `replication`, `store` and `certificates`; `"shard TYPE/NUMBER"`, `"entity TYPE/ID"`,
   * `"ask TYPE/ID"`, `"member ADDRESS"` (or its label); or a topic of an extension.
   * @throws {AdminError} codes `unknownTopic`, `notPossible` (the node has not started).
   *
   * @example
   * ```ts
   * import { ClusteredActorSystem } from "@casty/casty";
   *
   * await using system = await ClusteredActorSystem.start({
   *   name: "example",
   *   host: "127.0.0.1",
   *   port: 0,
   * });
   * const { ok, summary, facts, nextSteps } = system.explain("joining");
   * console.assert(ok && summary.includes("is up") && facts.length > 0 && nextSteps.length === 0);
   * ```
   */
  explain(topic: string): Explanation {
    return this.#admin.explainTopic(topic);
  }

  /** Address of the member that leads, if this node knows one. */
  get leader(): string | undefined {
    return this.#node.view.leader;
  }

  /**
   * Resolves when at least `count` members are up.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `quorumTimeout`.
   */
  waitFor(count: number, options?: { timeout?: number }): Promise<void> {
    return this.#node.waitFor(count, options);
  }

  /**
   * Joins the cluster again, with a new incarnation, after this node was declared down and
   * `whenDowned` is `"wait"`. Resolves when it is up.
   *
   * @throws {ClusterError} code `notDowned`: it was not declared down.
   * @throws {ClusterTimeoutError} code `quorumTimeout`: not within `startTimeout`. The node keeps
   * trying.
   */
  rejoin(): Promise<void> {
    return this.#node.rejoin();
  }

  /**
   * Waits until `count` parties in the cluster wait at the same name, then releases all. The name
   * can be used again at once. Each call is one party.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `barrierTimeout`.
   * @throws {ClusterError} code `barrierConflict`: others expect another number.
   */
  barrier(name: string, count: number, options?: { timeout?: number }): Promise<void> {
    return this.#node.barrier(name, count, options);
  }

  /** Starts an actor at this node. */
  override spawn<M>(
    behavior: Behavior<M>,
    name: string,
    options?: SpawnOptions,
  ): ActorRef<M>;
  /**
   * Runs entities at this node, and routes to them anywhere in the cluster by the reference, which takes
   * envelopes and gives references to single entities. Made with an entity type, it needs no name.
   *
   * @throws {ShardingError} codes `badName`, `shardCountMismatch`.
   */
  override spawn<M>(behavior: ShardedBehavior<M>, name?: string): ShardRegionRef<M>;
  /**
   * Runs a singleton at this node or another one, and sends to it wherever it runs.
   *
   * @param name 1 to 200 letters, digits, `$`, `_` or `-`; the same on all nodes.
   * @throws {ActorError} code `duplicateName`.
   * @throws {OptionError}
   */
  override spawn<M>(behavior: SingletonBehavior<M>, name: string): EntityRef<M>;
  /**
   * Runs workers at this node and others, and sends to them wherever they run.
   *
   * @param name 1 to 200 letters, digits, `$`, `_` or `-`; the same on all nodes.
   * @throws {ActorError} code `duplicateName`.
   * @throws {OptionError}
   */
  override spawn<M>(behavior: WorkersBehavior<M>, name: string): WorkersRef<M>;
  /**
   * Starts the instance of this node of a broadcast actor, if the node has its role, and refers to the
   * instances of all nodes.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`.
   */
  override spawn<M>(behavior: BroadcastBehavior<M>, name: string): BroadcastRef<M>;
  /**
   * Starts what an extension of this node carries out.
   *
   * @throws {ClusterError} code `unknownKind`: no extension of this node spawns it.
   */
  override spawn<M>(behavior: ExtensionBehavior<M>, name?: string): ActorRef<M>;
  override spawn<M>(
    behavior: Behavior<M> | ExtensionBehavior<M> | WorkersBehavior<M>,
    name?: string,
    options?: SpawnOptions,
  ): ActorRef<M> | ActorRef<never> {
    if (behavior instanceof ExtensionBehavior) {
      return this.#extensions.spawn(this.#configured?.described(behavior, name) ?? behavior, name);
    }
    return super.spawn(behavior, name!, options);
  }

  /**
   * Opens a topic at this node, to publish and to subscribe. It stays open until the node stops, and
   * clients of this node may use it, as its option `clients` says.
   *
   * @throws {OptionError}
   * @throws {TopicError} codes `topicMismatch`, `tooManyTopics`.
   */
  topic<M>(topic: Topic<M>, options?: OpenTopicOptions): TopicHandle<M> {
    return this.extension(topicsKey).open(topic, options);
  }

  /** Where shards and entities are, and what runs here. */
  get sharding(): Sharding {
    return this.extension(shardingKey);
  }

  /** The copies of replicated shards, and what a person decides about them. */
  get replication(): Replication {
    return this.extension(replicationKey);
  }

  /**
   * What an extension of this node exposes under a key.
   *
   * @throws {ClusterError} code `unknownExtension`: no extension of this node does.
   */
  extension<T>(key: ExtensionKey<T>): T {
    return this.#extensions.get(key);
  }

  /**
   * A reference to one entity, wherever in the cluster it runs. This node need not run the type.
   *
   * @param entityId 1 to 512 characters.
   * @throws {OptionError}
   * @throws {ShardingError} code `shardCountMismatch`: the type has another number of shards here.
   */
  entity<M>(type: EntityType<M>, entityId: string): EntityRef<M> {
    return this.entityRef(type).entity(entityId);
  }

  /**
   * A reference to the singleton of a name, wherever in the cluster it runs. This node need not have
   * spawned it.
   *
   * @throws {OptionError}
   */
  singleton<M = never>(name: string): EntityRef<M> {
    const { shardType, entityId } = singletonPlace(name);
    return this.entityRef<M>(shardType, { numShards: 1 }).entity(entityId);
  }

  /**
   * References to the workers of a name, by their numbers, wherever in the cluster they run. This node need
   * not have spawned them.
   *
   * @param count how many the nodes run, 1 to 1 024.
   * @throws {OptionError}
   * @throws {ShardingError} code `shardCountMismatch`: this node has another number of them.
   */
  workers<M = never>(name: string, count: number): NumberedWorkers<M> {
    return workersOf(
      name,
      count,
      (type, numShards) => this.entityRef<M>(type, { numShards }),
    );
  }

  /**
   * A reference to the entities of a type that other nodes run: it takes envelopes, and gives references
   * to single entities. A type that this node has spawned has the same reference.
   *
   * @param name the name under which the nodes spawn it.
   * @param options `numShards` must be that of the nodes. Default 256.
   * @throws {OptionError}
   * @throws {ShardingError} code `shardCountMismatch`: the type has another number of shards here.
   */
  entityRef<M = never>(
    name: string,
    options?: { readonly numShards?: number },
  ): ShardRegionRef<M>;
  /** The same, by the entity type that nodes and clients share. */
  entityRef<M = never>(type: EntityType<M>): ShardRegionRef<M>;
  entityRef<M = never>(
    type: string | EntityType<M>,
    options: { readonly numShards?: number } = {},
  ): ShardRegionRef<M> {
    return shardRefsOf(this.sharding).entityRef(type, options);
  }

  /**
   * The same as {@linkcode ClusteredActorSystem.entityRef}; if this node does not run the type yet, it
   * runs it from now on, as `spawn` with `Behaviors.sharded(factory, options)`.
   *
   * @throws {ActorError} code `duplicateName`.
   * @throws {OptionError}
   * @throws {ShardingError} code `shardCountMismatch`: the type has another number of shards here.
   */
  regionRef<M = never>(
    name: string,
    factory: EntityFactory<M>,
    options?: ShardedOptions,
  ): ShardRegionRef<M>;
  /** The same, by the entity type that nodes and clients share. */
  regionRef<M = never>(
    type: EntityType<M>,
    factory: EntityFactory<M>,
    options?: Omit<ShardedOptions, "numShards">,
  ): ShardRegionRef<M>;
  regionRef<M = never>(
    type: string | EntityType<M>,
    factory: EntityFactory<M>,
    options?: ShardedOptions,
  ): ShardRegionRef<M> {
    const name = typeof type === "string" ? type : type.name;
    const configured = this.#configured;
    return shardRefsOf(this.sharding).regionRef(
      type,
      configured?.factory(name, factory, options) ?? factory,
      configured?.shardedOptions(name, options) ?? options,
    );
  }

  /**
   * Counters, maps, sets, queues, locks, semaphores and barriers that all nodes and clients share, see
   * `docs/distributed.md`. From the first call on, this node runs its share of the group; a later call
   * with the same options, or with none, gives the same.
   *
   * @throws {OptionError}
   * @throws {DistributedError} code `differentOptions`: the group is open with others.
   */
  distributed(options: DistributedOptions = {}): Distributed {
    return this.extension(distributedKey).open(options);
  }

  /** The same as `ask`; for code that runs on nodes and clients. */
  entityAsk<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q>> {
    return this.ask<M, R, Q>(ref, factory, options);
  }

  /**
   * The actors that offer a service: `receptionist.find`.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  override lookup<M>(key: ServiceKey<M>): readonly ActorRef<M>[];
  /** The actor of this node at a path such as `"/parent/child"`, if there is one. */
  override lookup<M = never>(path: string): ActorRef<M> | undefined;
  /**
   * A reference to the actor at a path of another node, `"host:port"`. Whether there is one, and
   * whether it takes `M`, is not checked: a message that cannot be delivered is a dead letter of that
   * node.
   *
   * @throws {OptionError}
   */
  override lookup<M = never>(path: string, place: { readonly node: string }): ActorRef<M>;
  /**
   * The same, by the label of the node; undefined if no member has it. If several have, it is the one
   * that joined last.
   *
   * @throws {OptionError}
   */
  override lookup<M = never>(
    path: string,
    place: { readonly nodeId: string },
  ): ActorRef<M> | undefined;
  override lookup<M = never>(
    what: string | ServiceKey<M>,
    place?: LookupPlace,
  ): readonly ActorRef<M>[] | ActorRef<M> | undefined {
    if (typeof what !== "string") return this.receptionist.find(what);
    if (place === undefined) return super.lookup<M>(what);
    const present = this.members.filter(({ status }) => status !== "down" && status !== "removed");
    return lookupAt<M>(what, place, present, (address) => this.#node.remoting.refTo(address));
  }

  /**
   * The actors that offer a service: now, and after each change, until the loop is left or the node
   * stops. A slow reader gets the newest listing, not every one.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  subscribe<M>(key: ServiceKey<M>): ListingSubscription<M> {
    const subscription = new ListingSubscription<M>(() => {
      cancel();
      this.#subscriptions?.delete(subscription);
    });
    const cancel = this.receptionist.subscribe(key, (refs) => subscription.offer(refs));
    if (this.#subscriptions === undefined) subscription.end();
    this.#subscriptions?.add(subscription);
    return subscription;
  }

  #endSubscriptions(): void {
    const subscriptions = this.#subscriptions ?? [];
    this.#subscriptions = undefined;
    for (const subscription of subscriptions) subscription.end();
  }

  /**
   * Resolves when no more than half of the send queue to a node is taken, at once if so already: for
   * senders that are faster than the network. Without a target, when that holds for all members. A
   * node that is gone has an empty queue.
   *
   * @param target an actor of another node, or a node's address, `"host:port"`.
   */
  async drained(target?: ActorRef<never> | string): Promise<void> {
    const { endpoint } = this.#node.remoting;
    const nodes = target === undefined
      ? this.members.map(({ address }) => address)
      : [typeof target === "string" ? target : nodeOf(target)];
    await Promise.all(
      nodes.map((node) => node === this.address ? undefined : endpoint.drained(node)),
    );
  }

  #exposeInternals(tls: ClusterOptions["tls"], logger: TappedLogger): void {
    const node = this.#node;
    const actors = internalsOf(this);
    setNodeInternals(this, {
      get view() {
        return node.view;
      },
      get health() {
        return node.facts.health;
      },
      get remoting() {
        return node.remoting;
      },
      tls,
      down: (address, why) => node.declareDown(address, why),
      tapLog: (tap) => logger.tap(tap),
      get suspended() {
        return actors.existingTurnGate?.isClosedNow ?? false;
      },
    });
  }
}
