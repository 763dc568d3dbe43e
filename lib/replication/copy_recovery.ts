import type { Clock } from "../runtime/clock.ts";

/** Milliseconds until a copy whose store has failed is read again: the first time, and at most. */
const firstDelay = 1_000;
const maxDelay = 60_000;
/** A copy that was well for so long has its next failure for the first time. */
const forgetAfter = 120_000;

interface Failure {
  count: number;
  at: number;
}

/** Tries again and again, with growing delays, to take a copy from its store whose writes have failed. */
export class CopyRecovery {
  readonly #clock: Clock;
  /** Resolves when the copy takes part again; rejects: its store fails still. */
  readonly #recover: (shard: number) => Promise<void>;
  readonly #failures = new Map<number, Failure>();

  constructor(clock: Clock, recover: (shard: number) => Promise<void>) {
    this.#clock = clock;
    this.#recover = recover;
  }

  /** A copy has failed. */
  failed(shard: number): void {
    const now = this.#clock.now();
    const before = this.#failures.get(shard);
    const count = before === undefined || now - before.at > forgetAfter ? 0 : before.count;
    this.#failures.set(shard, { count: count + 1, at: now });
    this.#clock.schedule(Math.min(maxDelay, firstDelay * 2 ** count), () => {
      this.#recover(shard).catch(() => this.failed(shard));
    });
  }
}
