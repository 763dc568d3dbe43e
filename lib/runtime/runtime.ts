import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

/**
 * Everything that is not a function of its inputs. Real in production (`systemRuntime`), virtual
 * in simulations, where one seed gives one history.
 */
export interface Runtime {
  /** Time. */
  readonly clock: Clock;
  /** Chance. */
  readonly random: Random;
  /** Where log lines go. */
  readonly logger: Logger;
  /** Connections. */
  readonly network: Network;
}
