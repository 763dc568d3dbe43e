import type { NodeInternals } from "../../node_internals.ts";
import type { Clock } from "../../runtime/clock.ts";
import { formatLogLine, type LogLevel } from "../../runtime/logger.ts";
import { Ring } from "../ring.ts";

/** A line of the log. */
export interface LogLine {
  /** Grows by one for each line of the node. */
  readonly number: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly level: LogLevel;
  /** As the console logger writes it; unprintable characters are escaped. */
  readonly text: string;
}

/** Lines that are kept, of `info` and above. */
const kept = 500;
/** Lines of the level `debug` that are kept: they must not displace the others. */
const keptDebug = 200;
/** Characters of a line. */
const maxLine = 2_000;

/** Keeps the last lines of a node's log, of all levels. */
export class LogRing {
  readonly #lines = new Ring<LogLine>(kept);
  readonly #debug = new Ring<LogLine>(keptDebug);
  readonly #end: () => void;
  #number = 0;

  /** Begins with the next line. `secret`: is not shown where a line has it. */
  constructor({ tapLog }: NodeInternals, clock: Clock, secret: string) {
    this.#end = tapLog((level, source, message, fields) => {
      const line = formatLogLine(level, source, message, fields).replaceAll(secret, "(token)");
      this.#add(level, line.slice(0, maxLine), clock.wallTime());
    });
  }

  #add(level: LogLevel, text: string, at: number): void {
    const line = { number: ++this.#number, at, level, text };
    (level === "debug" ? this.#debug : this.#lines).push(line);
  }

  /** The last lines of a level and above, the oldest first. */
  last(minimum: LogLevel, count: number): readonly LogLine[] {
    const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
    const shown = levels.slice(levels.indexOf(minimum));
    const lines = this.#lines.last().filter(({ level }) => shown.includes(level));
    const debug = minimum === "debug" ? this.#debug.last() : [];
    return [...lines, ...debug].sort((a, b) => a.number - b.number).slice(-count);
  }

  /** Keeps no more lines. */
  close(): void {
    this.#end();
  }
}
