/**
 * How messages of the library cross the wire: as a value of a serializer that every node has, under a
 * number that no serializer of a user gets. Nodes send them; what a client sends under that number is
 * refused as a value of an unknown serializer, and so does a node of an earlier version with each.
 *
 * @module
 */
import {
  Delivery,
  DeliveryAck,
  type DeliveryOutcome,
  InternalMessage,
  OutboxCommand,
  type OutboxOrder,
  Wake,
} from "../actor/ref/internal_message.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { maxSerializers } from "../options/tables/wire_tables.ts";
import { WireError } from "../wire/errors.ts";
import type { InternalForm } from "../wire/serialized.ts";
import type { Serializer } from "../wire/serializer.ts";
import type { PeerSerializers, Reviver } from "../wire/serializer_registry.ts";

/** The number of the serializer: behind those of users. */
export const internalNumber = maxSerializers;
/** The longest name of a stream or receiver, in UTF-16 code units. */
const maxText = 4_096;

const outcomes: readonly DeliveryOutcome[] = ["through", "one", "expired"];

const serializer: Serializer = Object.freeze({
  name: "casty/internal",
  version: 1,
  encode: (value: object) => formOf(value as InternalMessage),
  decode: (data: unknown) => read(data),
});

/** How messages of the library are written. */
export const internalForm: InternalForm = Object.freeze({
  number: internalNumber,
  serializer,
  isOwn: (value: object) => value instanceof InternalMessage,
});

/** Revives messages of the library as well, of a peer that may send them. */
export function withInternal(others: Reviver): Reviver {
  return {
    revive: (number, data) =>
      number === internalNumber ? reviveInternal(data) : others.revive(number, data),
  };
}

/** The same for a peer whose serializers are known. */
export function peerWithInternal(others: PeerSerializers): PeerSerializers {
  const { peer } = others;
  return { peer, has: (number) => others.has(number), revive: withInternal(others).revive };
}

/** @throws {WireError} code `undecodable`. */
function reviveInternal(data: unknown): InternalMessage {
  try {
    return read(data);
  } catch (cause) {
    throw new WireError("undecodable", "a message of the library has an unknown form", { cause });
  }
}

/** See `Delivery`. */
interface DeliveryForm {
  readonly type: "delivery";
  readonly from: string;
  readonly number: number;
  readonly after: number;
  readonly at: number;
  readonly to: string;
  readonly ackTo: ActorRef<never>;
  readonly payload: unknown;
}

/** See `DeliveryAck`. */
interface DeliveryAckForm {
  readonly type: "deliveryAck";
  readonly from: string;
  readonly to: string;
  readonly number: number;
  readonly outcome: DeliveryOutcome;
}

/** See `OutboxCommand`. */
interface OutboxCommandForm {
  readonly type: "outboxCommand";
  readonly order: OutboxOrder;
  readonly replyTo: ActorRef<never>;
}

/** See `Wake`. */
interface WakeForm {
  readonly type: "wake";
}

type InternalData = DeliveryForm | DeliveryAckForm | OutboxCommandForm | WakeForm;

function formOf(message: InternalMessage): InternalData {
  if (message instanceof Delivery) {
    const { from, number, after, at, to, ackTo, payload } = message;
    return { type: "delivery", from, number, after, at, to, ackTo, payload };
  }
  if (message instanceof DeliveryAck) {
    const { from, to, number, outcome } = message;
    return { type: "deliveryAck", from, to, number, outcome };
  }
  if (message instanceof OutboxCommand) {
    const { order, replyTo } = message;
    return { type: "outboxCommand", order, replyTo };
  }
  if (message instanceof Wake) return { type: "wake" };
  throw new TypeError(`${message.type} has no form`);
}

/** @throws if it has none of the documented forms. */
function read(data: unknown): InternalMessage {
  if (typeof data !== "object" || data === null) throw malformed();
  const fields = data as Record<string, unknown>;
  switch (fields.type) {
    case "delivery": {
      const { from, number, after, at, to, ackTo, payload } = fields;
      if (!isText(from) || !isCount(number) || !isCount(after) || !isTime(at)) break;
      if (!isText(to) || !(ackTo instanceof Ref) || payload === undefined) break;
      return new Delivery({ from, number, after, at, to, ackTo }, payload);
    }
    case "deliveryAck": {
      const { from, to, number, outcome } = fields;
      if (!isText(from) || !isText(to) || !isCount(number) || !isOutcome(outcome)) break;
      return new DeliveryAck(from, to, number, outcome);
    }
    case "outboxCommand": {
      const { order, replyTo } = fields;
      const checked = orderOf(order);
      if (checked === undefined || !(replyTo instanceof Ref)) break;
      return new OutboxCommand(checked, replyTo as ActorRef<never>);
    }
    case "wake":
      return new Wake();
  }
  throw malformed();
}

function orderOf(value: unknown): OutboxOrder | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, to, number } = value as Record<string, unknown>;
  if (type === "list") return { type };
  if (type === "discard") return isCount(number) ? { type, number } : undefined;
  if (type !== "retry") return undefined;
  if (to === undefined) return { type };
  return isText(to) ? { type, to } : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxText;
}

function isOutcome(value: unknown): value is DeliveryOutcome {
  return outcomes.includes(value as DeliveryOutcome);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Milliseconds since 1970, which need not be whole. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function malformed(): TypeError {
  return new TypeError("this is no message of the library");
}
