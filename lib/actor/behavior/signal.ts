import type { ActorRef } from "../ref/ref.ts";
import type { Terminated } from "../ref/terminated.ts";

/**
 * A child has failed and stopped. Its parent gets this signal whether it watches the child or not; if
 * it does, `terminated` follows.
 */
export interface ChildFailed {
  /** Names the signal. */
  readonly type: "childFailed";
  /** The child. */
  readonly ref: ActorRef<never>;
  /** The error of its handler. */
  readonly cause: unknown;
}

/**
 * This actor restarts: the last signal of its current incarnation. Its children still run, and are
 * stopped next.
 */
export interface PreRestart {
  /** Names the signal. */
  readonly type: "preRestart";
  /** The error of a handler; undefined if the behaviour called `restart()`. */
  readonly cause: unknown;
}

/** This actor is about to stop; its children have stopped. Its last signal. */
export interface PostStop {
  /** Names the signal. */
  readonly type: "postStop";
}

/** Signals of the system to an actor, in order with its messages. Later versions add types. */
export type Signal = Terminated | ChildFailed | PreRestart | PostStop;
