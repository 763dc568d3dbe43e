import { rules } from "../../runtime/rules.ts";

/** How suspicious silence is. Times in milliseconds. */
export interface DetectorOptions {
  /** Phi from which a member counts as silent: 8 is one mistake in 10^8 intervals. Default 8. */
  readonly threshold: number;
  /** Silence that is normal besides the usual interval: garbage collection, hiccups. Default 3 000. */
  readonly acceptablePause: number;
  /** Least standard deviation, for very regular heartbeats. Default 200. */
  readonly minStdDeviation: number;
  /** How many intervals are remembered. Default 200. */
  readonly maxSamples: number;
  /** The interval that is assumed before two were measured. Default 1 000. */
  readonly firstEstimate: number;
  /** Heartbeats closer than this reset the silence but are no sample. Default 0. */
  readonly minSampleInterval: number;
}

/** The defaults of {@linkcode DetectorOptions}. */
export const defaultDetectorOptions: DetectorOptions = {
  threshold: 8,
  acceptablePause: 3_000,
  minStdDeviation: 200,
  maxSamples: 200,
  firstEstimate: 1_000,
  minSampleInterval: 0,
};

/**
 * Tells from the rhythm of one peer's heartbeats how likely it is that it will not be heard again:
 * the phi accrual failure detector (Hayashibara et al., 2004), with a normal distribution of
 * intervals. Time only comes in as an argument. Remembers at most `maxSamples` numbers; each call
 * takes constant time.
 */
export class PhiAccrualDetector {
  readonly #options: DetectorOptions;
  #intervals: number[] = [];
  /** Where the next interval goes once the memory is full. */
  #next = 0;
  #sum = 0;
  #sumOfSquares = 0;
  #lastHeard: number;
  #lastSample: number;

  /** Silence counts from `now`, so that a peer that never answers is suspected too. */
  constructor(options: Partial<DetectorOptions>, now: number) {
    this.#options = { ...defaultDetectorOptions, ...options };
    this.#lastHeard = now;
    this.#lastSample = now;
  }

  /** When the peer was last heard; moved forward by `excuse`. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /** How many intervals are remembered. */
  get samples(): number {
    return this.#intervals.length;
  }

  /** The peer was heard. */
  heartbeat(now: number): void {
    const interval = now - this.#lastSample;
    if (interval >= this.#options.minSampleInterval) {
      // The end of an outage says nothing about the usual rhythm.
      if (interval > 0 && this.isAvailable(now)) this.#remember(interval);
      this.#lastSample = now;
    }
    this.#lastHeard = Math.max(this.#lastHeard, now);
  }

  /** Does not hold `ms` of the silence until `now` against the peer: we were deaf ourselves. */
  excuse(ms: number, now: number): void {
    this.#lastHeard = Math.min(now, this.#lastHeard + ms);
    this.#lastSample = Math.min(now, this.#lastSample + ms);
  }

  /**
   * -log10 of the probability that a peer that lives is silent for so long. 0: just heard;
   * infinite: beyond what a double can tell from certainty.
   */
  phi(now: number): number {
    const { acceptablePause, minStdDeviation, firstEstimate } = this.#options;
    const count = this.#intervals.length;
    if (count < 2 && !rules.silenceCountsFromStart) return 0;
    let mean = firstEstimate;
    let deviation = firstEstimate / 4;
    if (count >= 2) {
      mean = this.#sum / count;
      const variance = (this.#sumOfSquares - this.#sum * mean) / (count - 1);
      deviation = Math.max(Math.sqrt(Math.max(0, variance)), minStdDeviation);
    }
    const pause = rules.pausesAreTolerated ? acceptablePause : 0;
    const tail = normalTail((now - this.#lastHeard - mean - pause) / deviation);
    if (1 - tail >= 1) return Infinity;
    return tail >= 1 ? 0 : -Math.log10(tail);
  }

  /** Whether so much time has passed that it is worth asking others about the peer. */
  isOverdue(now: number): boolean {
    const count = this.#intervals.length;
    const mean = count >= 2 ? this.#sum / count : this.#options.firstEstimate;
    return now - this.#lastHeard > mean + this.#options.acceptablePause / 2;
  }

  /** Whether phi is below the threshold. */
  isAvailable(now: number): boolean {
    return this.phi(now) < this.#options.threshold;
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
