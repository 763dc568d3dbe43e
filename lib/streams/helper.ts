import type { ActorSystem } from "../actor/system/actor_system.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { spawnHelper } from "./party.ts";

/** Sent by an actor's own timer. */
interface Tick {
  readonly type: "streamTick";
}

/** What a handle does with what its actor hears. */
export interface HandleEvents<M> {
  /** A message of the producer. */
  onMessage(message: M): void;
  /** It is time to ask whether something was lost. */
  onTick(): void;
  /** The producer is gone, cannot be watched, or this actor stops. Calls after the end do nothing. */
  onGone(cause?: unknown): void;
}

/**
 * Starts the actor behind a handle: it has an address that a producer can send to, and watches the
 * producer.
 */
export function startHelper<M extends { readonly type: string }>(
  system: ActorSystem,
  producer: ActorRef<never>,
  tickInterval: number,
  events: HandleEvents<M>,
): ActorRef<M> {
  return spawnHelper<M | Tick>(
    system,
    Behaviors.setup<M | Tick>((context) => {
      try {
        context.watch(producer);
      } catch (cause) {
        events.onGone(cause);
        return Behaviors.stopped();
      }
      context.timers.startFixedDelay("tick", { type: "streamTick" }, tickInterval);
      return Behaviors.receive<M | Tick>((_context, message) => {
        if (message?.type === "streamTick") events.onTick();
        else events.onMessage(message as M);
        return Behaviors.same();
      }, (_context, { type }) => {
        if (type === "terminated" || type === "postStop") events.onGone();
        return type === "terminated" ? Behaviors.stopped() : Behaviors.same();
      });
    }),
  );
}
