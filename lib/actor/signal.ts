import type { ActorRef } from "./ref.ts";

/** An actor that was watched has stopped. */
export interface Terminated {
  /** Names the signal. */
  readonly type: "terminated";
  /** The reference that was watched. */
  readonly ref: ActorRef<never>;
}

/** This actor is about to stop; its children have stopped. The last thing that it hears. */
export interface PostStop {
  /** Names the signal. */
  readonly type: "postStop";
}

/** What the system tells an actor, in order with its messages. */
export type Signal = Terminated | PostStop;
