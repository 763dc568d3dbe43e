import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A stream cannot continue, or cannot be used as asked:
 *
 * - `streamCompleted`: the stream takes no more elements, since it was completed.
 * - `streamFailed`: the stream was failed; `cause` is the error.
 * - `streamCancelled`: the consumer of the stream has left.
 * - `streamClosed`: the producer has stopped, its node or client is gone, or this system is shut down.
 * - `streamLeft`: this sink has left the stream.
 * - `streamIdle`: nothing arrived for `idleTimeout`.
 * - `streamBroken`: elements were lost on the way, or arrived without a request.
 * - `streamTaken`: the stream has a consumer already, or the source was read before.
 * - `streamRefused`: the producer does not take this sink; the message says why.
 * - `tooManyPuts`: `maxPending` puts are waiting.
 */
export type StreamErrorCode =
  | "streamCompleted"
  | "streamFailed"
  | "streamCancelled"
  | "streamClosed"
  | "streamLeft"
  | "streamIdle"
  | "streamBroken"
  | "streamTaken"
  | "streamRefused"
  | "tooManyPuts";

/** A stream cannot continue, or cannot be used as asked. */
export class StreamError extends CastyError {
  /** Name of the class. */
  override name = "StreamError";
  /** Stable; see {@linkcode StreamErrorCode}. */
  declare readonly code: StreamErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: StreamErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/** The thrown value as an `Error`: only errors always cross the wire. */
export function asError(error: unknown): Error {
  if (error instanceof Error) return error;
  try {
    return new Error(String(error));
  } catch {
    return new Error("a value that has no text was thrown");
  }
}

/** A shortened copy of an error that may be too large to cross the wire. */
export function plainError(error: Error): Error {
  const plain = new Error(error.message.slice(0, 1_000));
  plain.name = error.name.slice(0, 100);
  return plain;
}
