import type { Clock } from "../../runtime/clock.ts";
import type { MessageSender } from "./message_sender.ts";

/** The clock of a system. */
type Now = Pick<Clock, "now">;

/**
 * How long the asker of a message waits: until a time on the clock of the system, or for so many
 * milliseconds from now, where that is known without a look at the clock.
 */
export type AskLimit = number | { readonly remaining: number };

/**
 * A message with what is known of its way here: which client has sent it, and how long its asker
 * waits. Mailboxes, stashes and buffers keep it so; handlers see the message only.
 */
export class SentMessage {
  /** The client that has sent it; undefined: this node, or a member. */
  declare readonly sender: MessageSender | undefined;
  declare message: unknown;
  /** When its asker gives up, on the clock of the system; Infinity: never, or not known yet. */
  declare time: number;

  // Declared and assigned here: see `Ref`.
  constructor(sender: MessageSender | undefined, message: unknown, time = Infinity) {
    this.sender = sender;
    this.message = message;
    this.time = time;
  }

  /** Milliseconds that its asker still waits; 0 or less: it has given up; Infinity: no limit. */
  remaining(clock: Now): number {
    return this.time === Infinity ? Infinity : this.time - clock.now();
  }

  /** When its asker gives up, on the clock of the system; undefined: nobody waits. */
  deadline(_clock: Now): number | undefined {
    return this.time === Infinity ? undefined : this.time;
  }

  /** Whether its asker has given up. */
  hasExpired(clock: Now): boolean {
    return this.time !== Infinity && clock.now() >= this.time;
  }

  /** The same with another message, such as the content of an envelope. */
  with(message: unknown): SentMessage {
    return new SentMessage(this.sender, message, this.time);
  }

  /** The same as an actor passes it on: from then on the actor answers for it, not the client. */
  withoutSender(): SentMessage {
    return this.sender === undefined ? this : new SentMessage(undefined, this.message, this.time);
  }
}

/** A value of another protocol, which the actor translates when its turn has come. */
export class AdaptedMessage extends SentMessage {
  /** What is known of the value; undefined: nothing. */
  readonly kept: SentMessage | undefined;
  /** Makes the message. May throw. */
  readonly map: (value: unknown) => unknown;

  constructor(kept: unknown, map: (value: unknown) => unknown) {
    const sent = isSent(kept) ? kept : undefined;
    super(sent?.sender, messageOf(kept));
    this.kept = sent;
    this.map = map;
  }

  override remaining(clock: Now): number {
    return this.kept?.remaining(clock) ?? Infinity;
  }

  override deadline(clock: Now): number | undefined {
    return this.kept?.deadline(clock);
  }

  override hasExpired(clock: Now): boolean {
    return this.kept?.hasExpired(clock) ?? false;
  }

  override with(message: unknown): SentMessage {
    return this.kept?.with(message) ?? new SentMessage(undefined, message);
  }
}

/** Whether it has to be translated first. */
export function isAdapted(kept: unknown): kept is AdaptedMessage {
  return isSent(kept) && kept instanceof AdaptedMessage;
}

/** Whether it is a message together with what is known of it. */
export function isSent(kept: unknown): kept is SentMessage {
  try {
    return kept instanceof SentMessage;
  } catch {
    return false; // A revoked proxy throws; its sender must not suffer for that.
  }
}

/** The message itself. */
export function messageOf(kept: unknown): unknown {
  return isSent(kept) ? kept.message : kept;
}

/** When the asker of a kept message gives up; undefined: never. */
export function deadlineOfKept(kept: unknown, clock: Now): number | undefined {
  return isSent(kept) ? kept.deadline(clock) : undefined;
}

/** How long the asker of a kept message waits; undefined: for good, or nobody waits. */
export function limitOfKept(kept: unknown, clock: Now): AskLimit | undefined {
  const remaining = isSent(kept) ? kept.remaining(clock) : Infinity;
  return remaining === Infinity ? undefined : { remaining };
}

/** What a buffer keeps of a message: with its sender and its deadline if it has them. */
export function sentMessage(
  message: unknown,
  sender: MessageSender | undefined,
  deadline: number | undefined,
): unknown {
  if (sender === undefined && deadline === undefined) return message;
  return new SentMessage(sender, message, deadline);
}
