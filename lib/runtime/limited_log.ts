/**
 * Lines that a peer can cause, at a bounded rate: one for each cause, identity and minute, and the
 * number of those that were left out.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";

/** Milliseconds in which one cause of one identity gets one line. */
export const limitedLogInterval = 60_000;
/** Lines in that time about one identity: a cause may contain text that a peer has chosen. */
export const linesPerIdentity = 10;

/** How many lines are written in that time. */
export interface LogBounds {
  /** About one identity. Default {@linkcode linesPerIdentity}. */
  readonly ofIdentity?: number;
  /** In all; with the numbers of left out lines, fewer than ten a second. Default 250. */
  readonly inAll?: number;
}

const maxCause = 300;

/** What a line is counted by. */
export interface LimitedBy {
  /** What has happened; of a longer text the first 300 characters count. Default: the message. */
  readonly cause?: string;
  /**
   * Who has caused it: the holder of a certificate, or the actor for which others have. Default:
   * nobody in particular.
   */
  readonly identity?: string;
}

interface Cause {
  readonly level: LogLevel;
  readonly source: string;
  readonly message: string;
  readonly identity: string;
  suppressed: number;
}

/** See the module's text. Call {@linkcode LimitedLog.close} at the end: it may hold a timer. */
export class LimitedLog {
  /** Lines about one identity in the interval. */
  maxLinesPerIdentity: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #inAll: number;
  /** Causes with a line in the present interval. */
  #causes = new Map<string, Cause>();
  #linesOf = new Map<string, number>();
  #since = -Infinity;
  #lines = 0;
  /** Lines that are left out for another reason than their cause. */
  #others = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    clock: Clock,
    logger: Logger,
    { ofIdentity = linesPerIdentity, inAll = 250 }: LogBounds = {},
  ) {
    this.#clock = clock;
    this.#logger = logger;
    this.maxLinesPerIdentity = ofIdentity;
    this.#inAll = inAll;
  }

  /** Writes a line, or counts it. */
  add(
    level: LogLevel,
    source: string,
    message: string,
    fields: LogFields = {},
    { cause = message, identity = "" }: LimitedBy = {},
  ): void {
    const now = this.#clock.now();
    if (now - this.#since >= limitedLogInterval) this.#begin(now);
    const key = `${identity}\n${cause.slice(0, maxCause)}`;
    const known = this.#causes.get(key);
    if (known !== undefined) {
      known.suppressed++;
      return this.#wait(now);
    }
    const ofIdentity = identity === "" ? 0 : this.#linesOf.get(identity) ?? 0;
    if (this.#lines >= this.#inAll || ofIdentity >= this.maxLinesPerIdentity) {
      this.#others++;
      return this.#wait(now);
    }
    this.#lines++;
    if (identity !== "") this.#linesOf.set(identity, ofIdentity + 1);
    this.#causes.set(key, { level, source, message, identity, suppressed: 0 });
    this.#logger.log(level, source, message, fields);
  }

  /** Writes the numbers of the lines that were left out. Later lines set no timer. */
  close(): void {
    this.#closed = true;
    this.#begin(-Infinity);
  }

  #wait(now: number): void {
    if (this.#closed) return;
    if (this.#timer !== undefined) return;
    const rest = this.#since + limitedLogInterval - now;
    this.#timer = this.#clock.schedule(rest, () => this.#begin(this.#clock.now()));
    // Some numbers in the log are no reason for a process to go on.
    this.#timer.unref?.();
  }

  #begin(now: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const causes = this.#causes;
    const others = this.#others;
    this.#causes = new Map();
    this.#linesOf = new Map();
    this.#since = now;
    this.#lines = 0;
    this.#others = 0;
    for (const { level, source, message, identity, suppressed } of causes.values()) {
      if (suppressed === 0) continue;
      const fields = { suppressed, ...(identity !== "" && { identity }) };
      this.#logger.log(level, source, `suppressed repetitions: ${message}`, fields);
    }
    if (others > 0) {
      this.#logger.log("warn", "log", "suppressed lines of further causes", { suppressed: others });
    }
  }
}
