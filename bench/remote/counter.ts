import { type ActorRef, type Behavior, Behaviors } from "@casty/casty";

/** Name of the benchmark's system. */
export const benchSystem = "bench";

/** A count with 64 characters of text is 100 bytes on the wire. */
export type BenchMessage =
  | { type: "count"; text: string }
  | { type: "get"; text: string; replyTo: ActorRef<number> };

/** Counts, and tells how many it has counted. */
export function counter(): Behavior<BenchMessage> {
  return Behaviors.setup(() => {
    let count = 0;
    return Behaviors.receive((_context, message) => {
      if (message.type === "count") count++;
      else message.replyTo.tell(count);
      return Behaviors.same();
    });
  });
}
