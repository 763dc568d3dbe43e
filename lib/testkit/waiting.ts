import { type Clock, maxDelay } from "../runtime/clock.ts";
import { ManualClock } from "./manual_clock.ts";

/** Notifies waiters of news. */
export class News {
  readonly #waiting = new Set<() => void>();

  /** Something is new. */
  tell(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next news, or when the clock has gone on by `limit` milliseconds. */
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
 * Waits until `condition` holds, or until the clock shows `deadline`. Answers whether it does.
 * Virtual time is moved on meanwhile; on any other clock it is looked again at all news.
 */
export async function waitUntil(
  clock: Clock,
  news: News,
  condition: () => boolean,
  deadline: number,
): Promise<boolean> {
  if (clock instanceof ManualClock) {
    return await clock.advanceUntil(condition, Math.max(0, deadline - clock.now()));
  }
  while (!condition()) {
    const left = deadline - clock.now();
    await news.next(clock, Math.min(Math.max(0, left), maxDelay));
    // What was on its way when there was no time left has arrived by now.
    if (left <= 0) return condition();
  }
  return true;
}
