import type { Behavior } from "@casty/casty";
import { eventSourced, persistenceId } from "@casty/casty/persistence";
import type { OrderMessage, OrderStatus } from "./orders.ts";

type OrderEvent = { type: "placed"; article: string } | { type: "paid" };

/** An order. It is stored in the journal of its node. */
export function order(id: string): Behavior<OrderMessage> {
  return eventSourced<OrderMessage, OrderEvent, OrderStatus>({
    id: persistenceId("orders", id),
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
