import { CastyError } from "../runtime/casty_error.ts";

/**
 * A sharded actor cannot be used as asked. Codes: `badName`, `badEntityStore`.
 */
export class ShardingError extends CastyError {
  /** Name of the class. */
  override name = "ShardingError";
}
