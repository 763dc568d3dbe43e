/**
 * The composition root of a node: the only place that knows all layers.
 *
 * @module
 */
import { ActorSystem } from "./actor/system/actor_system.ts";
import type { Behavior } from "./actor/behavior/behavior.ts";
import { type ActorRef, Ref } from "./actor/ref/ref.ts";
import type { SpawnOptions } from "./actor/behavior/spawn_options.ts";
import { ClusterHandle } from "./cluster/node/cluster_handle.ts";
import { ClusterNode } from "./cluster/node/cluster_node.ts";
import { checkClusterOptions, type ClusterOptions } from "./cluster/node/cluster_options.ts";
import type { Member } from "./membership/state/member.ts";
import { setNodeInternals } from "./node_internals.ts";
import { parseAddress } from "./runtime/address.ts";
import { ShardedBehavior } from "./sharding/sharded_behavior.ts";
import type { ShardEnvelope } from "./sharding/routing/shard_envelope.ts";
import { nameOf, Sharding, type ShardPlace } from "./sharding/sharding.ts";
import { systemRuntime } from "./transport/system_runtime.ts";

/**
 * One node of a cluster: an actor system whose actors can be reached from other nodes, and that
 * can spawn what lives once in the whole cluster.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem, shardEnvelope } from "@casty/casty";
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
 * const answer = await system.ask(
 *   pongs,
 *   (replyTo: ActorRef<string>) => shardEnvelope("alice", { type: "ping" as const, replyTo }),
 * );
 * console.assert(answer === "alice is here");
 * ```
 */
export class ClusteredActorSystem extends ActorSystem {
  /** What this node tells about its cluster: its state, and why it is so. */
  readonly cluster: ClusterHandle;
  readonly #node: ClusterNode;
  #sharding: Sharding | undefined;

  private constructor(options: ClusterOptions) {
    checkClusterOptions(options);
    const runtime = systemRuntime({
      ...options.runtime,
      ...(options.logger && { logger: options.logger }),
    });
    super({ ...options, runtime });
    this.#node = new ClusterNode(this, options, runtime, {
      install: (remoting) => {
        this.#sharding = new Sharding(this, remoting, runtime, options);
      },
      onView: (view) => this.#sharding?.onView(view),
      beforeLeave: async () => await this.#sharding?.release(),
      afterLeave: () => this.#sharding?.close(),
    });
    this.cluster = new ClusterHandle(() => this.#node.facts);
    this.#exposeInternals();
    // Both have limits of their own.
    const timeout = 0x7fff_ffff;
    this.onShutdown("clusterLeave", "leave the cluster", () => this.#node.leave(), { timeout });
    this.onShutdown("afterStop", "close all connections", () => this.#node.close(), { timeout });
  }

  /**
   * Opens the port, joins the cluster, and resolves when `requiredQuorum` members are up.
   *
   * @throws {ClusterError} for options that cannot be used.
   * @throws {ClusterTimeoutError} code `quorumTimeout`; the node is shut down then.
   * @throws {TransportError} when the port cannot be opened, or the TLS configuration would let
   * peers without a certificate in.
   */
  static async start(options: ClusterOptions): Promise<ClusteredActorSystem> {
    const system = new ClusteredActorSystem(options);
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

  /** The members that this node knows of: the oldest first, joining ones last. */
  get members(): readonly Member[] {
    return this.#node.view.members;
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
   * Joins the cluster again, as a new life of this node, after it was declared down and
   * `whenDowned` is `"wait"`. Resolves when this node is up.
   *
   * @throws {ClusterError} code `notDowned`: it was not declared down.
   * @throws {ClusterTimeoutError} code `quorumTimeout`: not within `startTimeout`. It goes on to
   * try.
   */
  rejoin(): Promise<void> {
    return this.#node.rejoin();
  }

  /**
   * Waits until `count` parties in the cluster wait at the same name, then lets all go on. The
   * name can be used again at once. Each call is one party.
   *
   * @param timeout milliseconds. Default 60 000.
   * @throws {ClusterTimeoutError} code `barrierTimeout`.
   * @throws {ClusterError} code `barrierConflict`: others expect another number.
   */
  barrier(name: string, count: number, options?: { timeout?: number }): Promise<void> {
    return this.#node.barrier(name, count, options);
  }

  /**
   * Starts an actor. A sharded behaviour gives a reference that takes envelopes for entities
   * anywhere in the cluster.
   */
  override spawn<M>(
    behavior: Behavior<M>,
    name: string,
    options?: SpawnOptions,
  ): ActorRef<M>;
  /**
   * Starts to run entities at this node, and to route to them wherever they are. What was made with an
   * entity type needs no name.
   *
   * @throws {ShardingError} code `badName`.
   */
  override spawn<M>(behavior: ShardedBehavior<M>, name?: string): ActorRef<ShardEnvelope<M>>;
  override spawn<M>(
    behavior: Behavior<M> | ShardedBehavior<M>,
    name?: string,
    options?: SpawnOptions,
  ): ActorRef<M> | ActorRef<ShardEnvelope<M>> {
    return behavior instanceof ShardedBehavior
      ? this.#sharding!.deploy(nameOf(behavior, name), behavior)
      : super.spawn(behavior, name!, options);
  }

  /** The actor of this node at a path such as `"/parent/child"`, if there is one. */
  override lookup<M = never>(path: string): ActorRef<M> | undefined;
  /**
   * A reference to whichever actor lives at a path of another node, `"host:port"`. Whether there
   * is one, and whether it understands `M`, is not checked: what cannot be delivered is a dead
   * letter of that node.
   *
   * @throws {CastyError} code `badAddress`.
   */
  override lookup<M = never>(path: string, at: { readonly node: string }): ActorRef<M>;
  override lookup<M = never>(
    path: string,
    at?: { readonly node: string },
  ): ActorRef<M> | undefined {
    if (at === undefined) return super.lookup<M>(path);
    parseAddress(at.node);
    const absolute = path.startsWith("/") ? path : `/${path}`;
    return this.#node.remoting.refTo({ node: at.node, path: absolute, uid: 0 });
  }

  /**
   * Resolves when no more than half of the send queue to a node is taken, at once if so already: for
   * those who send faster than the network takes it. Without a target, when that holds for all
   * members. A node that is gone has an empty queue.
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

  #exposeInternals(): void {
    const node = this.#node;
    const sharding = () => this.#sharding;
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
      get grantsVersion() {
        return sharding()?.grantsVersion ?? 0;
      },
      shardGrants: () => sharding()?.grants() ?? [],
    });
  }

  /**
   * Where an entity is, with the number and the epoch of its shard, as far as this node knows.
   * Undefined while that is not known, or if nothing was spawned here under `name`.
   */
  whereIs(name: string, entityId: string): ShardPlace | undefined {
    return this.#sharding?.whereIs(name, entityId);
  }

  /** The ids of the entities of a type that run at this node now. */
  runningEntities(name: string): readonly string[] {
    return this.#sharding?.running(name) ?? [];
  }

  /**
   * Where the shards of a type are, as far as this node knows: the leader knows all. Undefined for
   * those that nobody runs.
   */
  shardTable(name: string): readonly (ShardPlace | undefined)[] {
    return this.#sharding?.table(name) ?? [];
  }

  /**
   * Address of the node that runs an entity, as far as this node knows. Undefined while nothing
   * was told to its shard from here, or if nothing was deployed here under `name`.
   */
  shardOwner(name: string, entityId: string): string | undefined {
    return this.#sharding?.ownerOf(name, entityId);
  }
}

function nodeOf(ref: ActorRef<never>): string {
  return ref instanceof Ref ? ref.node : "";
}
