import { type ActorRef, Ref } from "./ref.ts";
import { isSent, type SentMessage } from "./sent_message.ts";

/** The context of an actor that runs; that of a behaviour under test knows of no message. */
export interface MessageAtHand {
  /** What is known of the message at hand, if anything is. */
  readonly current: SentMessage | undefined;
}

/**
 * The message at hand, or a part of it, as a router of the system passes it on: with its deadline, and
 * without its sender. `context` is what the handler was given.
 */
export function passedOn(context: object, message: unknown): unknown {
  const current = (context as Partial<MessageAtHand>).current?.withoutSender();
  if (current === undefined || current.message === message) return current ?? message;
  return current.with(message);
}

/** Tells what {@linkcode passedOn} has made. */
export function tellKept(ref: ActorRef<never>, kept: unknown): void {
  if (!isSent(kept)) ref.tell(kept as never);
  else if (ref instanceof Ref) ref.tellSent(kept);
  else ref.tell(kept.message as never);
}
