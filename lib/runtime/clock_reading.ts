import type { Clock } from "./clock.ts";

/** The same moment on both clocks. */
export interface ClockReading {
  /** Milliseconds on the monotonic clock. */
  readonly now: number;
  /** Milliseconds since the Unix epoch. */
  readonly wallTime: number;
}

/** Milliseconds between the two readings that count as none. */
const maxGap = 1;
const maxAttempts = 10;

/**
 * Reads both clocks. Where another process takes the processor between the two readings, the wall clock
 * seems to have gained that time, as after a suspension of the machine. So the clocks are read again
 * until nothing lay between. After ten attempts the last reading counts, with its gain.
 */
export function readClocks(clock: Pick<Clock, "now" | "wallTime">): ClockReading {
  let now = clock.now();
  for (let attempt = 1;; attempt++) {
    const wallTime = clock.wallTime();
    const after = clock.now();
    if (after - now <= maxGap || attempt === maxAttempts) return { now, wallTime };
    now = after;
  }
}
