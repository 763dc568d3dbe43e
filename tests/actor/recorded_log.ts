import type { LogFields, Logger, LogLevel } from "../../lib/runtime/logger.ts";

/** A log line as it was written. */
export interface Line {
  readonly level: LogLevel;
  readonly source: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger, and the lines that it was given. */
export function recordedLog(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  return {
    lines,
    logger: {
      log: (level, source, message, fields = {}) =>
        void lines.push({ level, source, message, fields }),
    },
  };
}
