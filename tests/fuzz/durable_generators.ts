import {
  Delivery,
  DeliveryAck,
  type DeliveryFields,
  OutboxCommand,
  type OutboxOrder,
  Wake,
} from "../../lib/actor/ref/internal_message.ts";
import type { Generator, Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";
import { mutated } from "./mutation.ts";

const section = "Messages between durable actors";

/** Fields as they should be, or with one that is not: classes are not mutated afterwards. */
const fields = <T>(d: Draws, made: T): T => (d.chance(0.5) ? mutated(d, made) : made) as T;

const order = (d: Draws): OutboxOrder =>
  d.one<OutboxOrder>([
    { type: "list" },
    { type: "retry", to: d.text() },
    { type: "discard", number: d.count(d.int(20)) },
  ]);

const made: Readonly<Record<string, Generator["make"]>> = {
  delivery: (d) =>
    new Delivery(
      fields<DeliveryFields>(d, {
        from: d.text(),
        number: d.count(d.int(20)),
        after: d.count(d.int(20)),
        at: d.number(),
        to: d.text(),
        ackTo: d.ref() as never,
      }) ?? {},
      d.value(),
    ),
  deliveryAck: (d) => {
    const made = { from: d.text(), to: d.text(), number: d.count(d.int(20)), outcome: "through" };
    const { from, to, number, outcome } = fields(d, made) ?? {};
    return new DeliveryAck(from!, to!, number!, outcome as "through");
  },
  outboxCommand: (d) => new OutboxCommand(fields(d, order(d)), d.ref() as never),
  wake: () => new Wake(),
};

/** To actors that may be durable. */
export const durable: Generators = Object.fromEntries(
  Object.entries(made).map(([type, make]) => [
    `${section}/${type}`,
    { path: (d: Draws) => d.path(), make },
  ]),
);
