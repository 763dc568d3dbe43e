import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/** The configuration of a membership machine is invalid; code `badOption`. */
export class MembershipError extends CastyError {
  override name = "MembershipError";

  /** The remedy becomes part of the message. */
  constructor(code: "badOption", message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
