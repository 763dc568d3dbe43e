import type { LogFields, Logger, LogLevel } from "./logger.ts";

/** Sees a line, as {@linkcode Logger.log} gets it. Must not throw. */
export type LogTap = Logger["log"];

/** A logger before another, whose lines can be watched. Costs a comparison for each line. */
export class TappedLogger implements Logger {
  readonly #logger: Logger;
  #taps: Set<LogTap> | undefined;

  /** `logger` writes the lines. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** See {@linkcode Logger}. */
  log(level: LogLevel, source: string, message: string, fields?: LogFields): void {
    if (this.#taps !== undefined) {
      for (const tap of this.#taps) tap(level, source, message, fields);
    }
    this.#logger.log(level, source, message, fields);
  }

  /** Shows each line to `tap` as well. Returns a function that ends it. */
  tap(tap: LogTap): () => void {
    const taps = this.#taps ??= new Set();
    taps.add(tap);
    return () => {
      taps.delete(tap);
      if (taps.size === 0 && this.#taps === taps) this.#taps = undefined;
    };
  }
}
