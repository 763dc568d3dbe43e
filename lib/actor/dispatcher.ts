import type { Clock } from "../runtime/clock.ts";

/** Something that has work: runs up to `budget` messages, answers how many it ran. */
export interface Runnable {
  run(budget: number): number;
}

/** Messages that one actor may handle before the next has its turn. */
const turnBudget = 128;
/** Messages of a turn when handlers may have become slow. */
const cautiousTurn = 8;
/** Milliseconds that a turn should not exceed. */
const turnTime = 1;
/** Milliseconds after which timers and I/O get their chance. */
const yieldTime = 4;
/** Messages after which they get it in any case: virtual time stands still meanwhile. */
const yieldBudget = 65_536;

/**
 * One run queue for all actors of a system, drained in microtasks.
 *
 * What is counted and timed is not one drain but all since timers and I/O had their last chance:
 * actors that wake each other through promises never leave the microtask queue, and would
 * otherwise starve the process in many short drains.
 */
export class Dispatcher {
  readonly #clock: Clock;
  #queue: Runnable[] = [];
  /** The first of `#queue` that has not had its turn. */
  #index = 0;
  #next: Runnable[] = [];
  #scheduled = false;
  /** Messages that a turn may take now: fewer while handlers are slow. */
  #turn = turnBudget;
  /** Messages until the clock is looked at: a look costs as much as some messages. */
  #untilLook = turnBudget;
  /** When timers and I/O had their last chance, as far as is known. */
  #since = 0;
  /** Looks since then, in messages. */
  #handled = 0;

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
    this.#run(this.#turn < turnBudget ? this.#clock.now() : -1);
  };

  readonly #drainAfresh = (): void => {
    this.#since = this.#clock.now();
    this.#handled = 0;
    this.#run(this.#since);
  };

  /** `looked` is when it began, or -1: handlers were fast lately, it is not worth a look. */
  #run(looked: number): void {
    while (this.#index < this.#queue.length || this.#swap()) {
      // An actor that only started or stopped has worked, too.
      this.#untilLook -= this.#queue[this.#index++]!.run(this.#turn) || 1;
      if (this.#untilLook > 0) continue;
      const now = this.#clock.now();
      this.#handled += this.#turn;
      const yields = now - this.#since >= yieldTime || this.#handled >= yieldBudget;
      if (looked >= 0) this.#adapt(now - looked);
      else if (yields) this.#turn = cautiousTurn;
      looked = now;
      this.#untilLook = this.#turn;
      if (yields) {
        return this.#clock.yield(this.#drainAfresh);
      }
    }
    this.#scheduled = false;
  }

  /** Goes on with what was scheduled in the meantime; false if nothing was. */
  #swap(): boolean {
    const done = this.#queue;
    done.length = 0;
    this.#index = 0;
    this.#queue = this.#next;
    this.#next = done;
    return this.#queue.length > 0;
  }

  /** Makes turns shorter while they take too long. */
  #adapt(spent: number): void {
    if (spent > turnTime) this.#turn = Math.max(1, Math.floor(this.#turn * turnTime / spent));
    else if (spent < turnTime / 4 && this.#turn < turnBudget) {
      this.#turn = Math.min(turnBudget, this.#turn * 2);
    }
  }
}
