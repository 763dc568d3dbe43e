import type { Clock, Timer } from "../../runtime/clock.ts";

/** Milliseconds between two looks at the clock. */
const interval = 100;
/** A process that runs may be late by less, milliseconds. */
const shortestPause = 500;

/**
 * Notices that a debugger has stopped the process, by the time that has passed meanwhile. Without a
 * debugger it sets no timer: a process that stood still then is as late as it looks to others.
 */
export class DebuggerPauses {
  readonly #clock: Clock;
  readonly #onPause: (pause: number) => void;
  #timer: Timer | undefined;
  #lookedAt = 0;

  /** `onPause` is called after each pause with its length, rounded up by at most 100 ms. */
  constructor(clock: Clock, onPause: (pause: number) => void) {
    this.#clock = clock;
    this.#onPause = onPause;
  }

  /** Watches from now on, if a debugger can stop the process. */
  watch(): void {
    if (this.#timer !== undefined || this.#clock.isDebugged?.() !== true) return;
    this.#lookedAt = this.#clock.now();
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
