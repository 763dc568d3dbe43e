import type { ActorContext } from "./context.ts";

/**
 * Hooks around the incarnations of an actor. All may be async; the actor handles nothing meanwhile.
 * For any nesting of hooks, supervision and setups, one failure runs
 *
 *     preStart | preRestart(cause), children stop, preStart, setup, postRestart
 *
 * Of several hooks the outermost start first and end last. `preStart` and `postRestart` that throw
 * count as a failure of the actor; errors of the other hooks are logged.
 */
export interface LifecycleHooks<M> {
  /** Before the setup, at the first start and at each restart. */
  preStart?(context: ActorContext<M>): void | Promise<void>;
  /** When the actor stops permanently: after its children and after the signal `postStop`. */
  postStop?(context: ActorContext<M>): void | Promise<void>;
  /**
   * Before a restart, after the signal `preRestart`; `cause` is the thrown value, if there is one.
   */
  preRestart?(context: ActorContext<M>, cause: unknown): void | Promise<void>;
  /** After a restart, before the first message. */
  postRestart?(context: ActorContext<M>): void | Promise<void>;
}
