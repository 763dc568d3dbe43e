import { Behavior, same } from "./behavior.ts";
import type { Interceptor } from "./interceptor.ts";
import type { LifecycleHooks } from "./lifecycle_hooks.ts";
import type { Spy } from "./spy.ts";
import type { SupervisionStrategy } from "./supervision.ts";

/** What can be around a behaviour. The cell applies it; handlers know nothing of it. */
export type Wrapper =
  | { readonly kind: "supervise"; readonly key: SupervisionStrategy }
  | { readonly kind: "lifecycle"; readonly key: LifecycleHooks<never> }
  | { readonly kind: "intercept"; readonly key: Interceptor<never> }
  | { readonly kind: "spy"; readonly key: Spy };

/**
 * The wrappers of one actor. Those of the first behaviour stay until the actor stops or begins
 * again; those of a later behaviour stay until a later one brings its own. One that is there
 * already, by identity of its options or observer, is not added twice: a behaviour may wrap all its successors.
 */
export class Wrappers {
  /** Of the first behaviour, the outermost first. */
  #first: Wrapper[] = [];
  /** Of a later behaviour, the outermost first. */
  #later: Wrapper[] = [];
  #all: readonly Wrapper[] = [];

  /** All, the outermost first. */
  get all(): readonly Wrapper[] {
    return this.#all;
  }

  /** The actor begins (again). */
  clear(): void {
    this.#first = [];
    this.#later = [];
    this.#all = [];
  }

  /** A wrapper of the first behaviour. Answers whether it is new. */
  addFirst(wrapper: Wrapper): boolean {
    if (has(this.#first, wrapper)) return false;
    this.#first.push(wrapper);
    this.#all = this.#first;
    return true;
  }

  /** A behaviour with wrappers of its own follows. */
  replaceLater(wrappers: readonly Wrapper[]): void {
    this.#later = [];
    for (const wrapper of wrappers) {
      if (!has(this.#first, wrapper) && !has(this.#later, wrapper)) this.#later.push(wrapper);
    }
    this.#all = [...this.#first, ...this.#later];
  }

  /** The strategies, the innermost first. */
  get strategies(): SupervisionStrategy[] {
    const strategies: SupervisionStrategy[] = [];
    for (const wrapper of this.#all) {
      if (wrapper.kind === "supervise") strategies.unshift(wrapper.key);
    }
    return strategies;
  }

  /** The hooks, the outermost first. */
  get hooks(): LifecycleHooks<never>[] {
    const hooks: LifecycleHooks<never>[] = [];
    for (const wrapper of this.#all) if (wrapper.kind === "lifecycle") hooks.push(wrapper.key);
    return hooks;
  }

  /** The behaviour as seen through interceptors and spies. */
  around(behavior: Behavior<never>): Behavior<never> {
    let { onMessage, onSignal } = behavior;
    let changed = false;
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const wrapper = this.#all[i]!;
      if (wrapper.kind !== "intercept" && wrapper.kind !== "spy") continue;
      const interceptor = wrapper.kind === "spy" ? wrapper.key.interceptor : wrapper.key;
      onMessage = interceptMessage(interceptor, onMessage!);
      onSignal = interceptSignal(interceptor, onSignal);
      changed = true;
    }
    return changed ? new Behavior("receive", onMessage, onSignal) : behavior;
  }

  /** What a child is wrapped in: spies that look at children, too. */
  inherit<M>(behavior: Behavior<M>): Behavior<M> {
    let wrapped = behavior;
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const wrapper = this.#all[i]!;
      if (wrapper.kind === "spy" && wrapper.key.spyChildren) wrapped = wrap(wrapper, wrapped);
    }
    return wrapped;
  }
}

/** A behaviour with a wrapper around it. */
export function wrap<M>(wrapper: Wrapper, inner: Behavior<M>): Behavior<M> {
  return new Behavior<M>("wrapped", undefined, undefined, undefined, wrapper, inner);
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
  return (context, message) =>
    interceptor.onMessage!(context, message, (next) => inner(context, next));
}

function interceptSignal(
  interceptor: Interceptor<never>,
  inner: OnSignal | undefined,
): OnSignal | undefined {
  if (interceptor.onSignal === undefined) return inner;
  return (context, signal) =>
    interceptor.onSignal!(context, signal, (next) => inner?.(context, next) ?? same);
}
