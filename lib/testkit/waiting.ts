import { type Clock, maxDelay } from "../runtime/clock.ts";
import { ManualClock } from "./manual_clock.ts";

/** Wakes waiters at each change. */
export class Notifier {
  readonly #waiting = new Set<() => void>();

  /** Wakes all waiters, because something has changed. */
  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next change, or after `limit` milliseconds. */
  async next(clock: Clock, limit: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        timer.cancel();
        resolve();
      };
      const timer = clock.schedule(limit, wake);
      this.#waiting.add(wake);
    });
  }
}

/**
 * Waits until `condition` holds, or until the clock shows `deadline`. Returns whether it holds.
 * Virtual time is advanced meanwhile; on any other clock the condition is checked at each change.
 */
export async function waitUntil(
  clock: Clock,
  changes: Notifier,
  condition: () => boolean,
  deadline: number,
): Promise<boolean> {
  if (clock instanceof ManualClock) {
    return await clock.advanceUntil(condition, Math.max(0, deadline - clock.now()));
  }
  while (!condition()) {
    const left = deadline - clock.now();
    await changes.next(clock, Math.min(Math.max(0, left), maxDelay));
    // One last check: messages in flight at the deadline have arrived by now.
    if (left <= 0) return condition();
  }
  return true;
}
