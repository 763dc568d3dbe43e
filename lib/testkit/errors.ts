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
 * - `tooManyMessages`: a behaviour stashes and unstashes without an end.
 * - `badOption`: an option is out of range.
 */
export class TestkitError extends CastyError {
  /** Name of the class. */
  override name = "TestkitError";
}

/**
 * The milliseconds, if one can wait so long.
 *
 * @throws {TestkitError} code `badOption`.
 */
export function checkDuration(option: string, value: number): number {
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new TestkitError("badOption", `${option}: ${value} is not allowed`, {
    value,
    remedy: "use a number of milliseconds of at least 0",
  });
}

/**
 * The number, if it counts something.
 *
 * @throws {TestkitError} code `badOption`.
 */
export function checkCount(option: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum) return value;
  throw new TestkitError("badOption", `${option}: ${value} is not allowed`, {
    value,
    remedy: `use a whole number of at least ${minimum}`,
  });
}
