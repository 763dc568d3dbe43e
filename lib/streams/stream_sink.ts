import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { resolveOptions } from "../options/check_options.ts";
import { streamSinkTable } from "../options/tables/stream_tables.ts";
import { checkProducer } from "./check_producer.ts";
import type { ProducerMessage, StreamOutcome } from "./protocol.ts";
import { Sink } from "./sink.ts";

/** How a sink behaves. */
export interface StreamSinkOptions {
  /** Puts that may wait for room at once, 1 to 1 000 000. Default 1 024. */
  readonly maxPending?: number;
  /**
   * Milliseconds of silence after which the sink asks whether something was lost on the way.
   * Default 5 000.
   */
  readonly probeInterval?: number;
}

/** The end of a stream where elements go in. It stays in this process; only the producer travels. */
export interface StreamSink<T> extends AsyncDisposable {
  /**
   * Sends an element. Resolves when there was room for it and it is on its way; the elements of one
   * sink keep their order, whether one waits for each or not. Whether those that are on their way
   * were taken, `complete` reports; whether the consumer received them, `outcome`.
   *
   * @throws {StreamError} `streamCompleted`, `streamFailed`, `streamCancelled`, `streamClosed`,
   * `streamBroken`, `streamRefused` or `streamLeft` if the stream takes no more, also for puts that
   * wait; `tooManyPuts` beyond `maxPending`.
   */
  put(element: T): Promise<void>;
  /**
   * Completes the stream, for all sinks, after the puts that wait. Resolves when the producer has
   * everything that this sink has sent; then the consumer gets the rest and the end.
   *
   * @throws {StreamError} as `put`; `streamCompleted` if another sink was first and elements of this
   * one came too late.
   */
  complete(): Promise<void>;
  /**
   * Fails the stream, for all sinks. Waiting puts are rejected; elements in flight or in the buffer
   * go to the consumer, then `error`. Resolves when the producer has confirmed.
   *
   * @throws {StreamError} as `complete`.
   */
  fail(error: unknown): Promise<void>;
  /**
   * Disconnects this sink, after the puts that wait; the stream continues with the others. Never
   * rejects.
   */
  leave(): Promise<void>;
  /**
   * The same sink for the Web Streams API. A write ends when there was room; closing it completes
   * the stream, aborting it fails the stream.
   */
  readonly writable: WritableStream<T>;
  /** How the stream has ended. Never rejects. */
  readonly outcome: Promise<StreamOutcome>;
  /**
   * Lets go of the sink. If it has neither completed, failed nor left before, it counts as lost: with
   * the producer's default `onSinkLost`, the stream fails.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Connects to a producer, of this node or another.
 *
 * The producer grants credit, and an element is sent only with credit; so nothing is sent that the
 * producer has no room for.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { streamProducer, streamSink, streamSource } from "@casty/casty/streams";
 *
 * await using system = new ActorSystem();
 * const producer = system.spawn(streamProducer<string>(), "words");
 * const { writable, outcome } = streamSink(system, producer);
 * const sending = ReadableStream.from(["to", "be"]).pipeTo(writable);
 * const words = await Array.fromAsync(streamSource(system, producer));
 * await sending;
 * console.assert(words.join(" ") === "to be");
 * console.assert((await outcome).type === "completed");
 * ```
 *
 * @throws {OptionError}
 * @throws {ActorError} code `systemStopped`.
 */
export function streamSink<T>(
  system: ActorSystem,
  producer: ActorRef<ProducerMessage<T>>,
  options: StreamSinkOptions = {},
): StreamSink<T> {
  const { maxPending, probeInterval } = resolveOptions(streamSinkTable, options);
  return new Sink<T>(system, checkProducer(producer), maxPending, probeInterval);
}
