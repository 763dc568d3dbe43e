/**
 * Limits the work that one peer can cause: a token bucket per peer. Gossip repeats itself, so
 * dropped messages are not lost. Heartbeats are free.
 *
 * @module
 */

/** Tokens of a full bucket. */
const capacity = 400;
/** Tokens added per second. A correct peer needs about 30. */
const perSecond = 100;
/** Records per token. */
const recordsPerToken = 50;
/** Buckets kept; there are fewer members. */
const maxPeers = 20_000;

interface Bucket {
  tokens: number;
  at: number;
  /** Whether the excess was logged since the bucket was full. */
  logged: boolean;
}

/** See the module's text. Times in milliseconds. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Takes one token for a message. `drop`: there was none; `dropAndLog`: and it is the first drop
   * since the bucket was full.
   */
  take(peer: string, now: number): "accept" | "drop" | "dropAndLog" {
    const bucket = this.#bucket(peer, now);
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return "accept";
    }
    if (bucket.logged) return "drop";
    bucket.logged = true;
    return "dropAndLog";
  }

  /** Takes tokens for records that were read or sent; the balance may become negative. */
  charge(peer: string, records: number, now: number): void {
    if (records < recordsPerToken) return;
    this.#bucket(peer, now).tokens -= records / recordsPerToken;
  }

  #bucket(peer: string, now: number): Bucket {
    let bucket = this.#buckets.get(peer);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxPeers) this.#buckets.clear();
      bucket = { tokens: capacity, at: now, logged: false };
      this.#buckets.set(peer, bucket);
      return bucket;
    }
    const since = now - bucket.at;
    if (since <= 0) return bucket;
    bucket.at = now;
    bucket.tokens = Math.min(capacity, bucket.tokens + since * perSecond / 1_000);
    if (bucket.tokens === capacity) bucket.logged = false;
    return bucket;
  }
}
