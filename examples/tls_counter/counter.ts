import {
  type ActorRef,
  type Behavior,
  Behaviors,
  type ShardEnvelope,
  shardEnvelope,
} from "@casty/casty";
import { eventSourced, persistenceId } from "@casty/casty/persistence";

/** The messages of a counter. */
export type CounterMessage =
  | { type: "increment"; amount: number }
  | { type: "getValue"; replyTo: ActorRef<number> };

/** Name and shard count of the sharded counter, the same on nodes and clients. */
export const counters = { name: "counters", numShards: 20 } as const;
/** The name of the system, the same on nodes and clients. */
export const systemName = "counter-cluster";
/** The id of the counter entity. */
export const entityId = "hits";
/** The number of increments. */
export const increments = 50;

/** One counter; its state is the argument of `active`. */
export function counter(_entityId: string): Behavior<CounterMessage> {
  const active = (value: number): Behavior<CounterMessage> =>
    Behaviors.receive((_context, message) => {
      switch (message.type) {
        case "increment":
          return active(value + message.amount);
        case "getValue":
          message.replyTo.tell(value);
          return Behaviors.same();
      }
    });
  return active(0);
}

/** The same counter, stored: its value is the sum of the increments in the journal of its node. */
export function storedCounter(entityId: string): Behavior<CounterMessage> {
  return eventSourced<CounterMessage, number, number>({
    id: persistenceId(counters.name, entityId),
    initial: 0,
    onCommand: (_context, value, message, effect) =>
      message.type === "increment"
        ? effect.persist(message.amount)
        : effect.reply(message.replyTo, value),
    onEvent: (value, amount) => value + amount,
    snapshots: { every: 100 },
  });
}

/** Asks the counter for its value. */
export function getValue(replyTo: ActorRef<number>): ShardEnvelope<CounterMessage> {
  return shardEnvelope(entityId, { type: "getValue", replyTo });
}
