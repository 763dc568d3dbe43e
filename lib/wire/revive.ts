import { malformed } from "./errors.ts";

/**
 * Creates an Error from its parts: name, message, code or null, and maybe a cause.
 *
 * @throws {WireError} code `malformed`.
 */
export function reviveError(parts: readonly unknown[]): Error {
  const [name, message, code] = parts;
  if (parts.length !== 3 && parts.length !== 4) throw malformed("an Error has a bad form");
  if (typeof name !== "string" || typeof message !== "string") {
    throw malformed("an Error has no name or message");
  }
  if (code !== null && typeof code !== "string" && typeof code !== "number") {
    throw malformed("an Error has a bad code");
  }
  const error = parts.length === 4 ? new Error(message, { cause: parts[3] }) : new Error(message);
  if (name !== error.name) define(error, "name", name);
  if (code !== null) define(error, "code", code);
  // The stack of the sender is not sent, and that of this decoder would only mislead.
  // To define the property would take twice the memory of the error.
  error.stack = `${name}: ${message}`;
  return error;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: key === "code",
  });
}
