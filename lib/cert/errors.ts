import { CastyError } from "../runtime/casty_error.ts";

/**
 * A certificate cannot be made, read or written. Codes: `badName`, `badValidity`, `beyondAuthority`,
 * `authorityExpired`, `notAnAuthority`, `keyMismatch`, `malformed`, `notFound`, `exists`,
 * `notWritable`, `outOfOrder`.
 */
export class CertError extends CastyError {
  /** Name of the class. */
  override name = "CertError";
}
