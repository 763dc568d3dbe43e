import type { Clock } from "../../runtime/clock.ts";
import { defaultEpoch } from "../virtual_clock.ts";

/** The clock of one machine, which may run fast or slow, and whose wall time may be wrong. */
export class MachineClock {
  readonly #time: Clock;
  #base = 0;
  #since: number;
  #rate = 1;
  /** Since when it is suspended, in the time of the world. */
  #suspendedAt: number | undefined;
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
    this.#since = this.#suspendedAt ?? this.#time.now();
    this.#rate = rate;
  }

  now(): number {
    const at = this.#suspendedAt ?? this.#time.now();
    return this.#base + (at - this.#since) * this.#rate;
  }

  wallTime(): number {
    return defaultEpoch + this.now() + this.skew;
  }

  /** It stands still, until `wake`. */
  suspend(): void {
    this.#suspendedAt ??= this.#time.now();
  }

  /** It goes on where it stood; its wall time has gone on meanwhile. Does nothing if it was awake. */
  wake(): void {
    if (this.#suspendedAt === undefined) return;
    const base = this.now();
    const slept = this.#time.now() - this.#suspendedAt;
    this.#suspendedAt = undefined;
    this.#base = base;
    this.#since = this.#time.now();
    this.skew += slept * this.#rate;
  }
}
