/**
 * Messages between durable actors that are the library's own: deliveries of stored messages, their
 * acknowledgements, and requests about them. They travel as the messages of users do, to actors and to
 * entities, through every buffer and from node to node, and are told from these by their class. A client
 * cannot send one: what a client claims to be one is refused where it is decoded.
 *
 * @module
 */
import { tellKept } from "./passed_on.ts";
import type { ActorRef } from "./ref.ts";
import { SentMessage } from "./sent_message.ts";

/**
 * A message of the library. It is its own content: every place that takes a message out of what is kept
 * of it passes the whole on.
 */
export abstract class InternalMessage extends SentMessage {
  /** Names it in logs and events. */
  abstract readonly type: string;

  constructor() {
    super(undefined, undefined);
    this.message = this;
  }

  /** What an actor gets that does not know such messages; undefined: nothing. */
  get payload(): unknown {
    return undefined;
  }

  /** The same with another payload. */
  withPayload(_payload: unknown): InternalMessage {
    return this;
  }

  /** An actor that does not know such messages has handled the payload. */
  onHandled(): void {}

  /** An actor that does not know such messages got one without payload. */
  onIgnored(): void {}
}

/** A stored message on its way from a durable actor to a receiver. May arrive several times. */
export class Delivery extends InternalMessage {
  override readonly type = "delivery";
  /** The stream of the sender. */
  readonly from: string;
  /** Grows within the stream, with gaps. */
  readonly number: number;
  /** The number of the one to this receiver before it that is not acknowledged; 0: there is none. */
  readonly after: number;
  /** When the sender has stored it: milliseconds since 1970. */
  readonly at: number;
  /** The receiver, as the sender has stored it. */
  readonly to: string;
  /** Where the acknowledgement goes. */
  readonly ackTo: ActorRef<never>;
  readonly #payload: unknown;

  constructor(fields: DeliveryFields, payload: unknown) {
    super();
    this.from = fields.from;
    this.number = fields.number;
    this.after = fields.after;
    this.at = fields.at;
    this.to = fields.to;
    this.ackTo = fields.ackTo;
    this.#payload = payload;
  }

  /** The message of the user. */
  override get payload(): unknown {
    return this.#payload;
  }

  override withPayload(payload: unknown): Delivery {
    return new Delivery(this, payload);
  }

  /** The same for each copy of this message, and for no other message. */
  get key(): string {
    return `${this.from}/${this.number}`;
  }

  /** One that keeps no marks has handled this one: nothing follows for those before it. */
  override onHandled(): void {
    this.acknowledge(this.number, "one");
  }

  /** Answers the sender. */
  acknowledge(number: number, outcome: DeliveryOutcome): void {
    tellKept(this.ackTo, new DeliveryAck(this.from, this.to, number, outcome));
  }
}

/** What tells a delivery from others. */
export type DeliveryFields = Pick<
  Delivery,
  "from" | "number" | "after" | "at" | "to" | "ackTo"
>;

/**
 * What has become of messages:
 *
 * - `through`: all to this receiver up to the number were handled, in their order.
 * - `one`: the one with this number was handled.
 * - `expired`: the receiver does not know whether it has handled the one with this number.
 */
export type DeliveryOutcome = "through" | "one" | "expired";

/** The answer to deliveries. */
export class DeliveryAck extends InternalMessage {
  override readonly type = "deliveryAck";
  /** The stream of the sender, which is asked whether it is still the same. */
  readonly from: string;
  /** The receiver, as the sender has stored it. */
  readonly to: string;
  readonly number: number;
  readonly outcome: DeliveryOutcome;

  constructor(from: string, to: string, number: number, outcome: DeliveryOutcome) {
    super();
    this.from = from;
    this.to = to;
    this.number = number;
    this.outcome = outcome;
  }
}

/** What a tool sees of a durable actor. */
export interface PeekedState {
  /** Persistence id. */
  readonly id: string;
  /** Number of the last durable event. */
  readonly seq: number;
  /** Whether it has applied events that are not durable yet. */
  readonly isWriting: boolean;
  /** The state in its stored form. */
  readonly stored: Uint8Array;
  /** Reads the form. */
  read(stored: Uint8Array): unknown;
  /** The last events that are stored, at most `count`, the oldest first. */
  events(count: number): Promise<readonly PeekedEvent[]>;
}

/** A stored event. */
export interface PeekedEvent {
  readonly seq: number;
  /** Milliseconds since 1970 at the writer. */
  readonly at: number;
  readonly event: unknown;
}

/** A tool looks at the state of a durable actor of its own node. Others ignore it. */
export class Peek extends InternalMessage {
  override readonly type = "peek";
  /** Called in the turn of the actor; with an error if its state cannot be stored. */
  readonly show: (peeked: PeekedState | Error) => void;

  constructor(show: (peeked: PeekedState | Error) => void) {
    super();
    this.show = show;
  }

  /** It is no durable actor. */
  override onIgnored(): void {
    this.show(new Error("it is no durable actor: its state has no stored form"));
  }
}

/** Starts a durable actor that has work to do, unless it runs. */
export class Wake extends InternalMessage {
  override readonly type = "wake";
}

/** What may be done with the messages that a durable actor has to deliver. */
export type OutboxOrder =
  | { readonly type: "list" }
  | { readonly type: "retry"; readonly to?: string }
  | { readonly type: "discard"; readonly number: number };

/** Somebody looks at the messages that a durable actor has to deliver, or decides about parked ones. */
export class OutboxCommand extends InternalMessage {
  override readonly type = "outboxCommand";
  readonly order: OutboxOrder;
  readonly replyTo: ActorRef<never>;

  constructor(order: OutboxOrder, replyTo: ActorRef<never>) {
    super();
    this.order = order;
    this.replyTo = replyTo;
  }
}
