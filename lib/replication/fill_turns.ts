/**
 * The back-fills of a node, to others and from others: one part in a turn of the event loop, and no more parts
 * on their way than `fill_budget.ts` permits.
 *
 * @module
 */
import type { Clock } from "../runtime/clock.ts";
import { FillBudget, restAfter } from "./fill_budget.ts";

/** See the module's text. One for all types of a node. */
export class FillTurns {
  readonly #clock: Clock;
  readonly #budget = new FillBudget();
  /** How fills that wait for a credit go on, by target and fill. */
  readonly #reads = new Map<string, () => void>();
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `read` when the fill may read its next part. */
  request(target: string, fill: string, read: () => void): void {
    this.#reads.set(keyOf(target, fill), read);
    this.#budget.request(target, fill);
    this.#goOn(target);
  }

  /** See {@linkcode FillBudget.settle}. */
  settle(target: string, fill: string, underWay: number): void {
    this.#budget.settle(target, fill, underWay);
    if (underWay === 0) this.#reads.delete(keyOf(target, fill));
    this.#goOn(target);
  }

  /** Resolves in a turn of its own. What is done then with a part ends with that turn, or is done elsewhere. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#clock.yield(() => this.#run());
    }
    return promise;
  }

  #goOn(target: string): void {
    for (let fill = this.#budget.take(target); fill !== undefined;) {
      const key = keyOf(target, fill);
      const read = this.#reads.get(key);
      this.#reads.delete(key);
      read?.();
      fill = this.#budget.take(target);
    }
  }

  #run(): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) {
      this.#isRunning = false;
      return;
    }
    const begun = this.#clock.now();
    resolve();
    this.#clock.yield(() => {
      const rest = restAfter(this.#clock.now() - begun);
      // Also if nothing waits: what comes meanwhile has to.
      if (rest > 0) this.#clock.schedule(rest, () => this.#run());
      else this.#run();
    });
  }
}

function keyOf(target: string, fill: string): string {
  return `${target} ${fill}`;
}
