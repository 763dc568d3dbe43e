import { type ActorRef, type Behavior, Behaviors } from "@casty/casty";

/** Name of the benchmark's system. */
export const benchSystem = "bench";

/** The message of all rows. */
export type BenchMessage =
  | { type: "count"; text: string }
  | { type: "get"; text: string; replyTo: ActorRef<number> };

/** Bytes of a count's frame besides its text. */
const overhead = 36;

/** A text with which a count has the given number of bytes on the wire. */
export function textFor(size: number): string {
  return "x".repeat(size - overhead);
}

/** Counts messages, and replies with the count. */
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
