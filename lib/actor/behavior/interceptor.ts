import type { Behavior } from "./behavior.ts";
import type { ActorContext } from "./context.ts";
import type { Signal } from "./signal.ts";

/** The result of a handler: the next behaviour, or a promise of it. */
export type NextBehavior<M> = Behavior<M> | Promise<Behavior<M>>;

/**
 * Wraps the handlers of an actor, also those of its later behaviours. Call `next` to continue, with
 * this message or another; without the call the actor does not get the message. The cell applies
 * the returned behaviour.
 */
export interface Interceptor<M> {
  /** Around each message. */
  onMessage?(
    context: ActorContext<M>,
    message: M,
    next: (message: M) => NextBehavior<M>,
  ): NextBehavior<M>;
  /** Around each signal, also of behaviours that do not handle signals. */
  onSignal?(
    context: ActorContext<M>,
    signal: Signal,
    next: (signal: Signal) => NextBehavior<M>,
  ): NextBehavior<M>;
}
