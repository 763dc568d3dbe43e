import { assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { Terminated } from "../../lib/actor/ref/terminated.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";

export type WatcherMessage =
  | { type: "watch"; refs: readonly ActorRef<never>[] }
  | { type: "unwatch"; ref: ActorRef<never> }
  | { type: "text"; text: string }
  | { type: "stop" };

/** Writes down into `heard` what it is told, and which actors are gone: `"<node><path> <reason>"`. */
export function watcher(heard: string[]): Behavior<WatcherMessage> {
  return Behaviors.receive((context, message) => {
    if (message.type === "watch") { for (const ref of message.refs) context.watch(ref); }
    else if (message.type === "unwatch") context.unwatch(message.ref);
    else if (message.type === "text") heard.push(message.text);
    else return Behaviors.stopped();
    return Behaviors.same();
  }, (_context, signal) => {
    if (signal.type === "terminated") heard.push(lineOf(signal));
    return Behaviors.same();
  });
}

/** One line for the end of an actor. */
export function lineOf({ ref, reason }: Terminated): string {
  return `${ref} ${reason}`;
}

export type TargetMessage =
  | { type: "stop" }
  | { type: "fail" }
  | { type: "say"; to: ActorRef<WatcherMessage>; count: number };

/** Stops or fails when it is told; says numbers, and stops. */
export const target: Behavior<TargetMessage> = Behaviors.receive((_context, message) => {
  if (message.type === "fail") throw new Error("as told");
  if (message.type === "say") {
    for (let i = 0; i < message.count; i++) message.to.tell({ type: "text", text: `${i}` });
  }
  return Behaviors.stopped();
});

/** Every message has arrived or is a dead letter. */
export function assertBalanced(nodes: readonly ClusteredActorSystem[]): void {
  for (const node of nodes) {
    const { sent, delivered, deadLetters, inFlight } = node.ledger.snapshot();
    const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
    assertEquals(sent, delivered + lost + inFlight, node.address);
  }
}
