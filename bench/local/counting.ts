/**
 * Counts handled messages, so that a measurement ends with the last handled message, not the last
 * tell.
 */
export class Countdown {
  /** Call it after each handled message. */
  readonly count: () => void;
  #left = 0;
  #done = () => {};

  constructor() {
    this.count = () => {
      if (--this.#left === 0) this.#done();
    };
  }

  /** Expects `messages` more. Resolves when the last of them was handled. */
  expect(messages: number): Promise<void> {
    this.#left += messages;
    return new Promise((resolve) => this.#done = resolve);
  }

  /**
   * Yields once, and fails if more messages were handled than sent. If one is missing, the promise
   * of `expect` stays pending, and the process exits with an error.
   */
  async close(): Promise<void> {
    await moment();
    if (this.#left !== 0) throw new Error(`${-this.#left} more messages handled than sent`);
  }
}

/** Yields to timers and I/O. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The rate per second. */
export function perSecond(things: number, begin: number): number {
  return things / ((performance.now() - begin) / 1_000);
}
