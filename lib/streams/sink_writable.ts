import type { StreamError } from "./errors.ts";

/** The methods of a sink that a Web Stream needs. */
export interface WritableTarget<T> {
  put(element: T): Promise<void>;
  complete(): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/** A sink as Web Stream; `fail` reports the end of the stream to its writer. */
export interface SinkWritable<T> {
  readonly stream: WritableStream<T>;
  readonly fail: (refusal: () => StreamError) => void;
}

/** Wraps a sink; `refusal` if it takes no more already. */
export function sinkWritable<T>(
  sink: WritableTarget<T>,
  refusal: (() => StreamError) | undefined,
): SinkWritable<T> {
  let controller!: WritableStreamDefaultController;
  let ended = false;
  const stream = new WritableStream<T>({
    start: (own) => void (controller = own),
    write: (element) => sink.put(element),
    close: () => {
      ended = true;
      return sink.complete();
    },
    abort: (reason) => {
      ended = true;
      return sink.fail(reason);
    },
  });
  const fail = (why: () => StreamError) => {
    if (!ended) controller.error(why());
    ended = true;
  };
  if (refusal !== undefined) fail(refusal);
  return { stream, fail };
}
