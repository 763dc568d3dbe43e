import { describeValue } from "../../options/describe_type.ts";
import { ActorError } from "../errors.ts";
import type { Signal } from "./signal.ts";

type Next = Behavior<never> | Promise<Behavior<never>>;

/** The variants of a behaviour. */
export type BehaviorKind =
  | "receive"
  | "setup"
  | "same"
  | "stopped"
  | "unhandled"
  | "restart"
  | "wrapped";

/** A wrapper of a behaviour. Only `wrapper.ts` creates one and knows its key. */
export interface BehaviorWrapper {
  readonly kind: "supervise" | "lifecycle" | "intercept" | "spy";
  /** Options or observer; distinguishes two wrappers of a kind. */
  readonly key: object;
}

/**
 * Handles the next message of an actor. Created by `Behaviors`; an immutable value that can be used
 * for any number of actors.
 */
export class Behavior<in M> {
  /** The variant. */
  readonly kind: BehaviorKind;
  /** @internal */
  readonly onMessage: ((context: never, message: never) => Next) | undefined;
  /** @internal */
  readonly onSignal: ((context: never, signal: Signal) => Next) | undefined;
  /** @internal */
  readonly onSetup: ((context: never) => Next) | undefined;
  /** @internal The wrapper around `inner`, of a wrapped behaviour. */
  readonly wrapper: BehaviorWrapper | undefined;
  /** @internal */
  readonly inner: Behavior<never> | undefined;
  /** Carries the type; never set. */
  declare protected readonly accepts: (message: M) => void;

  /** @internal All behaviours have one shape: the engine keeps one hidden class for them. */
  constructor(
    kind: BehaviorKind,
    onMessage?: (context: never, message: never) => Next,
    onSignal?: (context: never, signal: Signal) => Next,
    onSetup?: (context: never) => Next,
    wrapper?: BehaviorWrapper,
    inner?: Behavior<never>,
  ) {
    this.kind = kind;
    this.onMessage = onMessage;
    this.onSignal = onSignal;
    this.onSetup = onSetup;
    this.wrapper = wrapper;
    this.inner = inner;
  }
}

/** The only behaviour of its kind, so that the cell can compare instead of looking inside. */
export const same: Behavior<unknown> = new Behavior<unknown>("same");

/** The error for something that is not a behaviour where one must be. */
export function notABehavior(path: string, value: unknown): ActorError {
  const isBehavior = value instanceof Behavior;
  const what = isBehavior
    ? `Behaviors.${value.kind}() as its first behaviour`
    : `no behaviour but ${describeValue(value)}`;
  return new ActorError("badBehavior", `${path} was given ${what}`, {
    value,
    remedy: typeof value === "function"
      ? "call the function, and give what it returns"
      : "use what Behaviors makes; sharded behaviours need a ClusteredActorSystem",
  });
}

/** The error for a handler or a setup of a user that has returned something else than a behaviour. */
export function noNextBehavior(path: string, value: unknown, by: "handler" | "setup"): ActorError {
  const message = `the ${by} of ${path} returned no behaviour but ${describeValue(value)}`;
  return new ActorError("badBehavior", message, {
    value,
    remedy: by === "setup"
      ? "return the first behaviour from all its branches, such as Behaviors.receive(...)"
      : "return a behaviour from all its branches: Behaviors.same() changes nothing",
  });
}
