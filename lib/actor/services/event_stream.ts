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

/** An actor has begun again. */
export interface ActorRestarted {
  /** Names the event. */
  readonly type: "actorRestarted";
  /** The actor. */
  readonly ref: ActorRef<never>;
  /** What was thrown; undefined if the behaviour itself has asked for it. */
  readonly cause: unknown;
}

/** An actor has stopped. */
export interface ActorStopped {
  /** Names the event. */
  readonly type: "actorStopped";
  /** The actor. */
  readonly ref: ActorRef<never>;
  /** What a handler threw, if that was why. */
  readonly cause?: unknown;
}

/** A behaviour has said that it does not understand a message. */
export interface UnhandledMessage {
  /** Names the event. */
  readonly type: "unhandledMessage";
  /** The actor. */
  readonly ref: ActorRef<never>;
  /** What it did not understand. */
  readonly message: unknown;
}

/** Events of the local system. A cluster publishes more. */
export type ActorEvent =
  | ActorStarted
  | ActorRestarted
  | ActorStopped
  | UnhandledMessage
  | DeadLetter;

/** Anything with a `type` can be published. */
export interface SystemEvent {
  /** Names the event. */
  readonly type: string;
}

/** Who hears events: a function or an actor. */
export type EventSubscriber<E> = ((event: E) => void) | ActorRef<E>;

/** What happens in a system, for whoever subscribes. */
export class EventStream {
  readonly #logger: Logger;
  readonly #listeners = new Map<string, Set<(event: SystemEvent) => void>>();

  /** Nobody listens yet. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Calls `listener` with every event of a type, in the publisher's call; or tells the event to an
   * actor, until it stops. Answers how to end that.
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
  subscribe<T extends ActorEvent["type"]>(
    type: T,
    listener: EventSubscriber<Extract<ActorEvent, { type: T }>>,
  ): () => void;
  /** The same, for events of a cluster or of your own. */
  subscribe<E extends SystemEvent>(type: E["type"], listener: EventSubscriber<E>): () => void;
  subscribe(type: string, listener: EventSubscriber<never>): () => void {
    if (typeof listener !== "function" && typeof listener?.tell !== "function") {
      throw new ActorError("badSubscriber", "an event can be told to nobody", {
        value: listener,
        remedy: "give a function or a reference",
      });
    }
    const hear = (typeof listener === "function" ? listener : (event: never) => {
      listener.tell(event);
    }) as (event: SystemEvent) => void;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    listeners.add(hear);
    const end = () => void listeners.delete(hear);
    const keep = typeof listener === "function" ? undefined : whenLocalStopped(listener, end);
    return () => {
      keep?.();
      end();
    };
  }

  /** Whether anybody would hear an event of this type; saves making it. */
  hears(type: string): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0;
  }

  /** Tells everybody who listens. */
  publish<E extends SystemEvent>(event: E): void {
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

  /** Forgets everybody. */
  clear(): void {
    this.#listeners.clear();
  }
}
