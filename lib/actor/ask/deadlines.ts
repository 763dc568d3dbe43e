import type { Clock, Timer } from "../../runtime/clock.ts";

/** Something that must happen in time. A link of a list while it is awaited. */
export abstract class Awaited {
  /** When it is late, on the clock's scale; infinite until the clock is looked at. */
  deadline = Infinity;
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
  /** The line that was used last. */
  #recent: Line | undefined = undefined;
  /** A look for timers that are no longer needed is on its way. */
  #tidying = false;

  /** Awaits nothing yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Awaits `awaited` for `timeout` milliseconds. They count from the end of this turn of the event
   * loop: to look at the clock costs as much as a local question, and most are answered by then.
   */
  add(awaited: Awaited, timeout: number): void {
    const recent = this.#recent;
    const line = recent !== undefined && recent.timeout === timeout
      ? recent
      : this.#recent = this.#lines.get(timeout) ?? this.#open(timeout);
    awaited.line = line;
    awaited.before = line.last;
    if (line.last === undefined) line.first = awaited;
    else line.last.after = awaited;
    line.last = awaited;
    if (!this.#tidying) this.#tidyLater();
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
    if (line.first === undefined && !this.#tidying) this.#tidyLater();
    return true;
  }

  /** All that is awaited now. */
  all(): Awaited[] {
    const all: Awaited[] = [];
    for (const { first } of this.#lines.values()) {
      for (let next = first; next !== undefined; next = next.after) all.push(next);
    }
    return all;
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
      // One that has no deadline yet gets it, and the timer, at the end of this turn.
      const next = line.first?.deadline ?? Infinity;
      if (next !== Infinity) line.timer ??= this.#arm(line, next - now);
    });
  }

  #tidyLater(): void {
    this.#tidying = true;
    this.#clock.yield(() => this.#tidy());
  }

  /** Gives the new ones their deadlines. A timer that nobody needs would keep the process alive. */
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
      const deadline = now + line.timeout;
      for (let last = line.last; last?.deadline === Infinity; last = last.before) {
        last.deadline = deadline;
      }
      line.timer ??= this.#arm(line, line.timeout);
    }
  }
}
