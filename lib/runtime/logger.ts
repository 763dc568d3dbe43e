import { escapeUnprintable } from "./unprintable.ts";

/** Severity of a log line, from the least to the most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Facts that go with a log line. Values are printed, never interpreted. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log of Casty, for operators. */
export interface Logger {
  /** Writes one line. */
  log(level: LogLevel, source: string, message: string, fields?: LogFields): void;
}

const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Writes lines of `minimum` severity or above to standard error. Default: `"warn"`. */
export function consoleLogger(minimum: LogLevel = "warn"): Logger {
  return {
    log(level, source, message, fields) {
      if (severity[level] < severity[minimum]) return;
      console.error(formatLogLine(level, source, message, fields));
    },
  };
}

/** Drops every line. */
export const silentLogger: Logger = { log() {} };

/**
 * One line of text for a log entry. Characters that could forge a line or change how it is shown are
 * escaped, because a peer may have chosen the words, and values are cut after 300 characters.
 */
export function formatLogLine(
  level: LogLevel,
  source: string,
  message: string,
  fields?: LogFields,
): string {
  let line = `${level.toUpperCase().padEnd(5)} ${printable(source)}: ${printable(message)}`;
  if (fields !== undefined) {
    for (const key of Object.keys(fields)) {
      line += ` ${printable(key)}=${printable(fieldText(fields[key]))}`;
    }
  }
  return line;
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "string") return /\s/.test(value) ? JSON.stringify(value) : value;
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value) ?? String(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  }
  return String(value);
}

function printable(text: string): string {
  return escapeUnprintable(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
