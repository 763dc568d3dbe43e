/** Tokens of a full bucket. */
const capacity = 60;
/** Tokens added per second. A dashboard takes about ten. */
const perSecond = 30;
/** Identities that are remembered; there are fewer members. */
const maxIdentities = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** Limits the requests of each identity: a token bucket. Pure: the time is an argument. */
export class RequestBudget {
  readonly #buckets = new Map<string, Bucket>();

  /** Whether one more request of an identity is answered. `now`: milliseconds. */
  take(identity: string, now: number): boolean {
    let bucket = this.#buckets.get(identity);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxIdentities) this.#buckets.clear();
      this.#buckets.set(identity, bucket = { tokens: capacity, at: now });
    }
    const since = Math.max(0, now - bucket.at);
    bucket.tokens = Math.min(capacity, bucket.tokens + since * perSecond / 1_000);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
