import type { ActorRef } from "./ref.ts";

/**
 * Why a watched actor has terminated: it has stopped, or has failed, or its node is no longer part
 * of the cluster (its client has closed, or has not come back in time), or there was never such an
 * actor. One that only cannot be reached has not terminated.
 */
export type TerminationReason = "stopped" | "failed" | "nodeDown" | "noSuchActor";

/** A watched actor has terminated. Arrives after all messages that it sent before it stopped. */
export interface Terminated {
  /** Names the signal. */
  readonly type: "terminated";
  /** The reference that was watched. */
  readonly ref: ActorRef<never>;
  /** Why it has terminated. */
  readonly reason: TerminationReason;
  /** The error of its handler, if it failed in this system. */
  readonly cause?: unknown;
}
