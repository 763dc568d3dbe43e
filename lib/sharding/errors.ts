import { CastyError } from "../runtime/casty_error.ts";

/**
 * A sharded actor cannot be used as asked. Codes: `badShardCount`, `badName`, `badOption`,
 * `badEntityStore`, `entityListChanged` (from a store: another node has saved the list since this one
 * has read it).
 */
export class ShardingError extends CastyError {
  /** Name of the class. */
  override name = "ShardingError";
}

/** The error for an option that cannot be used. */
export function badOption(name: string, value: unknown, remedy: string): ShardingError {
  return new ShardingError("badOption", `${name}: ${String(value)} is not allowed`, {
    value,
    remedy,
  });
}
