import type { CastyErrorOptions } from "../../runtime/casty_error.ts";
import { PersistenceError } from "../errors.ts";

/** The error of a reminder that cannot be: its key, its time or its message is wrong. */
export function badReminder(
  message: string,
  value: unknown,
  options: CastyErrorOptions,
): PersistenceError {
  return new PersistenceError("badReminder", message, { value, ...options });
}
