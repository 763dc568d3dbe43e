/**
 * The messages between producer and consumer controllers: plain data and references, so that they cross
 * the wire. Counts are totals of a stream: a message that is repeated or comes out of order does no harm,
 * and one that is lost is noticed.
 *
 * A stream is what one producer controller sends to one consumer, numbered from 1. Its name is random, so
 * that only the two ends can answer for it. A session of a stream is what one incarnation of the consumer
 * gets of it: sessions are numbered, and answers of an earlier one count no more.
 *
 * @module
 */
import type { ActorRef } from "../actor/ref/ref.ts";
import type { StatusReply } from "../actor/behavior/status_reply.ts";

/** The producer starts a session, or asks how far the consumer has come. */
export interface DeliveryOpen {
  /** Names the message. */
  readonly type: "deliveryOpen";
  /** The stream. */
  readonly stream: string;
  /** The session, from 1. */
  readonly session: number;
  /** The first number that is not confirmed: the consumer expects it next, or a later one. */
  readonly from: number;
  /**
   * The incarnation of the consumer that has answered that it does not know the stream; empty before. Not
   * there: the producer is of a version that does not say it.
   */
  readonly incarnation?: string;
  /** Gets the answer. */
  readonly producer: ActorRef<ConsumerAnswer>;
}

/** A message, or a part of one. */
export interface DeliveryMessage<T> {
  /** Names the message. */
  readonly type: "deliveryMessage";
  /** The stream. */
  readonly stream: string;
  /** The session. */
  readonly session: number;
  /** Its number in the stream, from 1. */
  readonly number: number;
  /** Its number at the producer controller: the same in whatever stream it is sent again. */
  readonly ticket: number;
  /** Whether it may have been sent before. */
  readonly again: boolean;
  /** Whether nothing follows for now, so that the consumer answers at once. */
  readonly last: boolean;
  /** The message; undefined if this is a part of one. */
  readonly message?: T;
  /** A part of an encoded message. */
  readonly chunk?: Uint8Array;
  /** Parts that follow this one. */
  readonly left?: number;
  /** Gets the answer. */
  readonly producer: ActorRef<ConsumerAnswer>;
}

/** The producer has ended: the consumer forgets the stream. */
export interface DeliveryClose {
  /** Names the message. */
  readonly type: "deliveryClose";
  /** The stream. */
  readonly stream: string;
}

/** The messages that a consumer controller accepts. */
export type ConsumerMessage<T> = DeliveryOpen | DeliveryMessage<T> | DeliveryClose;

/** The consumer has handled messages, and takes more. */
export interface DeliveryDemand {
  /** Names the message. */
  readonly type: "deliveryDemand";
  /** The stream. */
  readonly stream: string;
  /** The session. */
  readonly session: number;
  /** All numbers up to this one are handled. */
  readonly through: number;
  /** It takes numbers up to this one. */
  readonly upTo: number;
  /** Whether what was sent after `through` did not arrive: it is sent again. */
  readonly again: boolean;
}

/**
 * The consumer does not know the session: it is a new incarnation. It takes a session that names it, and
 * no late copy of one that was opened for another incarnation.
 */
export interface DeliveryUnknown {
  /** Names the message. */
  readonly type: "deliveryUnknown";
  /** The stream. */
  readonly stream: string;
  /** The session that it was sent. */
  readonly session: number;
  /** Its name, made up. */
  readonly incarnation?: string;
}

/** A handler has failed on a message. All before it are handled. */
export interface DeliveryFailed {
  /** Names the message. */
  readonly type: "deliveryFailed";
  /** The stream. */
  readonly stream: string;
  /** The session. */
  readonly session: number;
  /** The number of the message, or of its last part. */
  readonly number: number;
}

/** The answers of a consumer controller. */
export type ConsumerAnswer = DeliveryDemand | DeliveryUnknown | DeliveryFailed;

/** A message to be delivered, from the actors of the producer controller's own process. */
export interface Deliver<T> {
  /** Names the message. */
  readonly type: "deliver";
  /** To the entity of this id. Required if, and only if, the controller delivers to entities. */
  readonly entityId?: string;
  /** The message. */
  readonly message: T;
  /**
   * Is answered when the message has a place in the buffer, with its number; an error if too many wait
   * for one. Without it, a message that finds no place is refused at once.
   */
  readonly acceptedTo?: ActorRef<StatusReply<number>>;
  /** Is answered when a consumer has handled the message, with its number. */
  readonly confirmedTo?: ActorRef<StatusReply<number>>;
}

/** The consumer is another actor from now on. It gets what was not confirmed. */
export interface SetConsumer<T> {
  /** Names the message. */
  readonly type: "setConsumer";
  /** The consumer. */
  readonly consumer: ActorRef<ConsumerMessage<T>>;
}

/** The messages that a producer controller accepts. */
export type ProducerMessage<T> = Deliver<T> | SetConsumer<T> | ConsumerAnswer;
