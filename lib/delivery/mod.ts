/**
 * Reliable delivery between actors without a store: at least once and in order, with flow control, to one
 * consumer, to sharded entities, or as jobs to the workers of a group. And limits of rate and concurrency
 * that hold in the whole cluster.
 *
 * @example
 * ```ts
 * import { ActorSystem } from "@casty/casty";
 * import { consumerController, producerController } from "@casty/casty/delivery";
 *
 * await using system = new ActorSystem();
 * let sum = 0;
 * const onMessage = (_context: unknown, number: number) => void (sum += number);
 * const consumer = system.spawn(consumerController<number>({ onMessage }), "consumer");
 * const producer = system.spawn(producerController<number>({ consumer }), "producer");
 * for (const message of [1, 2, 3]) {
 *   await system.askStatus(producer, (confirmedTo) => ({ type: "deliver", message, confirmedTo }));
 * }
 * console.assert(sum === 6);
 * ```
 *
 * @module
 */
export {
  consumerController,
  type ConsumerControllerOptions,
  type Delivery,
} from "./consumer_controller.ts";
export type { DeliveryParked } from "./delivery_parked.ts";
export { DeliveryError, type DeliveryErrorCode } from "./errors.ts";
export { producerController } from "./producer_controller.ts";
export type { EntityTarget, ProducerControllerOptions } from "./producer_controller_options.ts";
export type {
  ConsumerAnswer,
  ConsumerMessage,
  Deliver,
  DeliveryClose,
  DeliveryDemand,
  DeliveryFailed,
  DeliveryMessage,
  DeliveryOpen,
  DeliveryUnknown,
  ProducerMessage,
  SetConsumer,
} from "./protocol.ts";
export { RateLimitError, type RateLimitErrorCode } from "./rate_limit/errors.ts";
export type { Permit } from "./rate_limit/permit.ts";
export type { LimiterState } from "./rate_limit/limiter_state.ts";
export type {
  LimitAcquire,
  LimitAnswer,
  LimitEnd,
  LimiterMessage,
  LimitHandOver,
  LimitReason,
  LimitRenew,
  LimitStarted,
  LimitValues,
} from "./rate_limit/protocol.ts";
export {
  type RateLimit,
  rateLimit,
  type RateLimitAccess,
  rateLimiters,
  type RateLimitersOptions,
  type RateLimitOptions,
} from "./rate_limit/rate_limit.ts";
