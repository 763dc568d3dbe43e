import type { Behavior } from "./behavior.ts";
import type { ActorContext } from "./context.ts";
import type { Signal } from "./signal.ts";

/**
 * Handles a message; returns the behaviour for the next. A synchronous handler costs no promise.
 */
export type OnMessage<M> = (
  context: ActorContext<M>,
  message: M,
) => Behavior<M> | Promise<Behavior<M>>;

/** Handles a signal; returns the behaviour for the next message. */
export type OnSignal<M> = (
  context: ActorContext<M>,
  signal: Signal,
) => Behavior<M> | Promise<Behavior<M>>;

/** Runs once when an actor starts; returns its first behaviour. */
export type OnSetup<M> = (context: ActorContext<M>) => Behavior<M> | Promise<Behavior<M>>;
