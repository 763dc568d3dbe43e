import type { Clock } from "../../runtime/clock.ts";
import { systemStopped } from "../errors.ts";

/** Calls the listener with every new view until the returned function is called. */
export type ListenToViews = (listener: () => void) => () => void;

/** Pending waits for a condition on the view. */
export class ViewWaits {
  readonly #clock: Clock;
  /** Rejects one wait each. */
  readonly #waits = new Set<(error: Error) => void>();

  /** No waits. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves once the condition holds; rejects after `timeout` ms. */
  until(
    condition: () => boolean,
    listen: ListenToViews,
    timeout: number,
    late: () => Error,
  ): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel();
        stopListening();
        this.#waits.delete(giveUp);
      };
      const giveUp = (error: Error) => {
        end();
        reject(error);
      };
      const stopListening = listen(() => {
        if (!condition()) return;
        end();
        resolve();
      });
      const timer = this.#clock.schedule(timeout, () => giveUp(late()));
      this.#waits.add(giveUp);
    });
  }

  /** Rejects all pending waits. */
  giveUp(error: Error = systemStopped()): void {
    for (const one of [...this.#waits]) one(error);
  }
}
