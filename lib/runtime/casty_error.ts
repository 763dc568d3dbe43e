/** Properties of every error of Casty, besides its message. */
export interface CastyErrorOptions {
  /** The value that was refused. */
  readonly value?: unknown;
  /** The remedy, one sentence. */
  readonly remedy?: string;
  /** The error behind this one. */
  readonly cause?: unknown;
}

/**
 * Base class of all errors that Casty throws.
 *
 * @example
 * ```ts
 * import { CastyError } from "@casty/casty";
 *
 * const error = new CastyError("example", "port 70000 is out of range", {
 *   value: 70000,
 *   remedy: "use a port from 0 to 65535",
 * });
 * console.assert(error.code === "example");
 * console.assert(error.message === "port 70000 is out of range; use a port from 0 to 65535");
 * ```
 */
export class CastyError extends Error {
  /** Name of the class. */
  override name = "CastyError";
  /** Stable and short; safe to branch on. */
  readonly code: string;
  /** The value that was refused, if there was one. */
  readonly value: unknown;
  /** The remedy, if there is one. */
  readonly remedy: string | undefined;

  /** Appends the remedy to the message. */
  constructor(code: string, message: string, options: CastyErrorOptions = {}) {
    super(
      options.remedy === undefined ? message : `${message}; ${options.remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.value = options.value;
    this.remedy = options.remedy;
  }
}
