/** Counts handled messages, so that a figure ends with the last of them and not with the last tell. */
export class Countdown {
  /** Call it with each message that was handled. */
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
   * Waits a moment, and fails if more messages came than were sent. If one is missing the promise
   * of `expect` stays open, and the process ends with an error.
   */
  async close(): Promise<void> {
    await moment();
    if (this.#left !== 0) throw new Error(`${-this.#left} messages more than were sent`);
  }
}

/** Timers and I/O have their chance. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Things per second. */
export function perSecond(things: number, begin: number): number {
  return things / ((performance.now() - begin) / 1_000);
}
