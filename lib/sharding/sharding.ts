import { extensionKey } from "../cluster/node/extension_key.ts";
import type { ExtensionKey } from "../cluster/node/extension_key.ts";
import type { GrantPhase } from "./coordinator/shard_table.ts";
import type { Daemons } from "./region/daemons.ts";
import type { EntityFactory } from "./routing/entity_factory.ts";
import type { EntityType } from "./routing/entity_type.ts";
import type { ShardLocations } from "./routing/shard_place.ts";
import type { ShardRegionRef } from "./routing/shard_proxy.ts";
import type { ShardedBehavior, ShardedOptions } from "./sharded_behavior.ts";

/** A shard that a node owns. */
export interface OwnedShard {
  /** The name under which the sharded behaviour was spawned. */
  readonly shardType: string;
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/**
 * A node's view of sharded entities: `system.sharding`. The leader coordinates, so it knows where
 * all shards are; other nodes know the shards of which they have received the location.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * type Count = { replyTo: ActorRef<number> };
 * const empty = () =>
 *   Behaviors.receive<Count>((_context, { replyTo }) => {
 *     replyTo.tell(0);
 *     return Behaviors.same();
 *   });
 * const carts = system.spawn(Behaviors.sharded(empty, { numShards: 20 }), "carts");
 * await system.ask(carts.entity("cart-7"), (replyTo) => ({ replyTo }));
 * console.assert(system.sharding.runningEntities("carts").join() === "cart-7");
 * console.assert(system.sharding.shardOwner("carts", "cart-7") === system.address);
 * ```
 */
export interface Sharding extends ShardLocations {
  /** The ids of the entities of a type that run at this node now. */
  runningEntities(name: string): readonly string[];
  /** The shards of all types that this node owns now, including shards in hand-off. */
  ownedShards(): readonly OwnedShard[];
  /** Counts the changes of {@linkcode Sharding.ownedShards}. */
  readonly ownedVersion: number;
}

/** How a node gives references to entities; see the methods of the node. */
export interface ShardRefs {
  /** The reference to the entities of a type, which other nodes may run. */
  entityRef<M>(
    type: string | EntityType<M>,
    options: { readonly numShards?: number },
  ): ShardRegionRef<M>;
  /** The same; this node runs the type from then on. */
  regionRef<M>(
    type: string | EntityType<M>,
    factory: EntityFactory<M>,
    options: ShardedOptions | undefined,
  ): ShardRegionRef<M>;
  /**
   * Runs entities that always run, and no others of the type.
   *
   * @param name of the type; begins with `_`, so that it is no type of users.
   * @throws {ActorError} code `duplicateName`.
   */
  spawnDaemons<M>(behavior: ShardedBehavior<M>, name: string, daemons: Daemons): ShardRegionRef<M>;
  /**
   * Why nothing of a type that was spawned here can run, as far as this node knows: no member has its role,
   * or the coordinator rejects the type.
   */
  obstacle(shardType: string): string | undefined;
  /** The types that this node runs or routes to, those of the framework among them. */
  types(): readonly KnownType[];
  /** What the coordinator knows of a grant; undefined: this node does not coordinate, or nobody owns it. */
  grantPhase(shardType: string, shard: number): GrantPhase | undefined;
}

/** A sharded type, as one node knows it. */
export interface KnownType {
  readonly shardType: string;
  readonly numShards: number;
  /** Whether it runs here; otherwise this node only routes to it. */
  readonly runs: boolean;
  /** Shards that this node owns. */
  readonly owned: number;
  /** Entities that run here now. */
  readonly entities: number;
  /** Messages that wait here for the owners of their shards. */
  readonly waiting: number;
}

const refsOf = new WeakMap<Sharding, ShardRefs>();

/** Called by the extension, once: users see the methods of the node. */
export function setShardRefs(sharding: Sharding, refs: ShardRefs): void {
  refsOf.set(sharding, refs);
}

/** The references of a node. */
export function shardRefsOf(sharding: Sharding): ShardRefs {
  return refsOf.get(sharding)!;
}

/** Under which a node exposes its {@linkcode Sharding}. */
export const shardingKey: ExtensionKey<Sharding> = extensionKey("sharding");
