import type { Reminder } from "./reminder_set.ts";

/** The reminder whose message is at hand. */
export interface DueReminder {
  /** Its key. */
  readonly key: string;
  /**
   * When it was due, milliseconds since 1970. If more due times have passed since, as in an outage, it
   * is the first of them: all are handled by this one message.
   */
  readonly due: number;
}

/**
 * Messages that a durable actor sends to itself at times to come, also if it has stopped, moved or was
 * down meanwhile: `context.reminders` in `onCommand`. Changes are stored with the events of the command,
 * or not at all; they are for commands only, and a command that is stashed has changed nothing.
 *
 * A message arrives once for each due time, as a command: the mark that it was handled is stored with its
 * events. What fails before that is repeated.
 *
 * @example
 * ```ts
 * import { type ActorRef, ActorSystem } from "@casty/casty";
 * import { eventSourced, memoryJournal, persistenceId } from "@casty/casty/persistence";
 *
 * type Command = { type: "order"; replyTo: ActorRef<string> } | { type: "expire" };
 * const order = eventSourced<Command, "ordered" | "expired", string>({
 *   id: persistenceId("order", "7"),
 *   journal: memoryJournal(),
 *   initial: "new",
 *   onCommand({ reminders }, _state, command, effect) {
 *     if (command.type === "expire") return effect.persist("expired");
 *     reminders.once("expiry", 30 * 60_000, { type: "expire" });
 *     return effect.persist("ordered").thenReply(command.replyTo, (state) => state);
 *   },
 *   onEvent: (_state, event) => event,
 * });
 *
 * await using system = new ActorSystem();
 * const ref = system.spawn(order, "order");
 * console.assert(await system.ask(ref, (replyTo) => ({ type: "order", replyTo })) === "ordered");
 * ```
 */
export interface Reminders<in M> {
  /**
   * Sends `message` at a moment, or in so many milliseconds, at most 10 years. Replaces the reminder of
   * the same key. The message is plain data, as an event is.
   *
   * @param key 1 to 255 characters.
   * @throws {PersistenceError} codes `badReminder`, `tooManyReminders`, `noCommand`.
   */
  once(key: string, when: Date | number, message: M): void;
  /**
   * Sends `message` again and again, `interval` milliseconds apart: from 1 000 to 10 years. The first
   * time in `interval` milliseconds. Due times that nobody could handle, as in an outage, are made up
   * for by one message; the rhythm stays.
   *
   * @throws {PersistenceError} codes `badReminder`, `tooManyReminders`, `noCommand`.
   */
  every(key: string, interval: number, message: M): void;
  /**
   * Sends `message` at the times of a cron expression: minute, hour, day of month, month and day of
   * week, optionally a second before them. In UTC, or in a time zone with an IANA name. One message
   * makes up for times that nobody could handle, as of {@linkcode Reminders.every}.
   *
   * Where clocks are set forward or back: a time without `*` and steps in second, minute and hour comes
   * once a day, at the first of two equal times, and just after a gap that holds it. Other times come
   * whenever the clock shows them.
   *
   * @throws {PersistenceError} codes `badReminder` (which names the wrong field), `tooManyReminders`,
   * `noCommand`.
   */
  cron(
    key: string,
    when: string | { readonly expression: string; readonly timeZone?: string },
    message: M,
  ): void;
  /**
   * Removes a reminder: from the commit of this command on it does not arrive. Returns whether there was
   * one.
   *
   * @throws {PersistenceError} code `noCommand`.
   */
  cancel(key: string): boolean;
  /** All that are set, with what this command has changed. */
  list(): readonly Reminder[];
  /** The reminder whose message is at hand; undefined for other commands. */
  readonly current: DueReminder | undefined;
}
