import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/** A membership machine was given a configuration that cannot work; code `badOption`. */
export class MembershipError extends CastyError {
  override name = "MembershipError";

  /** Makes an error; the remedy becomes part of the message. */
  constructor(code: "badOption", message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
