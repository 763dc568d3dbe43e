import { withDefaults } from "../../options/check_options.ts";
import { passivationDefaults } from "../../options/tables/sharding_tables.ts";

/** When idle entities are stopped. They start again with a message. */
export interface PassivationOptions {
  /**
   * Milliseconds after which an idle entity is stopped; `Infinity`: never. Default 120 000.
   *
   * An entity is not idle while it gets messages, in envelopes or by its own reference, and neither
   * while it, or a child, has a handler whose promise is pending, stashed messages, an ask without a
   * reply, an ask that it has not answered and whose asker waits, events on their way to the store, a promise for `pipeToSelf` that is not settled, or a timer of its own. What it gets
   * otherwise than in envelopes is noted once in `idle` milliseconds, so after that it is stopped
   * after `idle` to twice `idle` milliseconds. Its receive timeout does not count.
   */
  readonly idle: number;
  /**
   * `true`: timers do not count as work, neither set nor fired, so that an entity with a timer that
   * fires again and again is stopped as well. Its timers end with it. Default `false`: such an entity
   * is stopped when it cancels the timer, when it calls `context.passivate()`, or beyond `limit`.
   */
  readonly ignoreTimers: boolean;
  /**
   * Entities of the type that run at one node; the one that was not used for longest, and does not
   * work, is stopped for one more; if all work, one of these. A small entity takes about 1.5 KB, so the default bounds a type to about 150 MB at
   * each node, besides its state. `Infinity`: no limit. Default 100 000.
   */
  readonly limit: number;
}

/** Checked options with their defaults. */
export function resolvePassivation(
  options: Partial<PassivationOptions> | false,
): PassivationOptions {
  if (options === false) return { idle: Infinity, limit: Infinity, ignoreTimers: false };
  return withDefaults(passivationDefaults, options);
}
