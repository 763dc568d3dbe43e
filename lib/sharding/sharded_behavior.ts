import type { DurableStore } from "../runtime/durable_store.ts";
import type { Overflow } from "../actor/behavior/spawn_options.ts";
import { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import type { ClientPolicy } from "../actor/services/client_policy.ts";
import type { AllocationStrategy } from "./coordinator/allocation.ts";
import type { EntityFactory } from "./routing/entity_factory.ts";
import { EntityType } from "./routing/entity_type.ts";
import { checkOptions, checkValue, withDefaults } from "../options/check_options.ts";
import { callback, number } from "../options/option.ts";
import {
  replicationDefaults,
  shardedDefaults,
  shardedTable,
} from "../options/tables/sharding_tables.ts";
import { type PassivationOptions, resolvePassivation } from "./region/passivation.ts";
import type { EntityStore, RememberOptions } from "./remember/remember_options.ts";
import type { ShardBufferLimits } from "./routing/shard_routes.ts";
import type { ShardEnvelope } from "./routing/shard_envelope.ts";

/** The kind of behaviours that `Behaviors.sharded` returns. */
export const shardedKind = "sharded";

/** Bounds of the mailbox of an entity; `Infinity`: no limit. */
export interface EntityMailboxOptions {
  /** Messages that may wait, the stash included, at least 1. Default 10 000. */
  readonly capacity?: number;
  /**
   * Largest size of the waiting messages in bytes, by `sizeOf`; the stash may hold as much again. A
   * message for an entity with an empty mailbox is always taken. Default 67 108 864.
   */
  readonly maxBytes?: number;
  /** Bytes of a message, at least 0. Default: an estimate of plain data, see `estimateSize`. */
  readonly sizeOf?: (message: never) => number;
  /** Which message is dropped when it is full. Default `"dropNew"`. */
  readonly overflow?: Overflow;
}

/** Copies of the shards of a type at several nodes; the same on all nodes. See `docs/replication.md`. */
export interface ReplicationOptions {
  /** Copies of each shard at other nodes, besides the owner's, 1 to 6. Default 2. */
  readonly replicas?: number;
  /**
   * Other copies that must have an event before its sender is answered, from 1 to `replicas`. Default 1.
   */
  readonly minAcks?: number;
  /**
   * Milliseconds after which asks fail with the code `outcomeUnknown` if too few copies have answered. The
   * events may be stored, and may be found later. Default 5 000.
   */
  readonly ackTimeout?: number;
  /**
   * Whether a shard goes on without acknowledged events when all copies that have them are lost. It is
   * logged. `false`: the shard waits for them. Default `false`.
   */
  readonly allowDataLoss?: boolean;
  /**
   * With a database as `journal`, where the other nodes are hot standbys: entities of the type that a node
   * keeps ready; for one more the least recently changed is dropped. Default 10 000.
   */
  readonly maxWarmEntities?: number;
  /** The same for the estimated size of their states, in bytes. Default 67 108 864. */
  readonly maxWarmBytes?: number;
}

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
   * When idle entities are stopped; `false`: never. Default: after 120 000 ms without work.
   */
  readonly passivation?: Partial<PassivationOptions> | false;
  /** Bounds of messages that wait while a shard moves or its location is not known. */
  readonly buffer?: Partial<ShardBufferLimits>;
  /**
   * Bounds of the mailbox of each entity. A message beyond becomes a dead letter with the reason
   * `mailboxFull`, which its asker is told.
   */
  readonly mailbox?: EntityMailboxOptions;
  /**
   * Entities that clients with one certificate may start at a node, a second. Messages beyond become
   * dead letters with the reason `bufferFull`. `Infinity`: no limit. Default 10 000.
   */
  readonly maxStartsPerIdentity?: number;
  /**
   * Messages that wait for one entity while it stops or cannot start, besides those that it had
   * accepted. Default 1 000.
   */
  readonly maxPendingPerEntity?: number;
  /**
   * Milliseconds that an entity that has to stop has for the messages in its mailbox. Then it stops at
   * once, and the rest waits for its next incarnation, here or at the next owner of its shard. Default
   * 10 000.
   */
  readonly stopTimeout?: number;
  /**
   * Whether running entities restart automatically when their shard has moved or its owner has
   * crashed. An entity that stops itself or is passivated does not restart. `true` remembers them
   * at all nodes that run the type; a store remembers across a restart of the whole cluster, too.
   * The same on all nodes. Default `false`.
   */
  readonly rememberEntities?: boolean | EntityStore | RememberOptions;
  /**
   * Where entities of the type are stored that are durable actors and have no journal of their own, such
   * as `sqliteJournal(...)`. Who has made it closes it. Default: the journal of the node, see
   * `persistence`. With `replication` it is a store of this node alone, where the copies of this node
   * are kept (default: memory), or a database that all nodes share: then they are hot standbys.
   */
  readonly journal?: DurableStore;
  /**
   * Keeps the events of durable entities that have no journal of their own at several nodes, so that
   * they survive the loss of any of them without a database. Default: none.
   *
   * @example
   * ```ts
   * import { Behaviors } from "@casty/casty";
   * import { durableState } from "@casty/casty/persistence";
   *
   * const cart = () =>
   *   durableState<{ type: "add"; item: string }, readonly string[]>({
   *     initial: [],
   *     onMessage: (_context, items, { item }, effect) => effect.persist([...items, item]),
   *   });
   * const carts = Behaviors.sharded(cart, { replication: { replicas: 2, minAcks: 1 } });
   * console.assert(carts.options.replication?.replicas === 2);
   * ```
   */
  readonly replication?: ReplicationOptions;
  /**
   * Which clients may send messages to the entities, by the identity in their certificates. Called
   * once for each connection. `"read"`: only messages for which `reads` returns `true`. Other
   * messages are dead letters (`unauthorized`), and their asks fail at once. The same on all nodes.
   * Default: all clients.
   *
   * @example
   * ```ts
   * import { Behaviors } from "@casty/casty";
   *
   * const account = () => Behaviors.receive<{ type: "balance" | "close" }>(() => Behaviors.same());
   * const accounts = Behaviors.sharded(account, {
   *   clients: ({ identity }) =>
   *     identity.kind === "client" &&
   *     (identity.uri?.startsWith("spiffe://bank/client/teller-") || "read"),
   *   reads: (message) => (message as { type: string }).type === "balance",
   * });
   * console.assert(accounts.options.clients !== undefined);
   * ```
   */
  readonly clients?: ClientPolicy<boolean | "read">;
  /**
   * Whether a message only reads, for clients with the access `"read"`. A function that throws says
   * no. Default: no message.
   */
  readonly reads?: (message: unknown) => boolean;
}

/**
 * The result of `Behaviors.sharded`: not the behaviour of one actor, but a description of entities
 * that sharding runs at the nodes of a cluster.
 */
export class ShardedBehavior<M> extends ExtensionBehavior<ShardEnvelope<M>> {
  /** The kind that sharding has registered. */
  override readonly kind: string = shardedKind;
  /** Creates the behaviour of one entity. */
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
    checkValue("factory", callback("a function of the entity id"), factory);
    checkOptions(shardedTable, options);
    checkReplication(options.replication);
    this.factory = factory;
    this.numShards = entityType?.numShards ?? options.numShards ?? shardedDefaults.numShards;
    this.entityType = entityType;
    this.options = options;
    this.passivation = resolvePassivation(options.passivation ?? {});
  }
}

/** @throws {OptionError} more copies are to acknowledge than there are. */
function checkReplication(given: ReplicationOptions | undefined): void {
  if (given === undefined) return;
  const { replicas, minAcks } = withDefaults(replicationDefaults, given);
  checkValue("replication: minAcks", number(1, replicas, { whole: true }), minAcks);
}

/** Creates a {@linkcode ShardedBehavior}. */
export interface Sharded {
  /**
   * Describes entities of a type that nodes and clients share. Spawn it without a name: it is the
   * type's.
   *
   * @throws {OptionError}
   */
  <M>(
    entityType: EntityType<M>,
    factory: EntityFactory<M>,
    options?: Omit<ShardedOptions, "numShards">,
  ): ShardedBehavior<M>;
  /**
   * Describes entities that run once in the cluster, each on the node that owns its shard, started
   * by its first message.
   *
   * @throws {OptionError}
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
