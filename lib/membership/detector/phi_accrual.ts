import { detectorDefaults } from "../../options/tables/cluster_tables.ts";
import { rules } from "../../runtime/rules.ts";

/** Options of the phi accrual failure detector. Times in milliseconds. */
export interface DetectorOptions {
  /** Phi from which a member counts as silent: 8 is one mistake in 10^8 intervals. Default 8. */
  readonly threshold: number;
  /** Pause tolerated beyond the mean interval: garbage collection, hiccups. Default 3 000. */
  readonly acceptablePause: number;
  /** Minimum standard deviation, for very regular heartbeats. Default 200. */
  readonly minStdDeviation: number;
  /** Number of intervals in the window. Default 200. */
  readonly maxSamples: number;
  /** Assumed interval until two samples exist. Default 1 000. */
  readonly firstEstimate: number;
  /** A shorter interval resets the silence but is no sample. Default 0. */
  readonly minSampleInterval: number;
}

/** The defaults of {@linkcode DetectorOptions}. */
export const defaultDetectorOptions: DetectorOptions = detectorDefaults;

/**
 * Phi is below this while the silence is at most the mean interval and the tolerated pause, because
 * the probability is then at least a half: log10(2), rounded up.
 */
const usualPhi = 0.302;

/**
 * The phi accrual failure detector (Hayashibara et al., 2004) for one peer, with a normal
 * distribution of heartbeat intervals. Pure: time is an argument. Keeps at most `maxSamples`
 * intervals; each call takes constant time.
 */
export class PhiAccrualDetector {
  readonly #options: DetectorOptions;
  #intervals: number[] = [];
  /** Index of the oldest interval once the window is full. */
  #next = 0;
  #sum = 0;
  #sumOfSquares = 0;
  #lastHeard: number;
  #lastSample: number;

  /** Silence counts from `now`, so that a peer that never responds is suspected too. */
  constructor(options: Partial<DetectorOptions>, now: number) {
    this.#options = { ...defaultDetectorOptions, ...options };
    this.#lastHeard = now;
    this.#lastSample = now;
  }

  /** When the last message arrived; moved forward by `excuse`. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /** Number of intervals in the window. */
  get samples(): number {
    return this.#intervals.length;
  }

  /** A message of the peer has arrived. */
  heartbeat(now: number): void {
    const interval = now - this.#lastSample;
    if (interval >= this.#options.minSampleInterval) {
      // The end of an outage is no sample of the usual interval.
      if (interval > 0 && this.isAvailable(now)) this.#remember(interval);
      this.#lastSample = now;
    }
    this.#lastHeard = Math.max(this.#lastHeard, now);
  }

  /** Subtracts `ms` from the silence until `now`: this node was stalled itself. */
  excuse(ms: number, now: number): void {
    this.#lastHeard = Math.min(now, this.#lastHeard + ms);
    this.#lastSample = Math.min(now, this.#lastSample + ms);
  }

  /**
   * -log10 of the probability that a live peer is silent this long. 0 right after a message;
   * `Infinity` where a double cannot distinguish the probability from 0.
   */
  phi(now: number): number {
    const { acceptablePause, minStdDeviation, firstEstimate } = this.#options;
    const count = this.#intervals.length;
    if (count < 2 && !rules.silenceCountsFromStart) return 0;
    const mean = this.#meanInterval;
    let deviation = firstEstimate / 4;
    if (count >= 2) {
      const variance = (this.#sumOfSquares - this.#sum * mean) / (count - 1);
      deviation = Math.max(Math.sqrt(Math.max(0, variance)), minStdDeviation);
    }
    const pause = rules.pausesAreTolerated ? acceptablePause : 0;
    const tail = normalTail((now - this.#lastHeard - mean - pause) / deviation);
    if (1 - tail >= 1) return Infinity;
    return tail >= 1 ? 0 : -Math.log10(tail);
  }

  /** Whether the silence is long enough for indirect probes. */
  isOverdue(now: number): boolean {
    return now - this.#lastHeard > this.#meanInterval + this.#options.acceptablePause / 2;
  }

  /** Whether phi is below the threshold. */
  isAvailable(now: number): boolean {
    const { acceptablePause, threshold } = this.#options;
    // Called for each message: what is no longer than usual needs no logarithm.
    const pause = rules.pausesAreTolerated ? acceptablePause : 0;
    if (now - this.#lastHeard <= this.#meanInterval + pause && threshold > usualPhi) return true;
    return this.phi(now) < threshold;
  }

  get #meanInterval(): number {
    const count = this.#intervals.length;
    return count >= 2 ? this.#sum / count : this.#options.firstEstimate;
  }

  #remember(interval: number): void {
    if (this.#intervals.length < this.#options.maxSamples) {
      this.#intervals.push(interval);
    } else {
      const oldest = this.#intervals[this.#next]!;
      this.#intervals[this.#next] = interval;
      this.#next = (this.#next + 1) % this.#intervals.length;
      this.#sum -= oldest;
      this.#sumOfSquares -= oldest * oldest;
    }
    this.#sum += interval;
    this.#sumOfSquares += interval * interval;
  }
}

/**
 * Probability that a standard normal variable exceeds `y`. A power series near 0 (Marsaglia, 2004),
 * Laplace's continued fraction beyond; relative error below 10^-12 where it matters.
 */
function normalTail(y: number): number {
  if (y < 0) return 1 - normalTail(-y);
  const density = Math.exp(-y * y / 2) / Math.sqrt(2 * Math.PI);
  if (y < 3) {
    let term = y;
    let series = y;
    for (let divisor = 3; Math.abs(term) > 1e-17; divisor += 2) {
      term *= y * y / divisor;
      series += term;
    }
    return 0.5 - density * series;
  }
  let fraction = y;
  for (let numerator = 80; numerator > 0; numerator--) fraction = y + numerator / fraction;
  return density / fraction;
}
