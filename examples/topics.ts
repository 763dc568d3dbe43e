/**
 * Two shops, an office and a client over topics; every node has a price list, which is a broadcast actor.
 *
 *     deno run -A examples/topics.ts
 *
 * @module
 */
import { type ActorRef, type Behavior, Behaviors, ClusteredActorSystem, Topic } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";

type Sale = { shop: string; item: string; cents: number };
const Sales = Topic<Sale>("sales", { retain: 5 });

type PriceList =
  | { type: "set"; item: string; cents: number }
  | { type: "get"; item: string; replyTo: ActorRef<number> };

/** Each node has one. */
const priceList = (prices: ReadonlyMap<string, number>): Behavior<PriceList> =>
  Behaviors.receive<PriceList>((_context, message) => {
    if (message.type === "set") {
      return priceList(new Map([...prices, [message.item, message.cents]]));
    }
    message.replyTo.tell(prices.get(message.item) ?? 0);
    return Behaviors.same();
  });

async function main(): Promise<void> {
  const seed = await start();
  const nodes = [seed, await start(seed.address), await start(seed.address)];
  await Promise.all(nodes.map((node) => node.waitFor(3)));
  const lists = nodes.map((node) =>
    node.spawn(Behaviors.broadcasted(priceList(new Map())), "prices")
  );
  const [office, ...shops] = nodes.map((node) => node.topic(Sales));

  lists[0]!.tell({ type: "set", item: "tea", cents: 450 });
  const { replies, missing } = await lists[0]!.ask((replyTo) => {
    return { type: "get", item: "tea", replyTo };
  });
  const cents = replies.map(({ reply }) => reply).join(", ");
  console.log(`tea costs ${cents} cents at ${replies.length} nodes, ${missing.length} missing`);

  const atOffice = office!.subscribe();
  shops[0]!.publish({ shop: "north", item: "tea", cents: 450 });
  shops[0]!.publish({ shop: "north", item: "milk", cents: 120 });
  for await (const { shop, item } of atOffice) {
    console.log(`the office hears: ${shop} has sold ${item}`);
    if (item === "milk") break;
  }

  // A client comes later, and gets what was retained first.
  const client = await ClusterClient.connect({
    contactPoints: [seed.address],
    systemName: "shops",
  });
  const sales = client.topic(Sales);
  let total = 0;
  for await (const { item, cents } of sales.subscribe()) {
    total += cents;
    console.log(`the client hears: ${item}`);
    if (item === "milk") sales.publish({ shop: "online", item: "cake", cents: 600 });
    if (item === "cake") break;
  }
  console.log(`sold for ${(total / 100).toFixed(2)}`);

  await client.close();
  for (const node of nodes) await node.shutdown();
}

async function start(seed?: string): Promise<ClusteredActorSystem> {
  return await ClusteredActorSystem.start({
    name: "shops",
    host: "127.0.0.1",
    port: 0,
    ...(seed !== undefined && { seedNodes: [seed] }),
  });
}

await main();
