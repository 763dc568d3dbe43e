import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A client cannot be used as requested:
 *
 * - `connectTimeout`: no contact point has answered within `connectTimeout`; the message lists
 *   each.
 * - `contactsUnusable`: a connection to none of the contact points can be made as things are
 *   configured; the message says why for each.
 * - `connectAborted`: the abort signal was set while the client connected.
 * - `shardCountMismatch`: two references of one client disagree about `numShards` of a type.
 * - `closed`: the client was closed.
 */
export type ClientErrorCode =
  | "connectTimeout"
  | "contactsUnusable"
  | "connectAborted"
  | "shardCountMismatch"
  | "closed";

/** A client cannot be used as requested. */
export class ClientError extends CastyError {
  /** Name of the class. */
  override name = "ClientError";
  /** Stable; see {@linkcode ClientErrorCode}. */
  declare readonly code: ClientErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: ClientErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
