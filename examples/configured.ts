/**
 * A node whose options are in a file, examples/casty.toml; environment variables and arguments
 * override it:
 *
 *     deno run -A examples/configured.ts
 *     CASTY_CLUSTER_ROLES=print,web deno run -A examples/configured.ts
 *     deno run -A cli.ts config show --config examples/casty.toml
 *
 * @module
 */
import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";

type Print = { type: "print"; page: number };
type Add = { type: "add"; item: string; replyTo: ActorRef<number> };

const file = new URL("casty.toml", import.meta.url).pathname;
// Any free port, so that the example runs beside others.
await using system = await ClusteredActorSystem.fromConfig({ port: 0 }, { file });
console.log(`${system.name}: roles ${system.members[0]!.roles.join(", ")}`);

// The file bounds the mailbox of the actor with this name.
let lost = 0;
system.eventStream.subscribe(
  "deadLetter",
  ({ reason }) => lost += reason === "mailboxFull" ? 1 : 0,
);
const printer = system.spawn(Behaviors.receive<Print>(() => Behaviors.same()), "printer");
for (let page = 1; page <= 10; page++) printer.tell({ type: "print", page });
console.log(`${lost} of 10 pages did not fit into the mailbox`);

// It gives types their shards, by a pattern for their names.
const cart = () => {
  const items: string[] = [];
  return Behaviors.receive<Add>((_context, { item, replyTo }) => {
    replyTo.tell(items.push(item));
    return Behaviors.same();
  });
};
const carts = system.spawn(Behaviors.sharded(cart), "carts");
const orders = system.spawn(Behaviors.sharded(cart), "orders");
const count = await carts.entity("alice").ask((replyTo) => ({ type: "add", item: "tea", replyTo }));
await orders.entity("1").ask((replyTo) => ({ type: "add", item: "tea", replyTo }));
console.log(`alice has ${count} item`);
for (const name of ["carts", "orders"]) {
  console.log(`${name}: ${system.sharding.shardTable(name).length} shards`);
}
