import { checkValue, resolveOptions } from "../../options/check_options.ts";
import { entityTypeName, entityTypeTable } from "../../options/tables/sharding_tables.ts";
import type { MessageSchema } from "../../actor/behavior/message_schema.ts";

/** Options of {@linkcode entityType}. */
export interface EntityTypeOptions<M> {
  /** How many shards the entities are spread over, 1 to 65 536. Default 256. */
  readonly numShards?: number;
  /**
   * Validates messages of other processes: any synchronous Standard Schema validator. A message
   * that does not match is a dead letter, and its ask fails. Default: no validation.
   */
  readonly schema?: MessageSchema<M>;
}

/** A type of entities, as nodes and clients share it. Made by {@linkcode entityType}. */
export class EntityType<M> {
  /** The name under which nodes spawn it. */
  readonly name: string;
  /** How many shards the entities are spread over. */
  readonly numShards: number;
  /** Validates messages of other processes, if there is one. */
  readonly schema: MessageSchema<M> | undefined;
  /** Carries the type; never set. */
  declare protected readonly accepts: (message: M) => void;

  /** @internal Use {@linkcode entityType}. */
  constructor(name: string, options: EntityTypeOptions<M> = {}) {
    const { numShards, schema } = resolveOptions(entityTypeTable, options);
    this.name = checkValue("name", entityTypeName, name);
    this.numShards = numShards;
    this.schema = schema;
  }
}

/**
 * Creates a type of entities that nodes and clients share, so that name, message type and number of
 * shards are the same everywhere.
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, entityType } from "@casty/casty";
 *
 * type Counter = { type: "get"; replyTo: ActorRef<number> };
 * // In a module of its own, imported by nodes and clients.
 * const Counters = entityType<Counter>("counters", { numShards: 20 });
 *
 * const behavior = Behaviors.sharded(Counters, (_id) =>
 *   Behaviors.receive((_ctx, { replyTo }) => {
 *     replyTo.tell(0);
 *     return Behaviors.same();
 *   }));
 * console.assert(behavior.numShards === 20);
 * ```
 *
 * @throws {OptionError}
 */
export function entityType<M = never>(
  name: string,
  options: EntityTypeOptions<M> = {},
): EntityType<M> {
  return new EntityType<M>(name, options);
}
