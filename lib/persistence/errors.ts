import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

/**
 * A durable actor or its store cannot do what was asked:
 *
 * - `badPersistenceId`: a persistence id is missing, empty, too long, or has characters that are not
 *   allowed.
 * - `noJournal`: neither the actor nor its entity type nor its system says where it is stored.
 * - `fenced`: a writer with a higher epoch has taken over the id; this one must stop.
 * - `conflict`: another writer of the same epoch has appended.
 * - `storeUnavailable`: the store cannot be reached, is closed, or too busy; nothing was written.
 * - `outcomeUnknown`: the store cannot say whether the write was done.
 * - `notPersisted`: events of a command could not be stored; the cause says why.
 * - `corruptEvent`: the checksum of a stored event is wrong, or its bytes cannot be decoded.
 * - `missingEvent`: an event is missing between two others.
 * - `futureVersion`: what is stored has a version that this program does not know.
 * - `eventFailed`: `onEvent` or an upcaster has thrown at a stored event.
 * - `schemaMismatch`: an event or state does not match its schema.
 * - `tooLarge`: an event, a state, a message or a reminder is larger than what can be stored, or nested
 *   more deeply.
 * - `badEffect`: `onCommand` has returned something that is no effect.
 * - `outboxFull`: too many messages wait for delivery; nothing of the command was stored.
 * - `badReceiver`: a message cannot be stored for this receiver.
 * - `badReminder`: the key, the time, the interval or the cron expression of a reminder is wrong.
 * - `tooManyReminders`: the actor has as many reminders as it may have.
 * - `noCommand`: reminders change with a command, and none is being decided.
 * - `notWoken`: an entity with an id or a journal of its own cannot have reminders.
 * - `notCopyable`: copies of replicated shards cannot be kept in this store, and nodes do not share it.
 * - `asyncHandler`: the handler of a projection has returned a promise to a store whose transactions
 *   cannot wait.
 */
export type PersistenceErrorCode =
  | "badPersistenceId"
  | "noJournal"
  | "fenced"
  | "conflict"
  | "storeUnavailable"
  | "outcomeUnknown"
  | "notPersisted"
  | "corruptEvent"
  | "missingEvent"
  | "futureVersion"
  | "eventFailed"
  | "schemaMismatch"
  | "tooLarge"
  | "badEffect"
  | "outboxFull"
  | "badReceiver"
  | "badReminder"
  | "tooManyReminders"
  | "noCommand"
  | "notWoken"
  | "notCopyable"
  | "asyncHandler";

/** Where a fault was found. */
export interface PersistencePlace {
  /** Persistence id. */
  readonly id: string;
  /** Number of the event, if it is one of an event. */
  readonly seq?: number;
}

/** A durable actor or its store cannot do what was asked. */
export class PersistenceError extends CastyError {
  /** Name of the class. */
  override name = "PersistenceError";
  /** Stable; see {@linkcode PersistenceErrorCode}. */
  declare readonly code: PersistenceErrorCode;
  /** The persistence id, and the number of the event. */
  readonly place: PersistencePlace | undefined;

  /** The remedy becomes part of the message. */
  constructor(
    code: PersistenceErrorCode,
    message: string,
    options: CastyErrorOptions & { readonly place?: PersistencePlace } = {},
  ) {
    super(code, message, options);
    this.place = options.place;
  }
}
