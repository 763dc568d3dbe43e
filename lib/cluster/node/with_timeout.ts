import type { Runtime } from "../../runtime/runtime.ts";

/**
 * Waits for work that precedes leaving, at most `leaveTimeout` milliseconds; then logs a warning and
 * resolves.
 */
export function withTimeout(
  { clock, logger }: Runtime,
  work: Promise<void>,
  leaveTimeout: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(leaveTimeout, () => {
      logger.log("warn", "cluster", "shutdown work exceeded leaveTimeout", { leaveTimeout });
      resolve();
    });
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}
