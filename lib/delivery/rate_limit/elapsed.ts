import type { Clock } from "../../runtime/clock.ts";

/**
 * Measures a span that must not be taken for shorter than it is: where the machine was suspended, its
 * monotonic clock may have stood still, and the wall clock tells.
 */
export class Elapsed {
  readonly #clock: Clock;
  readonly #start: number;
  readonly #wallStart: number;

  /** Starts now. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#start = clock.now();
    this.#wallStart = clock.wallTime();
  }

  /** Milliseconds since the start. */
  get time(): number {
    const clock = this.#clock;
    return Math.max(clock.now() - this.#start, clock.wallTime() - this.#wallStart);
  }
}
