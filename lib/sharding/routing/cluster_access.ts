import type { AskOptions, LiteralOf } from "../../actor/behavior/ask_options.ts";
import type { Behavior } from "../../actor/behavior/behavior.ts";
import type { ReplyOf } from "../../actor/behavior/reply_of.ts";
import type { SpawnOptions } from "../../actor/behavior/spawn_options.ts";
import type { StatusValue } from "../../actor/behavior/status_reply.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { ListingSubscription } from "../../actor/services/listing_subscription.ts";
import type { ServiceKey } from "../../actor/services/service_key.ts";
import type { EntityFactory } from "./entity_factory.ts";
import type { EntityRef } from "./entity_ref.ts";
import type { NumberedWorkers } from "./numbered_workers.ts";
import type { EntityType } from "./entity_type.ts";
import type { ShardLocations } from "./shard_place.ts";
import type { ShardRegionRef } from "./shard_proxy.ts";

/**
 * What a node and a client have in common: code for both takes this. A `ClusteredActorSystem` and a
 * `ClusterClient` are one.
 *
 * @example
 * ```ts
 * import {
 *   type ActorRef,
 *   Behaviors,
 *   type ClusterAccess,
 *   ClusteredActorSystem,
 *   entityType,
 * } from "@casty/casty";
 *
 * type Greet = { type: "greet"; replyTo: ActorRef<string> };
 * const Greeters = entityType<Greet>("greeters", { numShards: 20 });
 * const greeting = (cluster: ClusterAccess, id: string): Promise<string> =>
 *   cluster.entity(Greeters, id).ask((replyTo) => ({ type: "greet", replyTo }));
 *
 * await using node = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
 * const greeter = (id: string) =>
 *   Behaviors.receive<Greet>((_context, { replyTo }) => {
 *     replyTo.tell(`hello from ${id}`);
 *     return Behaviors.same();
 *   });
 * node.spawn(Behaviors.sharded(Greeters, greeter));
 * console.assert(await greeting(node, "alice") === "hello from alice");
 * ```
 */
export interface ClusterAccess extends AsyncDisposable {
  /** The address of the node, `"host:port"`, or of the client, `"client:<id>"`. */
  readonly address: string;
  /** Locations of shards and entities, as far as they are known here. */
  readonly sharding: ShardLocations;
  /**
   * Starts an actor in this process. Actors of the cluster can send to its reference.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `badBehavior`, `systemStopped`.
   * @throws {OptionError}
   */
  spawn<M>(behavior: Behavior<M>, name: string, options?: SpawnOptions): ActorRef<M>;
  /** Stops an actor of this process. */
  stop(ref: ActorRef<never>): Promise<void>;
  /**
   * Sends the message of `factory` and resolves with the first reply.
   *
   * @throws {AskTimeoutError} if no reply arrives in time.
   * @throws {AskError} if the message was lost or the ask aborted.
   */
  ask<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q>>;
  /** The same, but undefined when no reply arrives in time. */
  askOrUndefined<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q> | undefined>;
  /**
   * The same as {@linkcode ClusterAccess.ask}, of an actor that answers with a `StatusReply`: resolves
   * with its value.
   *
   * @throws {AskError} as `ask`; code `askRejected` if the actor has answered with an error.
   */
  askStatus<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<StatusValue<ReplyOf<M, R, Q>>>;
  /** The same as {@linkcode ClusterAccess.ask}, under the name that casty's guides use. */
  entityAsk<M, R, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => Q,
    options?: AskOptions,
  ): Promise<ReplyOf<M, R, Q>>;
  /**
   * A reference to one entity.
   *
   * @param entityId 1 to 512 characters.
   * @throws {OptionError}
   */
  entity<M>(type: EntityType<M>, entityId: string): EntityRef<M>;
  /**
   * A reference to the singleton of a name, wherever it runs: see `Behaviors.singleton`.
   *
   * @param name the name under which nodes spawn it.
   * @throws {OptionError}
   */
  singleton<M = never>(name: string): EntityRef<M>;
  /**
   * References to the workers of a name, wherever they run: see `Behaviors.workers`.
   *
   * @param name the name under which nodes spawn them.
   * @param count how many there are at the nodes.
   * @throws {OptionError}
   * @throws {CastyError} code `shardCountMismatch` if they have another number here already.
   */
  workers<M = never>(name: string, count: number): NumberedWorkers<M>;
  /**
   * A reference to the entities of a type, which any nodes of the cluster run. The same name returns
   * the same reference.
   *
   * @param name the name under which nodes spawn it.
   * @param options `numShards` must be that of the nodes. Default 256.
   * @throws {OptionError}
   * @throws {CastyError} code `shardCountMismatch` if the type has another number here already.
   */
  entityRef<M = never>(
    name: string,
    options?: { readonly numShards?: number },
  ): ShardRegionRef<M>;
  /** The same, by the entity type that nodes and clients share. */
  entityRef<M = never>(type: EntityType<M>): ShardRegionRef<M>;
  /**
   * The same as {@linkcode ClusterAccess.entityRef}; a node that does not run the type yet runs it from
   * then on, with entities that `factory` makes. A client runs none.
   */
  regionRef<M = never>(
    name: string,
    factory: EntityFactory<M>,
    options?: { readonly numShards?: number },
  ): ShardRegionRef<M>;
  /** The same, by the entity type that nodes and clients share. */
  regionRef<M = never>(type: EntityType<M>, factory: EntityFactory<M>): ShardRegionRef<M>;
  /**
   * The actors that offer a service, without actors on nodes that cannot be reached. The list never
   * changes.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  lookup<M>(key: ServiceKey<M>): readonly ActorRef<M>[];
  /** The actor of this process at a path such as `"/parent/child"`, if there is one. */
  lookup<M = never>(path: string): ActorRef<M> | undefined;
  /**
   * A reference to the actor at a path of a node, by its address `"host:port"`. Whether there is one,
   * whether it takes `M`, and whether a client may send to it, is not checked: a message that cannot be
   * delivered is a dead letter of that node.
   *
   * @throws {OptionError}
   */
  lookup<M = never>(path: string, place: { readonly node: string }): ActorRef<M>;
  /**
   * The same, by the label of the node; undefined if no member that is known here has it. If several
   * have, it is the one that joined last.
   *
   * @throws {OptionError}
   */
  lookup<M = never>(path: string, place: { readonly nodeId: string }): ActorRef<M> | undefined;
  /**
   * The actors that offer a service: now, and after each change, until the loop is left, or the node or
   * client ends. A slow reader gets the newest listing, not every one.
   *
   * @throws {ActorError} code `badServiceKey`.
   */
  subscribe<M>(key: ServiceKey<M>): ListingSubscription<M>;
  /**
   * Resolves when no more than half of the send queue to a node is taken: for senders that are faster
   * than the network.
   */
  drained(node: string): Promise<void>;
}
