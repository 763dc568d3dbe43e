import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A sharded actor cannot be used as asked:
 *
 * - `badName`: the name of an entity type is missing, too long or does not match its `entityType`.
 * - `shardCountMismatch`: the type has another number of shards at this node already.
 * - `badEntityStore`: an entity store does not hold a list of entity ids, or fails.
 * - `entityListChanged`: another node has saved the list of entities since this one has read it.
 * - `notReplicated`: this node runs no replicated type with that name.
 * - `nodeIsMember`: a node that is a member of the cluster is not lost.
 */
export type ShardingErrorCode =
  | "badName"
  | "shardCountMismatch"
  | "badEntityStore"
  | "entityListChanged"
  | "notReplicated"
  | "nodeIsMember";

/** A sharded actor cannot be used as asked. */
export class ShardingError extends CastyError {
  /** Name of the class. */
  override name = "ShardingError";
  /** Stable; see {@linkcode ShardingErrorCode}. */
  declare readonly code: ShardingErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: ShardingErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
