/**
 * A client is not a member of the cluster: it owns no shards, does not gossip, has no listening socket
 * and cannot be dialled. Two nodes send it the topology (members and services), the leader sends it the
 * shard tables, and it sends straight to the node that owns an entity. Replies and other messages
 * arrive on the connections that it has opened.
 *
 * @module
 */
import { checkOptions, checkValue, resolveOptions } from "../options/check_options.ts";
import { configPlaceTable } from "../options/tables/cluster_tables.ts";
import type { ConfigPlace } from "../config/config_place.ts";
import { clientAskTable } from "../options/tables/client_tables.ts";
import { entityRefTable } from "../options/tables/sharding_tables.ts";
import { ActorSystem } from "../actor/system/actor_system.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import type { LiteralOf } from "../actor/behavior/ask_options.ts";
import type { ReplyOf } from "../actor/behavior/reply_of.ts";
import type { StatusValue } from "../actor/behavior/status_reply.ts";
import { statusOf } from "../actor/ask/status_value.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import { AskTimeoutError } from "../actor/errors.ts";
import type { EventStream } from "../actor/services/event_stream.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { ListingSubscription } from "../actor/services/listing_subscription.ts";
import type { ServiceKey } from "../actor/services/service_key.ts";
import type { SpawnOptions } from "../actor/behavior/spawn_options.ts";
import type { Topology } from "../cluster/gateway/topology.ts";
import { lookupAt, type LookupPlace } from "../remoting/lookup_place.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { EntityType } from "../sharding/routing/entity_type.ts";
import type { EntityFactory } from "../sharding/routing/entity_factory.ts";
import type { ClusterAccess } from "../sharding/routing/cluster_access.ts";
import type { EntityRef } from "../sharding/routing/entity_ref.ts";
import type { NumberedWorkers } from "../sharding/routing/numbered_workers.ts";
import type { ShardLocations } from "../sharding/routing/shard_place.ts";
import type { ShardRegionRef } from "../sharding/routing/shard_proxy.ts";
import { singletonPlace } from "../singleton/singleton_place.ts";
import { workersOf } from "../singleton/workers_place.ts";
import { systemRuntime } from "../transport/system_runtime.ts";
import { askRepeatedly, type ClientAskOptions } from "./client_ask.ts";
import { ClientConnections } from "./client_connections.ts";
import type { BroadcastRef } from "../broadcast/broadcast_ref.ts";
import { broadcastRefTable, topicName } from "../options/tables/topic_tables.ts";
import { ClientBroadcasts } from "./client_broadcasts.ts";
import { ClientSharding } from "./client_sharding.ts";
import { ClientTopics } from "./client_topics.ts";
import type { Topic } from "../topics/topic.ts";
import type { TopicHandle } from "../topics/topic_handle.ts";
import { setClientInternals } from "./client_internals.ts";
import { checkClientOptions, type ClientOptions } from "./client_options.ts";
import type { ClientEvent, ClientState } from "./client_state.ts";
import { ClientError } from "./errors.ts";
import { type ClientDistributedOptions, ClientStructures } from "./client_structures.ts";
import type { Distributed } from "../distributed/distributed.ts";

const closedText = "the client was closed";
const closedRemedy = "connect another client";

export type { ClientOptions } from "./client_options.ts";

/**
 * See the module's text. Each client has a random identity, so any number of them can run on one
 * host.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";
 * import { ClusterClient } from "@casty/casty/client";
 *
 * type Greet = { type: "greet"; replyTo: ActorRef<string> };
 * const Greeters = entityType<Greet>("greeters", { numShards: 20 });
 * const greeter = (id: string) =>
 *   Behaviors.receive<Greet>((_context, { replyTo }) => {
 *     replyTo.tell(`hello from ${id}`);
 *     return Behaviors.same();
 *   });
 * await using node = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * node.spawn(Behaviors.sharded(Greeters, greeter));
 *
 * await using client = await ClusterClient.connect({
 *   contactPoints: [node.address],
 *   systemName: "shop",
 * });
 * const alice = client.entity(Greeters, "alice");
 * const answer = await alice.ask((replyTo) => ({ type: "greet", replyTo }));
 * console.assert(answer === "hello from alice");
 * ```
 */
export class ClusterClient implements ClusterAccess {
  readonly #runtime: Runtime;
  readonly #system: ActorSystem;
  readonly #connections: ClientConnections;
  readonly #sharding: ClientSharding;
  readonly #topics: ClientTopics;
  readonly #broadcasts: ClientBroadcasts;
  readonly #structures: ClientStructures;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(options: ClientOptions) {
    this.#runtime = systemRuntime({
      ...options.runtime,
      ...(options.logger && { logger: options.logger }),
    });
    const { maxPendingAsks } = options;
    this.#system = new ActorSystem({
      name: `${options.systemName.slice(0, 200)}-client`,
      runtime: this.#runtime,
      ...(maxPendingAsks !== undefined && { maxPendingAsks }),
    });
    internalsOf(this.#system).ending = { what: closedText, remedy: closedRemedy };
    this.#sharding = new ClientSharding(
      options.buffer,
      (ref, factory, options) => this.ask(ref, factory as never, options),
    );
    this.#topics = new ClientTopics(options.transport);
    this.#broadcasts = new ClientBroadcasts((ref, factory, options) =>
      this.#system.ask(ref, factory as never, options)
    );
    this.#connections = new ClientConnections(this.#system, this.#runtime, options, [
      this.#sharding,
      this.#topics,
      this.#broadcasts,
    ]);
    this.#structures = new ClientStructures(this, this.#system);
    const connections = this.#connections;
    setClientInternals(this, {
      get remoting() {
        return connections.remoting;
      },
    });
  }

  /**
   * Resolves with the first topology of a node; with `lazy`, at once.
   *
   * @throws {OptionError}
   * @throws {ClientError} code `connectTimeout` with the failure of each contact point; code
   * `contactsUnusable`, at once, if all of them are definite; code `connectAborted` if `signal` was
   * aborted.
   */
  static async connect(options: ClientOptions): Promise<ClusterClient> {
    checkClientOptions(options);
    const client = new ClusterClient(options);
    try {
      await client.#connections.open();
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /**
   * Connects with the options of the sections `client`, `transport` and `tls` of a file,
   * `casty.toml`, and of environment variables such as `CASTY_CLIENT_CONTACT_POINTS`; see
   * `docs/configuration.md`. `options` override both, the environment overrides the file.
   *
   * @throws {ConfigError} codes `noConfigFile`, `unreadableConfig`, `badToml`, `badConfig`.
   * @throws {TlsConfigError} the files of the section `tls` cannot be used.
   * @throws as {@linkcode ClusterClient.connect}.
   *
   * @example
   * ```ts
   * import { ClusteredActorSystem } from "@casty/casty";
   * import { ClusterClient } from "@casty/casty/client";
   *
   * await using node = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
   * const folder = await Deno.makeTempDir();
   * const file = `${folder}/casty.toml`;
   * await Deno.writeTextFile(file, `[client]\nsystemName = "shop"\nlazy = false\n`);
   * await using client = await ClusterClient.fromConfig(
   *   { contactPoints: [node.address] },
   *   { file },
   * );
   * console.assert(client.topology.members.length === 1);
   * await Deno.remove(folder, { recursive: true });
   * ```
   */
  static async fromConfig(
    options: Partial<ClientOptions> = {},
    place: ConfigPlace = {},
  ): Promise<ClusterClient> {
    checkOptions(configPlaceTable, place);
    // Only then: programs without a file load no parser.
    const { clientOptionsOf } = await import("./configured_client.ts");
    return await ClusterClient.connect(await clientOptionsOf(options, place));
  }

  /** The state of the client. Changes are events, see {@linkcode ClusterClient.eventStream}. */
  get state(): ClientState {
    return this.#connections.state;
  }

  /**
   * Events: `clientState` ({@linkcode ClientStateChanged}), `clientNode`
   * ({@linkcode ClientNodeChanged}), `connectionRejected` ({@linkcode ClientConnectionRejected}),
   * `deadLetter`, the events of certificates (`tlsReloaded`,
   * `tlsReloadFailed`, `certificateExpiring` and so on), and events of the client's own actors.
   */
  get eventStream(): EventStream<ClientEvent> {
    return this.#system.eventStream as EventStream<ClientEvent>;
  }

  /** The latest topology: members and services of the cluster. */
  get topology(): Topology {
    return this.#connections.topology;
  }

  /** The first of the nodes that the client is subscribed to; undefined if none answers. */
  get contact(): string | undefined {
    return this.#connections.contacts[0];
  }

  /** The nodes that the client is subscribed to. */
  get contacts(): readonly string[] {
    return this.#connections.contacts;
  }

  /** This client's address, `"client:<URI>#<id>"`; without a certificate `"client:<id>"`. */
  get address(): string {
    return this.#connections.address;
  }

  /**
   * A reference to one entity: each message goes to the node that owns the entity, without a hop in
   * between.
   *
   * @param entityId 1 to 512 characters.
   * @throws {OptionError}
   * @throws {ClientError} codes `shardCountMismatch`, `closed`, as `entityRef`.
   */
  entity<M>(type: EntityType<M>, entityId: string): EntityRef<M, ClientAskOptions> {
    return this.entityRef(type).entity(entityId);
  }

  /**
   * A reference to the singleton of a name: each message goes to the node where it runs, without a hop in
   * between, and waits within `buffer` while that is not known.
   *
   * @throws {OptionError}
   * @throws {ClientError} code `closed`.
   */
  singleton<M = never>(name: string): EntityRef<M, ClientAskOptions> {
    const { shardType, entityId } = singletonPlace(name);
    return this.entityRef<M>(shardType, { numShards: 1 }).entity(entityId);
  }

  /**
   * References to the workers of a name, by their numbers: each message goes to the node where its worker
   * runs, without a hop in between, and waits within `buffer` while that is not known.
   *
   * @param count how many the nodes run, 1 to 1 024.
   * @throws {OptionError}
   * @throws {ClientError} codes `shardCountMismatch`, `closed`, as `entityRef`.
   */
  workers<M = never>(name: string, count: number): NumberedWorkers<M, ClientAskOptions> {
    return workersOf(
      name,
      count,
      (type, numShards) => this.entityRef<M>(type, { numShards }),
    );
  }

  /**
   * A reference to the entities of a type: it takes envelopes and sends each to the node that owns the
   * entity, without a hop in between, and it gives references to single entities. Messages whose
   * location is not known wait, within `buffer`. The same name returns the same reference.
   *
   * @param name the name under which the nodes spawn it.
   * @param options `numShards` must be that of the nodes. Default 256.
   * @throws {OptionError}
   * @throws {ClientError} code `shardCountMismatch` if called before with another number; code
   * `closed`.
   */
  entityRef<M = never>(
    name: string,
    options?: { readonly numShards?: number },
  ): ShardRegionRef<M, ClientAskOptions>;
  /** The same, by the entity type that nodes and clients share. */
  entityRef<M = never>(type: EntityType<M>): ShardRegionRef<M, ClientAskOptions>;
  entityRef<M = never>(
    type: string | EntityType<M>,
    options: { readonly numShards?: number } = {},
  ): ShardRegionRef<M, ClientAskOptions> {
    this.#checkOpen();
    const sharding = this.#sharding;
    if (typeof type !== "string") return sharding.ref<M>(type.name, type.numShards);
    const { numShards } = resolveOptions(entityRefTable, options);
    return sharding.ref<M>(type, numShards);
  }

  /**
   * The same as {@linkcode ClusterClient.entityRef}, for code that runs on nodes and clients. The
   * factory is not used: a client runs no entities.
   */
  regionRef<M = never>(
    name: string,
    factory: EntityFactory<M>,
    options?: { readonly numShards?: number },
  ): ShardRegionRef<M, ClientAskOptions>;
  /** The same, by the entity type that nodes and clients share. */
  regionRef<M = never>(
    type: EntityType<M>,
    factory: EntityFactory<M>,
  ): ShardRegionRef<M, ClientAskOptions>;
  regionRef<M = never>(
    type: string | EntityType<M>,
    _factory: EntityFactory<M>,
    { numShards }: { readonly numShards?: number } = {},
  ): ShardRegionRef<M, ClientAskOptions> {
    if (typeof type !== "string") return this.entityRef<M>(type);
    return this.entityRef<M>(type, numShards === undefined ? {} : { numShards });
  }

  /**
   * Counters, maps, sets, queues, locks, semaphores and barriers of a group that nodes have opened, see
   * `docs/distributed.md`. A lock that the client holds is free when the client is gone.
   *
   * @throws {OptionError}
   * @throws {ClientError} code `closed`.
   */
  distributed(options: ClientDistributedOptions = {}): Distributed {
    this.#checkOpen();
    return this.#structures.open(options);
  }

  /**
   * Sends the message of `factory` and resolves with the first reply. An ask that is known to be
   * lost fails at once; with `retry`, it is repeated instead.
   *
   * @throws {AskTimeoutError} if no reply arrives in time.
   * @throws {AskError} codes `askTargetDead`, `askNotDelivered`, `askHandlerFailed`, `askAborted`,
   * `tooManyAsks`.
   * @throws {OptionError}
   * @throws {ActorError} code `systemStopped`: the client was closed.
   */
  ask<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: ClientAskOptions,
  ): Promise<ReplyOf<M, R, Q>> {
    if (options === undefined) return this.#system.ask(ref, factory);
    try {
      checkOptions(clientAskTable, options);
    } catch (error) {
      return Promise.reject(error);
    }
    const { retry, ...once } = options;
    if (retry === undefined || retry === false) return this.#system.ask(ref, factory, once);
    return askRepeatedly(ref, options, this.#runtime, (once) => {
      return this.#system.ask<M, R, Q>(ref, factory, once);
    }, this.#closing.signal);
  }

  /**
   * The same as {@linkcode ClusterClient.ask}, but undefined when no reply arrives in time.
   *
   * @throws {AskError} as `ask`.
   */
  async askOrUndefined<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: ClientAskOptions,
  ): Promise<ReplyOf<M, R, Q> | undefined> {
    try {
      return await this.ask<M, R, Q>(ref, factory, options);
    } catch (error) {
      if (error instanceof AskTimeoutError) return undefined;
      throw error;
    }
  }

  /**
   * The same as {@linkcode ClusterClient.ask}, of an actor that answers with a `StatusReply`:
   * resolves with its value.
   *
   * @throws {AskError} as `ask`; code `askRejected` if the actor has answered with an error, which
   * is its `rejection`. Such an answer is never asked for again.
   */
  askStatus<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: ClientAskOptions,
  ): Promise<StatusValue<ReplyOf<M, R, Q>>> {
    return statusOf(this.ask<M, R, Q>(ref, factory, options), ref);
  }

  /** The same as {@linkcode ClusterClient.ask}. */
  entityAsk<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: ClientAskOptions,
  ): Promise<ReplyOf<M, R, Q>> {
    return this.ask<M, R, Q>(ref, factory, options);
  }

  /**
   * The actors that offer a service in the latest topology, without actors on nodes that cannot be
   * reached or that leave. Empty before the first topology. The list never changes.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  lookup<M>(key: ServiceKey<M>): readonly ActorRef<M>[];
  /** The actor of this client at a path such as `"/parent/child"`, if there is one. */
  lookup<M = never>(path: string): ActorRef<M> | undefined;
  /**
   * A reference to the actor at a path of a node, `"host:port"`. A client may send only to actors that
   * offer a service, and to actors whose reference it was sent: any other message, and one to an actor
   * that does not exist, is a dead letter of that node.
   *
   * @throws {OptionError}
   */
  lookup<M = never>(path: string, place: { readonly node: string }): ActorRef<M>;
  /**
   * The same, by the label of the node; undefined if no member of the latest topology has it. If several
   * have, it is the one that joined last.
   *
   * @throws {OptionError}
   */
  lookup<M = never>(path: string, place: { readonly nodeId: string }): ActorRef<M> | undefined;
  lookup<M = never>(
    what: string | ServiceKey<M>,
    place?: LookupPlace,
  ): readonly ActorRef<M>[] | ActorRef<M> | undefined {
    if (typeof what !== "string") return this.#connections.services.lookup(what);
    if (place === undefined) return this.#system.lookup<M>(what);
    const { members } = this.topology;
    return lookupAt<M>(
      what,
      place,
      members,
      (address) => this.#connections.remoting.refTo(address),
    );
  }

  /**
   * The actors that offer a service: now, and after each change, until the loop is left or the client
   * closed. A slow reader gets the newest listing, not every one.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  subscribe<M>(key: ServiceKey<M>): ListingSubscription<M> {
    return this.#connections.services.subscribe(key);
  }

  /**
   * Opens a topic at this client, to publish and to subscribe through one of its nodes. The nodes must
   * have opened the topic, and its option `clients` must permit it. Subscriptions survive reconnects; a
   * message that is published meanwhile is lost unless the topic retains it.
   *
   * @throws {OptionError}
   * @throws {TopicError} codes `topicMismatch`, `tooManyTopics`.
   */
  topic<M>(topic: Topic<M>): TopicHandle<M> {
    return this.#topics.open(topic);
  }

  /**
   * A reference to all instances of a broadcast actor, one at each node that has spawned it.
   *
   * @param name the name under which the nodes spawn it, 1 to 256 printable characters.
   * @param options `role`: that of `Behaviors.broadcasted`, if it has one. Default: all nodes.
   * @throws {OptionError}
   */
  broadcastRef<M = never>(
    name: string,
    options: { readonly role?: string } = {},
  ): BroadcastRef<M> {
    const { role } = resolveOptions(broadcastRefTable, options);
    return this.#broadcasts.ref<M>(checkValue("name", topicName, name), role);
  }

  /**
   * Starts an actor in this process. Its reference can be sent to the cluster: messages of nodes
   * arrive over the connections that the client has opened. It can watch actors of the cluster, and
   * hears of their end when they have stopped or their node is no member any more; a node that cannot
   * be reached may come back.
   *
   * @throws {ActorError} as {@linkcode ActorSystem.spawn}.
   */
  spawn<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M> {
    const ref = this.#system.spawn(behavior, name, options);
    // An actor that receives the reference may be on any node.
    this.#connections.connectToAll();
    return ref;
  }

  /** Stops an actor that this client has started. */
  stop(ref: ActorRef<never>): Promise<void> {
    return this.#system.stop(ref);
  }

  /** The actor system of the client, for streams, routers and the scheduler. */
  get system(): ActorSystem {
    return this.#system;
  }

  /**
   * Locations of shards and entities, like `system.sharding` of a node; of types for which
   * `entityRef` was called.
   */
  get sharding(): ShardLocations {
    return this.#sharding;
  }

  /**
   * Resolves when no more than half of the send queue to a node is taken: for senders that are faster
   * than the network.
   */
  drained(node: string): Promise<void> {
    return this.#connections.drained(node);
  }

  /** Stops the client's actors and closes all connections. Rejects pending asks immediately. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = this.#connections.close();
      this.#closing.abort();
    }
    return this.#closed;
  }

  /** The same as {@linkcode ClusterClient.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#closed === undefined) return;
    throw new ClientError("closed", closedText, { remedy: closedRemedy });
  }
}
