import type { Schedule } from "../persistence/reminders/schedule.ts";
import type { Behavior } from "../actor/behavior/behavior.ts";
import type { StatusError } from "../actor/errors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import type { SpawnOptions } from "../actor/behavior/spawn_options.ts";
import type { SupervisionStrategy } from "../actor/behavior/supervision.ts";

/** A child was spawned under a name. */
export interface SpawnedEffect {
  /** Names the effect. */
  readonly type: "spawned";
  /** Its name. */
  readonly name: string;
  /** Its behaviour. It does not run; to test it, create a separate kit for it. */
  readonly behavior: Behavior<never>;
  /** How it was spawned. */
  readonly options: SpawnOptions;
  /** The reference that the behaviour received; messages to it are in `childInbox`. */
  readonly ref: ActorRef<never>;
}

/** A child was spawned without a name. */
export interface SpawnedAnonymousEffect {
  /** Names the effect. */
  readonly type: "spawnedAnonymous";
  /** The name that it got. */
  readonly name: string;
  /** Its behaviour. It does not run; to test it, create a separate kit for it. */
  readonly behavior: Behavior<never>;
  /** How it was spawned. */
  readonly options: SpawnOptions;
  /** The reference that the behaviour received; messages to it are in `childInbox`. */
  readonly ref: ActorRef<never>;
}

/** A child was stopped. It terminates at once, and its name is free. */
export interface StoppedEffect {
  /** Names the effect. */
  readonly type: "stopped";
  /** The child. */
  readonly child: ActorRef<never>;
}

/** Another actor is watched. */
export interface WatchedEffect {
  /** Names the effect. */
  readonly type: "watched";
  /** The other. */
  readonly ref: ActorRef<never>;
}

/** Another actor is watched, with a message instead of the signal. */
export interface WatchedWithEffect {
  /** Names the effect. */
  readonly type: "watchedWith";
  /** The other. */
  readonly ref: ActorRef<never>;
  /** The message when it has stopped. */
  readonly message: unknown;
}

/** Another actor is no longer watched. */
export interface UnwatchedEffect {
  /** Names the effect. */
  readonly type: "unwatched";
  /** The other. */
  readonly ref: ActorRef<never>;
}

/** A timer was started. It fires when the test says so: `fireTimer`. */
export interface TimerStartedEffect {
  /** Names the effect. */
  readonly type: "timerStarted";
  /** Its key. */
  readonly key: string;
  /** The message when it fires. */
  readonly message: unknown;
  /** Milliseconds until it fires, and between two times. */
  readonly delay: number;
  /** Whether it fires again and again. */
  readonly repeated: boolean;
}

/** A timer was cancelled, whether there was one or not. */
export interface TimerCancelledEffect {
  /** Names the effect. */
  readonly type: "timerCancelled";
  /** Its key. */
  readonly key: string;
}

/** A receive timeout was set. The test fires it with `fireReceiveTimeout`. */
export interface ReceiveTimeoutSetEffect {
  /** Names the effect. */
  readonly type: "receiveTimeoutSet";
  /** Milliseconds. */
  readonly timeout: number;
  /** The message after them. */
  readonly message: unknown;
}

/** The receive timeout was cancelled, whether there was one or not. */
export interface ReceiveTimeoutCancelledEffect {
  /** Names the effect. */
  readonly type: "receiveTimeoutCancelled";
}

/**
 * A message adapter was created. Messages to it arrive in `selfInbox` as the adapter makes them.
 */
export interface MessageAdapterMadeEffect {
  /** Names the effect. */
  readonly type: "messageAdapterMade";
  /** The reference for senders of the other protocol. */
  readonly ref: ActorRef<never>;
  /** Its mapping function. */
  readonly map: (message: never) => unknown;
}

/**
 * An ask was sent to another actor. The test replies, or any holder of the message by its reply
 * reference.
 */
export interface AskedEffect {
  /** Names the effect. */
  readonly type: "asked";
  /** The target of the ask. */
  readonly target: ActorRef<never>;
  /** The message. It was sent to `target`, too. */
  readonly message: unknown;
  /** The timeout in milliseconds; no time passes in the kit. */
  readonly timeout: number;
  /** Whether the ask has its reply, or has failed. */
  readonly answered: boolean;
  /**
   * Replies. If the promise was passed to `pipeToSelf`, its message is in `selfInbox` when this
   * returns.
   *
   * @throws {TestkitError} code `alreadyAnswered`.
   */
  reply(value: unknown): void;
  /**
   * Lets the ask fail, for example with an `AskTimeoutError`.
   *
   * @throws {TestkitError} code `alreadyAnswered`.
   */
  fail(error: unknown): void;
}

/** The outcome of a promise becomes a message to the actor itself. It will be in `selfInbox`. */
export interface PipedEffect {
  /** Names the effect. */
  readonly type: "piped";
  /** The promise. */
  readonly promise: PromiseLike<unknown>;
}

/** A message was stashed. */
export interface StashedEffect {
  /** Names the effect. */
  readonly type: "stashed";
  /** The message. */
  readonly message: unknown;
}

/** The stash was emptied. Its messages are handled next, in the same `run`. */
export interface UnstashedEffect {
  /** Names the effect. */
  readonly type: "unstashed";
  /** The messages, in order. */
  readonly messages: readonly unknown[];
}

/** The behaviour has said that it does not understand a message. */
export interface UnhandledEffect {
  /** Names the effect. */
  readonly type: "unhandled";
  /** The message. */
  readonly message: unknown;
}

/** The behaviour is supervised. The kit does not apply this: errors propagate to the test. */
export interface SupervisedEffect {
  /** Names the effect. */
  readonly type: "supervised";
  /** The supervision strategy. */
  readonly strategy: SupervisionStrategy;
}

/** The behaviour has restarted. */
export interface RestartedEffect {
  /** Names the effect. */
  readonly type: "restarted";
  /** The cause from the test; undefined if the behaviour requested it. */
  readonly cause: unknown;
}

/** The behaviour has requested its passivation. */
export interface PassivatedEffect {
  /** Names the effect. */
  readonly type: "passivated";
}

/** A durable actor has stored events. */
export interface PersistedEffect {
  /** Names the effect. */
  readonly type: "persisted";
  /** The events of one command, in order; of `durableState` the state. */
  readonly events: readonly unknown[];
  /** The state after them. */
  readonly state: unknown;
}

/** A durable actor has rejected an ask. */
export interface RefusedEffect {
  /** Names the effect. */
  readonly type: "refused";
  /** The command. */
  readonly message: unknown;
  /** What its asker gets. */
  readonly error: StatusError;
}

/** A durable actor has stored a message for delivery (`thenSend`). It is not delivered in the kit. */
export interface SentEffect {
  /** Names the effect. */
  readonly type: "sent";
  /** The receiver, as it is stored: its path. */
  readonly to: string;
  /** The message. */
  readonly message: unknown;
}

/** A durable actor has set a reminder, instead of one of the same key. Its message arrives by `run`. */
export interface ReminderSetEffect {
  /** Names the effect. */
  readonly type: "reminderSet";
  /** Its key. */
  readonly key: string;
  /** When it is due first, milliseconds since 1970. */
  readonly due: number;
  /** When it is due at all. */
  readonly schedule: Schedule;
  /** What the actor will be told. */
  readonly message: unknown;
}

/** A durable actor has cancelled a reminder. */
export interface ReminderCancelledEffect {
  /** Names the effect. */
  readonly type: "reminderCancelled";
  /** Its key. */
  readonly key: string;
}

/** An effect of a behaviour, besides sending messages. Later versions add types. */
export type Effect =
  | SpawnedEffect
  | SpawnedAnonymousEffect
  | StoppedEffect
  | WatchedEffect
  | WatchedWithEffect
  | UnwatchedEffect
  | TimerStartedEffect
  | TimerCancelledEffect
  | ReceiveTimeoutSetEffect
  | ReceiveTimeoutCancelledEffect
  | MessageAdapterMadeEffect
  | AskedEffect
  | PipedEffect
  | StashedEffect
  | UnstashedEffect
  | UnhandledEffect
  | SupervisedEffect
  | RestartedEffect
  | PersistedEffect
  | RefusedEffect
  | SentEffect
  | ReminderSetEffect
  | ReminderCancelledEffect
  | PassivatedEffect;

/** Effects with one `type`. */
export type EffectOfType<T extends Effect["type"]> = Extract<Effect, { readonly type: T }>;

/** Which effect is meant: its `type` and the fields that matter. */
export type EffectPattern<T extends Effect["type"]> =
  & { readonly type: T }
  & Partial<Omit<EffectOfType<T>, "type">>;
