import { CastyError } from "../runtime/casty_error.ts";

/**
 * A client cannot do what was asked. Codes: `badOption`, `connectTimeout`, `connectAborted`,
 * `shardCountMismatch`, `closed`.
 */
export class ClientError extends CastyError {
  /** Name of the class. */
  override name = "ClientError";
}
