import { resolveOptions } from "../../options/check_options.ts";
import { spyTable } from "../../options/tables/actor_tables.ts";
import { Behavior, same } from "./behavior.ts";
import type { OnMessage, OnSetup, OnSignal } from "./handler.ts";
import { ActorError } from "../errors.ts";
import type { Interceptor } from "./interceptor.ts";
import type { LifecycleHooks } from "./lifecycle_hooks.ts";
import type { ActorRef } from "../ref/ref.ts";
import { makeSpy, type SpyEvent } from "./spy.ts";
import { checkStrategy, type SupervisionStrategy } from "./supervision.ts";
import { wrap } from "./wrapper.ts";

const stopped = new Behavior<unknown>("stopped");
const unhandled = new Behavior<unknown>("unhandled");
const restart = new Behavior<unknown>("restart");
const ignore = new Behavior<unknown>("receive", () => same);

/** The ways to make a behaviour that need no cluster. */
export interface ActorBehaviors {
  /** Handles each message with `onMessage`, and each signal with `onSignal` if it is given. */
  receive<M>(onMessage: OnMessage<M>, onSignal?: OnSignal<M>): Behavior<M>;
  /** Runs `onSetup` when the actor starts, and continues with the behaviour that it gives. */
  setup<M>(onSetup: OnSetup<M>): Behavior<M>;
  /** Keeps the current behaviour. */
  same(): Behavior<unknown>;
  /** Stops the actor after this message. */
  stopped(): Behavior<unknown>;
  /** Keeps the current behaviour, and publishes the message as not handled. */
  unhandled(): Behavior<unknown>;
  /** Takes any message and does nothing. */
  ignore(): Behavior<unknown>;
  /**
   * Restarts with the first behaviour, as after a failure, but without one: it does not count towards
   * `maxRestarts`, and has no back-off.
   */
  restart(): Behavior<unknown>;
  /**
   * Decides what happens when the actor fails: in a handler, in a setup, in a hook. Without it the
   * actor stops. Wraps all that the behaviour becomes.
   *
   * @throws {OptionError}.
   */
  supervise<M>(behavior: Behavior<M>, strategy?: SupervisionStrategy): Behavior<M>;
  /** Runs hooks around the incarnations of the actor. */
  withLifecycle<M>(behavior: Behavior<M>, hooks: LifecycleHooks<M>): Behavior<M>;
  /** Puts an interceptor around all handlers that the actor will have. */
  intercept<M>(behavior: Behavior<M>, interceptor: Interceptor<M>): Behavior<M>;
  /**
   * Tells `observer` of every message and signal that the actor has handled; with `spyChildren`
   * also those of all actors below it.
   */
  spy<M>(
    behavior: Behavior<M>,
    observer: ActorRef<SpyEvent>,
    options?: { readonly spyChildren?: boolean },
  ): Behavior<M>;
}

/** Makes behaviours. */
export const Behaviors: ActorBehaviors = {
  receive: (onMessage, onSignal) => {
    if (typeof onMessage !== "function") throw notAFunction("receive", onMessage);
    return new Behavior("receive", onMessage, onSignal);
  },
  setup: (onSetup) => {
    if (typeof onSetup !== "function") throw notAFunction("setup", onSetup);
    return new Behavior("setup", undefined, undefined, onSetup);
  },
  same: () => same,
  stopped: () => stopped,
  unhandled: () => unhandled,
  ignore: () => ignore,
  restart: () => restart,
  supervise: (behavior, strategy = {}) =>
    wrap({ kind: "supervise", key: checkStrategy(strategy) }, behavior),
  withLifecycle: (behavior, hooks) =>
    wrap({ kind: "lifecycle", key: hooks as unknown as LifecycleHooks<never> }, behavior),
  intercept: (behavior, interceptor) =>
    wrap({ kind: "intercept", key: interceptor as unknown as Interceptor<never> }, behavior),
  spy: (behavior, observer, options) => {
    const { spyChildren } = resolveOptions(spyTable, options);
    return wrap({ kind: "spy", key: makeSpy(observer, spyChildren) }, behavior);
  },
};

function notAFunction(factory: string, value: unknown): ActorError {
  return new ActorError("badBehavior", `Behaviors.${factory} was given ${typeof value}`, {
    value,
    remedy: "give a function that answers with a behaviour",
  });
}
