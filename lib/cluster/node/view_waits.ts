import type { Clock } from "../../runtime/clock.ts";
import { ClusterError } from "../errors.ts";

/** Calls back with every new view until the answered function is called. */
export type ListenToViews = (listener: () => void) => () => void;

/** Those who wait for a view that has not come yet. */
export class ViewWaits {
  readonly #clock: Clock;
  /** Ends one wait each. */
  readonly #waits = new Set<(error: Error) => void>();

  /** Nobody waits yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the condition holds, at once if so already; rejects after `timeout` ms. */
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

  /** All who wait are told that it is in vain. */
  giveUp(error: Error = new ClusterError("stopped", "the system was shut down")): void {
    for (const one of [...this.#waits]) one(error);
  }
}
