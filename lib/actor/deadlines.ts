import type { Clock, Timer } from "../runtime/clock.ts";

/** Something that must happen in time. A link of a list while it is awaited. */
export abstract class Awaited {
  /** When it is late, on the clock's scale. */
  deadline = 0;
  /** @internal */
  line: Line | undefined = undefined;
  /** @internal */
  before: Awaited | undefined = undefined;
  /** @internal */
  after: Awaited | undefined = undefined;

  /** It is late. Called once, when it is no longer awaited. */
  abstract expire(timeout: number): void;
}

/** All that is awaited for the same time: the first to come is the first to be late. */
interface Line {
  readonly timeout: number;
  first: Awaited | undefined;
  last: Awaited | undefined;
  timer: Timer | undefined;
}

/**
 * Very many deadlines with very few timers, one for each length of time: a timer of the machine
 * costs more than all the rest of a local question.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lines = new Map<number, Line>();
  /** A look for timers that are no longer needed is on its way. */
  #tidying = false;

  /** Awaits nothing yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Awaits `awaited` for `timeout` milliseconds from now. */
  add(awaited: Awaited, timeout: number): void {
    const line = this.#lines.get(timeout) ?? this.#open(timeout);
    awaited.deadline = this.#clock.now() + timeout;
    awaited.line = line;
    awaited.before = line.last;
    if (line.last === undefined) line.first = awaited;
    else line.last.after = awaited;
    line.last = awaited;
    line.timer ??= this.#arm(line, timeout);
  }

  /** It has happened in time. False if it was not awaited. */
  remove(awaited: Awaited): boolean {
    const { line, before, after } = awaited;
    if (line === undefined) return false;
    if (before === undefined) line.first = after;
    else before.after = after;
    if (after === undefined) line.last = before;
    else after.before = before;
    awaited.line = awaited.before = awaited.after = undefined;
    if (line.first === undefined) this.#tidyLater();
    return true;
  }

  /** Ends with no timer left; calls `drop` with all that was awaited. */
  clear(drop: (awaited: Awaited) => void): void {
    for (const line of this.#lines.values()) {
      while (line.first !== undefined) {
        const { first } = line;
        this.remove(first);
        drop(first);
      }
    }
    this.#tidy();
  }

  #open(timeout: number): Line {
    const line: Line = { timeout, first: undefined, last: undefined, timer: undefined };
    this.#lines.set(timeout, line);
    return line;
  }

  #arm(line: Line, delay: number): Timer {
    return this.#clock.schedule(delay, () => {
      line.timer = undefined;
      const now = this.#clock.now();
      while (line.first !== undefined && line.first.deadline <= now) {
        const { first } = line;
        this.remove(first);
        first.expire(line.timeout);
      }
      if (line.first !== undefined) line.timer ??= this.#arm(line, line.first.deadline - now);
    });
  }

  /** A timer that nobody needs would keep the process alive; but the next question may be near. */
  #tidyLater(): void {
    if (this.#tidying) return;
    this.#tidying = true;
    this.#clock.yield(() => this.#tidy());
  }

  #tidy(): void {
    this.#tidying = false;
    for (const line of this.#lines.values()) {
      if (line.first !== undefined) continue;
      line.timer?.cancel();
      this.#lines.delete(line.timeout);
    }
  }
}
