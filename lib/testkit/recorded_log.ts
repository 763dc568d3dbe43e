import { resolveOptions } from "../options/check_options.ts";
import { recordedLogTable } from "../options/tables/testkit_tables.ts";
import { formatLogLine, type LogFields, type Logger, type LogLevel } from "../runtime/logger.ts";

/** A log line as it was written. */
export interface LogLine {
  /** How severe it is. */
  readonly level: LogLevel;
  /** The source; of an actor, its path. */
  readonly source: string;
  /** What it says. */
  readonly message: string;
  /** The facts that go with it. */
  readonly fields: LogFields;
}

/** Which log line is meant. What is left out may be anything. */
export interface LogPattern {
  /** How severe. */
  readonly level?: LogLevel;
  /** The source. */
  readonly source?: string;
  /** A part of the message, or an expression that it matches. */
  readonly message?: string | RegExp;
}

/**
 * A logger that keeps what it is given.
 *
 * @example
 * ```ts
 * import { RecordedLog } from "@casty/casty/testkit";
 *
 * const log = new RecordedLog();
 * log.log("warn", "/worker", "queue is long", { length: 7 });
 * console.assert(log.find({ level: "warn" })?.fields.length === 7);
 * ```
 */
export class RecordedLog implements Logger {
  readonly #lines: LogLine[] = [];
  readonly #capacity: number;
  readonly #next: Logger | undefined;
  readonly #onLine: () => void;

  /**
   * Keeps the last `capacity` lines (default 10 000). `next` is given each line as well; `onLine` is
   * called after each.
   */
  constructor(
    options: { readonly capacity?: number; readonly next?: Logger; onLine?: () => void } = {},
  ) {
    const { capacity, next, onLine = () => {} } = resolveOptions(recordedLogTable, options);
    this.#capacity = capacity;
    this.#next = next;
    this.#onLine = onLine;
  }

  /** The lines, the oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Keeps a line. */
  log(level: LogLevel, source: string, message: string, fields: LogFields = {}): void {
    this.#lines.push({ level, source, message, fields });
    if (this.#lines.length > this.#capacity) this.#lines.shift();
    this.#next?.log(level, source, message, fields);
    this.#onLine();
  }

  /** The oldest line that a pattern means. */
  find(pattern: LogPattern): LogLine | undefined {
    return this.#lines.find((line) => matches(line, pattern));
  }

  /** The same, and forgets the line. */
  take(pattern: LogPattern): LogLine | undefined {
    const line = this.find(pattern);
    if (line !== undefined) this.#lines.splice(this.#lines.indexOf(line), 1);
    return line;
  }

  /** Forgets all lines. */
  clear(): void {
    this.#lines.length = 0;
  }

  /** The lines as text. */
  toString(): string {
    return this.#lines.map(({ level, source, message, fields }) =>
      formatLogLine(level, source, message, fields)
    ).join("\n");
  }
}

function matches(line: LogLine, { level, source, message }: LogPattern): boolean {
  return (level === undefined || line.level === level) &&
    (source === undefined || line.source === source) &&
    (message === undefined ||
      (typeof message === "string"
        ? line.message.includes(message)
        : line.message.search(message) >= 0));
}
