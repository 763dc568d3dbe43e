/**
 * A spy: an observer gets what an actor and its children have handled, without a change in them.
 *
 *     deno run -A examples/10_spy.ts
 *
 * @module
 */
import { ActorSystem, Behaviors, type SpyEvent } from "@casty/casty";

const shipper = Behaviors.receive<string>(() => Behaviors.same());

const packer = Behaviors.setup<string>((context) => {
  const next = context.spawn(shipper, "shipper");
  return Behaviors.receive((_context, order) => {
    next.tell(`parcel of ${order}`);
    return Behaviors.same();
  });
});

const manager = Behaviors.setup<string>((context) => {
  const next = context.spawn(packer, "packer");
  return Behaviors.receive((_context, order) => {
    next.tell(order);
    return Behaviors.same();
  });
});

const seen = Promise.withResolvers<void>();
let count = 0;
const observer = Behaviors.receive<SpyEvent>((_context, { path, kind, event }) => {
  if (kind === "message") {
    console.log(`${path}: ${event}`);
    if (++count === 6) seen.resolve();
  }
  return Behaviors.same();
});

await using system = new ActorSystem({ name: "orders" });
const spied = Behaviors.spy(manager, system.spawn(observer, "observer"), { spyChildren: true });
const ref = system.spawn(spied, "manager");
ref.tell("order 1");
ref.tell("order 2");
await seen.promise;
