import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * The contracts of a program cannot be read or compared:
 *
 * - `typescriptMissing`: the package `typescript` cannot be loaded.
 * - `moduleUnreadable`: a module cannot be found, or one that it imports.
 * - `noContracts`: the modules declare none.
 * - `badContractsFile`: the file of contracts is missing, no JSON, or not of this form.
 * - `futureContractsFile`: a newer version of the tool has written the file.
 */
export type ContractsErrorCode =
  | "typescriptMissing"
  | "moduleUnreadable"
  | "noContracts"
  | "badContractsFile"
  | "futureContractsFile";

/** The contracts of a program cannot be read or compared. */
export class ContractsError extends CastyError {
  /** Name of the class. */
  override name = "ContractsError";
  /** Stable; see {@linkcode ContractsErrorCode}. */
  declare readonly code: ContractsErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: ContractsErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/** Shapes of a file are nested deeper than `maximum`. */
export function nestedTooDeeply(maximum: number): ContractsError {
  return new ContractsError(
    "badContractsFile",
    `the types of the file are nested more than ${maximum} levels deep`,
    { value: maximum, remedy: "write it again without --check, or restore it from git" },
  );
}
