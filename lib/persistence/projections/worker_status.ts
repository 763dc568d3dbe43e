import type { SliceRange } from "../journal.ts";

/** One worker of a projection, as it says itself. */
export interface WorkerStatus {
  /** Its slices. */
  readonly slices: SliceRange;
  /**
   * - `opening`: it takes its slices over.
   * - `running`: it handles events.
   * - `waiting`: it has handled all that there are.
   * - `retrying`: a handler or a store has failed; `error` says why.
   * - `paused`: see `pause`.
   * - `stopped`: a handler has failed too often; `resume` lets it try again.
   */
  readonly state: "opening" | "running" | "waiting" | "retrying" | "paused" | "stopped";
  /** Events that it has handled since it has started. */
  readonly handled: number;
  /** Events that it has skipped since then. */
  readonly skipped: number;
  /**
   * About how many events it has not handled, up to 10 000, those of other kinds included. 0: it has
   * handled all that are stored. Undefined: the journal cannot tell.
   */
  readonly behind: number | undefined;
  /** Age of the oldest event that it has read and not handled, in milliseconds by its writer's clock. */
  readonly lag: number;
  /** Why it retries or has stopped. */
  readonly error: string | undefined;
}
