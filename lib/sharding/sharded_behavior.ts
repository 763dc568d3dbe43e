import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ActorContext } from "../actor/behavior/context.ts";
import { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import { EntityType } from "./routing/entity_type.ts";
import { checkNumShards } from "./routing/shard_count.ts";
import { badOption } from "./errors.ts";
import { checkPassivation, type PassivationOptions } from "./region/passivation.ts";
import {
  checkRemember,
  type EntityStore,
  type RememberOptions,
} from "./remember/remember_options.ts";
import type { ShardBufferLimits } from "./routing/shard_routes.ts";
import type { ShardEnvelope } from "./routing/shard_envelope.ts";

/** The kind of what `Behaviors.sharded` makes. */
export const shardedKind = "sharded";

/** Options of `Behaviors.sharded`. */
export interface ShardedOptions {
  /**
   * How many shards the entities are spread over, 1 to 65 536. The same on every node and client.
   * Default 256.
   */
  readonly numShards?: number;
  /** Only nodes with this role run entities; others route to them. Default: all nodes. */
  readonly role?: string;
  /** Decides which node gets which shard, at the leader. Default {@linkcode leastShards}. */
  readonly strategy?: AllocationStrategy;
  /**
   * When idle entities are stopped; `false`: never. Default: after 120 000 ms without a message.
   */
  readonly passivation?: Partial<PassivationOptions> | false;
  /** Bounds of messages that wait while a shard moves or its location is not known. */
  readonly buffer?: Partial<ShardBufferLimits>;
  /** Messages that wait for one entity while it stops. Default 1 000. */
  readonly maxPendingPerEntity?: number;
  /**
   * Milliseconds that an entity that has to stop has for the messages in its mailbox. Then it stops at
   * once, and the rest are dead letters (`stopped`). Default 10 000.
   */
  readonly stopTimeout?: number;
  /**
   * Whether entities that run start again by themselves when their shard has moved or its owner has
   * died. One that stops by itself or is passivated does not. `true` remembers them at all nodes that
   * run the type; a store remembers across a restart of the whole cluster, too. The same on all nodes.
   * Default `false`.
   */
  readonly rememberEntities?: boolean | EntityStore | RememberOptions;
}

/**
 * Makes the behaviour of one entity. Called when the entity starts, and when it restarts;
 * `context.entityId` is the id, too.
 */
export type EntityFactory<M> = (entityId: string, context: ActorContext<M>) => Behavior<M>;

/**
 * What `Behaviors.sharded` makes: not the behaviour of one actor, but a description of entities that
 * sharding runs at the nodes of a cluster.
 */
export class ShardedBehavior<M> extends ExtensionBehavior<ShardEnvelope<M>> {
  /** The kind that sharding has registered. */
  override readonly kind: string = shardedKind;
  /** Makes the behaviour of one entity. */
  readonly factory: EntityFactory<M>;
  /** How many shards the entities are spread over. */
  readonly numShards: number;
  /** The name that the type has, if it was made with `entityType`. */
  readonly entityType: EntityType<M> | undefined;
  /** All options as they were given. */
  readonly options: ShardedOptions;
  /** When idle entities are stopped. */
  readonly passivation: PassivationOptions;

  /** Checks the options. */
  constructor(
    factory: EntityFactory<M>,
    options: ShardedOptions = {},
    entityType?: EntityType<M>,
  ) {
    super();
    if (typeof factory !== "function") throw badOption("factory", factory, "give a function");
    this.factory = factory;
    this.numShards = entityType?.numShards ?? checkNumShards(options.numShards ?? 256);
    this.entityType = entityType;
    this.options = options;
    this.passivation = checkPassivation(options.passivation ?? {});
    checkRemember(options.rememberEntities);
    checkLimit("stopTimeout", options.stopTimeout);
    checkLimit("maxPendingPerEntity", options.maxPendingPerEntity);
    for (const [name, value] of Object.entries(options.buffer ?? {})) {
      checkLimit(`buffer.${name}`, value);
    }
  }
}

/** Makes {@linkcode ShardedBehavior}. */
export interface Sharded {
  /**
   * Describes entities of a type that nodes and clients share. Spawn it without a name: it is the
   * type's.
   *
   * @throws {ShardingError} code `badOption`.
   */
  <M>(
    entityType: EntityType<M>,
    factory: EntityFactory<M>,
    options?: Omit<ShardedOptions, "numShards">,
  ): ShardedBehavior<M>;
  /**
   * Describes entities that live once in the cluster, each on the node that owns its shard, started
   * by its first message.
   *
   * @throws {ShardingError} code `badShardCount` or `badOption`.
   */
  <M>(factory: EntityFactory<M>, options?: ShardedOptions): ShardedBehavior<M>;
}

/** See {@linkcode Sharded}. */
export const sharded: Sharded = <M>(
  first: EntityType<M> | EntityFactory<M>,
  second?: EntityFactory<M> | ShardedOptions,
  third?: ShardedOptions,
): ShardedBehavior<M> =>
  first instanceof EntityType
    ? new ShardedBehavior(second as EntityFactory<M>, third, first)
    : new ShardedBehavior(first, second as ShardedOptions | undefined);

function checkLimit(name: string, value: number | undefined): void {
  if (value === undefined || value > 0) return;
  throw badOption(name, value, "use a number above 0");
}
