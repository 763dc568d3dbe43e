/**
 * Stores of events and of projections in PostgreSQL, for `@casty/casty/persistence`.
 *
 * @module
 */
import "./lib/persistence/reminders/croner.ts";

export {
  postgresProjectionStore,
  type PostgresProjectionStoreOptions,
  type PostgresTransaction,
} from "./lib/persistence/postgres/postgres_projection_store.ts";
export {
  postgresJournal,
  type PostgresJournalOptions,
} from "./lib/persistence/postgres/postgres_journal.ts";
