import { type ActorRef, type Behavior, Behaviors, entityType, Topic } from "@casty/casty";

/** What a counter takes. */
export type CounterMessage =
  | { type: "add"; amount: number; replyTo: ActorRef<number> }
  | { type: "get"; replyTo: ActorRef<number> };

/** The counters, one for each name. */
export const Counters = entityType<CounterMessage>("shared-counters", { numShards: 20 });

/** A counter has changed. */
export const Changes = Topic<{ counter: string; value: number }>("counter-changes");

/** A counter that tells all pages when it changes. */
export function counter(changed: (value: number) => void, value = 0): Behavior<CounterMessage> {
  return Behaviors.receive((_context, message) => {
    if (message.type === "get") {
      message.replyTo.tell(value);
      return Behaviors.same();
    }
    const next = value + message.amount;
    changed(next);
    message.replyTo.tell(next);
    return counter(changed, next);
  });
}
