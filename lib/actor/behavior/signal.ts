import type { ActorRef } from "../ref/ref.ts";
import type { Terminated } from "../ref/terminated.ts";

/**
 * A child has failed and stopped. Its parent hears this whether it watches the child or not; if it
 * does, `terminated` follows.
 */
export interface ChildFailed {
  /** Names the signal. */
  readonly type: "childFailed";
  /** The child. */
  readonly ref: ActorRef<never>;
  /** What a handler of it threw. */
  readonly cause: unknown;
}

/**
 * This actor begins again: its current behaviour hears this last. Its children still run, and are
 * stopped next.
 */
export interface PreRestart {
  /** Names the signal. */
  readonly type: "preRestart";
  /** What a handler threw; undefined if the behaviour itself has asked with `restart()`. */
  readonly cause: unknown;
}

/** This actor is about to stop; its children have stopped. The last thing that it hears. */
export interface PostStop {
  /** Names the signal. */
  readonly type: "postStop";
}

/** What the system tells an actor, in order with its messages. More types will come. */
export type Signal = Terminated | ChildFailed | PreRestart | PostStop;
