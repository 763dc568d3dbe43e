import { resolveOptions } from "../options/check_options.ts";
import { manualClockTable } from "../options/tables/testkit_tables.ts";
import { CastyError } from "../runtime/casty_error.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { VirtualClock } from "./virtual_clock.ts";

/**
 * A clock that moves only when `advance` is called. Between two timers everything that promises
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
  readonly #time: VirtualClock;

  /** Starts at 0; `epoch` is the wall time of that moment, in milliseconds since 1970. */
  constructor(options: { epoch?: number } = {}) {
    this.#time = new VirtualClock(resolveOptions(manualClockTable, options).epoch);
  }

  /** Milliseconds that have been advanced so far. */
  now(): number {
    return this.#time.now();
  }

  /** `epoch` plus `now()`. */
  wallTime(): number {
    return this.#time.wallTime();
  }

  /** Runs `task` when the clock has been advanced by `delay`. */
  schedule(delay: number, task: () => void): Timer {
    return this.#time.schedule(delay, task);
  }

  /** Runs `task` as a microtask. */
  defer(task: () => void): void {
    this.#time.defer(task);
  }

  /** Runs `task` at the same instant, after the current task. */
  yield(task: () => void): void {
    this.#time.yield(task);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#time.pending;
  }

  /** Moves time on by `duration` milliseconds and runs everything that falls due on the way. */
  async advance(duration: number): Promise<void> {
    const end = this.#time.now() + duration;
    await settled();
    while (await this.#runNext(end));
    this.#time.moveTo(end);
  }

  /**
   * Moves time on, timer by timer, until `condition` holds, for at most `limit` milliseconds.
   * Returns whether it holds; if not, exactly `limit` milliseconds have passed.
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
    const end = this.#time.now() + limit;
    await settled();
    while (!condition()) {
      if (await this.#runNext(end)) continue;
      this.#time.moveTo(end);
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
    const end = this.#time.now() + limit;
    await settled();
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

  /** Advances time until `promise` is settled, and returns its value or throws its error. */
  async resolve<T>(promise: Promise<T>, limit = 60_000): Promise<T> {
    let done = false;
    const mark = () => void (done = true);
    promise.then(mark, mark);
    await this.runUntil(() => done, limit);
    return await promise;
  }

  /**
   * @internal Moves time on to the next timer that is due by `end`, and runs it without waiting for
   * promises; false: there is none, and it is `end` now.
   */
  runNextNow(end: number): boolean {
    const event = this.#time.next(end);
    if (event === undefined) this.#time.moveTo(end);
    else event.run();
    return event !== undefined;
  }

  async #runNext(end: number): Promise<boolean> {
    const event = this.#time.next(end);
    if (event === undefined) return false;
    event.run();
    await settled();
    return true;
  }
}

/** Resolves when no promise and no deferred task is left that could do something. */
export function settled(): Promise<void> {
  return new Promise(whenSettled);
}

/** A macrotask runs only when no microtask is left. */
function whenSettled(resolve: () => void): void {
  systemClock.yield(resolve);
}
