import type { ActorContext } from "./context.ts";
import type { Signal } from "./signal.ts";
import type { Wrapper } from "./wrapper.ts";

/** Handles a message; gives the behaviour for the next. A handler that does not wait costs no promise. */
export type OnMessage<M> = (
  context: ActorContext<M>,
  message: M,
) => Behavior<M> | Promise<Behavior<M>>;

/** Handles a signal; gives the behaviour for the next message. */
export type OnSignal<M> = (
  context: ActorContext<M>,
  signal: Signal,
) => Behavior<M> | Promise<Behavior<M>>;

/** Runs once when an actor starts; gives its first behaviour. */
export type OnSetup<M> = (context: ActorContext<M>) => Behavior<M> | Promise<Behavior<M>>;

type Next = Behavior<never> | Promise<Behavior<never>>;

/** What a behaviour does. */
export type BehaviorKind =
  | "receive"
  | "setup"
  | "same"
  | "stopped"
  | "unhandled"
  | "restart"
  | "wrapped";

/**
 * What an actor does with its next message. Made by `Behaviors`; an immutable value that can be
 * used for any number of actors.
 */
export class Behavior<in M> {
  /** Which of the closed set this is. */
  readonly kind: BehaviorKind;
  /** @internal */
  readonly onMessage: ((context: never, message: never) => Next) | undefined;
  /** @internal */
  readonly onSignal: ((context: never, signal: Signal) => Next) | undefined;
  /** @internal */
  readonly onSetup: ((context: never) => Next) | undefined;
  /** @internal What is around `inner`, of a behaviour that is wrapped. */
  readonly wrapper: Wrapper | undefined;
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
    wrapper?: Wrapper,
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
