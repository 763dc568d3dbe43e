import { asError, StreamError } from "./errors.ts";
import type { SubscribeRefusal } from "./protocol.ts";

/** The producer, or a sink, has made the stream fail. */
export function failedStream(error: unknown): StreamError {
  const cause = asError(error);
  return new StreamError("streamFailed", `the stream has failed: ${cause.message}`, { cause });
}

/** There will be neither elements nor an end. */
export function goneProducer(cause?: unknown): StreamError {
  return new StreamError("streamClosed", "the producer is gone, and the stream had no end yet", {
    ...(cause !== undefined && { cause }),
  });
}

/** The system that reads is shut down. */
export function closedReader(): StreamError {
  return new StreamError(
    "streamClosed",
    "this system is shut down, and the stream had no end yet",
  );
}

/** The received elements differ from the sent ones. */
export function brokenStream(what: string): StreamError {
  return new StreamError("streamBroken", `elements were lost on the way: ${what}`);
}

/** Nothing came for too long. */
export function idleStream(idleTimeout: number): StreamError {
  return new StreamError("streamIdle", `no element came for ${idleTimeout} ms`, {
    value: idleTimeout,
    remedy: "raise idleTimeout of the source, or leave it out to wait for ever",
  });
}

/** The producer does not take this consumer. */
export function refusedSource(reason: SubscribeRefusal): StreamError {
  switch (reason) {
    case "taken":
      return new StreamError("streamTaken", "the stream has a consumer already", {
        value: reason,
        remedy: "let one consumer pass the elements on, or spawn a producer for each",
      });
    case "cannotWatch":
      return new StreamError("streamRefused", "the producer cannot watch this consumer", {
        value: reason,
      });
    default:
      return new StreamError(
        "streamClosed",
        reason === "ended" ? "the stream has ended before" : "the producer has restarted",
        { value: reason },
      );
  }
}
