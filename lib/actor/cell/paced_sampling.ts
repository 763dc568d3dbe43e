import type { Clock, Timer } from "../../runtime/clock.ts";

/**
 * Milliseconds between two samples where there is much to measure. A sample costs about 2 us, most of it
 * two looks at the clock: at this pace samples take 0.2 % of the time.
 */
const pace = 1;
/** Events that a sample may stand for. */
const maxGap = 65_536;
/** Events after which the end of a rush is looked for. */
const longGap = 64;
/** Milliseconds after which an event is a sample, even if fewer have happened than the rush has promised. */
const longestWait = 1_000;

/**
 * Chooses the events that are measured: all of them where there are few, and one in many where there are
 * so many that to measure each would cost more than the events. A sample stands for the events since the
 * one before, so that sums over all samples are those over all events. Gaps vary around their mean:
 * events that take turns in a pattern must not always be those that are left out.
 *
 * On virtual time each event is a sample.
 */
export class PacedSampling {
  /** Events before the next sample: each event counts it down, and one that finds it below 0 is a sample. */
  left = 0;
  /** Events from one sample to the next, the next included. */
  #planned = 1;
  #takenAt = -Infinity;
  #chance = 0x2545f491;
  #timer: Timer | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The event at hand is a sample. Returns for how many it stands, itself included. */
  take(now: number): number {
    if (this.#clock.isReal !== true) {
      this.left = 0;
      return 1;
    }
    const gap = this.#planned;
    const mean = Math.min(maxGap, gap * pace / (now - this.#takenAt));
    this.#takenAt = now;
    // A small integer also for the engine: the fields that count down are updated in every turn.
    this.#planned = mean > 1 ? (1.5 + 2 * (mean - 1) * this.#next()) | 0 : 1;
    this.left = this.#planned - 1;
    if (this.left > longGap) this.#timer ??= this.#limitWait();
    return gap;
  }

  /** No samples follow. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #limitWait(): Timer {
    const timer = this.#clock.schedule(longestWait, () => {
      this.#timer = undefined;
      // What has not happened yet is not stood for.
      this.#planned -= Math.max(0, this.left);
      this.left = 0;
    });
    timer.unref?.();
    return timer;
  }

  /** A number from 0 to below 1 (xorshift, Marsaglia): it need not be more than irregular. */
  #next(): number {
    let x = this.#chance;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#chance = x;
    return (x >>> 0) / 0x1_0000_0000;
  }
}
