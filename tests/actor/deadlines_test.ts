import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Deadline, Deadlines, type Line } from "../../lib/actor/ask/deadlines.ts";
import type { Clock, Timer } from "../../lib/runtime/clock.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

class Recorded implements Deadline {
  time = Infinity;
  line: Line | undefined;
  before: Deadline | undefined;
  after: Deadline | undefined;
  readonly #onExpired: () => void;

  constructor(onExpired: () => void) {
    this.#onExpired = onExpired;
  }

  expire(): void {
    this.#onExpired();
  }
}

Deno.test("deadlines that others have set are kept, late by a 32nd at most", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          at: fc.integer({ min: 0, max: 400 }),
          remaining: fc.double({ min: 0.1, max: 3_000, noNaN: true }),
          removedAfter: fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined }),
        }),
        { maxLength: 40 },
      ),
      async (all) => {
        const clock = new ManualClock();
        const deadlines = new Deadlines(clock);
        const expired = new Map<number, number>();
        all.forEach(({ at, remaining, removedAfter }, index) => {
          clock.schedule(at, () => {
            const deadline = new Recorded(() => expired.set(index, clock.now()));
            deadlines.addWithin(deadline, remaining, undefined);
            if (removedAfter !== undefined) {
              clock.schedule(removedAfter, () => deadlines.remove(deadline));
            }
          });
        });
        await clock.advance(4_000);
        all.forEach(({ at, remaining, removedAfter = Infinity }, index) => {
          const time = expired.get(index);
          const latest = at + remaining * (1 + 1 / 32) + 1;
          if (time === undefined) assert(removedAfter <= latest - at, `${index} never expired`);
          else assert(time >= at + remaining && time <= latest, `${index} at ${time}`);
        });
        assertEquals(clock.pending, 0);
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("a deadline that is over with another has no timer of its own", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  const outer = new Recorded(() => expired.push(`outer ${clock.now()}`));
  deadlines.add(outer, 100);
  deadlines.addWithin(new Recorded(() => expired.push(`same turn ${clock.now()}`)), 100, outer);
  await clock.advance(60);
  deadlines.add(new Recorded(() => expired.push(`later ${clock.now()}`)), 100);
  deadlines.addWithin(new Recorded(() => expired.push(`inner ${clock.now()}`)), 40, outer);
  await clock.advance(1);
  assertEquals(clock.pending, 1);
  await clock.advance(100);
  assertEquals(expired, ["outer 100", "inner 100", "same turn 100", "later 160"]);
  assertEquals(clock.pending, 0);
});

/** A clock of a process that can stand still while time goes on. */
class StoppableClock implements Clock {
  readonly #isDebugged: boolean;
  #time = 0;
  #timers: { due: number; task: () => void }[] = [];

  constructor(isDebugged: boolean) {
    this.#isDebugged = isDebugged;
  }

  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#time;
  }

  wallTime(): number {
    return this.#time;
  }

  schedule(delay: number, task: () => void): Timer {
    const timer = { due: this.#time + delay, task };
    this.#timers.push(timer);
    return { cancel: () => this.#timers = this.#timers.filter((other) => other !== timer) };
  }

  defer(task: () => void): void {
    this.schedule(0, task);
  }

  yield(task: () => void): void {
    this.schedule(0, task);
  }

  isDebugged(): boolean {
    return this.#isDebugged;
  }

  /** Time passes, and the process runs. */
  pass(time: number): void {
    const end = this.#time + time;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#time = Math.max(this.#time, next.due);
      next.task();
    }
    this.#time = end;
  }

  /** Time passes, and the process stands still; then what has become due runs. */
  stop(time: number): void {
    this.#time += time;
    this.pass(0);
  }

  #next(end: number): { due: number; task: () => void } | undefined {
    const [next] = this.#timers.toSorted((one, other) => one.due - other.due);
    if (next === undefined || next.due > end) return undefined;
    this.#timers = this.#timers.filter((other) => other !== next);
    return next;
  }
}

Deno.test("a pause in the debugger does not count for timeouts", () => {
  const clock = new StoppableClock(true);
  const deadlines = new Deadlines(clock);
  const expired: number[] = [];
  deadlines.add(new Recorded(() => expired.push(clock.now())), 5_000);
  clock.pass(1_000);
  clock.stop(60_000);
  clock.pass(3_900);
  assertEquals(expired, []);
  // The pause counts from the last look before it, at most 100 ms earlier.
  clock.pass(200);
  assertEquals(expired.length, 1);
  clock.pass(100);
  assertEquals(clock.pending, 0);
});

Deno.test("without a debugger, and for a short delay, timeouts are not extended", () => {
  for (const [isDebugged, stopped] of [[false, 60_000], [true, 300]] as const) {
    const clock = new StoppableClock(isDebugged);
    const deadlines = new Deadlines(clock);
    const expired: number[] = [];
    deadlines.add(new Recorded(() => expired.push(clock.now())), 5_000);
    clock.pass(1_000);
    clock.stop(stopped);
    clock.pass(Math.max(0, 5_000 - clock.now()));
    assertEquals(expired, [Math.max(5_000, 1_000 + stopped)]);
    clock.pass(100);
    assertEquals(clock.pending, 0);
  }
});
