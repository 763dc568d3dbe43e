import { SimulationError } from "./errors.ts";
import type { SimulationTime } from "./simulation_time.ts";

interface Waiter {
  readonly condition: () => boolean;
  readonly settle: (error?: unknown) => void;
}

/** Promises of conditions, which are checked after each event. */
export class Waiters {
  readonly #time: SimulationTime;
  readonly #waiters = new Set<Waiter>();

  constructor(time: SimulationTime) {
    this.#time = time;
  }

  /** See `Simulation.until`. */
  wait(condition: () => boolean, limit: number, what: string): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        condition,
        settle: (error) => {
          timer.cancel();
          this.#waiters.delete(waiter);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const timer = this.#time.schedule(limit, () => {
        const message = `not within ${limit} ms: ${what}`;
        waiter.settle(new SimulationError("conditionNotMet", message, { value: what }));
      });
      this.#waiters.add(waiter);
    });
  }

  /** Something has happened. */
  look(): void {
    for (const waiter of this.#waiters) {
      try {
        if (waiter.condition()) waiter.settle();
      } catch (error) {
        waiter.settle(error);
      }
    }
  }
}
