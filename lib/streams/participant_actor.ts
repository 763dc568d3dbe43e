/**
 * The actor behind a sink or a source: it has an address that a producer can send to, and watches
 * the producer.
 *
 * @module
 */
import type { LocalSystem } from "../actor/behavior/local_system.ts";
import { Behaviors } from "../actor/behavior/behaviors.ts";
import type { ActorRef } from "../actor/ref/ref.ts";
import { internalsOf } from "../actor/system/system_internals.ts";

/** Milliseconds of silence after which a participant asks whether something was lost. */
export const defaultProbeInterval = 5_000;

const counts = new WeakMap<LocalSystem, number>();

/** Sent by an actor's own timer. */
interface Tick {
  readonly type: "streamTick";
}

/** The message handlers of a sink or source. */
export interface ParticipantEvents<M> {
  /** A message of the producer. */
  onMessage(message: M): void;
  /** It is time to ask whether something was lost. */
  onTick(): void;
  /** The producer has terminated, or cannot be watched. Calls after the end do nothing. */
  onGone(cause?: unknown): void;
  /** This actor has stopped, since its system ends. Calls after the end do nothing. */
  onStopped(): void;
}

/** Starts the actor. */
export function spawnParticipant<M extends { readonly type: string }>(
  system: LocalSystem,
  producer: ActorRef<never>,
  tickInterval: number,
  events: ParticipantEvents<M>,
): ActorRef<M> {
  const count = (counts.get(system) ?? 0) + 1;
  counts.set(system, count);
  const behavior = Behaviors.setup<M | Tick>((context) => {
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
      if (type === "terminated") events.onGone();
      if (type === "postStop") events.onStopped();
      return type === "terminated" ? Behaviors.stopped() : Behaviors.same();
    });
  });
  return internalsOf(system).spawnSystem(behavior, `_stream-${count}`);
}
