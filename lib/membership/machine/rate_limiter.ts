/**
 * Bounds what one peer can make a node do: a bucket of tokens for each peer, which fills with time.
 * Gossip repeats itself, so what is ignored is not lost. Heartbeats are free.
 *
 * @module
 */

/** Tokens of a peer that has been quiet. */
const capacity = 400;
/** Tokens that come in a second. An honest peer needs about 30. */
const perSecond = 100;
/** How many records cost a token. */
const recordsPerToken = 50;
/** Peers that are remembered; the members are fewer. */
const maxPeers = 20_000;

interface Bucket {
  tokens: number;
  at: number;
  /** Whether it was told that the peer talks too much. */
  told: boolean;
}

/** See the module's text. Times in milliseconds. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Takes one token for a message. `ignore`: there was none; `complain`: and it is the first time
   * since the bucket was full.
   */
  take(peer: string, now: number): "accept" | "drop" | "dropAndLog" {
    const bucket = this.#bucket(peer, now);
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return "accept";
    }
    if (bucket.told) return "drop";
    bucket.told = true;
    return "dropAndLog";
  }

  /** Takes tokens for so many records that were read or sent; the bucket may come to owe some. */
  charge(peer: string, records: number, now: number): void {
    if (records < recordsPerToken) return;
    this.#bucket(peer, now).tokens -= records / recordsPerToken;
  }

  #bucket(peer: string, now: number): Bucket {
    let bucket = this.#buckets.get(peer);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxPeers) this.#buckets.clear();
      bucket = { tokens: capacity, at: now, told: false };
      this.#buckets.set(peer, bucket);
      return bucket;
    }
    const since = now - bucket.at;
    if (since <= 0) return bucket;
    bucket.at = now;
    bucket.tokens = Math.min(capacity, bucket.tokens + since * perSecond / 1_000);
    if (bucket.tokens === capacity) bucket.told = false;
    return bucket;
  }
}
