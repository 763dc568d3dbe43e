/**
 * What one peer may have decoded and inflated: a token bucket of one second for each. Work is
 * counted when it is done, since nobody knows before how much a message takes; the bucket then is
 * in debt, and nothing more is read from the peer until the debt is paid. Pure.
 *
 * @module
 */

/** Bounds of a {@linkcode WorkBudget}. */
export interface WorkRates {
  /** Values a second. */
  readonly values: number;
  /** Inflated bytes a second. */
  readonly inflated: number;
}

/** See the module's text. */
export class WorkBudget {
  readonly #rates: WorkRates;
  #values: number;
  #inflated: number;
  #at: number;

  /** A budget that is full at `now`, milliseconds. */
  constructor(rates: WorkRates, now: number) {
    this.#rates = rates;
    this.#values = rates.values;
    this.#inflated = rates.inflated;
    this.#at = now;
  }

  /** Counts work that was done. */
  charge(values: number, inflated: number): void {
    this.#values -= values;
    this.#inflated -= inflated;
  }

  /** Milliseconds until more may be done; 0: at once. */
  delay(now: number): number {
    const { values, inflated } = this.#rates;
    const seconds = Math.max(0, now - this.#at) / 1_000;
    this.#at = now;
    this.#values = Math.min(values, this.#values + seconds * values);
    this.#inflated = Math.min(inflated, this.#inflated + seconds * inflated);
    const debt = Math.max(-this.#values / values, -this.#inflated / inflated);
    return debt > 0 ? Math.ceil(debt * 1_000) : 0;
  }
}
