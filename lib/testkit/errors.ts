import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * An expectation of a test does not hold, or the testkit cannot be used that way:
 *
 * - `expectationFailed`: something else arrived, or nothing; `value` is what arrived.
 * - `ledgerMismatch`: messages are lost without a trace; `value` is the snapshot of the ledger.
 * - `probeOverflow`: more messages arrived than the probe keeps.
 * - `asyncHandler`: a handler returned a promise where it was run synchronously.
 * - `behaviorStopped`: the behaviour under test has stopped.
 * - `stillRunning`: the behaviour under test awaits a promise.
 * - `noSuchTimer`: there is no timer of that key.
 * - `noSuchChild`: there is no child of that name.
 * - `notWatched`: the behaviour does not watch that actor.
 * - `alreadyAnswered`: the ask was answered already.
 * - `noReply`: the behaviour under test has not replied to an ask.
 * - `inboxEmpty`: the inbox holds no message.
 * - `badHistory`: a history is not one that a clock could have recorded.
 * - `notDurable`: the behaviour under test is no durable actor.
 * - `codecMismatch`: an event, a state or a message of a durable actor is another one when it is read.
 * - `replayMismatch`: a replay of the stored events gives another state.
 * - `stateChanged`: `onCommand` or `onEvent` has changed a state or an event that it was given.
 * - `tooManyMessages`: a behaviour stashes and unstashes without an end.
 */
export type TestkitErrorCode =
  | "expectationFailed"
  | "ledgerMismatch"
  | "probeOverflow"
  | "asyncHandler"
  | "behaviorStopped"
  | "stillRunning"
  | "noSuchTimer"
  | "noSuchChild"
  | "notWatched"
  | "alreadyAnswered"
  | "noReply"
  | "inboxEmpty"
  | "badHistory"
  | "notDurable"
  | "codecMismatch"
  | "replayMismatch"
  | "stateChanged"
  | "tooManyMessages";

/** An expectation of a test does not hold, or the testkit cannot be used that way. */
export class TestkitError extends CastyError {
  /** Name of the class. */
  override name = "TestkitError";
  /** Stable; see {@linkcode TestkitErrorCode}. */
  declare readonly code: TestkitErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: TestkitErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
