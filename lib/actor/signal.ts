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

/** This actor is about to stop; its children have stopped. The last thing that it hears. */
export interface PostStop {
  /** Names the signal. */
  readonly type: "postStop";
}

/** What the system tells an actor, in order with its messages. More types will come. */
export type Signal = Terminated | PostStop;
