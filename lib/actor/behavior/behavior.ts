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
  const what = value instanceof Behavior ? `Behaviors.${value.kind}() as its first behaviour` : "";
  return new ActorError("badBehavior", `${path} was given ${what || "no behaviour"}`, {
    value,
    remedy: "use what Behaviors makes; sharded behaviours need a ClusteredActorSystem",
  });
}
