import { outboxTable } from "../../options/tables/persistence_tables.ts";
import { withDefaults } from "../../options/check_options.ts";

/** How the stored messages of a durable actor are delivered. Times in milliseconds. */
export interface OutboxOptions {
  /** Messages that may wait, the parked ones included, 1 to 100 000. Default 1 000. */
  readonly maxMessages?: number;
  /** Pause before a message is sent again. Default 1 000. */
  readonly minBackoff?: number;
  /** The longest pause: each is twice as long as the one before. Default 60 000. */
  readonly maxBackoff?: number;
  /**
   * How often the first message to a receiver is sent before all messages to it are parked: not sent any
   * more until somebody retries. `Infinity`: never. Default 100.
   */
  readonly maxTries?: number;
}

/** The options with their defaults. */
export function outboxOptions(given: OutboxOptions = {}): Required<OutboxOptions> {
  return withDefaults(outboxTable.defaults, given);
}
