import type { Logger } from "../../runtime/logger.ts";
import type { DeadLetter } from "./dead_letter.ts";
import { ActorError } from "../errors.ts";
import { whenLocalStopped } from "../ref/local_ref.ts";
import type { ActorRef } from "../ref/ref.ts";

/** An actor has started. */
export interface ActorStarted {
  /** Names the event. */
  readonly type: "actorStarted";
  /** The actor. */
  readonly ref: ActorRef<never>;
}

/** An actor has restarted. */
export interface ActorRestarted {
  /** Names the event. */
  readonly type: "actorRestarted";
  /** The actor. */
  readonly ref: ActorRef<never>;
  /** The thrown error; undefined if the behaviour requested it. */
  readonly cause: unknown;
}

/** An actor has stopped. */
export interface ActorStopped {
  /** Names the event. */
  readonly type: "actorStopped";
  /** The actor. */
  readonly ref: ActorRef<never>;
  /** The error of a handler, if that was the cause. */
  readonly cause?: unknown;
}

/** A behaviour has not handled a message. */
export interface UnhandledMessage {
  /** Names the event. */
  readonly type: "unhandledMessage";
  /** The actor. */
  readonly ref: ActorRef<never>;
  /** The message. */
  readonly message: unknown;
}

/**
 * A handler has kept the event loop busy for `slowHandler` milliseconds or longer, up to its first
 * `await`. Nothing else ran in the process meanwhile.
 */
export interface SlowHandler {
  /** Names the event. */
  readonly type: "slowHandler";
  /** The actor; undefined if several ran in that time, and it is not certain which of them. */
  readonly ref: ActorRef<never> | undefined;
  /**
   * The `type` of the message, or the name of its class or JavaScript type; `"signal"`, `"timer"` or
   * `"start"` if it was no message. Undefined if several were handled in that time.
   */
  readonly messageType: string | undefined;
  /** How long it took, milliseconds. */
  readonly ms: number;
}

/** Events of the local system. A cluster publishes more. */
export type ActorEvent =
  | ActorStarted
  | ActorRestarted
  | ActorStopped
  | UnhandledMessage
  | SlowHandler
  | DeadLetter;

/** Anything with a `type` can be published. */
export interface SystemEvent {
  /** Names the event. */
  readonly type: string;
}

/** Gets events: a function or an actor. */
export type EventSubscriber<E> = ((event: E) => void) | ActorRef<E>;

/**
 * Publishes the events of a system to its subscribers. `E`: the events that the system itself
 * publishes, so that a misspelt type does not compile.
 */
export class EventStream<E extends SystemEvent = ActorEvent> {
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Set<(event: SystemEvent) => void>>();

  /** `logger` gets an entry for each listener that throws. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Calls `listener` with every event of a type, in the publisher's call; or sends the event to an
   * actor, until it stops. Returns a function that ends the subscription.
   *
   * @example
   * ```ts
   * import { ActorSystem, Behaviors } from "@casty/casty";
   *
   * await using system = new ActorSystem();
   * const lost: unknown[] = [];
   * system.eventStream.subscribe("deadLetter", (letter) => lost.push(letter.message));
   * const ref = system.spawn(Behaviors.ignore(), "short");
   * await system.stop(ref);
   * ref.tell("too late");
   * console.assert(lost[0] === "too late");
   * ```
   */
  subscribe<T extends E["type"]>(
    type: T,
    listener: EventSubscriber<Extract<E, { type: T }>>,
  ): () => void;
  /** The same, for events of your own: the listener, or a type argument, says what they are. */
  subscribe<O extends SystemEvent = never>(
    type: O["type"],
    listener: EventSubscriber<O>,
  ): () => void;
  subscribe(type: string, listener: EventSubscriber<never>): () => void {
    if (typeof listener !== "function" && typeof listener?.tell !== "function") {
      throw new ActorError(
        "badSubscriber",
        "a subscriber of events is neither a function nor a reference",
        {
          value: listener,
          remedy: "give a function or a reference",
        },
      );
    }
    const onEvent = (typeof listener === "function" ? listener : (event: never) => {
      listener.tell(event);
    }) as (event: SystemEvent) => void;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    listeners.add(onEvent);
    const end = () => void listeners.delete(onEvent);
    const keep = typeof listener === "function" ? undefined : whenLocalStopped(listener, end);
    return () => {
      keep?.();
      end();
    };
  }

  /** Whether an event of this type has a listener; saves making it. */
  hasListeners(type: string): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0;
  }

  /** Calls all listeners of the event's type. */
  publish<O extends SystemEvent>(event: O): void {
    const listeners = this.#listeners.get(event.type);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.log("error", "eventStream", "a listener threw", { type: event.type, error });
      }
    }
  }

  /** Removes all listeners. */
  clear(): void {
    this.#listeners.clear();
  }
}
