import type { ActorRef } from "./ref.ts";

/**
 * Why an actor that was watched is gone: it has stopped, or has failed, or its node is no longer
 * part of the cluster, or there was never such an actor.
 */
export type TerminationReason = "stopped" | "failed" | "nodeDown" | "noSuchActor";

/** An actor that was watched is gone. Comes after everything that it has sent before it stopped. */
export interface Terminated {
  /** Names the signal. */
  readonly type: "terminated";
  /** The reference that was watched. */
  readonly ref: ActorRef<never>;
  /** Why it is gone. */
  readonly reason: TerminationReason;
  /** What a handler of it threw, if it failed in this system. */
  readonly cause?: unknown;
}
