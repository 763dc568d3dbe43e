import { StreamError } from "./errors.ts";
import type { SinkRefusal, StreamOutcome } from "./protocol.ts";

/** The error for a put into a stream that has this outcome, or will have it. */
export function endedStream(outcome: StreamOutcome, cause?: unknown): () => StreamError {
  switch (outcome.type) {
    case "completed":
      return () => new StreamError("streamCompleted", "the stream was completed; it takes no more");
    case "failed":
      return () =>
        new StreamError("streamFailed", `the stream has failed: ${outcome.error.message}`, {
          cause: outcome.error,
        });
    case "cancelled":
      return () =>
        new StreamError("streamCancelled", "the consumer of the stream has left", {
          value: outcome.undelivered,
        });
    case "left":
      return () => new StreamError("streamLeft", "this sink has left the stream");
    case "closed":
      return () =>
        new StreamError("streamClosed", "the producer of the stream is gone", {
          remedy: "look it up again, or spawn another",
          ...(cause !== undefined && { cause }),
        });
  }
}

/** The error for a sink that the producer refuses. */
export function refusedSink(reason: SinkRefusal): () => StreamError {
  switch (reason) {
    case "lost":
      return () => new StreamError("streamBroken", "elements of this sink were lost on the way");
    case "unknownSink":
      return () =>
        new StreamError("streamClosed", "the producer has restarted and does not know this sink");
    case "tooManySinks":
      return () =>
        new StreamError("streamRefused", "the producer has as many sinks as it may have", {
          value: reason,
          remedy: "let one leave, or raise maxSinks of the producer",
        });
    default:
      return () =>
        new StreamError("streamRefused", `the producer has refused this sink: ${reason}`, {
          value: reason,
        });
  }
}

/** Another sink has completed the stream before everything of this one had arrived. */
export function tooLate(count: number): StreamError {
  return new StreamError(
    "streamCompleted",
    `another sink has completed the stream; ${count} elements of this one came too late`,
    { value: count, remedy: "complete the stream when all sinks are done" },
  );
}

/** The caller does not await its puts. */
export function tooManyPuts(maxPending: number): StreamError {
  return new StreamError("tooManyPuts", `${maxPending} puts wait for room already`, {
    value: maxPending,
    remedy: "wait for a put before the next, or raise maxPending of the sink",
  });
}
