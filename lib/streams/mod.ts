/**
 * Reactive streams between actors: elements from producers to a consumer, within and between nodes,
 * never more than the consumer has requested. What the parties send each other is here as well, for
 * actors that take part in a stream themselves.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { streamProducer, streamSink, streamSource } from "@casty/casty/streams";
 *
 * await using system = new ActorSystem();
 * const producer = system.spawn(streamProducer<number>(), "numbers");
 * const source = streamSource(system, producer);
 * const sink = streamSink(system, producer);
 * for (const number of [1, 2, 3]) await sink.put(number);
 * await sink.complete();
 * const got: number[] = [];
 * for await (const number of source) got.push(number);
 * console.assert(got.join() === "1,2,3");
 * ```
 *
 * @module
 */
export { StreamError, type StreamErrorCode } from "./errors.ts";
export type {
  ConsumerMessage,
  ProducerMessage,
  PushRefusal,
  PushReply,
  SinkMessage,
  SinkRefusal,
  StreamCancel,
  StreamComplete,
  StreamConnect,
  StreamDemand,
  StreamEnd,
  StreamEnding,
  StreamFail,
  StreamLeave,
  StreamOutcome,
  StreamPush,
  StreamPut,
  StreamSubscribe,
  StreamWant,
  SubscribeRefusal,
} from "./protocol.ts";
export { streamConsumer, type StreamConsumerOptions } from "./stream_consumer.ts";
export { streamProducer, type StreamProducerOptions } from "./stream_producer.ts";
export { type StreamSink, streamSink, type StreamSinkOptions } from "./stream_sink.ts";
export { type StreamSource, streamSource, type StreamSourceOptions } from "./stream_source.ts";
