/**
 * State that survives: actors whose state is made of stored events, and stores of events.
 *
 * @module
 */
export type {
  BookEntry,
  BookKind,
  BookSection,
  EntryOwner,
  EntryPlace,
  EntryRequest,
} from "./book.ts";
export { deliveryKey } from "./delivery/delivery_key.ts";
export {
  type MessagesParked,
  type OutboxControl,
  outboxOf,
  type OutboxReceiver,
  type OutboxReport,
} from "./delivery/outbox_control.ts";
export type { OutboxOptions } from "./delivery/outbox_options.ts";
export type { ParkedReason, StoredMessage } from "./delivery/outbox.ts";
export type { DurableContext } from "./durable_context.ts";
export { type DurableState, durableState } from "./durable_state.ts";
export { Effect, type EffectAction, Effects, type StashEffect } from "./effect.ts";
export { PersistenceError, type PersistenceErrorCode, type PersistencePlace } from "./errors.ts";
export { type EventSourced, eventSourced, type SnapshotOptions } from "./event_sourced.ts";
export {
  type AppendClaim,
  type AppendEntry,
  type AppendResult,
  claimOf,
  type DueLog,
  type Journal,
  judgeAppend,
  judgeOpen,
  type LogHead,
  type NewEvent,
  type OpenedLog,
  type ReadDueOptions,
  type ReadOptions,
  type ReadSlicesOptions,
  sliceCount,
  type SliceEvent,
  sliceOf,
  type SlicePage,
  type SliceRange,
  type StoredEvent,
  type StoredSnapshot,
} from "./journal.ts";
export { memoryJournal } from "./memory_journal.ts";
export { persistenceId } from "./persistence_id.ts";
export type { Reminder } from "./reminders/reminder_set.ts";
export type { DueReminder, Reminders } from "./reminders/reminders.ts";
export type { Schedule } from "./reminders/schedule.ts";
export type { CronTime } from "./reminders/cron.ts";
export type { SchemaOptions, StateSchemaOptions, Upcast } from "./schema.ts";
export { sqliteJournal, type SqliteJournalOptions } from "./sqlite/sqlite_journal.ts";
