/** Keys that are kept. */
const maxKept = 100_000;

/**
 * When limiters have ended at this node, so that their next incarnations know how old permits can be.
 */
export class EndedLimiters {
  readonly #memory: number;
  /** By key, in the order of time. */
  readonly #ends = new Map<string, number>();
  /** No key that is not kept has ended after it. */
  #floor = -Infinity;

  /** `memory`: milliseconds after which an end makes no difference. */
  constructor(memory: number) {
    this.#memory = memory;
  }

  /** When the limiter of a key has ended, at the latest; `-Infinity`: never, or long ago. */
  endOf(key: string): number {
    return this.#ends.get(key) ?? this.#floor;
  }

  /** A limiter has ended. */
  add(key: string, now: number): void {
    this.#ends.delete(key);
    this.#ends.set(key, now);
    for (const [each, at] of this.#ends) {
      if (at > now - this.#memory && this.#ends.size <= maxKept) break;
      this.#ends.delete(each);
      if (at > now - this.#memory) this.#floor = at;
    }
  }
}
