import type { Behavior } from "../actor/behavior/behavior.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import { resolveOptions } from "../options/check_options.ts";
import { streamProducerTable } from "../options/tables/stream_tables.ts";
import { Producer, type ProducerSettings } from "./producer.ts";
import type { ProducerMessage } from "./protocol.ts";

/** How a producer is made. */
export interface StreamProducerOptions {
  /**
   * Elements that may wait for the consumer, 1 to 1 000 000. Counts what sinks have been allowed to
   * send, too. Default 256.
   */
  readonly bufferSize?: number;
  /** Sinks that may be connected at once. Default 1 024. */
  readonly maxSinks?: number;
  /**
   * What happens when a sink is lost: it stopped, its node is gone, or it was disposed of before it
   * had completed or left. `"fail"`: the stream fails, since elements are missing. `"ignore"`: the
   * other sinks go on. Default `"fail"`.
   */
  readonly onSinkLost?: "fail" | "ignore";
}

/**
 * A bounded buffer between any number of sinks and one consumer, as an actor. Spawn it, give its
 * reference to `streamSink` and `streamSource`, here or on other nodes.
 *
 * Elements keep the order in which they arrive. Completion and failure reach the consumer after
 * everything that is in the buffer. When the stream has ended, the producer stops by itself:
 *
 * - completed or failed: the consumer was sent the end, after the last element;
 * - cancelled: the consumer left or stopped, or its node is gone. Sinks are sent the end.
 *
 * If it is stopped before, or restarts under supervision, consumer and sinks are sent that the
 * stream is closed. Demand and credit follow the Reactive Streams specification.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { streamProducer, streamSink, streamSource } from "@casty/casty/streams";
 *
 * await using system = new ActorSystem();
 * const producer = system.spawn(streamProducer<number>({ bufferSize: 8 }), "numbers");
 * const sink = streamSink(system, producer);
 * const sending = (async () => {
 *   for (let i = 1; i <= 100; i++) await sink.put(i);
 *   await sink.complete();
 * })();
 * let sum = 0;
 * for await (const number of streamSource(system, producer)) sum += number;
 * await sending;
 * console.assert(sum === 5_050);
 * ```
 *
 * @throws {OptionError}
 */
export function streamProducer<T>(
  options: StreamProducerOptions = {},
): Behavior<ProducerMessage<T>> {
  const settings: ProducerSettings = resolveOptions(streamProducerTable, options);
  return Behaviors.setup<ProducerMessage<T>>((context) => {
    const producer = new Producer<T>(context, settings);
    return Behaviors.receive<ProducerMessage<T>>(
      (_context, message) => producer.receive(message),
      (_context, signal) => producer.signal(signal),
    );
  });
}
