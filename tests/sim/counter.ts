import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";

export type CounterMessage =
  | { type: "increment"; amount: number }
  | { type: "getValue"; replyTo: ActorRef<number> };

/** A counter that begins at 0. */
export function counter(): Behavior<CounterMessage> {
  const active = (value: number): Behavior<CounterMessage> =>
    Behaviors.receive((_context, message) => {
      if (message.type === "increment") return active(value + message.amount);
      message.replyTo.tell(value);
      return Behaviors.same();
    });
  return active(0);
}

/** Adds 1. */
export function increment(entityId: string): ShardEnvelope<CounterMessage> {
  return shardEnvelope(entityId, { type: "increment", amount: 1 });
}

/** Asks for the value. */
export function getValue(
  entityId: string,
): (replyTo: ActorRef<number>) => ShardEnvelope<CounterMessage> {
  return (replyTo) => shardEnvelope(entityId, { type: "getValue", replyTo });
}
