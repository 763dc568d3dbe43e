import type { Clock } from "../../runtime/clock.ts";
import type { Interceptor, NextBehavior } from "./interceptor.ts";
import type { ActorRef } from "../ref/ref.ts";
import type { Signal } from "./signal.ts";

/** Something that an actor under a spy has handled. */
export interface SpyEvent {
  /** Names the event. */
  readonly type: "spied";
  /** The actor's path. */
  readonly path: string;
  /** A message or a signal. */
  readonly kind: "message" | "signal";
  /** The kind of the event. */
  readonly event: unknown;
  /** Milliseconds on the system's clock, when it had been handled. */
  readonly at: number;
  /** The error of the handler, if it failed. */
  readonly error?: unknown;
}

/** One observer, and whether it sees the children as well. */
export interface Spy {
  readonly observer: ActorRef<SpyEvent>;
  readonly spyChildren: boolean;
  readonly interceptor: Interceptor<never>;
}

/** A spy that sends to `observer`. */
export function makeSpy(observer: ActorRef<SpyEvent>, spyChildren: boolean): Spy {
  const around = <T>(
    kind: "message" | "signal",
    context: Parameters<NonNullable<Interceptor<never>["onMessage"]>>[0],
    event: T,
    next: (event: T) => NextBehavior<never>,
  ): NextBehavior<never> => {
    // An observer that spied on itself would never stop sending to itself.
    if ((context.self as unknown) === observer) return next(event);
    const { path } = context.self;
    const { clock } = context.system.runtime;
    const tell = (failed: boolean, error?: unknown) =>
      observer.tell(spied(clock, path, kind, event, failed, error));
    let result: NextBehavior<never>;
    try {
      result = next(event);
    } catch (error) {
      tell(true, error);
      throw error;
    }
    if (result instanceof Promise) {
      result.then(() => tell(false), (error) => tell(true, error));
    } else tell(false);
    return result;
  };
  return {
    observer,
    spyChildren,
    interceptor: {
      onMessage: (context, message, next) => around("message", context, message, next),
      onSignal: (context, signal, next) => around<Signal>("signal", context, signal, next),
    },
  };
}

function spied(
  clock: Clock,
  path: string,
  kind: SpyEvent["kind"],
  event: unknown,
  failed: boolean,
  error: unknown,
): SpyEvent {
  const at = clock.now();
  return failed
    ? { type: "spied", path, kind, event, at, error }
    : { type: "spied", path, kind, event, at };
}
