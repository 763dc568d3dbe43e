/** The orders, as nodes and clients know them. */
import { type ActorRef, type Behavior, entityType } from "@casty/casty";
import { eventSourced, type Journal, persistenceId } from "@casty/casty/persistence";

/** The states of an order. */
export type OrderStatus = "unknown" | "placed" | "paid";

/** The messages of an order. Each may be sent again: it is answered with the state that there is. */
export type OrderMessage =
  | { type: "place"; article: string; replyTo: ActorRef<OrderStatus> }
  | { type: "pay"; replyTo: ActorRef<OrderStatus> }
  | { type: "get"; replyTo: ActorRef<OrderStatus> };

type OrderEvent = { type: "placed"; article: string } | { type: "paid" };

/** The name of the system, the same on nodes and clients. */
export const systemName = "order-cluster";

/** The kind of entity. */
export const Orders = entityType<OrderMessage>("orders", { numShards: 20 });

/** One order. */
export function order(id: string, journal: Journal): Behavior<OrderMessage> {
  return eventSourced<OrderMessage, OrderEvent, OrderStatus>({
    id: persistenceId(Orders.name, id),
    journal,
    initial: "unknown",
    onCommand(_context, status, message, effect) {
      switch (message.type) {
        case "place":
          if (status !== "unknown") return effect.reply(message.replyTo, status);
          return effect.persist({ type: "placed", article: message.article })
            .thenReply(message.replyTo, (after) => after);
        case "pay":
          if (status !== "placed") return effect.reply(message.replyTo, status);
          return effect.persist({ type: "paid" }).thenReply(message.replyTo, (after) => after);
        case "get":
          return effect.reply(message.replyTo, status);
      }
    },
    onEvent: (_status, { type }) => type,
  });
}
