import type { AskOptions } from "../../actor/behavior/ask_options.ts";
import type { LocalSystem } from "../../actor/behavior/local_system.ts";
import { OutboxCommand, type OutboxOrder } from "../../actor/ref/internal_message.ts";
import type { ActorRef } from "../../actor/ref/ref.ts";
import type { ParkedReason, StoredMessage } from "./outbox.ts";

/** The messages to one receiver that were not acknowledged. */
export interface OutboxReceiver {
  /** Its address, as it is stored. */
  readonly to: string;
  /** How many messages wait for it. */
  readonly waiting: number;
  /** How often the first of them was sent in vain, since the actor has started. */
  readonly tries: number;
  /** Why they are not sent any more; absent: they are. */
  readonly parked?: ParkedReason;
  /** The first 100, in their order. */
  readonly messages: readonly StoredMessage[];
}

/**
 * The messages of a durable actor to one receiver are parked. An event of the system of the actor:
 * `system.eventStream.subscribe<MessagesParked>("messagesParked", ...)`.
 */
export interface MessagesParked {
  /** Names the event. */
  readonly type: "messagesParked";
  /** Persistence id of the sender. */
  readonly id: string;
  /** Address of the receiver, as it is stored. */
  readonly to: string;
  /** Why. */
  readonly reason: ParkedReason;
  /** How many messages are parked. */
  readonly waiting: number;
}

/** What a durable actor has to deliver. */
export interface OutboxReport {
  /** Persistence id. */
  readonly id: string;
  /** How many messages wait. */
  readonly waiting: number;
  /** By receiver. */
  readonly receivers: readonly OutboxReceiver[];
}

/** The outbox of a durable actor, from outside. See {@linkcode outboxOf}. */
export interface OutboxControl {
  /** What waits. */
  list(): Promise<OutboxReport>;
  /**
   * Sends parked messages again, of one receiver or all. Returns what waits then. A receiver may handle
   * a second time what was parked as `expired`: look first whether it has.
   */
  retry(to?: string): Promise<OutboxReport>;
  /** Gives up one message, which may have been handled all the same. Returns what waits then. */
  discard(number: number): Promise<OutboxReport>;
}

/**
 * The messages that a durable actor has to deliver: to look at them, to send parked ones again, and to
 * give up those that can never be handled. On nodes only: clients cannot.
 *
 * The methods reject as an ask does: with an {@linkcode AskTimeoutError} if the actor does not answer,
 * and with an {@linkcode AskError} if it is not there.
 *
 * @example
 * ```ts
 * import { ActorSystem, type ActorRef } from "@casty/casty";
 * import { eventSourced, memoryJournal, outboxOf, persistenceId } from "@casty/casty/persistence";
 *
 * const journal = memoryJournal();
 * const kept = (name: string, next?: ActorRef<string>) =>
 *   eventSourced<string, string, string>({
 *     id: persistenceId("kept", name),
 *     journal,
 *     initial: "",
 *     onCommand: (_context, _last, text, effect) =>
 *       next === undefined ? effect.persist(text) : effect.persist(text).thenSend(next, text),
 *     onEvent: (_last, text) => text,
 *   });
 *
 * await using system = new ActorSystem();
 * const mail = system.spawn(kept("mail"), "mail");
 * const shop = system.spawn(kept("shop", mail), "shop");
 * shop.tell("a book was ordered");
 *
 * const outbox = outboxOf(system, shop);
 * for (const { to, parked, messages } of (await outbox.list()).receivers) {
 *   if (parked === "notAcknowledged") await outbox.retry(to);
 *   console.assert(to === "/mail" && messages.length <= 1);
 * }
 * ```
 */
export function outboxOf(
  system: Pick<LocalSystem, "ask">,
  ref: ActorRef<never>,
  options?: AskOptions,
): OutboxControl {
  const order = (what: OutboxOrder): Promise<OutboxReport> =>
    system.ask(
      ref as ActorRef<unknown>,
      (replyTo: ActorRef<OutboxReport>) => new OutboxCommand(what, replyTo as ActorRef<never>),
      options,
    ) as Promise<OutboxReport>;
  return {
    list: () => order({ type: "list" }),
    retry: (to) => order({ type: "retry", ...(to !== undefined && { to }) }),
    discard: (number) => order({ type: "discard", number }),
  };
}
