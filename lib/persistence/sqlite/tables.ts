/**
 * The tables of an SQLite store.
 *
 * Events are added at the end of one table, in the order of their positions: a commit of events of
 * many actors changes a few pages. The index by actor, `casty_index`, follows later for thousands of
 * events at once, because a commit would change a page of it for each actor; one row of it tells where
 * many events of one actor are. Until then they are found by a search of the table's end, behind
 * `casty_meta.indexed`; the last number of an actor is the larger one of `casty_logs` and of what is
 * found there.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { PersistenceError } from "../errors.ts";
import { sliceOf } from "../journal.ts";

/** The version of the tables. A file with a higher one is refused. */
export const schemaVersion = 3;

const index = `
create table casty_index (
  log integer not null,
  -- The number of the last event that is meant.
  seq integer not null,
  -- A JSON array: of that event and of those before it, without a gap. The first may be deleted.
  positions text not null,
  primary key (log, seq)
) without rowid, strict;
`;

const schema = `
create table casty_meta (
  only integer primary key check (only = 1),
  -- Not less than the last position that was given, unless that event is still there.
  position integer not null,
  -- Events up to here are in casty_index.
  indexed integer not null
) strict;
create table casty_logs (
  log integer primary key, id text not null unique, slice integer not null,
  epoch integer not null, last_seq integer not null, wake integer
) strict;
create index casty_due on casty_logs (wake) where wake is not null;
create table casty_events (
  position integer primary key, log integer not null, seq integer not null, epoch integer not null,
  at integer not null, version integer not null, checksum integer not null,
  payload blob not null, metadata blob, tags text
) strict;
${index}create table casty_snapshots (
  id text not null, seq integer not null, epoch integer not null, at integer not null,
  version integer not null, checksum integer not null, payload blob not null, metadata blob,
  primary key (id, seq)
) without rowid, strict;
`;

/**
 * For readers of few slices. Files of version 3 that were made before there was one get it at their next
 * start; a version of Casty that does not know it keeps it up to date all the same.
 */
const slices = "create index if not exists casty_slices on casty_logs (slice)";

/** From version 1, whose events had an index of their own and no metadata. */
const fromVersion1 = `
alter table casty_logs rename to casty_logs_1;
alter table casty_events rename to casty_events_1;
alter table casty_snapshots rename to casty_snapshots_1;
${schema}
insert into casty_logs (id, slice, epoch, last_seq)
  select id, casty_slice(id), epoch, last_seq from casty_logs_1 order by id;
insert into casty_events (position, log, seq, epoch, at, version, checksum, payload, tags)
  select e.position, l.log, e.seq, e.epoch, e.at, e.version, e.checksum, e.payload, e.tags
    from casty_events_1 e join casty_logs l on l.id = e.id order by e.position;
insert into casty_index (log, seq, positions)
  select log, max(seq), json_group_array(position order by seq) from casty_events
    group by log, (seq - 1) / 512;
insert into casty_snapshots (id, seq, epoch, at, version, checksum, payload)
  select id, seq, epoch, at, version, checksum, payload from casty_snapshots_1;
insert into casty_meta
  select 1, coalesce(max(position), 0), coalesce(max(position), 0) from casty_events;
drop table casty_logs_1;
drop table casty_events_1;
drop table casty_snapshots_1;
`;

/** From version 2, whose index had a row for each event. */
const fromVersion2 = `
${index}
insert into casty_index (log, seq, positions)
  select log, max(seq), json_group_array(position order by seq) from casty_seqs
    group by log, (seq - 1) / 512;
drop table casty_seqs;
`;

/**
 * Makes the tables, or those of an older version into this one's, in one commit.
 *
 * @throws {PersistenceError} code `futureVersion`.
 */
export function migrate(database: DatabaseSync, path: string): void {
  database.exec("begin immediate");
  try {
    const row = database.prepare("pragma user_version").get() as { user_version: number };
    const found = row.user_version;
    if (found > schemaVersion) {
      throw new PersistenceError("futureVersion", `${path} has tables of version ${found}`, {
        value: found,
        remedy: `use a version of Casty that knows it; this one knows ${schemaVersion}`,
      });
    }
    if (found === 0) database.exec(`${schema} insert into casty_meta values (1, 0, 0)`);
    else if (found === 1) {
      database.function("casty_slice", { deterministic: true }, (id) => sliceOf(String(id)));
      database.exec(fromVersion1);
    } else if (found === 2) database.exec(fromVersion2);
    database.exec(slices);
    database.exec(`pragma user_version = ${schemaVersion}`);
    database.exec("commit");
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
}
