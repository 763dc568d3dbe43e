import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

/** Milliseconds for which the same host and reason get no second line. */
const quietTime = 10_000;
/** Lines in that time about one host, whatever the reasons: a reason may hold what the peer said. */
const maxLinesOfHost = 5;
/** Lines in that time about all hosts together. */
const maxLines = 100;
/** Longest reason, in characters. */
const maxReason = 500;

/** What was logged about one host in the present quiet time. */
interface HostLines {
  readonly reasons: Set<string>;
}

/** Logs rejected connections and why, without letting a peer, or many, flood the log. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #hosts = new Map<string, HostLines>();
  #since = -Infinity;
  #lines = 0;
  #suppressed = 0;

  /** Has logged nothing yet. */
  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A connection was rejected. */
  add(remote: string, why: string): void {
    // Part of it may be what the peer has said.
    const reason = why.slice(0, maxReason);
    const now = this.#clock.now();
    if (now - this.#since >= quietTime) this.#begin(now);
    const host = remote.slice(0, remote.lastIndexOf(":"));
    let lines = this.#hosts.get(host);
    const isNew = lines?.reasons.has(reason) !== true;
    if (!isNew || this.#lines >= maxLines || (lines?.reasons.size ?? 0) >= maxLinesOfHost) {
      this.#suppressed++;
      return;
    }
    if (lines === undefined) this.#hosts.set(host, lines = { reasons: new Set() });
    lines.reasons.add(reason);
    this.#lines++;
    this.#logger.log("warn", "transport", "connection rejected", { remote, reason });
  }

  /** How many lines were left out is told when there is something to tell again. */
  #begin(now: number): void {
    if (this.#suppressed > 0) {
      this.#logger.log("warn", "transport", "more connections rejected than logged", {
        count: this.#suppressed,
      });
    }
    this.#hosts = new Map();
    this.#since = now;
    this.#lines = 0;
    this.#suppressed = 0;
  }
}
