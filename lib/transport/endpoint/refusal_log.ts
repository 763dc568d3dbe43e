import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

/** Milliseconds in which the same host and reason get one line. */
const quietTime = 10_000;
/** Lines in that time about one host: a reason may contain text that the peer has chosen. */
const maxLinesOfHost = 5;
/** Lines in that time about all hosts together. */
const maxLines = 100;
/** Longest reason, in characters. */
const maxReason = 500;

/** Reasons that were logged about one host in the present quiet time. */
interface HostLines {
  readonly reasons: Set<string>;
}

/** Logs rejected connections with the reason, at a bounded rate for one host and for all. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onRejected: () => void;
  #hosts = new Map<string, HostLines>();
  #since = -Infinity;
  #lines = 0;
  #suppressed = 0;

  constructor(clock: Clock, logger: Logger, onRejected: () => void = () => {}) {
    this.#clock = clock;
    this.#logger = logger;
    this.#onRejected = onRejected;
  }

  /** A connection was rejected. */
  add(remote: string, why: string): void {
    this.#onRejected();
    // Part of it may be chosen by the peer.
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

  /** Logs how many lines were left out, with the next line. */
  #begin(now: number): void {
    if (this.#suppressed > 0) {
      this.#logger.log("warn", "transport", "more connections were rejected than logged", {
        count: this.#suppressed,
      });
    }
    this.#hosts = new Map();
    this.#since = now;
    this.#lines = 0;
    this.#suppressed = 0;
  }
}
