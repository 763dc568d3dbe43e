import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
import type { DeadLetterReason } from "./services/dead_letter.ts";

/**
 * An actor or its system cannot do what was asked of it:
 *
 * - `badName`: the name of an actor, system or shutdown task is empty, too long or has characters
 *   that are not allowed.
 * - `duplicateName`: there is an actor, or a task, of that name.
 * - `badBehavior`: what was spawned or returned is no behaviour, or not one that fits there.
 * - `stashFull`: the stash of the actor is full.
 * - `systemStopped`: the system was shut down.
 * - `actorStopped`: the actor has stopped, so its context or reference has no effect.
 * - `earlierIncarnation`: the context belongs to an earlier incarnation of the actor, which has
 *   restarted.
 * - `notAChild`: only its parent can stop an actor through a context.
 * - `notLocal`: the actor does not belong to this system.
 * - `noEntity`: the behaviour asks to be passivated and is no sharded entity.
 * - `cannotWatch`: the value is no reference that can be watched.
 * - `tooManyWatches`: the peer holds as many watches as it may.
 * - `badKey`: the key of a scheduled message is empty or too long.
 * - `tooManyScheduled`: the scheduler holds `maxScheduled` keys already.
 * - `badTask`: a background task or shutdown task is no function, or has no key.
 * - `tooManyTasks`: as many background or shutdown tasks run as may.
 * - `taskCancelled`: a background task was cancelled.
 * - `badPhase`: there is no shutdown phase of that name.
 * - `phaseBegun`: the shutdown has begun that phase already.
 * - `shutdownTimeout`: a task of the shutdown took longer than it may.
 * - `badServiceKey`: the id of a service key is empty or too long.
 * - `badSubscriber`: the subscriber is neither a function nor a reference.
 * - `badRoutingKey`: the routing key of a message is no text or number, or its function has
 *   thrown.
 * - `circuitOpen`: the circuit breaker is open.
 * - `circuitTimeout`: a call through a circuit breaker took longer than `callTimeout`.
 */
export type ActorErrorCode =
  | "badName"
  | "duplicateName"
  | "badBehavior"
  | "stashFull"
  | "systemStopped"
  | "actorStopped"
  | "earlierIncarnation"
  | "notAChild"
  | "notLocal"
  | "noEntity"
  | "cannotWatch"
  | "tooManyWatches"
  | "badKey"
  | "tooManyScheduled"
  | "badTask"
  | "tooManyTasks"
  | "taskCancelled"
  | "badPhase"
  | "phaseBegun"
  | "shutdownTimeout"
  | "badServiceKey"
  | "badSubscriber"
  | "badRoutingKey"
  | "circuitOpen"
  | "circuitTimeout";

/** An actor or its system cannot do what was asked of it. */
export class ActorError extends CastyError {
  /** Name of the class. */
  override name = "ActorError";
  /** Stable; see {@linkcode ActorErrorCode}. */
  declare readonly code: ActorErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: ActorErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/** The remedy where a system was shut down. A shutdown ends for good. */
export const anotherSystem = "start another system";

/** The remedy where the deadline of an ask further up has passed. */
export const longerTimeout = "give the first ask of the chain a longer timeout";

/** No reply came in time. Code: `askTimeout`. */
export class AskTimeoutError extends CastyError {
  /** Name of the class. */
  override name = "AskTimeoutError";
  /** Whether it was the deadline of the message at hand that passed, and not the ask's own timeout. */
  readonly inherited: boolean;

  /**
   * `target` is the target of the ask, `timeout` is in milliseconds; `"deadline"`: the ask had the
   * deadline of the message in whose handler it was made. `cause`: how the last attempt of a repeated
   * ask has failed. `remedy`: what the message of the ask, or its target, lacks, if that is known.
   */
  constructor(target: string, timeout: number | "deadline", cause?: unknown, remedy?: string) {
    const inherited = timeout === "deadline";
    const when = inherited ? "before the deadline of the message at hand" : `within ${timeout} ms`;
    super("askTimeout", `${target} did not reply ${when}`, {
      value: inherited ? target : timeout,
      remedy: inherited
        ? longerTimeout
        : remedy ?? "check that it replies to this message, or raise the timeout",
      cause,
    });
    this.inherited = inherited;
  }
}

/**
 * An ask has failed before its timeout. `reason` of the error says more:
 *
 * - `askTargetDead`: the actor that was asked has stopped before it replied, or its node is gone.
 * - `askNotDelivered`: the message of the ask was lost.
 * - `askHandlerFailed`: the handler that was given the message has thrown.
 * - `askNotPersisted`: the durable actor could not store the events of a command.
 * - `askRejected`: the actor has answered with an error (a status reply, or `effect.refuse`).
 * - `askAborted`: the abort signal of the asker was set.
 * - `askExpired`: the message in whose handler it was made is of an ask, and that asker has given up.
 * - `askCycle`: actors wait for each other in a circle.
 * - `tooManyAsks`: `maxPendingAsks` asks wait already.
 */
export type AskErrorCode =
  | "askTargetDead"
  | "askNotDelivered"
  | "askHandlerFailed"
  | "askNotPersisted"
  | "askRejected"
  | "askAborted"
  | "askExpired"
  | "askCycle"
  | "tooManyAsks";

/**
 * Why an ask has failed: why its message became a dead letter ({@linkcode DeadLetterReason}), or
 * one of these:
 *
 * - `handlerFailed`: the handler that was given the message has thrown.
 * - `ownerLost`: the node or client of the actor is gone, or the node that owned the shard of the
 *   entity is, or was replaced. The ask may have been handled.
 * - `notPersisted`: the durable actor could not store events; `details` begin with `rejected:` if
 *   nothing was stored, and with `unknown:` if the store cannot say.
 * - `rejected`: the actor has answered with an error, see `askStatus` and `effect.refuse`.
 * - `aborted`: the abort signal of the asker was set.
 * - `cycle`: actors wait for each other in a circle.
 * - `tooManyAsks`: `maxPendingAsks` asks wait already.
 */
export type AskFailureReason =
  | DeadLetterReason
  | "handlerFailed"
  | "notPersisted"
  | "ownerLost"
  | "rejected"
  | "aborted"
  | "cycle"
  | "tooManyAsks";

/** With what an actor has rejected an ask, see `StatusReply.error`. */
export interface StatusError {
  /** What is wrong, for people. */
  readonly message: string;
  /** What is wrong, for programs: stable and short. */
  readonly code?: string;
  /** Plain data. */
  readonly details?: unknown;
}

/** What is known of a failed ask, besides its message. */
export interface AskErrorFacts extends CastyErrorOptions {
  /** Why it has failed. */
  readonly reason: AskFailureReason;
  /** See {@linkcode AskError.details}. */
  readonly details?: string | undefined;
  /** See {@linkcode AskError.rejection}. */
  readonly rejection?: StatusError | undefined;
}

/**
 * An ask has failed before its timeout.
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem, AskError, Behaviors } from "@casty/casty";
 *
 * const failing = Behaviors.receive<ActorRef<string>>(() => {
 *   throw new Error("out of paper");
 * });
 * await using system = new ActorSystem({ runtime: { logger: { log: () => {} } } });
 * const printer = system.spawn(failing, "printer");
 * try {
 *   await system.ask(printer, (replyTo: ActorRef<string>) => replyTo);
 * } catch (error) {
 *   console.assert(error instanceof AskError && error.reason === "handlerFailed");
 * }
 * ```
 */
export class AskError extends CastyError {
  /** Name of the class. */
  override name = "AskError";
  /** Stable; see {@linkcode AskErrorCode}. */
  declare readonly code: AskErrorCode;
  /** Why; stable, see {@linkcode AskFailureReason}. */
  readonly reason: AskFailureReason;
  /**
   * More about the reason, in plain text of at most 1 024 characters: the place in the message that
   * cannot be sent, the issues of a schema, the entity types that exist. Undefined where there is
   * nothing more to say.
   */
  readonly details: string | undefined;
  /** What the actor has answered, for the reason `rejected`. */
  readonly rejection: StatusError | undefined;

  /** The remedy becomes part of the message. */
  constructor(code: AskErrorCode, message: string, options: AskErrorFacts) {
    super(code, message, options);
    this.reason = options.reason;
    this.details = options.details;
    this.rejection = options.rejection;
  }
}

/** Whether an error says that the asker of the message at hand has given up. */
export function isDeadlinePassed(error: unknown): boolean {
  return error instanceof AskTimeoutError
    ? error.inherited
    : error instanceof AskError && error.code === "askExpired";
}
