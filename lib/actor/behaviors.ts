import { Behavior, type OnMessage, type OnSetup, type OnSignal, same } from "./behavior.ts";

const stopped = new Behavior<unknown>("stopped");
const unhandled = new Behavior<unknown>("unhandled");
const ignore = new Behavior<unknown>("receive", () => same);

/** The ways to make a behaviour that need no cluster. */
export interface ActorBehaviors {
  /** Handles each message with `onMessage`, and each signal with `onSignal` if it is given. */
  receive<M>(onMessage: OnMessage<M>, onSignal?: OnSignal<M>): Behavior<M>;
  /** Runs `onSetup` when the actor starts, and goes on with what it gives. */
  setup<M>(onSetup: OnSetup<M>): Behavior<M>;
  /** Keeps the current behaviour. */
  same(): Behavior<unknown>;
  /** Stops the actor after this message. */
  stopped(): Behavior<unknown>;
  /** Keeps the current behaviour, and says that the message was not understood. */
  unhandled(): Behavior<unknown>;
  /** Takes any message and does nothing. */
  ignore(): Behavior<unknown>;
}

/** Makes behaviours. */
export const Behaviors: ActorBehaviors = {
  receive: (onMessage, onSignal) => new Behavior("receive", onMessage, onSignal),
  setup: (onSetup) => new Behavior("setup", undefined, undefined, onSetup),
  same: () => same,
  stopped: () => stopped,
  unhandled: () => unhandled,
  ignore: () => ignore,
};
