/**
 * Whether a message of an unknown sender belongs to the protocol.
 *
 * @module
 */
import { isActorRef } from "../actor/ref/ref_schema.ts";
import type { ConsumerMessage, ProducerMessage } from "./protocol.ts";

/** Names of streams are shorter. */
const maxName = 64;

/** For a consumer controller. */
export function isConsumerMessage(message: ConsumerMessage<unknown>): boolean {
  if (!isStream(message?.stream)) return false;
  switch (message.type) {
    case "deliveryClose":
      return true;
    case "deliveryOpen":
      return isCount(message.session, 1) && isCount(message.from, 1) &&
        isOptionalName(message.incarnation) && isActorRef(message.producer);
    case "deliveryMessage":
      return isCount(message.session, 1) && isCount(message.number, 1) &&
        isCount(message.ticket, 1) && isActorRef(message.producer) &&
        (message.chunk === undefined ||
          message.chunk instanceof Uint8Array && isCount(message.left, 0));
    default:
      return false;
  }
}

/** For a producer controller. */
export function isProducerMessage(message: ProducerMessage<never>): boolean {
  switch (message?.type) {
    case "deliver":
      return isOptionalRef(message.acceptedTo) && isOptionalRef(message.confirmedTo);
    case "setConsumer":
      return isActorRef(message.consumer);
    case "deliveryDemand":
      return isStream(message.stream) && isCount(message.session, 1) &&
        isCount(message.through, 0) && isCount(message.upTo, 0);
    case "deliveryUnknown":
      return isStream(message.stream) && isCount(message.session, 1) &&
        isOptionalName(message.incarnation);
    case "deliveryFailed":
      return isStream(message.stream) && isCount(message.session, 1) && isCount(message.number, 1);
    default:
      return false;
  }
}

function isStream(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxName;
}

function isCount(value: unknown, min: number): value is number {
  return Number.isSafeInteger(value) && value as number >= min;
}

function isOptionalName(value: unknown): boolean {
  return value === undefined || isStream(value);
}

function isOptionalRef(value: unknown): boolean {
  return value === undefined || isActorRef(value);
}
