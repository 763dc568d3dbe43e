/**
 * State that survives: actors whose state is made of stored events, and stores of events.
 *
 * @module
 */
export { type DurableState, durableState } from "./durable_state.ts";
export { Effect, type EffectAction, Effects, type StashEffect } from "./effect.ts";
export { PersistenceError, type PersistenceErrorCode, type PersistencePlace } from "./errors.ts";
export { type EventSourced, eventSourced, type SnapshotOptions } from "./event_sourced.ts";
export {
  type AppendEntry,
  type AppendResult,
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
export type { SchemaOptions, StateSchemaOptions, Upcast } from "./schema.ts";
export { sqliteJournal, type SqliteJournalOptions } from "./sqlite/sqlite_journal.ts";
