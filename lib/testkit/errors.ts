import { CastyError } from "../runtime/casty_error.ts";

/**
 * A test has not come out as it says, or the testkit is used in a way that cannot work. Codes:
 *
 * - `expectationFailed`: something else came, or nothing; the message tells what. `value` is what
 *   came.
 * - `ledgerMismatch`: messages are lost without a trace. `value` is the ledger's snapshot.
 * - `probeOverflow`: more came to a probe than it keeps.
 * - `asyncHandler`: a handler gave a promise where it was run synchronously.
 * - `behaviorStopped`, `stillRunning`: the behaviour under test takes nothing (now).
 * - `noSuchTimer`, `noSuchChild`, `notWatched`, `alreadyAnswered`, `inboxEmpty`: there is nothing of
 *   the kind that the test names.
 * - `badHistory`: a history is not one that a clock could have recorded.
 * - `tooManyMessages`: a behaviour stashes and unstashes without an end.
 */
export class TestkitError extends CastyError {
  /** Name of the class. */
  override name = "TestkitError";
}
