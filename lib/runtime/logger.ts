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

/** Errors of a line, with their causes, whose stacks are written. */
const maxStacks = 4;
/** Frames of each stack. */
const maxFrames = 20;

/**
 * Writes lines of `minimum` severity or above to standard error. Default: `"warn"`. Below a line of
 * the level `error` come the stacks of the errors in its fields and of their causes, indented.
 */
export function consoleLogger(minimum: LogLevel = "warn"): Logger {
  return {
    log(level, source, message, fields) {
      if (severity[level] < severity[minimum]) return;
      const line = formatLogLine(level, source, message, fields);
      const stacks = level === "error" ? formatStacks(fields) : [];
      console.error([line, ...stacks].join("\n"));
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

/**
 * The stacks of the errors in log fields, one frame a line. Each line is indented and escaped, because
 * the text of an error may be a peer's.
 */
export function formatStacks(fields: LogFields = {}): string[] {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  for (const value of Object.values(fields)) {
    for (let error = value; error instanceof Error && seen.size < maxStacks; error = error.cause) {
      if (seen.has(error)) break;
      seen.add(error);
      if (error !== value) lines.push(`    caused by ${printable(fieldText(error))}`);
      for (const frame of framesOf(error)) lines.push(`        ${printable(frame)}`);
    }
  }
  return lines;
}

function framesOf({ name, message, stack }: Error): string[] {
  if (typeof stack !== "string") return [];
  const head = `${name}: ${message}`;
  const ofHead = head.split("\n").length;
  return stack.split("\n").slice(ofHead).map((line) => line.trim())
    .filter((line) => line.startsWith("at ")).slice(0, maxFrames);
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
