import { InternalMessage } from "../ref/internal_message.ts";
import { Behavior, same } from "./behavior.ts";
import { ActorError } from "../errors.ts";
import type { Interceptor } from "./interceptor.ts";
import type { LifecycleHooks } from "./lifecycle_hooks.ts";
import type { Spy } from "./spy.ts";
import type { SupervisionStrategy } from "./supervision.ts";

/** A wrapper of a behaviour. The cell applies it; handlers do not see it. */
export type Wrapper =
  & (
    | { readonly kind: "supervise"; readonly key: SupervisionStrategy }
    | { readonly kind: "lifecycle"; readonly key: LifecycleHooks<never> }
    | { readonly kind: "intercept"; readonly key: Interceptor<never> }
    | { readonly kind: "spy"; readonly key: Spy }
  )
  & { added?: Added };

/** The cached result of adding a wrapper: actors of one behaviour share their wrappers. */
interface Added {
  readonly to: Wrappers;
  readonly result: Wrappers;
}

/**
 * The wrappers of an actor. The wrappers of the first behaviour stay until the actor stops or
 * restarts; the wrappers of a later behaviour stay until another one brings its own. A wrapper with
 * the same options or observer object is not added twice: a behaviour may wrap all its successors.
 * Immutable, so that any number of actors can share one.
 */
export class Wrappers {
  /** No wrapper. */
  static readonly none: Wrappers = new Wrappers([]);

  /** The outermost first. */
  readonly all: readonly Wrapper[];
  /** The wrappers of the first behaviour, if there are others as well. */
  readonly #first: Wrappers | undefined;
  readonly #intercept: boolean;

  private constructor(all: readonly Wrapper[], first?: Wrappers) {
    this.all = all;
    this.#first = first;
    this.#intercept = all.some(({ kind }) => kind === "intercept" || kind === "spy");
  }

  /** With one more wrapper of the first behaviour; the same if it is there already. */
  with(wrapper: Wrapper): Wrappers {
    if (wrapper.added?.to === this) return wrapper.added.result;
    const result = has(this.all, wrapper) ? this : new Wrappers([...this.all, wrapper]);
    wrapper.added = { to: this, result };
    return result;
  }

  /** Replaces the wrappers of the previous later behaviour. */
  withLater(later: readonly Wrapper[]): Wrappers {
    const first = this.#first ?? this;
    const all = [...first.all];
    for (const wrapper of later) if (!has(all, wrapper)) all.push(wrapper);
    return new Wrappers(all, first);
  }

  /** The strategies, the innermost first. */
  get strategies(): SupervisionStrategy[] {
    const strategies: SupervisionStrategy[] = [];
    for (const wrapper of this.all) {
      if (wrapper.kind === "supervise") strategies.unshift(wrapper.key);
    }
    return strategies;
  }

  /** The hooks, the outermost first. */
  get hooks(): LifecycleHooks<never>[] {
    const hooks: LifecycleHooks<never>[] = [];
    for (const wrapper of this.all) if (wrapper.kind === "lifecycle") hooks.push(wrapper.key);
    return hooks;
  }

  /** The behaviour as seen through interceptors and spies. */
  around(behavior: Behavior<never>): Behavior<never> {
    if (!this.#intercept) return behavior;
    let { onMessage, onSignal } = behavior;
    for (let i = this.all.length - 1; i >= 0; i--) {
      const wrapper = this.all[i]!;
      if (wrapper.kind !== "intercept" && wrapper.kind !== "spy") continue;
      const interceptor = wrapper.kind === "spy" ? wrapper.key.interceptor : wrapper.key;
      onMessage = interceptMessage(interceptor, onMessage!);
      onSignal = interceptSignal(interceptor, onSignal);
    }
    return new Behavior("receive", onMessage, onSignal);
  }

  /** The wrappers of a child: spies with `spyChildren`. */
  inherit<M>(behavior: Behavior<M>): Behavior<M> {
    let wrapped = behavior;
    for (let i = this.all.length - 1; i >= 0; i--) {
      const wrapper = this.all[i]!;
      if (wrapper.kind === "spy" && wrapper.key.spyChildren) wrapped = wrap(wrapper, wrapped);
    }
    return wrapped;
  }
}

/** An actor is on its way to a behaviour that handles messages. */
export interface BehaviorTransition {
  /** It starts, or restarts, or a handler has returned a setup or a wrapped behaviour. */
  readonly kind: "start" | "restart" | "next";
  /** The wrappers around the behaviour that a handler returned. */
  readonly wrappers: Wrapper[];
  /** Setups and wrappers that were taken off. */
  levels: number;
}

/**
 * A behaviour with a wrapper around it.
 *
 * @throws {ActorError} code `badBehavior`.
 */
export function wrap<M>(wrapper: Wrapper, inner: Behavior<M>): Behavior<M> {
  if (!(inner instanceof Behavior) || typeof wrapper.key !== "object" || wrapper.key === null) {
    throw new ActorError("badBehavior", `${wrapper.kind} was given no behaviour or no options`, {
      value: inner instanceof Behavior ? wrapper.key : inner,
      remedy: "wrap what Behaviors makes",
    });
  }
  return new Behavior<M>("wrapped", undefined, undefined, undefined, wrapper, inner);
}

/** The wrapper of a behaviour of the kind `wrapped`. */
export function wrapperOf(behavior: Behavior<never>): Wrapper {
  return behavior.wrapper as Wrapper;
}

function has(wrappers: readonly Wrapper[], wrapper: Wrapper): boolean {
  return wrappers.some((other) => identityOf(other) === identityOf(wrapper));
}

function identityOf(wrapper: Wrapper): unknown {
  return wrapper.kind === "spy" ? wrapper.key.observer : wrapper.key;
}

type OnMessage = NonNullable<Behavior<never>["onMessage"]>;
type OnSignal = NonNullable<Behavior<never>["onSignal"]>;

function interceptMessage(interceptor: Interceptor<never>, inner: OnMessage): OnMessage {
  if (interceptor.onMessage === undefined) return inner;
  const around = (context: never, message: never, next: OnMessage) =>
    interceptor.onMessage!(context, message, (passed) => next(context, passed));
  return (context, message) => {
    const kept: unknown = message;
    if (!(kept instanceof InternalMessage)) return around(context, message, inner);
    // An interceptor sees what the library delivers, and nothing else of it.
    const { payload } = kept;
    if (payload === undefined) return inner(context, message);
    return around(context, payload as never, (_context, passed) => {
      return inner(context, (passed === payload ? kept : kept.withPayload(passed)) as never);
    });
  };
}

function interceptSignal(
  interceptor: Interceptor<never>,
  inner: OnSignal | undefined,
): OnSignal | undefined {
  if (interceptor.onSignal === undefined) return inner;
  return (context, signal) =>
    interceptor.onSignal!(context, signal, (next) => inner?.(context, next) ?? same);
}
