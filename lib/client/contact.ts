import { backoffDelay } from "../runtime/backoff.ts";
import type { ContactTiming } from "./contact_timing.ts";

/** The state of one address to which a client may subscribe. Times are milliseconds. */
export interface Contact {
  readonly address: string;
  /** `backingOff`: it has failed, and is not tried before `backOffUntil`. */
  phase: "idle" | "requested" | "subscribed" | "backingOff";
  /** When the subscription began. */
  since: number;
  requestedAt: number;
  answeredAt: number;
  /** In a row. */
  failures: number;
  backOffUntil: number;
  /** It is about to leave. */
  draining: boolean;
  /** The own address of the node behind this one, if it is another. */
  alias: string | undefined;
}

/** The back-off after a number of failures in a row, with jitter. */
export function pauseAfter(
  failures: number,
  random: number,
  { minPause, maxPause }: Pick<ContactTiming, "minPause" | "maxPause">,
): number {
  // Never zero: a node that refuses quickly would be tried in a loop.
  const jitter = [0.25, 1] as const;
  return backoffDelay({ min: minPause, max: maxPause, jitter }, failures - 1, random);
}
