import type { Clock, Timer } from "../../runtime/clock.ts";

/** Something that must happen in time. A link of a list while it is waited for. */
export abstract class Deadline {
  /** When it expires, on the clock's scale; infinite until the clock is read. */
  time = Infinity;
  /** @internal */
  line: Line | undefined = undefined;
  /** @internal */
  before: Deadline | undefined = undefined;
  /** @internal */
  after: Deadline | undefined = undefined;

  /** It is late. Called once, after it was removed. */
  abstract expire(timeout: number): void;
}

/** Deadlines of the same length: the first to be added is the first to be late. */
interface Line {
  readonly timeout: number;
  first: Deadline | undefined;
  last: Deadline | undefined;
  timer: Timer | undefined;
}

/**
 * Very many deadlines with very few timers, one for each length of time: a timer of the machine
 * costs more than all the rest of a local ask.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lines = new Map<number, Line>();
  /** The line that was used last. */
  #recent: Line | undefined = undefined;
  /** A removal of timers that are no longer needed is scheduled. */
  #tidying = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Adds a deadline in `timeout` milliseconds. They count from the end of this turn of the event
   * loop: to read the clock costs as much as a local ask, and most have their reply by then.
   */
  add(deadline: Deadline, timeout: number): void {
    const recent = this.#recent;
    const line = recent !== undefined && recent.timeout === timeout
      ? recent
      : this.#recent = this.#lines.get(timeout) ?? this.#open(timeout);
    deadline.line = line;
    deadline.before = line.last;
    if (line.last === undefined) line.first = deadline;
    else line.last.after = deadline;
    line.last = deadline;
    if (!this.#tidying) this.#tidyLater();
  }

  /** It has happened in time. False if it is not waited for. */
  remove(deadline: Deadline): boolean {
    const { line, before, after } = deadline;
    if (line === undefined) return false;
    if (before === undefined) line.first = after;
    else before.after = after;
    if (after === undefined) line.last = before;
    else after.before = before;
    deadline.line = deadline.before = deadline.after = undefined;
    if (line.first === undefined && !this.#tidying) this.#tidyLater();
    return true;
  }

  /** All that are waited for now. */
  all(): Deadline[] {
    const all: Deadline[] = [];
    for (const { first } of this.#lines.values()) {
      for (let next = first; next !== undefined; next = next.after) all.push(next);
    }
    return all;
  }

  /** Removes all, and calls `drop` with each. Leaves no timer behind. */
  clear(drop: (deadline: Deadline) => void): void {
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
      while (line.first !== undefined && line.first.time <= now) {
        const { first } = line;
        this.remove(first);
        first.expire(line.timeout);
      }
      // One that has no deadline yet gets it, and the timer, at the end of this turn.
      const next = line.first?.time ?? Infinity;
      if (next !== Infinity) line.timer ??= this.#arm(line, next - now);
    });
  }

  #tidyLater(): void {
    this.#tidying = true;
    this.#clock.yield(() => this.#tidy());
  }

  /** Sets the times of new deadlines. A timer without deadlines would keep the process alive. */
  #tidy(): void {
    this.#tidying = false;
    const now = this.#clock.now();
    for (const line of this.#lines.values()) {
      if (line.first === undefined) {
        line.timer?.cancel();
        this.#lines.delete(line.timeout);
        if (this.#recent === line) this.#recent = undefined;
        continue;
      }
      const time = now + line.timeout;
      for (let last = line.last; last?.time === Infinity; last = last.before) {
        last.time = time;
      }
      line.timer ??= this.#arm(line, line.timeout);
    }
  }
}
