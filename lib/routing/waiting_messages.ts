/** A bounded queue of messages that wait for a routee, each with the hash of its key. */
export class WaitingMessages<M> {
  readonly #capacity: number;
  #messages: (M | undefined)[] = [];
  #hashes: number[] = [];
  #times: number[] = [];
  #head = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many wait. */
  get size(): number {
    return this.#messages.length - this.#head;
  }

  /** When the oldest was added. Only if one waits. */
  get oldestTime(): number {
    return this.#times[this.#head]!;
  }

  /** Whether there is no room for another. */
  get isFull(): boolean {
    return this.size >= this.#capacity;
  }

  /** Adds one at the end, at the time `now`; false if there is no room. */
  add(message: M, hash: number, now: number): boolean {
    if (this.isFull) return false;
    this.#messages.push(message);
    this.#hashes.push(hash);
    this.#times.push(now);
    return true;
  }

  /** The oldest message; only if there is one. */
  get oldest(): M {
    return this.#messages[this.#head] as M;
  }

  /**
   * Gives the messages to `take` in order, while `goOn` answers true. `take` may call this again:
   * each message is returned once.
   */
  drain(goOn: () => boolean, take: (message: M, hash: number) => void): void {
    while (this.size > 0 && goOn()) {
      const index = this.#head++;
      const message = this.#messages[index] as M;
      const hash = this.#hashes[index]!;
      this.#messages[index] = undefined;
      if (this.size === 0) {
        this.#messages = [];
        this.#hashes = [];
        this.#times = [];
        this.#head = 0;
      }
      take(message, hash);
    }
  }
}
