import type { Logger } from "../../runtime/logger.ts";

/** A logger that throws must not stop the actors: its lines are lost instead. */
export function safeLogger(logger: Logger): Logger {
  return {
    log(level, source, message, fields) {
      try {
        logger.log(level, source, message, fields);
      } catch {
        // There is nowhere left to report to.
      }
    },
  };
}
