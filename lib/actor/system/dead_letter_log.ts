import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { DeadLetterReason } from "../services/dead_letter.ts";

/** Dead letters that get a line each, before only their number is logged. */
const singleLines = 10;
/** Milliseconds between two such numbers. */
const quietTime = 60_000;

/** Logs dead letters at a limited rate. */
export class DeadLetterLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #count = 0;
  #reported = 0;
  #lastReport = -Infinity;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A message was lost. */
  add(reason: DeadLetterReason, target: string): void {
    this.#count++;
    if (this.#count <= singleLines) {
      this.#logger.log("info", "deadLetters", "a message was not delivered", { reason, target });
      this.#reported = this.#count;
      this.#lastReport = this.#clock.now();
    } else if (this.#clock.now() - this.#lastReport >= quietTime) {
      const count = this.#count - this.#reported;
      this.#logger.log("info", "deadLetters", "messages were not delivered", {
        count,
        reason,
        target,
      });
      this.#reported = this.#count;
      this.#lastReport = this.#clock.now();
    }
  }
}
