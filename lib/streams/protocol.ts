/**
 * The messages between producers, sinks and consumers: plain data and references, so that they
 * cross the wire. All counts are totals since the participant connected: a message that is repeated
 * does no harm, and one that is lost is noticed.
 *
 * @module
 */
import type { ActorRef } from "../actor/ref/ref.ts";

/** How a stream was ended. `error` is always an `Error`. */
export type StreamEnding =
  | { readonly type: "completed" }
  | { readonly type: "failed"; readonly error: Error };

/**
 * The outcome of a stream for a sink:
 *
 * - `completed`: the consumer received every element and then the end.
 * - `failed`: the consumer received every element and then the error.
 * - `cancelled`: the consumer left, or stopped, or its node was removed; `undelivered` accepted
 *   elements did not reach it.
 * - `closed`: the producer stopped, or its node was removed, before the stream ended.
 * - `left`: this sink left first and is not sent how it ends.
 */
export type StreamOutcome =
  | StreamEnding
  | { readonly type: "cancelled"; readonly undelivered: number }
  | { readonly type: "closed" }
  | { readonly type: "left" };

/** Why an element was not taken: no room, or the stream takes no more. */
export type PushRefusal = "bufferFull" | "completed" | "failed" | "cancelled";

/** The answer to a {@linkcode StreamPush} that has a `replyTo`. */
export type PushReply =
  | { readonly type: "streamPushed" }
  | { readonly type: "streamPushRefused"; readonly reason: PushRefusal };

/**
 * Offers an element without credit. If it is refused, `replyTo` is sent the reason; without `replyTo` the
 * element becomes a dead letter (`bufferFull`, or `stopped` when the stream takes no more).
 */
export interface StreamPush<T> {
  /** Names the message. */
  readonly type: "streamPush";
  /** The element. */
  readonly element: T;
  /** Gets the answer. */
  readonly replyTo?: ActorRef<PushReply>;
}

/** No more elements follow. The consumer receives the end after all elements in the buffer. */
export interface StreamComplete {
  /** Names the message. */
  readonly type: "streamComplete";
}

/** The stream fails. The consumer is sent the error after all elements that are in the buffer. */
export interface StreamFail {
  /** Names the message. */
  readonly type: "streamFail";
  /** Why. */
  readonly error: Error;
}

/** An actor wants the elements. A stream has one consumer; others are refused. */
export interface StreamSubscribe<T> {
  /** Names the message. */
  readonly type: "streamSubscribe";
  /** Takes the elements. It is watched: the stream ends with it. */
  readonly consumer: ActorRef<ConsumerMessage<T>>;
  /** Elements that it takes at first. Default 0. */
  readonly demand?: number;
}

/** The consumer takes more. */
export interface StreamDemand<T> {
  /** Names the message. */
  readonly type: "streamDemand";
  /** The consumer. */
  readonly consumer: ActorRef<ConsumerMessage<T>>;
  /** Elements that it takes in all, since it has subscribed: not how many more. */
  readonly total: number;
  /** Whether it wants a `streamStatus`, since nothing has arrived for a while. */
  readonly probe?: boolean;
}

/**
 * The consumer leaves: the stream ends. Said after `streamCompleted` or `streamFailed` it confirms
 * that; a producer on another node stays until then.
 */
export interface StreamCancel<T> {
  /** Names the message. */
  readonly type: "streamCancel";
  /** The consumer. */
  readonly consumer: ActorRef<ConsumerMessage<T>>;
}

/** A sink connects. It is watched. */
export interface StreamConnect {
  /** Names the message. */
  readonly type: "streamConnect";
  /** The sink. */
  readonly sink: ActorRef<SinkMessage>;
}

/** A sink asks for credit, or probes the producer. */
export interface StreamWant {
  /** Names the message. */
  readonly type: "streamWant";
  /** The sink. */
  readonly sink: ActorRef<SinkMessage>;
  /** Elements that it has sent or requests to send, in all. */
  readonly total: number;
  /** Elements that it has sent, in all. If fewer have arrived, some are lost. */
  readonly sent: number;
  /** The credit that it has received, in all. */
  readonly granted: number;
}

/** An element of a sink that has credit. */
export interface StreamPut<T> {
  /** Names the message. */
  readonly type: "streamPut";
  /** The sink. */
  readonly sink: ActorRef<SinkMessage>;
  /** Its number among those of this sink, counted from 1. */
  readonly sequence: number;
  /** The element. */
  readonly element: T;
}

/** A sink completes the stream or fails it. */
export interface StreamEnd {
  /** Names the message. */
  readonly type: "streamEnd";
  /** The sink. */
  readonly sink: ActorRef<SinkMessage>;
  /** Elements that it has sent, in all. */
  readonly sent: number;
  /** Why it fails; it is completed if there is none. */
  readonly error?: Error;
}

/** A sink leaves. */
export interface StreamLeave {
  /** Names the message. */
  readonly type: "streamLeave";
  /** The sink. */
  readonly sink: ActorRef<SinkMessage>;
  /** Elements that it has sent, in all. */
  readonly sent: number;
  /** Whether it leaves in the middle of its work: the same as if it were lost. */
  readonly abandoned: boolean;
}

/** The messages that a producer accepts. */
export type ProducerMessage<T> =
  | StreamPush<T>
  | StreamComplete
  | StreamFail
  | StreamSubscribe<T>
  | StreamDemand<T>
  | StreamCancel<T>
  | StreamConnect
  | StreamWant
  | StreamPut<T>
  | StreamEnd
  | StreamLeave;

/** Why a consumer was not taken. */
export type SubscribeRefusal = "taken" | "ended" | "notSubscribed" | "cannotWatch";

/**
 * Messages to a consumer. `sequence` counts elements from 1; `count` is how many there were in all.
 *
 * - `streamElement`: one of the requested elements.
 * - `streamCompleted`: there are no more.
 * - `streamFailed`: there are no more, because of an error.
 * - `streamClosed`: the producer stops before the stream came to an end.
 * - `streamStatus`: answers a demand with `probe`; `sent` elements were sent before.
 * - `streamRefused`: it is not the consumer: there is another (`taken`), the stream has ended
 *   (`ended`), the producer does not know it (`notSubscribed`, after a restart), or cannot watch it
 *   (`cannotWatch`).
 */
export type ConsumerMessage<T> =
  | { readonly type: "streamElement"; readonly sequence: number; readonly element: T }
  | { readonly type: "streamCompleted"; readonly count: number }
  | { readonly type: "streamFailed"; readonly count: number; readonly error: Error }
  | { readonly type: "streamClosed" }
  | { readonly type: "streamStatus"; readonly sent: number }
  | { readonly type: "streamRefused"; readonly reason: SubscribeRefusal };

/** Why a sink was not taken, or is not any more. */
export type SinkRefusal = "unknownSink" | "lost" | "noCredit" | "tooManySinks" | "cannotWatch";

/**
 * Messages to a sink. `accepted` counts the elements of this sink that were taken.
 *
 * - `streamCredit`: it may send `total` elements, counted since it connected.
 * - `streamClosing`: no more elements are accepted; elements in the buffer are still delivered.
 * - `streamEnded`: the stream has ended; or, with the outcome `left`, a sink of another node has left.
 * - `streamSinkRefused`: it is not connected: the producer does not know it (`unknownSink`), has not
 *   got all it sent (`lost`), got more than there was credit for (`noCredit`), has `maxSinks`
 *   already (`tooManySinks`), or cannot watch it (`cannotWatch`).
 */
export type SinkMessage =
  | { readonly type: "streamCredit"; readonly total: number }
  | { readonly type: "streamClosing"; readonly ending: StreamEnding; readonly accepted: number }
  | { readonly type: "streamEnded"; readonly outcome: StreamOutcome; readonly accepted: number }
  | { readonly type: "streamSinkRefused"; readonly reason: SinkRefusal };

/** Whether a field of a message from an unknown sender is a reference. */
export function isRef(value: unknown): value is ActorRef<never> {
  return typeof (value as ActorRef<never> | undefined)?.tell === "function";
}

/** Whether a field of a message from an unknown sender is a total. */
export function isTotal(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
