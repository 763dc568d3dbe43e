import { CastyError } from "../runtime/casty_error.ts";

/**
 * A sharded actor cannot be used as asked. Codes: `badName`, `badEntityStore`, `entityListChanged`
 * (from a store: another node has saved the list since this one has read it).
 */
export class ShardingError extends CastyError {
  /** Name of the class. */
  override name = "ShardingError";
}
