import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";

/** Milliseconds for which the same host and reason get no second line. */
const quietTime = 10_000;
/** Hosts and reasons that are remembered. */
const maxRemembered = 1_000;

/** Logs who was turned away and why, without letting a peer flood the log. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #last = new Map<string, number>();

  /** Has logged nothing yet. */
  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A peer was turned away. */
  add(remote: string, reason: string): void {
    const key = `${remote.slice(0, remote.lastIndexOf(":"))} ${reason}`;
    const now = this.#clock.now();
    if (now - (this.#last.get(key) ?? -Infinity) < quietTime) return;
    if (this.#last.size >= maxRemembered) this.#last.clear();
    this.#last.set(key, now);
    this.#logger.log("warn", "transport", "a peer was turned away", { remote, reason });
  }
}
