import { CastyError } from "../runtime/casty_error.ts";

/**
 * A sharded actor cannot be used as asked. Codes: `badShardCount`, `badName`, `badOption`,
 * `badEntityStore`.
 */
export class ShardingError extends CastyError {
  /** Name of the class. */
  override name = "ShardingError";
}
