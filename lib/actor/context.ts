import type { LogFields } from "../runtime/logger.ts";
import type { ActorSystem } from "./actor_system.ts";
import type { Behavior } from "./behavior.ts";
import type { ActorRef } from "./ref.ts";
import type { SpawnOptions } from "./spawn_options.ts";

/** Writes log lines under the actor's path. */
export interface ActorLog {
  /** For developers. */
  debug(message: string, fields?: LogFields): void;
  /** Normal operation. */
  info(message: string, fields?: LogFields): void;
  /** Something to look at. */
  warn(message: string, fields?: LogFields): void;
  /** Something has failed. */
  error(message: string, fields?: LogFields): void;
}

/** Messages that an actor sends to itself later. All are cancelled when it stops. */
export interface ActorTimers<M> {
  /** Sends `message` once, after `delay` milliseconds. Replaces a timer of the same key. */
  startSingle(key: string, message: M, delay: number): void;
  /** Sends `message` again and again, `interval` milliseconds apart. Replaces the same key. */
  startFixedDelay(key: string, message: M, interval: number): void;
  /** Cancels a timer: its message does not arrive, even if it is in the mailbox already. */
  cancel(key: string): void;
}

/** What an actor can do besides sending. Only valid within its own handlers. */
export interface ActorContext<in out M> {
  /** The actor itself. */
  readonly self: ActorRef<M>;
  /** The system that it lives in. */
  readonly system: ActorSystem;
  /** Log lines under the actor's path. */
  readonly log: ActorLog;
  /** Messages to itself, later. */
  readonly timers: ActorTimers<M>;
  /** Its children. */
  readonly children: readonly ActorRef<never>[];
  /**
   * Starts a child. Without a name it gets one. Children stop before their parent.
   *
   * @throws {ActorError} codes `badName`, `duplicateName`, `badBehavior`, `actorStopped`.
   */
  spawn<C>(behavior: Behavior<C>, name?: string, options?: SpawnOptions): ActorRef<C>;
  /** Stops a child, after the message that it handles now. */
  stop(child: ActorRef<never>): void;
  /** Asks for the signal `terminated` when the other has stopped; at once if it has already. */
  watch(ref: ActorRef<never>): void;
  /** Takes back `watch`. */
  unwatch(ref: ActorRef<never>): void;
  /** Sends itself what a promise comes to. */
  pipeToSelf<T>(
    promise: PromiseLike<T>,
    onFulfilled: (value: T) => M,
    onRejected: (reason: unknown) => M,
  ): void;
}
