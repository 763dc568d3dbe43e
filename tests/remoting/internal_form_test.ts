import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Delivery,
  DeliveryAck,
  InternalMessage,
  OutboxCommand,
  Wake,
} from "../../lib/actor/ref/internal_message.ts";
import type { Ref } from "../../lib/actor/ref/ref.ts";
import { internalForm, internalNumber, withInternal } from "../../lib/remoting/internal_form.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { noSerializers } from "../../lib/wire/serializer_registry.ts";
import { TestRef } from "../wire/values.ts";

const codec = new Codec({
  now: () => 0,
  resolve: (address) => new TestRef(address),
  internal: internalForm,
});
const ofNode = withInternal(noSerializers);
const ref = new TestRef({ node: "a:1", path: "/x", uid: 3 });

/** What arrives at another node. */
function sent(value: unknown): unknown {
  const bytes = codec.encode(value).slice();
  return codec.decode(bytes, 0, bytes.length, ofNode);
}

Deno.test("messages of the library cross the wire, with what they hold", () => {
  const fields = { from: "a|b#x", number: 7, after: 5, at: 1.5, to: "/y", ackTo: ref };
  const delivery = sent(new Delivery(fields, { type: "credit", amounts: [1n] })) as Delivery;
  assert(delivery instanceof Delivery);
  const { from, number, after, at, to } = delivery;
  assertEquals({ from, number, after, at, to, ackTo: ref }, fields);
  assert((delivery.ackTo as Ref<never>).equals(ref));
  assertEquals(delivery.payload, { type: "credit", amounts: [1n] });
  assert(delivery.message === delivery, "it is what is kept of it");
  const ack = sent(new DeliveryAck("a|b#x", "/y", 7, "through")) as DeliveryAck;
  assertEquals([ack.from, ack.to, ack.number, ack.outcome], ["a|b#x", "/y", 7, "through"]);
  assert(sent(new Wake()) instanceof Wake);
  for (
    const order of [
      { type: "list" },
      { type: "retry" },
      { type: "retry", to: "/y" },
      { type: "discard", number: 4 },
    ] as const
  ) {
    assertEquals((sent(new OutboxCommand(order, ref)) as OutboxCommand).order, order);
  }
});

Deno.test("what has another form is refused", () => {
  const good: Record<string, unknown> = {
    type: "delivery",
    from: "s",
    number: 1,
    after: 0,
    at: 0,
    to: "/y",
    ackTo: ref,
    payload: "payload",
  };
  const ack = { type: "deliveryAck", from: "s", to: "/y", number: 1, outcome: "one" };
  const bad: unknown[] = [
    null,
    [],
    {},
    "delivery",
    { type: "unknown" },
    ...Object.keys(good).map((key) => ({ ...good, [key]: undefined })),
    { ...good, from: "" },
    { ...good, from: "x".repeat(4_097) },
    { ...good, number: -1 },
    { ...good, number: 1.5 },
    { ...good, after: "0" },
    { ...good, at: NaN },
    { ...good, ackTo: "/x" },
    { ...ack, outcome: "maybe" },
    { ...ack, number: 2 ** 53 },
    { type: "outboxCommand", order: { type: "drop" }, replyTo: ref },
    { type: "outboxCommand", order: { type: "discard" }, replyTo: ref },
    { type: "outboxCommand", order: { type: "list" }, replyTo: "/x" },
  ];
  for (const data of bad) {
    assertThrows(() => ofNode.revive(internalNumber, data), WireError, "unknown form");
  }
  assert(ofNode.revive(internalNumber, good) instanceof InternalMessage);
  assert(ofNode.revive(internalNumber, ack) instanceof InternalMessage);
});

Deno.test("who may not send them is refused as one with an unknown serializer", () => {
  const bytes = codec.encode(new Wake()).slice();
  assertThrows(() => codec.decode(bytes, 0, bytes.length, noSerializers), WireError, "serializer");
});
