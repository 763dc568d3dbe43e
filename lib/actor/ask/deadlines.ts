import type { Clock, Timer } from "../../runtime/clock.ts";
import { DebuggerPauses } from "./debugger_pauses.ts";

/**
 * Something that must happen in time: its `time` is infinite until the clock is read. A link of a
 * list while it is waited for.
 */
export interface Deadline {
  /** On the clock of the system. */
  time: number;
  /** Undefined while nothing is waited for. */
  line: Line | undefined;
  before: Deadline | undefined;
  after: Deadline | undefined;
  /** It is late. Called once, after it was removed. */
  expire(timeout: number): void;
}

/**
 * Deadlines of the same length: the first to be added is the first to be late. In a line of
 * deadlines that others have set, the first may be late by the grain of its length.
 */
export interface Line {
  readonly owner: Deadlines;
  readonly timeout: number;
  /** The timeout; negative for deadlines that others have set. */
  readonly key: number;
  /** The oldest; undefined: there is none, or it is not known before the end of this turn. */
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
  readonly #pauses: DebuggerPauses;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#pauses = new DebuggerPauses(clock, (pause) => this.#postpone(pause));
  }

  /**
   * Adds a deadline in `timeout` milliseconds. They count from the end of this turn of the event
   * loop: to read the clock costs as much as a local ask, and most have their reply by then.
   */
  add(deadline: Deadline, timeout: number): void {
    const recent = this.#recent;
    const line = recent !== undefined && recent.key === timeout
      ? recent
      : this.#recent = this.#lines.get(timeout) ?? this.#open(timeout);
    link(deadline, line, line.last);
    if (!this.#tidying) this.#tidyLater();
  }

  /**
   * Adds a deadline that is over together with another one, in `remaining` milliseconds. `outer` is
   * the other one, if it is a deadline itself; together with it, it needs no timer.
   */
  addWithin(deadline: Deadline, remaining: number, outer: Deadline | undefined): void {
    const shared = outer?.line;
    if (shared?.owner === this) {
      // Invariant: what has no time yet is at the end of the line.
      deadline.time = outer!.time;
      link(deadline, shared, outer);
    } else {
      // Never the same twice: a timer for each would cost more than the ask.
      const timeout = coarse(remaining);
      const line = this.#lines.get(-timeout) ?? this.#open(timeout, -timeout);
      deadline.time = this.#clock.now() + remaining;
      link(deadline, line, line.last);
    }
    if (!this.#tidying) this.#tidyLater();
  }

  /** It has happened in time. False if it is not waited for. */
  remove(deadline: Deadline): boolean {
    const { line, before, after } = deadline;
    if (line === undefined) return false;
    if (line.first === deadline) line.first = after;
    if (before !== undefined) before.after = after;
    if (after === undefined) line.last = before;
    else after.before = before;
    deadline.line = deadline.before = deadline.after = undefined;
    if (line.last === undefined && !this.#tidying) this.#tidyLater();
    return true;
  }

  /** All that are waited for now. */
  all(): Deadline[] {
    const all: Deadline[] = [];
    for (const line of this.#lines.values()) {
      for (let next = oldestOf(line); next !== undefined; next = next.after) all.push(next);
    }
    return all;
  }

  /** Removes all, and calls `drop` with each. Leaves no timer behind. */
  clear(drop: (deadline: Deadline) => void): void {
    for (const line of this.#lines.values()) {
      line.first = oldestOf(line);
      while (line.first !== undefined) {
        const { first } = line;
        this.remove(first);
        drop(first);
      }
    }
    this.#tidy();
  }

  #open(timeout: number, key = timeout): Line {
    const line: Line = {
      owner: this,
      timeout,
      key,
      first: undefined,
      last: undefined,
      timer: undefined,
    };
    this.#lines.set(key, line);
    return line;
  }

  /** The process stood still, and nobody could reply. */
  #postpone(pause: number): void {
    // Timers that are early are set again.
    for (const deadline of this.all()) deadline.time += pause;
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
      if (line.last === undefined) {
        line.timer?.cancel();
        this.#lines.delete(line.key);
        if (this.#recent === line) this.#recent = undefined;
        continue;
      }
      const time = now + line.timeout;
      let last: Deadline | undefined = line.last;
      for (; last?.time === Infinity; last = last.before) last.time = time;
      line.first ??= oldestOf(line)!;
      if (line.timer !== undefined) continue;
      line.timer = this.#arm(line, Math.max(0, line.first.time - now));
      this.#pauses.watch(now);
    }
    if (this.#lines.size === 0) this.#pauses.rest();
  }
}

/**
 * Puts a deadline into a line, behind `before`. If it is alone, it becomes the first at the end of this
 * turn: most do not last that long, and a line, which is old, is written to at a price.
 */
function link(deadline: Deadline, line: Line, before: Deadline | undefined): void {
  const after = before?.after;
  deadline.line = line;
  deadline.before = before;
  deadline.after = after;
  if (before !== undefined) before.after = deadline;
  if (after === undefined) line.last = deadline;
  else after.before = deadline;
}

/** The first of a line, whether it has its time or not. */
function oldestOf({ first, last }: Line): Deadline | undefined {
  if (first !== undefined) return first;
  let oldest = last;
  while (oldest?.before !== undefined) oldest = oldest.before;
  return oldest;
}

/** A time rounded up to a 64th: so there are few different ones. */
function coarse(time: number): number {
  const grain = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, time))) - 6);
  return Math.max(1, Math.ceil(time / grain)) * grain;
}
