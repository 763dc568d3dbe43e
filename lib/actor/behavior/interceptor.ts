import type { Behavior } from "./behavior.ts";
import type { ActorContext } from "./context.ts";
import type { Signal } from "./signal.ts";

/** What a handler gives: the next behaviour, now or later. */
export type NextBehavior<M> = Behavior<M> | Promise<Behavior<M>>;

/**
 * Stands around the handlers of an actor, whatever its behaviour becomes. Call `next` to go on,
 * with this message or another; do not call it to keep the message from the actor. Whatever is
 * given is what the cell applies.
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
