import { assert, assertEquals, assertThrows } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { VirtualSystem } from "./virtual_system.ts";

Deno.test("checkMessages freezes messages deeply", async () => {
  await using virtual = new VirtualSystem({ checkMessages: true });
  const ref = virtual.system.spawn(Behaviors.ignore(), "frozen");
  const message = { list: [{ n: 1 }], map: new Map([["key", { n: 2 }]]), bytes: new Uint8Array(3) };
  ref.tell(message);
  assertThrows(() => message.list.push({ n: 3 }), TypeError);
  assertThrows(() => message.list[0]!.n = 3, TypeError);
  assertThrows(() => message.map.get("key")!.n = 3, TypeError);
  message.bytes[0] = 1;
  assertEquals(virtual.lines, []);
});

Deno.test("checkMessages says what is not data, once for each actor, and delivers it", async () => {
  await using virtual = new VirtualSystem({ checkMessages: true });
  class Money {}
  const ref = virtual.system.spawn(Behaviors.ignore(), "strict");
  const other = virtual.system.spawn(Behaviors.ignore(), "other");
  const circle: { self?: unknown; replyTo: unknown; at: Date } = { replyTo: other, at: new Date() };
  circle.self = circle;
  ref.tell(circle);
  ref.tell({ price: [new Money()], then: 5 });
  ref.tell(() => "a function");
  other.tell({ run: () => "a function" });
  assertEquals(virtual.lines.map(({ source, fields }) => [source, fields.fault]), [
    ["/strict", "message.price.0: Money"],
    ["/other", "message.run: function"],
  ]);
  await virtual.settle();
  assertEquals(virtual.system.ledger.snapshot().delivered, 4);
});

Deno.test("by default nothing is looked at", async () => {
  await using virtual = new VirtualSystem();
  const message = { n: 1 };
  virtual.system.spawn(Behaviors.ignore(), "free").tell(message);
  assert(!Object.isFrozen(message));
});
