/** The orders, as nodes and clients know them. */
import { type ActorRef, entityType } from "@casty/casty/client";

/** The states of an order. */
export type OrderStatus = "unknown" | "placed" | "paid";

/** The messages of an order. Each may be sent again: it is answered with the state that there is. */
export type OrderMessage =
  | { type: "place"; article: string; replyTo: ActorRef<OrderStatus> }
  | { type: "pay"; replyTo: ActorRef<OrderStatus> }
  | { type: "get"; replyTo: ActorRef<OrderStatus> };

/** The name of the system, the same on nodes and clients. */
export const systemName = "order-cluster";

/** The kind of entity. */
export const Orders = entityType<OrderMessage>("orders", { numShards: 20 });
