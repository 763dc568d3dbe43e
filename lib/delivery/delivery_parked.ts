/** A message is given up: its consumers have failed on it too often. Published on the event stream. */
export interface DeliveryParked {
  /** Names the event. */
  readonly type: "deliveryParked";
  /** Path of the producer controller. */
  readonly producer: string;
  /** The `id` that each {@linkcode Delivery} of the message had. */
  readonly id: string;
  /** How often a handler has failed on it. */
  readonly attempts: number;
  /** The message. */
  readonly message: unknown;
}
