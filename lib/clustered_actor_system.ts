/**
 * The composition root of a node: the only place that knows all layers.
 *
 * @module
 */
import type { Behavior } from "./actor/behavior.ts";
import type { ActorRef } from "./actor/ref.ts";
import type { SpawnOptions } from "./actor/spawn_options.ts";
import type { ClusterOptions } from "./cluster/cluster_options.ts";
import { ClusterSystem } from "./cluster/cluster_system.ts";
import type { MembershipView } from "./membership/view.ts";
import type { Remoting } from "./remoting/remoting.ts";
import { ShardedBehavior } from "./sharding/sharded_behavior.ts";
import type { ShardEnvelope } from "./sharding/shard_envelope.ts";
import { Sharding } from "./sharding/sharding.ts";

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
 * const answer = await system.ask<typeof pongs, string>(
 *   pongs,
 *   (replyTo) => shardEnvelope("alice", { type: "ping", replyTo }),
 * );
 * console.assert(answer === "alice is here");
 * ```
 */
export class ClusteredActorSystem extends ClusterSystem {
  #sharding: Sharding | undefined;

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
    await system.open();
    return system;
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
  override spawn<M>(behavior: ShardedBehavior<M>, name: string): ActorRef<ShardEnvelope<M>>;
  override spawn<M>(
    behavior: Behavior<M> | ShardedBehavior<M>,
    name: string,
    options?: SpawnOptions,
  ): ActorRef<M> | ActorRef<ShardEnvelope<M>> {
    return behavior instanceof ShardedBehavior
      ? this.#sharding!.deploy(name, behavior)
      : super.spawn(behavior, name, options);
  }

  protected override install(remoting: Remoting): void {
    this.#sharding = new Sharding(this, remoting, this.clusterRuntime);
  }

  protected override onView(view: MembershipView): void {
    this.#sharding?.onView(view);
  }

  protected override async beforeLeave(): Promise<void> {
    await this.#sharding?.release();
  }

  protected override afterLeave(): void {
    this.#sharding?.close();
  }
}
