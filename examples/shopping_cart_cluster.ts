/**
 * Shopping carts without a database: five processes keep each cart three times, over mutual TLS. Two of
 * them are killed, one after the other, and every item that a customer was told is in the cart is there.
 *
 *     deno run -A examples/shopping_cart_cluster.ts [--kill 2,4]
 *
 * @module
 */
import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { eventSourced } from "@casty/casty/persistence";
import { type NodeStart, nodeStart, Processes, tlsOf } from "./processes.ts";

type CartMessage =
  | { type: "add"; item: string; replyTo: ActorRef<number> }
  | { type: "items"; replyTo: ActorRef<readonly string[]> };

const Carts = entityType<CartMessage>("carts", { numShards: 16 });

const cart = () =>
  eventSourced<CartMessage, string, readonly string[]>({
    initial: [],
    onCommand(_context, items, message, effect) {
      if (message.type === "items") return effect.reply(message.replyTo, items);
      // Told again after an unknown outcome, it is there once.
      if (items.includes(message.item)) return effect.reply(message.replyTo, items.length);
      return effect.persist(message.item).thenReply(message.replyTo, (after) => after.length);
    },
    onEvent: (items, item) => [...items, item],
  });

async function node({ name, seeds, folder }: NodeStart): Promise<void> {
  const system = await ClusteredActorSystem.start({
    name: "shop",
    nodeId: name,
    host: "127.0.0.1",
    port: 0,
    seedNodes: seeds,
    tls: await tlsOf(folder, name),
    stopOnSignals: true,
  });
  system.spawn(Behaviors.sharded(Carts, cart, { replication: { replicas: 2, minAcks: 1 } }));
  console.log(`LISTENING ${system.address}`);
}

const names = ["node-1", "node-2", "node-3", "node-4", "node-5"];
const customers = Array.from({ length: 40 }, (_, index) => `customer-${index + 1}`);
const sleep = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

async function main(killed: readonly string[]): Promise<void> {
  await using nodes = await Processes.start(import.meta.filename!, names);
  await using client = await ClusterClient.connect({
    contactPoints: [...nodes.addresses.values()],
    systemName: "shop",
    tls: await nodes.clientTls(),
  });
  const confirmed = new Map<string, string[]>(customers.map((customer) => [customer, []]));
  const items = (customer: string) =>
    client.entity(Carts, customer).ask((replyTo) => ({ type: "items", replyTo }));

  let shopping = true;
  let repeated = 0;
  const shop = async (customer: string) => {
    const ref = client.entity(Carts, customer);
    for (let count = 1; shopping; count++) {
      const item = `item-${count}`;
      // An ask that fails is repeated: its item may be in the cart, or not.
      for (let told = false; !told;) {
        try {
          await ref.ask((replyTo) => ({ type: "add", item, replyTo }), { timeout: 2_000 });
          confirmed.get(customer)!.push(item);
          told = true;
        } catch {
          repeated++;
          await sleep(100);
        }
      }
      await sleep(20);
    }
  };
  const shoppers = customers.map(shop);
  await sleep(6_000);
  for (const name of killed) {
    nodes.kill(name);
    console.log(`${name} was killed`);
    // Its copies are made anew at other nodes meanwhile.
    await sleep(10_000);
  }
  shopping = false;
  await Promise.all(shoppers);

  let total = 0;
  let missing = 0;
  for (const [customer, wanted] of confirmed) {
    const found = new Set(await items(customer));
    total += wanted.length;
    missing += wanted.filter((item) => !found.has(item)).length;
  }
  console.log(`${total} items were confirmed, ${repeated} asks were repeated`);
  console.log(`${missing} confirmed items are missing`);
  if (missing > 0) Deno.exitCode = 1;
}

const start = nodeStart(Deno.args);
if (start !== undefined) await node(start);
else {
  const [flag, list] = Deno.args;
  const killed = flag === "--kill" ? list!.split(",").map((number) => `node-${number}`) : [];
  await main(killed.length > 0 ? killed : ["node-2", "node-4"]);
}
