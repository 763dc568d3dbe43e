/** Identities whose rate is counted. */
const maxIdentities = 10_000;

/** What one identity may do at once, as of a time. */
interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Limits how much each identity causes in a second: entities that clients with one certificate start, what
 * they publish, requests of one admin, bytes of one principal. A token bucket for each, with room for one
 * second. Pure: the time is an argument.
 */
export class TokenBuckets {
  readonly #rate: number;
  readonly #buckets = new Map<string, Bucket>();

  /** `rate`: tokens a second; as many may be taken at once after a second of rest. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /**
   * Whether the identity may cause work of that cost now; then it is counted. What costs more than a second
   * takes all of it.
   */
  take(identity: string, now: number, cost = 1): boolean {
    let known = this.#buckets.get(identity);
    if (known === undefined) {
      if (this.#buckets.size >= maxIdentities) this.#forgetResting(now);
      known = { tokens: this.#rate, at: now };
      this.#buckets.set(identity, known);
    }
    known.tokens = this.#tokensOf(known, now);
    known.at = now;
    const charged = Math.min(cost, this.#rate);
    if (known.tokens < charged) return false;
    known.tokens -= charged;
    return true;
  }

  /** Forgets the identities whose bucket is full again. */
  prune(now: number): void {
    for (const [identity, bucket] of this.#buckets) {
      if (this.#tokensOf(bucket, now) >= this.#rate) this.#buckets.delete(identity);
    }
  }

  #tokensOf({ tokens, at }: Bucket, now: number): number {
    return Math.min(this.#rate, tokens + Math.max(0, now - at) * this.#rate / 1_000);
  }

  /** Those whose bucket is full again; all of them if there is none. */
  #forgetResting(now: number): void {
    this.prune(now);
    if (this.#buckets.size >= maxIdentities) this.#buckets.clear();
  }
}
