import { plainText } from "../actor/ask/ask_failure.ts";
import type { LiteralOf } from "../actor/behavior/ask_options.ts";
import type { StatusError } from "../actor/errors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { EntryRequest } from "./metadata.ts";
import { sendRequest } from "./delivery/outbox.ts";

/** What follows an effect, in order, once all events so far are durable. */
export type EffectAction<S> =
  | {
    readonly type: "tell";
    readonly to: ActorRef<never>;
    readonly message: (state: S) => unknown;
  }
  | { readonly type: "run"; readonly callback: (state: S) => void }
  | { readonly type: "refuse"; readonly error: StatusError }
  | { readonly type: "passivate" }
  | { readonly type: "stop" };

/** What a command does to the stash. */
export type StashEffect = "stash" | "unstashAll" | undefined;

/**
 * What a command leads to, as a value: nothing of it has happened yet. Immutable; each `then` gives a
 * new one. Replies, tells and callbacks wait until all events of the actor so far are durable, so
 * nobody hears of a state that could still be lost.
 */
export class Effect<out E, in out S> {
  /** @internal Events to be stored, all or none. */
  readonly events: readonly E[];
  /** @internal */
  readonly actions: readonly EffectAction<S>[];
  /** @internal */
  readonly stashing: StashEffect;
  /** @internal The command counts as not handled. */
  readonly isUnhandled: boolean;
  /** @internal What is stored besides the events, with them. */
  readonly requests: readonly EntryRequest<S>[];

  /** @internal */
  constructor(
    events: readonly E[],
    actions: readonly EffectAction<S>[] = [],
    stashing?: StashEffect,
    isUnhandled = false,
    requests: readonly EntryRequest<S>[] = [],
  ) {
    this.events = events;
    this.actions = actions;
    this.stashing = stashing;
    this.isUnhandled = isUnhandled;
    this.requests = requests;
  }

  /** Sends a reply that is made of the state after the events. */
  thenReply<R>(replyTo: ActorRef<R>, reply: (state: S) => NoInfer<R>): Effect<E, S> {
    return this.#then({ type: "tell", to: replyTo, message: reply });
  }

  /** Sends a message that is made of the state after the events. */
  thenTell<M>(ref: ActorRef<M>, message: (state: S) => NoInfer<M>): Effect<E, S> {
    return this.#then({ type: "tell", to: ref, message });
  }

  /**
   * Stores a message with the events, and delivers it once they are durable: at least once, in order
   * with the others to the same receiver, and again with growing pauses until it is acknowledged, also
   * after a restart of this actor elsewhere. A receiver that is a durable actor handles it exactly once.
   *
   * @param ref an actor or entity. Its address is stored, not the reference: of an actor its path, so
   *   that its next incarnation is meant as well.
   * @param message plain data without references, or a function of the state after the events.
   * @throws {PersistenceError} from the handler: code `outboxFull` if too many messages wait, and
   *   `badReceiver` for a reference that leads nowhere after a restart.
   */
  thenSend<M, const Q extends LiteralOf<M> = LiteralOf<M>>(
    ref: ActorRef<M>,
    message: Q | ((state: S) => Q),
  ): Effect<E, S> {
    return this.thenEnter(sendRequest<unknown, S>(ref as ActorRef<unknown>, message));
  }

  /** Calls back with the state after the events, in the turn of the actor. It may not be async. */
  thenRun(callback: (state: S) => void): Effect<E, S> {
    return this.#then({ type: "run", callback });
  }

  /** Stops the actor. */
  thenStop(): Effect<E, S> {
    return this.#then({ type: "stop" });
  }

  /**
   * Stops an entity until there is another message for it: messages that it has received already are
   * handled before. An actor that is no entity stops.
   */
  thenPassivate(): Effect<E, S> {
    return this.#then({ type: "passivate" });
  }

  /** Puts all stashed commands before those that wait. */
  thenUnstashAll(): Effect<E, S> {
    const { events, actions, isUnhandled, requests } = this;
    return new Effect<E, S>(events, actions, "unstashAll", isUnhandled, requests);
  }

  /** @internal Stores an entry of the actor's metadata with the events, all or none. */
  thenEnter(request: EntryRequest<S>): Effect<E, S> {
    const { events, actions, stashing, isUnhandled, requests } = this;
    return new Effect(events, actions, stashing, isUnhandled, [...requests, request]);
  }

  /** @internal The same; `look` sees each message that is told, when it is made. */
  withTold(look: (message: unknown) => void): Effect<E, S> {
    const { events, actions, stashing, isUnhandled, requests } = this;
    const seen = actions.map((action): EffectAction<S> => {
      if (action.type !== "tell") return action;
      const message = (state: S) => {
        const made = action.message(state);
        look(made);
        return made;
      };
      return { ...action, message };
    });
    return new Effect(events, seen, stashing, isUnhandled, requests);
  }

  #then(action: EffectAction<S>): Effect<E, S> {
    const { events, actions, stashing, isUnhandled, requests } = this;
    return new Effect(events, [...actions, action], stashing, isUnhandled, requests);
  }
}

/** The ways to begin an effect. `E`: events; `S`: the state. */
export interface Effects<E, S> {
  /** Stores events, all or none of them, and applies them. */
  persist(...events: readonly E[]): Effect<E, S>;
  /** Changes nothing. */
  none(): Effect<E, S>;
  /** Replies, once all earlier events are durable. */
  reply<R>(replyTo: ActorRef<R>, value: NoInfer<R>): Effect<E, S>;
  /**
   * Rejects the ask of the command, once all earlier events are durable: its asker gets an `AskError` of
   * the reason `rejected`, with the error as its `rejection`. Of an `Error`, its message and its code are
   * sent. A command that is no ask is dropped.
   */
  refuse(error: string | StatusError): Effect<E, S>;
  /** Stops the actor, once all earlier events are durable. */
  stop(): Effect<E, S>;
  /** The same as `none().thenPassivate()`. */
  passivate(): Effect<E, S>;
  /** Keeps the command for later. */
  stash(): Effect<E, S>;
  /** Puts all stashed commands before those that wait. */
  unstashAll(): Effect<E, S>;
  /** Publishes the command as not handled. */
  unhandled(): Effect<E, S>;
}

/**
 * Begins effects. The handler `onCommand` gets it as its last argument with the types of its events
 * and its state; as an import it knows neither, so annotate the argument of callbacks there.
 *
 * @example
 * ```ts
 * import { Effect, Effects } from "@casty/casty/persistence";
 *
 * const effect: Effect<{ type: "opened" }, number> = Effects.persist({ type: "opened" as const });
 * console.assert(effect.events.length === 1);
 * ```
 */
// deno-lint-ignore no-explicit-any
export const Effects: Effects<any, any> = Object.freeze({
  // deno-lint-ignore no-explicit-any
  persist: (...events: readonly any[]) => new Effect<any, any>(events),
  none: () => nothing,
  reply: <R>(replyTo: ActorRef<R>, value: R) => nothing.thenReply(replyTo, () => value),
  refuse: (error: string | StatusError) =>
    // deno-lint-ignore no-explicit-any
    new Effect<any, any>([], [{ type: "refuse", error: refusalOf(error) }]),
  stop: () => nothing.thenStop(),
  passivate: () => nothing.thenPassivate(),
  // deno-lint-ignore no-explicit-any
  stash: () => new Effect<any, any>([], [], "stash"),
  // deno-lint-ignore no-explicit-any
  unstashAll: () => new Effect<any, any>([], [], "unstashAll"),
  // deno-lint-ignore no-explicit-any
  unhandled: () => new Effect<any, any>([], [], undefined, true),
});

// deno-lint-ignore no-explicit-any
const nothing = new Effect<any, any>([]);

/** The longest code of a refusal, in UTF-16 code units. */
const maxCode = 256;

/** What is sent of an error. Plain texts, so that it can always be sent. */
function refusalOf(error: string | StatusError): StatusError {
  const { message, code } = typeof error === "string" ? { message: error } : error;
  return {
    message: plainText(String(message)),
    ...(typeof code === "string" && { code: plainText(code).slice(0, maxCode) }),
  };
}
