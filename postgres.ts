/**
 * A store of events in PostgreSQL, for `@casty/casty/persistence`.
 *
 * @module
 */
export {
  postgresJournal,
  type PostgresJournalOptions,
} from "./lib/persistence/postgres/postgres_journal.ts";
