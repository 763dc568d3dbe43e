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
  HouseMessage,
  OutboxCommand,
  type OutboxOrder,
  Wake,
} from "../actor/ref/house_message.ts";
import { type ActorRef, Ref } from "../actor/ref/ref.ts";
import { maxSerializers } from "../options/tables/wire_tables.ts";
import { WireError } from "../wire/errors.ts";
import type { HouseForm } from "../wire/serialized.ts";
import type { Serializer } from "../wire/serializer.ts";
import type { PeerSerializers, Reviver } from "../wire/serializer_registry.ts";

/** The number of the serializer: behind those of users. */
export const houseNumber = maxSerializers;
/** The longest name of a stream or receiver, in UTF-16 code units. */
const maxText = 4_096;

const outcomes: readonly DeliveryOutcome[] = ["through", "one", "expired"];

const serializer: Serializer = Object.freeze({
  name: "casty/house",
  version: 1,
  encode: (value: object) => partsOf(value as HouseMessage),
  decode: (data: unknown) => read(data),
});

/** How messages of the library are written. */
export const houseForm: HouseForm = Object.freeze({
  number: houseNumber,
  serializer,
  isOwn: (value: object) => value instanceof HouseMessage,
});

/** Revives messages of the library as well, of a peer that may send them. */
export function withHouse(others: Reviver): Reviver {
  return {
    revive: (number, data) =>
      number === houseNumber ? reviveHouse(data) : others.revive(number, data),
  };
}

/** The same for a peer whose serializers are known. */
export function peerWithHouse(others: PeerSerializers): PeerSerializers {
  const { peer } = others;
  return { peer, has: (number) => others.has(number), revive: withHouse(others).revive };
}

/** @throws {WireError} code `undecodable`. */
function reviveHouse(data: unknown): HouseMessage {
  try {
    return read(data);
  } catch (cause) {
    throw new WireError("undecodable", "a message of the library has an unknown form", { cause });
  }
}

function partsOf(message: HouseMessage): unknown[] {
  if (message instanceof Delivery) {
    const { from, number, after, at, to, ackTo, payload } = message;
    return ["delivery", from, number, after, at, to, ackTo, payload];
  }
  if (message instanceof DeliveryAck) {
    const { from, to, number, outcome } = message;
    return ["deliveryAck", from, to, number, outcome];
  }
  if (message instanceof OutboxCommand) return ["outboxCommand", message.order, message.replyTo];
  if (message instanceof Wake) return ["wake"];
  throw new TypeError(`${message.type} has no form`);
}

/** @throws if it has none of the documented forms. */
function read(data: unknown): HouseMessage {
  if (!Array.isArray(data)) throw malformed();
  const [kind, ...parts] = data;
  switch (kind) {
    case "delivery": {
      const [from, number, after, at, to, ackTo, payload] = parts;
      if (parts.length !== 7 || payload === undefined) break;
      if (!isText(from) || !isCount(number) || !isCount(after) || !isCount(at)) break;
      if (!isText(to) || !(ackTo instanceof Ref)) break;
      return new Delivery({ from, number, after, at, to, ackTo }, payload);
    }
    case "deliveryAck": {
      const [from, to, number, outcome] = parts;
      if (!isText(from) || !isText(to) || !isCount(number) || !outcomes.includes(outcome)) break;
      return new DeliveryAck(from, to, number, outcome);
    }
    case "outboxCommand": {
      const [order, replyTo] = parts;
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

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(): TypeError {
  return new TypeError("this is no message of the library");
}
