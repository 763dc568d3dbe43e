/**
 * A state machine: each state is a behaviour of its own. A shopping cart is empty, filled or checked
 * out; a checked-out cart ignores changes.
 *
 *     deno run -A examples/06_state_machine.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem, type Behavior, Behaviors } from "@casty/casty";

interface Item {
  readonly name: string;
  /** In cents. */
  readonly price: number;
}

type Cart =
  | { type: "add"; item: Item }
  | { type: "remove"; name: string }
  | { type: "total"; replyTo: ActorRef<number> }
  | { type: "checkOut"; replyTo: ActorRef<string> };

const sum = (items: readonly Item[]) => items.reduce((cents, { price }) => cents + price, 0);
const euros = (cents: number) => (cents / 100).toFixed(2);

const open = (items: readonly Item[]): Behavior<Cart> =>
  Behaviors.receive((_context, message) => {
    switch (message.type) {
      case "add":
        return open([...items, message.item]);
      case "remove":
        return open(items.filter(({ name }) => name !== message.name));
      case "total":
        message.replyTo.tell(sum(items));
        return Behaviors.same();
      case "checkOut":
        message.replyTo.tell(`${items.length} item, ${euros(sum(items))}`);
        return checkedOut(sum(items));
    }
  });

const checkedOut = (total: number): Behavior<Cart> =>
  Behaviors.receive((_context, message) => {
    if (message.type === "total") message.replyTo.tell(total);
    else if (message.type === "checkOut") message.replyTo.tell("paid already");
    else console.log(`checked out: ${message.type} is ignored`);
    return Behaviors.same();
  });

await using system = new ActorSystem({ name: "shop" });
const cart = system.spawn(open([]), "cart");
const total = () => system.ask(cart, (replyTo) => ({ type: "total", replyTo }));
const checkOut = () => system.ask(cart, (replyTo) => ({ type: "checkOut", replyTo }));

console.log(`total: ${euros(await total())}`);
cart.tell({ type: "add", item: { name: "lamp", price: 22_500 } });
cart.tell({ type: "add", item: { name: "bulb", price: 2_500 } });
console.log(`total: ${euros(await total())}`);
cart.tell({ type: "remove", name: "bulb" });
console.log(`receipt: ${await checkOut()}`);
cart.tell({ type: "add", item: { name: "bulb", price: 2_500 } });
console.log(`total: ${euros(await total())}`);
console.log(`receipt: ${await checkOut()}`);
