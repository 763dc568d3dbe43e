import { resolveOptions } from "../options/check_options.ts";
import { manualClockTable } from "../options/tables/testkit_tables.ts";
import { CastyError } from "../runtime/casty_error.ts";
import type { Clock, Timer } from "../runtime/clock.ts";

class ManualTimer implements Timer {
  cancelled = false;
  readonly due: number;
  /** Breaks ties: timers of one instant fire in the order in which they were made. */
  readonly order: number;
  readonly task: () => void;

  constructor(due: number, order: number, task: () => void) {
    this.due = due;
    this.order = order;
    this.task = task;
  }

  cancel(): void {
    this.cancelled = true;
  }

  before(other: ManualTimer): boolean {
    return this.due < other.due || (this.due === other.due && this.order < other.order);
  }
}

/**
 * A clock that stands still until it is told to move. Between two timers everything that promises
 * and deferred tasks set in motion runs to its end, so the same program always takes the same
 * steps.
 *
 * @example
 * ```ts
 * import { ManualClock } from "@casty/casty/testkit";
 *
 * const clock = new ManualClock();
 * let rung = false;
 * clock.schedule(1_000, () => rung = true);
 * await clock.advance(999);
 * console.assert(!rung);
 * await clock.advance(1);
 * console.assert(rung);
 * ```
 */
export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #epoch: number;
  /** A binary heap, earliest first. */
  readonly #timers: ManualTimer[] = [];

  /** Starts at 0; `epoch` is the wall time of that moment, in milliseconds since 1970. */
  constructor(options: { epoch?: number } = {}) {
    this.#epoch = resolveOptions(manualClockTable, options).epoch;
  }

  /** Milliseconds that have been advanced so far. */
  now(): number {
    return this.#now;
  }

  /** `epoch` plus `now()`. */
  wallTime(): number {
    return this.#epoch + this.#now;
  }

  /** Runs `task` when the clock has been advanced by `delay`. */
  schedule(delay: number, task: () => void): Timer {
    const timer = new ManualTimer(this.#now + Math.max(0, delay), this.#order++, task);
    this.#push(timer);
    return timer;
  }

  /** Runs `task` as a microtask. */
  defer(task: () => void): void {
    queueMicrotask(task);
  }

  /** Runs `task` at the same instant, after what is under way. */
  yield(task: () => void): void {
    this.schedule(0, task);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.filter((timer) => !timer.cancelled).length;
  }

  /** Moves time on by `duration` milliseconds and runs everything that falls due on the way. */
  async advance(duration: number): Promise<void> {
    const end = this.#now + duration;
    await settle();
    while (await this.#runNext(end));
    this.#standAt(end);
  }

  /**
   * Moves time on, timer by timer, until `condition` holds, for at most `limit` milliseconds.
   * Answers whether it does; if not, exactly `limit` milliseconds have gone by.
   *
   * @example
   * ```ts
   * import { ManualClock } from "@casty/casty/testkit";
   *
   * const clock = new ManualClock();
   * let rung = false;
   * clock.schedule(1_000, () => rung = true);
   * console.assert(!(await clock.advanceUntil(() => rung, 500)));
   * console.assert(await clock.advanceUntil(() => rung, 5_000));
   * console.assert(clock.now() === 1_000);
   * ```
   */
  async advanceUntil(condition: () => boolean, limit: number): Promise<boolean> {
    const end = this.#now + limit;
    await settle();
    while (!condition()) {
      if (await this.#runNext(end)) continue;
      this.#standAt(end);
      return false;
    }
    return true;
  }

  /**
   * Moves time on, timer by timer, until `condition` holds.
   *
   * @throws {CastyError} code `conditionNotMet` after `limit` milliseconds of virtual time
   * (default 60 000), or when no timer is left that could change anything.
   */
  async runUntil(condition: () => boolean, limit = 60_000): Promise<void> {
    const end = this.#now + limit;
    await settle();
    while (!condition()) {
      if (!(await this.#runNext(end))) {
        throw new CastyError(
          "conditionNotMet",
          `the condition did not hold within ${limit} ms of virtual time`,
          { value: condition.toString() },
        );
      }
    }
  }

  /** Moves time on until `promise` is settled, and returns or throws what it holds. */
  async resolve<T>(promise: Promise<T>, limit = 60_000): Promise<T> {
    let settled = false;
    const mark = () => void (settled = true);
    promise.then(mark, mark);
    await this.runUntil(() => settled, limit);
    return await promise;
  }

  /** Whoever else moves time meanwhile may have moved it further. */
  #standAt(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  async #runNext(end: number): Promise<boolean> {
    const timer = this.#pop(end);
    if (timer === undefined) return false;
    this.#standAt(timer.due);
    timer.task();
    await settle();
    return true;
  }

  #push(timer: ManualTimer): void {
    const heap = this.#timers;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!timer.before(heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(end: number): ManualTimer | undefined {
    const heap = this.#timers;
    while (heap.length > 0) {
      const top = heap[0]!;
      if (!top.cancelled && top.due > end) return undefined;
      const last = heap.pop()!;
      if (heap.length > 0) this.#sink(last);
      if (!top.cancelled) return top;
    }
    return undefined;
  }

  #sink(timer: ManualTimer): void {
    const heap = this.#timers;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.before(heap[child]!)) child++;
      if (!heap[child]!.before(timer)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}

/** A macrotask runs only when no microtask is left. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
