import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A node does not do what an admin asks for, or does not answer:
 *
 * - `notAdmin`: the certificate is none of an admin.
 * - `needsTls`: the cluster runs without certificates, so nobody is an admin.
 * - `tooManyRequests`: more requests a second than a node answers for one certificate.
 * - `unknownTopic`: there is nothing with that name to explain.
 * - `unknownMember`: no member has that address or label.
 * - `notPossible`: the node cannot do that in its state, or to itself.
 * - `memberReachable`: the member to be declared down is reachable.
 * - `noAnswer`: the node has not answered in time.
 */
export type AdminErrorCode =
  | "notAdmin"
  | "needsTls"
  | "tooManyRequests"
  | "unknownTopic"
  | "unknownMember"
  | "notPossible"
  | "memberReachable"
  | "noAnswer";

/** A node does not do what an admin asks for. See {@linkcode AdminErrorCode}. */
export class AdminError extends CastyError {
  /** Name of the class. */
  override name = "AdminError";
  /** Stable; see {@linkcode AdminErrorCode}. */
  declare readonly code: AdminErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: AdminErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
