import type { Attributes, Counter, Histogram, Instrument } from "../runtime/telemetry.ts";

/** Sets of labels that one instrument keeps; others are counted together. */
export const maxSets = 1_000;

/** Labels of what is over the limit, after the conventions of OpenTelemetry. */
const overflow: Attributes = Object.freeze({ overflow: true });

/** Upper bounds of the buckets of durations, in seconds. */
const seconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Upper bounds of the buckets of everything else. */
const amounts = [1, 2, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000];

/** What was recorded with one set of labels. */
export interface Point {
  /** The labels. */
  readonly attributes: Attributes;
  /** The present value of a gauge; the sum of a counter or histogram. */
  readonly value: number;
  /** How many values a histogram has recorded. */
  readonly count: number;
  /** How many values are in each bucket of a histogram and not in the one before; the last: above all. */
  readonly buckets: readonly number[];
}

/** One instrument and what it has recorded. */
export interface Metric {
  /** The instrument. */
  readonly instrument: Instrument;
  /** Upper bounds of the buckets of a histogram; the last bucket has none. */
  readonly bounds: readonly number[];
  /** One for each set of labels. */
  readonly points: Iterable<Point>;
}

interface Mutable {
  readonly attributes: Attributes;
  value: number;
  count: number;
  readonly buckets: number[];
}

/** Sums up the values of one instrument, for each set of labels. */
export class Series implements Metric, Counter, Histogram {
  readonly instrument: Instrument;
  readonly bounds: readonly number[];
  readonly #names: readonly string[];
  readonly #points = new Map<string, Mutable>();

  constructor(instrument: Instrument) {
    this.instrument = instrument;
    this.bounds = instrument.kind !== "histogram"
      ? []
      : instrument.unit === "s"
      ? seconds
      : amounts;
    this.#names = instrument.attributes ?? [];
  }

  /** One for each set of labels. */
  get points(): Iterable<Point> {
    return this.#points.values();
  }

  /** Counts. */
  add(value: number, attributes: Attributes = {}): void {
    this.#at(attributes).value += value;
  }

  /** Takes the present value of a gauge. */
  set(value: number, attributes: Attributes = {}): void {
    this.#at(attributes).value = value;
  }

  /** Records one value of a distribution, `weight` times. */
  record(value: number, attributes: Attributes = {}, weight = 1): void {
    const point = this.#at(attributes);
    point.value += value * weight;
    point.count += weight;
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    point.buckets[bucket]! += weight;
  }

  #at(attributes: Attributes): Mutable {
    // The instrument names its labels: others are left out.
    let key = "";
    for (const name of this.#names) key += `${attributes[name]}\0`;
    const known = this.#points.get(key);
    if (known !== undefined) return known;
    if (this.#points.size < maxSets) return this.#open(key, attributes);
    return this.#points.get("overflow") ?? this.#open("overflow", overflow);
  }

  #open(key: string, attributes: Attributes): Mutable {
    const buckets = this.instrument.kind === "histogram"
      ? new Array<number>(this.bounds.length + 1).fill(0)
      : [];
    const point = { attributes, value: 0, count: 0, buckets };
    this.#points.set(key, point);
    return point;
  }
}
