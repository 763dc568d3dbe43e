import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * - `noApp`: the file of the application does not exist.
 * - `badApp`: its module has no function as its default export.
 * - `noFolder`: a folder to watch does not exist.
 * - `needsDeno`: this runtime cannot start the processes of the nodes.
 */
export type UpErrorCode = "noApp" | "badApp" | "noFolder" | "needsDeno";

/** `up` cannot start a cluster. */
export class UpError extends CastyError {
  /** Name of the class. */
  override name = "UpError";
  /** Stable; see {@linkcode UpErrorCode}. */
  declare readonly code: UpErrorCode;

  /** Appends the remedy to the message. */
  constructor(code: UpErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
