import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * Invalid input:
 *
 * - `malformed`: a text or file, or a part of it, cannot be parsed.
 * - `badRevocationList`: it holds no revocation list that is signed by one of the authorities.
 * - `badDenyList`: a deny list holds something else than fingerprints.
 */
export type X509ErrorCode = "malformed" | "badRevocationList" | "badDenyList";

/** Something that cannot be read. Callers add which file it came from. */
export class X509Error extends CastyError {
  /** Name of the class. */
  override name = "X509Error";
  /** Stable; safe to branch on. */
  declare readonly code: X509ErrorCode;
  /** The message without the remedy. */
  readonly problem: string;

  /** Appends the remedy to the message. */
  constructor(code: X509ErrorCode, problem: string, options: CastyErrorOptions = {}) {
    super(code, problem, options);
    this.problem = problem;
  }
}
