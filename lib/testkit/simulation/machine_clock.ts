import type { Clock } from "../../runtime/clock.ts";
import { defaultEpoch } from "../virtual_clock.ts";

/** The clock of one machine, which may run fast or slow, and whose wall time may be wrong. */
export class MachineClock {
  readonly #time: Clock;
  #base = 0;
  #since: number;
  #rate = 1;
  /** Milliseconds that its wall time is ahead. */
  skew = 0;

  /** Right, at first. */
  constructor(time: Clock) {
    this.#time = time;
    this.#since = time.now();
  }

  /** Milliseconds that it counts in one of the world's. */
  get rate(): number {
    return this.#rate;
  }

  set rate(rate: number) {
    this.#base = this.now();
    this.#since = this.#time.now();
    this.#rate = rate;
  }

  now(): number {
    return this.#base + (this.#time.now() - this.#since) * this.#rate;
  }

  wallTime(): number {
    return defaultEpoch + this.now() + this.skew;
  }
}
