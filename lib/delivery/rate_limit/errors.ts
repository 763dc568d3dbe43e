import { CastyError, type CastyErrorOptions } from "../../runtime/casty_error.ts";

/**
 * Why work was not started, or is over:
 *
 * - `rateLimited`: as much was started in the last second as may be; or the limiter has moved, and it is
 *   not known how much was.
 * - `concurrencyLimited`: as much runs as may; or the limiter has moved, and it is not known how much does.
 * - `limiterUnavailable`: the limiter does not answer.
 * - `slotLost`: the work has run, and the limiter could not be told in time that it still does. It may run
 *   on if it does not obey `signal`.
 */
export type RateLimitErrorCode =
  | "rateLimited"
  | "concurrencyLimited"
  | "limiterUnavailable"
  | "slotLost";

/** Work was not started because of a limit, or is over because the limit can no longer be kept. */
export class RateLimitError extends CastyError {
  /** Name of the class. */
  override name = "RateLimitError";
  /** Stable; see {@linkcode RateLimitErrorCode}. */
  declare readonly code: RateLimitErrorCode;
  /** Milliseconds after which another try may succeed; 0: at once. */
  readonly retryAfter: number;

  /** The remedy becomes part of the message. */
  constructor(
    code: RateLimitErrorCode,
    message: string,
    retryAfter: number,
    options: CastyErrorOptions = {},
  ) {
    super(code, message, options);
    this.retryAfter = retryAfter;
  }
}
