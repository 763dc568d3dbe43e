import { type ActorRef, type ClientOptions, ClusterClient } from "@casty/casty/client";
import { type OrderMessage, Orders, type OrderStatus, systemName } from "./orders.ts";

/** The number of orders of each run; all runs place the same ones. */
export const orders = 200;

/** Orders that are confirmed at a time. */
const atOnce = 20;

/** Places and pays orders, and reads them back; `onPaid` is called after each confirmed payment. */
export async function placeOrders(
  options: Pick<ClientOptions, "contactPoints" | "tls">,
  onPaid: (count: number) => void = () => {},
): Promise<void> {
  await using client = await ClusterClient.connect({ ...options, systemName });
  const ids = Array.from({ length: orders }, (_, n) => `order-${n + 1}`);

  /** Repeated until it is answered: an order takes each message twice without harm. */
  const ask = (id: string, message: (replyTo: ActorRef<OrderStatus>) => OrderMessage) =>
    client.ask(client.entity(Orders, id), message, { timeout: 30_000, retry: true });

  const countStored = async () => {
    const all = await Promise.all(
      ids.map((id) => ask(id, (replyTo) => ({ type: "get", replyTo }))),
    );
    return all.filter((status) => status === "paid").length;
  };

  console.log(`client | ${await countStored()} paid orders are stored`);
  let paid = 0;
  const waiting = ids.values();
  const work = async () => {
    for (const id of waiting) {
      await ask(id, (replyTo) => ({ type: "place", article: "a book", replyTo }));
      if (await ask(id, (replyTo) => ({ type: "pay", replyTo })) === "paid") onPaid(++paid);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const stored = await countStored();
  if (paid !== orders || stored !== orders) {
    throw new Error(`${paid} of ${orders} payments were confirmed, ${stored} are stored`);
  }
  console.log(`client | ${paid} payments were confirmed, and are stored`);
}
