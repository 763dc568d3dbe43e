import { badOption } from "../errors.ts";

/** When idle entities are stopped. They start again with a message. */
export interface PassivationOptions {
  /**
   * Milliseconds without a message after which an entity is stopped; `Infinity`: never. Default
   * 120 000.
   */
  readonly idle: number;
  /**
   * Entities that run at one node; the one that was not used for longest is stopped for one more.
   * Default `Infinity`.
   */
  readonly limit: number;
}

/**
 * The options with their defaults.
 *
 * @throws {ShardingError} code `badOption`.
 */
export function checkPassivation(options: Partial<PassivationOptions> | false): PassivationOptions {
  if (options === false) return { idle: Infinity, limit: Infinity };
  const { idle = 120_000, limit = Infinity } = options;
  if (!(idle > 0)) throw badOption("passivation.idle", idle, "use milliseconds above 0");
  if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 1)) {
    throw badOption("passivation.limit", limit, "use a whole number of at least 1, or Infinity");
  }
  return { idle, limit };
}
