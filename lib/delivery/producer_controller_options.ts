import type { ActorRef } from "../actor/ref/ref.ts";
import type { ServiceKey } from "../actor/services/service_key.ts";
import type { ConsumerMessage } from "./protocol.ts";

/** Sharded entities, such as the reference that a node or client has of them. */
export interface EntityTarget<in M> {
  /** The reference of one entity. */
  entity(entityId: string): ActorRef<M>;
}

/** How a producer controller works. Exactly one of `consumer`, `workers` and `entities` is required. */
export interface ProducerControllerOptions<T> {
  /**
   * The only consumer; or a service key: the first actor that offers the service, until it has ended, and
   * then another. It gets all messages in order. Another one can be named later, see
   * {@linkcode SetConsumer}.
   */
  readonly consumer?: ActorRef<ConsumerMessage<T>> | ServiceKey<ConsumerMessage<T>>;
  /**
   * Service key of workers: each message goes to one that has asked for work. Messages of a worker that
   * has ended go to others.
   */
  readonly workers?: ServiceKey<ConsumerMessage<T>>;
  /** Sharded entities: each gets the messages for it in order, wherever it runs. */
  readonly entities?: EntityTarget<ConsumerMessage<T>>;
  /** Messages that are not confirmed, 1 to 1 000 000. Default 1 000. */
  readonly bufferSize?: number;
  /**
   * Messages with `acceptedTo` that wait for a place in the buffer, 0 to 1 000 000. Default 1 000.
   */
  readonly maxWaiting?: number;
  /**
   * Milliseconds without an answer after which the consumer is asked how far it is, and what is lost is
   * sent again. Default 1 000.
   */
  readonly minBackoff?: number;
  /** The most milliseconds between two such requests: they become rarer. Default 30 000. */
  readonly maxBackoff?: number;
  /**
   * How often handlers may fail on a message, 1 to 1 000, before it is parked: it is not delivered any more,
   * is a dead letter (`invalidMessage`) and an event {@linkcode DeliveryParked}, `confirmedTo` gets the
   * error `deliveryParked`, and those behind it go on. What ends a consumer without an error of its handler
   * does not count. Default: no limit.
   */
  readonly maxAttempts?: number;
  /**
   * Bytes, 1 024 to 16 777 216, beyond which a message is sent in parts of that size: each counts in the
   * window of the consumer, and only lost parts are sent again. A message that holds references or values
   * of users' classes is sent whole. Default: whole messages.
   */
  readonly chunkSize?: number;
}
