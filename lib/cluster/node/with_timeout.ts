import type { Runtime } from "../../runtime/runtime.ts";

/**
 * Waits for what a part of a node does before the node leaves, but not for ever: it resolves after
 * `leaveTimeout` milliseconds, and says so in the log.
 */
export function withTimeout(
  { clock, logger }: Runtime,
  work: Promise<void>,
  leaveTimeout: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(leaveTimeout, () => {
      logger.log("warn", "cluster", "not all parts ended within leaveTimeout", { leaveTimeout });
      resolve();
    });
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}
