import type { Clock } from "../runtime/clock.ts";

/** Something that has work: runs up to `budget` messages, answers how many it ran. */
export interface Runnable {
  run(budget: number): number;
}

/** Messages that one actor may handle before the next has its turn. */
const turnBudget = 256;
/** Messages after which timers and I/O get their chance. */
const yieldBudget = 8_192;

/** One run queue for all actors of a system, drained in microtasks. */
export class Dispatcher {
  readonly #clock: Clock;
  #queue: Runnable[] = [];
  #next: Runnable[] = [];
  #scheduled = false;

  /** Idle until something is scheduled. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts an actor into the queue. It must not be in there already. */
  schedule(runnable: Runnable): void {
    this.#next.push(runnable);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#drain);
  }

  readonly #drain = (): void => {
    let handled = 0;
    while (this.#next.length > 0) {
      const queue = this.#next;
      this.#next = this.#queue;
      this.#queue = queue;
      for (let i = 0; i < queue.length; i++) handled += queue[i]!.run(turnBudget);
      queue.length = 0;
      if (handled >= yieldBudget && this.#next.length > 0) {
        this.#clock.yield(this.#drain);
        return;
      }
    }
    this.#scheduled = false;
  };
}
