import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { Resolver } from "./resolver.ts";
import type { StallProbe } from "./stall_probe.ts";
import type { Storage } from "./storage.ts";
import type { Telemetry } from "./telemetry.ts";

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
  /** Files. */
  readonly storage: Storage;
  /**
   * Distinguishes stalled nodes from crashed ones. Default: threads of the machine where `network`
   * is the machine's, nothing otherwise.
   */
  readonly stallProbe?: StallProbe;
  /** Asks DNS for seeds. Default: the machine's. */
  readonly resolver?: Resolver;
  /** Where measurements and traces go. Default: nowhere, at no cost. */
  readonly telemetry?: Telemetry;
  /** Intercepts messages of other systems before delivery. Default: none. */
  readonly inbound?: InboundFilter;
}

/**
 * Asked for each message from another system, which is read already: passes it on by calling
 * `deliver` at once, later, several times or never. For simulations that lose, repeat and reorder
 * messages; `from` is the sender's address, `path` whom the message is for.
 */
export type InboundFilter = (from: string, path: string, deliver: () => void) => void;
