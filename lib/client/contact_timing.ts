import { contactDefaults } from "../options/tables/client_tables.ts";

/** When a client subscribes, renews and gives up. Times are milliseconds. */
export interface ContactTiming {
  /** Nodes that the client is subscribed to at once. Default 2. */
  readonly contacts: number;
  /** Until a node that does not answer is given up; at most `liveness`. Default 3 000. */
  readonly answerTimeout: number;
  /** Between two renewals of a subscription; at most a third of `liveness`. Default 3 000. */
  readonly refreshInterval: number;
  /** Silence after which a node that has answered is given up. Default 10 000. */
  readonly liveness: number;
  /** Longest pause after the first failure of a node; doubles with each. Default 400. */
  readonly minPause: number;
  /** Longest pause of all. Default 5 000. */
  readonly maxPause: number;
}

/** The defaults of {@linkcode ContactTiming}. */
export const defaultContactTiming: ContactTiming = contactDefaults;
