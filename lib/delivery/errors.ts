import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * Why a message is not delivered:
 *
 * - `deliveryBufferFull`: the buffer of the producer controller has no place.
 * - `producerStopped`: the producer controller has stopped before the message was confirmed. It may have
 *   been handled.
 * - `deliveryParked`: handlers have failed on it `maxAttempts` times.
 * - `badDelivery`: it names an entity although the controller has one consumer, or none although it
 *   delivers to entities.
 */
export type DeliveryErrorCode =
  | "deliveryBufferFull"
  | "producerStopped"
  | "deliveryParked"
  | "badDelivery";

/** A message is not delivered. In the `rejection` of an `askStatus`, it is its code and its message. */
export class DeliveryError extends CastyError {
  /** Name of the class. */
  override name = "DeliveryError";
  /** Stable; see {@linkcode DeliveryErrorCode}. */
  declare readonly code: DeliveryErrorCode;

  /** The remedy becomes part of the message. */
  constructor(code: DeliveryErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
