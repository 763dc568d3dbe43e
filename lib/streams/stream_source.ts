import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { resolveOptions } from "../options/check_options.ts";
import { streamSourceTable } from "../options/tables/stream_tables.ts";
import { checkProducer } from "./check_producer.ts";
import type { ProducerMessage } from "./protocol.ts";
import { Source } from "./source.ts";

/** How a source behaves. */
export interface StreamSourceOptions {
  /**
   * Elements that may be on their way or wait here at once, 1 to 1 000 000. More are requested when
   * half of them were read. Default 16.
   */
  readonly demand?: number;
  /** Milliseconds without an element after which a read fails. Default: it waits for ever. */
  readonly idleTimeout?: number;
  /**
   * Milliseconds of silence after which the source asks whether something was lost on the way.
   * Default 5 000.
   */
  readonly probeInterval?: number;
}

/**
 * The reading end of a stream. It stays in this process; only references to the producer cross the
 * wire. It subscribes with the first read, so a source that is never read needs no care.
 */
export interface StreamSource<T> extends AsyncDisposable {
  /**
   * The elements, once, in order. Ends when the stream is completed. To leave the loop by any way
   * cancels the stream.
   *
   * Reading throws a {@linkcode StreamError}: `streamFailed` with the producer's error as `cause`;
   * `streamClosed` if the producer stopped or its node is gone; `streamIdle` after `idleTimeout`;
   * `streamBroken` if elements were lost on the way; `streamTaken` if the stream has another
   * consumer. Elements that arrived before are returned first. A client that is closed leaves what it
   * reads: the loop ends.
   *
   * @throws {StreamError} code `streamTaken` the second time.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>;
  /**
   * The same for the Web Streams API, in place of the iterator. To cancel it cancels the stream.
   *
   * @throws {StreamError} code `streamTaken` if the source is iterated.
   */
  readonly readable: ReadableStream<T>;
  /** Cancels the stream, if it has not ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Reads the elements of a producer of this node or another.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { streamProducer, streamSink, streamSource } from "@casty/casty/streams";
 *
 * await using system = new ActorSystem();
 * const producer = system.spawn(streamProducer<number>(), "numbers");
 * const sink = streamSink(system, producer);
 * for (let i = 0; i < 5; i++) await sink.put(i);
 * for await (const number of streamSource(system, producer)) {
 *   if (number === 2) break;
 * }
 * const { type } = await sink.outcome;
 * console.assert(type === "cancelled");
 * ```
 *
 * @throws {OptionError}
 */
export function streamSource<T>(
  system: ActorSystem,
  producer: ActorRef<ProducerMessage<T>>,
  options: StreamSourceOptions = {},
): StreamSource<T> {
  const { demand, idleTimeout, probeInterval } = resolveOptions(streamSourceTable, options);
  return new Source<T>(system, checkProducer(producer), { demand, idleTimeout, probeInterval });
}
