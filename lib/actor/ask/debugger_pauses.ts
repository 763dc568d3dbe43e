import type { Clock, Timer } from "../../runtime/clock.ts";

/** Milliseconds between two looks at the clock. */
const interval = 100;
/** A process that runs may be late by less, milliseconds. */
const shortestPause = 500;
/** Milliseconds between two questions whether there is a debugger: to ask costs more than an ask. */
const questionInterval = 1_000;

/**
 * Notices that a debugger has stopped the process, by the time that has passed meanwhile. Without a
 * debugger it sets no timer: a process that stood still then is as late as it looks to others.
 */
export class DebuggerPauses {
  readonly #clock: Clock;
  readonly #onPause: (pause: number) => void;
  #timer: Timer | undefined;
  #lookedAt = 0;
  #nextQuestion = -Infinity;

  /** `onPause` is called after each pause with its length, rounded up by at most 100 ms. */
  constructor(clock: Clock, onPause: (pause: number) => void) {
    this.#clock = clock;
    this.#onPause = onPause;
  }

  /** Watches from now on, if a debugger can stop the process. `now`: the time of the clock. */
  watch(now: number): void {
    if (this.#timer !== undefined || now < this.#nextQuestion) return;
    if (this.#clock.isDebugged?.() !== true) {
      this.#nextQuestion = now + questionInterval;
      return;
    }
    this.#lookedAt = now;
    this.#look();
  }

  /** Stops watching. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = this.#clock.schedule(interval, () => {
      const now = this.#clock.now();
      const passed = now - this.#lookedAt;
      this.#lookedAt = now;
      this.#look();
      if (passed - interval >= shortestPause) this.#onPause(passed);
    });
  }
}
