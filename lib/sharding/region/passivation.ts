import { withDefaults } from "../../options/check_options.ts";
import { passivationDefaults } from "../../options/tables/sharding_tables.ts";

/** When idle entities are stopped. They start again with a message. */
export interface PassivationOptions {
  /**
   * Milliseconds without a message after which an entity is stopped; `Infinity`: never. Default
   * 120 000.
   */
  readonly idle: number;
  /**
   * Entities of the type that run at one node; the one that was not used for longest is stopped for
   * one more. A small entity takes about 1.5 KB, so the default bounds a type to about 150 MB at
   * each node, besides its state. `Infinity`: no limit. Default 100 000.
   */
  readonly limit: number;
}

/** Checked options with their defaults. */
export function resolvePassivation(
  options: Partial<PassivationOptions> | false,
): PassivationOptions {
  if (options === false) return { idle: Infinity, limit: Infinity };
  return withDefaults(passivationDefaults, options);
}
