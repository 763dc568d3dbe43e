import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

/** What a series of runs says about the cost of telemetry. Shares: 0.05 is 5 %. */
export interface Cost {
  /** Lower quartiles of the runs. */
  readonly off: number;
  readonly on: number;
  /** By how much the second is dearer. */
  readonly share: number;
  /** What the same comparison finds between runs without telemetry, by chance. */
  readonly noise: number;
}

/** Splits of the runs without telemetry that the noise is taken from. */
const splits = 400;

/**
 * Compares lower quartiles: other work on the machine makes runs dearer, and never cheaper. The noise is
 * the 90th percentile of the differences between two halves of the runs without telemetry, over random
 * splits. `off` has twice as many runs as `on`, so that each half has as many.
 */
export function costOf(off: readonly number[], on: readonly number[]): Cost {
  const random = new SeededRandom("splits");
  const differences: number[] = [];
  for (let i = 0; i < splits; i++) {
    const shuffled = off.map((value) => ({ value, at: random.next() }))
      .sort((a, b) => a.at - b.at).map(({ value }) => value);
    const [half, other] = [shuffled.slice(0, on.length), shuffled.slice(on.length)];
    differences.push(Math.abs(quantile(half, 0.25) / quantile(other, 0.25) - 1));
  }
  const [cheap, dear] = [quantile(off, 0.25), quantile(on, 0.25)];
  return { off: cheap, on: dear, share: dear / cheap - 1, noise: quantile(differences, 0.9) };
}

/** The value below which a part of all values is. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;
}
