import { CastyError } from "../runtime/casty_error.ts";

/**
 * A stream cannot go on, or cannot be used as asked. Codes:
 *
 * - `streamCompleted`: it takes no more elements, since it was completed.
 * - `streamFailed`: it was made to fail; `cause` is the error.
 * - `streamCancelled`: its consumer has left.
 * - `streamClosed`: its producer has stopped or cannot be reached any more.
 * - `streamLeft`: this sink has left it.
 * - `streamIdle`: nothing came for `idleTimeout`.
 * - `streamBroken`: elements were lost on the way, or came unasked.
 * - `streamTaken`: it has a consumer already, or the source was read before.
 * - `streamRefused`: the producer does not take this sink; the message tells why.
 * - `tooManyPuts`: `maxPending` puts wait already.
 */
export class StreamError extends CastyError {
  /** Name of the class. */
  override name = "StreamError";
}

/** Whatever was thrown, as an error: only those cross the wire whatever they hold. */
export function asError(error: unknown): Error {
  if (error instanceof Error) return error;
  try {
    return new Error(String(error));
  } catch {
    return new Error("a value that has no text was thrown");
  }
}

/** What is left of an error that may be too large to cross the wire. */
export function plainError(error: Error): Error {
  const plain = new Error(error.message.slice(0, 1_000));
  plain.name = error.name.slice(0, 100);
  return plain;
}
