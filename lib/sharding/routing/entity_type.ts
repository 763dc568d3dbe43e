import { badOption } from "../errors.ts";
import { isSchema, type MessageSchema } from "./schema.ts";
import { checkNumShards } from "./shard_count.ts";

/** Options of {@linkcode entityType}. */
export interface EntityTypeOptions<M> {
  /** How many shards the entities are spread over, 1 to 65 536. Default 256. */
  readonly numShards?: number;
  /**
   * What messages from other processes must look like: any Standard Schema validator that answers at
   * once. One that does not fit is not delivered; who asked is told. Default: nothing is checked.
   */
  readonly schema?: MessageSchema<M>;
}

/** What nodes and clients agree on about one type of entities. Made by {@linkcode entityType}. */
export class EntityType<M> {
  /** The name under which nodes spawn it. */
  readonly name: string;
  /** How many shards the entities are spread over. */
  readonly numShards: number;
  /** What messages must look like, if that is checked. */
  readonly schema: MessageSchema<M> | undefined;
  /** Carries the type; never set. */
  declare protected readonly accepts: (message: M) => void;

  /** @internal Use {@linkcode entityType}. */
  constructor(name: string, { numShards = 256, schema }: EntityTypeOptions<M> = {}) {
    if (typeof name !== "string" || !/^[A-Za-z0-9$][A-Za-z0-9$_-]{0,199}$/.test(name)) {
      throw badOption("name", name, "use 1 to 200 letters, digits, $, _ or -");
    }
    if (schema !== undefined && !isSchema(schema)) {
      throw badOption("schema", schema, "give a Standard Schema validator");
    }
    this.name = name;
    this.numShards = checkNumShards(numShards);
    this.schema = schema;
  }
}

/**
 * One value that nodes and clients share, so that name, type of messages and number of shards are the
 * same everywhere.
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
 * @throws {ShardingError} codes `badOption`, `badShardCount`.
 */
export function entityType<M>(name: string, options: EntityTypeOptions<M> = {}): EntityType<M> {
  return new EntityType<M>(name, options);
}
