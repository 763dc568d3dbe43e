/**
 * State that survives: actors whose state is made of stored events, and stores of events.
 *
 * @module
 */
import "./reminders/croner.ts";

export type {
  EntryOwner,
  EntryPlace,
  EntryRequest,
  MetadataEntry,
  MetadataKind,
  MetadataSection,
} from "./metadata.ts";
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
export { atLeastOnce } from "./projections/at_least_once.ts";
export type { BatchHandler, EventHandler, ProjectedEvent } from "./projections/projected_event.ts";
export { Projection, projection } from "./projections/projection.ts";
export type {
  ProjectionBackoff,
  ProjectionOptions,
  ProjectionSchema,
  ProjectionSource,
} from "./projections/projection_options.ts";
export { memoryProjectionStore } from "./projections/memory_projection_store.ts";
export type {
  OpenedOffsets,
  ProjectionStore,
  SavedOffsets,
} from "./projections/projection_store.ts";
export {
  type OffsetRow,
  type Offsets,
  type TakeOver,
  takeOver,
} from "./projections/offset_rows.ts";
export {
  type ProjectionControlOptions,
  type ProjectionStatus,
  RunningProjection,
} from "./projections/running_projection.ts";
export {
  type SqliteProjectionStore,
  sqliteProjectionStore,
} from "./projections/sqlite_projection_store.ts";
export type { WorkerStatus } from "./projections/worker_status.ts";
export { persistenceId } from "./persistence_id.ts";
export type { Reminder } from "./reminders/reminder_set.ts";
export type { DueReminder, Reminders } from "./reminders/reminders.ts";
export type { Schedule } from "./reminders/schedule.ts";
export type { CronTime } from "./reminders/cron.ts";
export type { SchemaOptions, StateSchemaOptions, Upcast } from "./schema.ts";
export { sqliteJournal, type SqliteJournalOptions } from "./sqlite/sqlite_journal.ts";
