import { CastyError } from "../runtime/casty_error.ts";

/**
 * A client cannot be used as requested. Codes: `connectTimeout`, `connectAborted`,
 * `shardCountMismatch`, `closed`.
 */
export class ClientError extends CastyError {
  /** Name of the class. */
  override name = "ClientError";
}
