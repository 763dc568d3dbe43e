/** Senders whose rate is counted. */
const maxSenders = 10_000;

/** Entities that a sender may start at once, as of a time (a token bucket). */
interface Sender {
  tokens: number;
  at: number;
}

/**
 * Limits how many entities clients with one certificate start a second: each start is work, and may
 * passivate an entity that others use. Pure: the time is an argument.
 */
export class EntityStarts {
  readonly #rate: number;
  readonly #senders = new Map<string, Sender>();

  /** `rate`: starts a second; as many may come at once after a second of rest. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Whether the sender may start one more. */
  take(sender: string, now: number): boolean {
    let known = this.#senders.get(sender);
    if (known === undefined) {
      if (this.#senders.size >= maxSenders) this.#forgetResting(now);
      known = { tokens: this.#rate, at: now };
      this.#senders.set(sender, known);
    }
    known.tokens = this.#tokensOf(known, now);
    known.at = now;
    if (known.tokens < 1) return false;
    known.tokens--;
    return true;
  }

  #tokensOf({ tokens, at }: Sender, now: number): number {
    return Math.min(this.#rate, tokens + (now - at) * this.#rate / 1_000);
  }

  /** Those whose bucket is full again; all of them if there is none. */
  #forgetResting(now: number): void {
    for (const [name, sender] of this.#senders) {
      if (this.#tokensOf(sender, now) >= this.#rate) this.#senders.delete(name);
    }
    if (this.#senders.size >= maxSenders) this.#senders.clear();
  }
}
