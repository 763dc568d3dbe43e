import { backoffDelay } from "../runtime/backoff.ts";
import type { ContactTiming } from "./contact_timing.ts";

/** What a client knows of one address that it may listen to. Times are milliseconds. */
export interface Contact {
  readonly address: string;
  /** `resting`: it has failed, and is left alone until `restUntil`. */
  phase: "idle" | "asked" | "subscribed" | "resting";
  /** When the client began to listen to it. */
  since: number;
  askedAt: number;
  answeredAt: number;
  /** In a row. */
  failures: number;
  restUntil: number;
  /** It has said that it is about to leave. */
  draining: boolean;
  /** The address that the node at this one has given itself, if it is another. */
  alias: string | undefined;
}

/** How long to rest after so many failures in a row. */
export function pauseAfter(
  failures: number,
  random: number,
  { minPause, maxPause }: Pick<ContactTiming, "minPause" | "maxPause">,
): number {
  // Never at once: a node that refuses quickly would be asked in a loop.
  const jitter = [0.25, 1] as const;
  return backoffDelay({ min: minPause, max: maxPause, jitter }, failures - 1, random);
}
