/**
 * The options of an actor system from a configuration.
 *
 * @module
 */
import type { ActorSystemOptions } from "./actor/system/actor_system_options.ts";
import type { CastyConfig } from "./config/load_config.ts";
import { overlaid } from "./config/overlay.ts";

/** The options of a system in one process; `given` override what is configured. */
export function systemOptionsOf(
  config: CastyConfig,
  given: ActorSystemOptions,
): ActorSystemOptions {
  const { name } = config.section("cluster");
  return overlaid(config.section("system"), name === undefined ? undefined : { name }, given);
}
