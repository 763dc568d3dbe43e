/**
 * The tables and statements of a PostgreSQL store.
 *
 * @module
 */
import { noWake, sameWake } from "../append_columns.ts";

/** The version of the tables. A database with a higher one is refused. */
export const schemaVersion = 2;

/** Held while tables are made, so that processes that start at once make them once. */
export const migrationLock = 0x6361737479;

/**
 * Of each connection. All statements have an index to go by, and are planned once: a plan that was made
 * when a table was small must not search all of it when it has grown. Compiling would cost more than
 * it saves, and what `enable_seqscan` adds to a cost makes the server do it.
 */
export const settings =
  "set enable_seqscan = off; set plan_cache_mode = force_generic_plan; set jit = off";

const names = new Map<string, string>();

/**
 * The name under which a statement is prepared: a connection plans it once. Only for statements of
 * this file, of which there are few.
 */
export function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) names.set(text, name = `casty_${schemaVersion}_${names.size}`);
  return name;
}

/** Where processes hear of appends of others (LISTEN). */
export const channel = "casty_appended";

/**
 * Bits of a position for the place within its transaction; above them is the transaction's number.
 * Positions are therefore in the order of transactions, each of which gets its number when it begins
 * to write, so that a reader must not go beyond the oldest one that has not ended: see `bound`.
 */
const placeBits = 20;

/** Events of one entry, at most: their places have so many bits. */
export const maxEntry = 2 ** placeBits - 1;

/**
 * Makes the tables. Readers of slices find theirs in `casty_events_slices`, and read no other events;
 * tables that an earlier program has made have an index of positions alone, which does as well, more
 * slowly. `base` is added to numbers of transactions: it is raised when a dump is restored
 * in a server that has had fewer of them.
 */
export const makeTables = `
create table casty_schema (version integer not null, base bigint not null);
create table casty_logs (
  id text collate "C" primary key, epoch bigint not null, last_seq bigint not null,
  slice integer not null, wake bigint
);
create index casty_logs_wake on casty_logs (wake) where wake is not null;
create table casty_events (
  position bigint not null,
  id text collate "C" not null, seq bigint not null, epoch bigint not null, at bigint not null,
  version integer not null, checksum bigint not null, payload bytea not null, tags text,
  slice integer not null, metadata bytea,
  primary key (id, seq)
);
create index casty_events_slices on casty_events (position, slice);
create table casty_snapshots (
  id text collate "C" not null, seq bigint not null, epoch bigint not null, at bigint not null,
  version integer not null, checksum bigint not null, payload bytea not null, metadata bytea,
  primary key (id, seq)
);
insert into casty_schema (version, base) values (${schemaVersion}, 0);
`;

/** From version 1: before the slices of ids are known. */
export const beforeSlices = `
lock table casty_logs, casty_events, casty_snapshots in access exclusive mode;
alter table casty_schema add base bigint not null default 0;
alter table casty_logs add slice integer, add wake bigint;
alter table casty_events alter position drop identity, add slice integer, add metadata bytea;
alter table casty_snapshots add metadata bytea;
`;

/** From version 1: ids whose slices are not known yet. */
export const withoutSlice = "select id from casty_logs where slice is null limit 10000";

/** From version 1: sets slices. */
export const setSlices = `
update casty_logs l set slice = t.slice from unnest($1::text[], $2::int4[]) as t (id, slice)
  where l.id = t.id`;

/** From version 1: when the slices of ids are known. */
export const afterSlices = `
update casty_events e set slice = l.slice from casty_logs l where l.id = e.id;
alter table casty_logs alter slice set not null;
alter table casty_events alter slice set not null;
create index casty_logs_wake on casty_logs (wake) where wake is not null;
create index casty_events_slices on casty_events (position, slice);
update casty_schema set version = 2;
`;

/** All positions below this are there to stay: no transaction that is still open can add one. */
const bound = `(((select base from casty_schema)
  + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << ${placeBits})`;

/**
 * Makes new positions higher than all that are stored. Only if a number is stored that no transaction
 * has had yet: otherwise one that is open could add a position that readers have passed.
 */
export const raiseBase = `
update casty_schema set base = p.last + 1 - p.unused
  from (
    select max(position) >> ${placeBits} as last,
      pg_snapshot_xmax(pg_current_snapshot())::text::bigint as unused from casty_events
  ) as p where p.last >= base + p.unused`;

/**
 * Appends entries of different ids in one statement, and so in one commit. The heads that it changes
 * are locked until the commit. The rule is `judgeAppend`, once more in SQL; the answer is the numbers
 * of the entries that were refused. A head that is missing refuses its entry as well.
 */
export const append = `
with entry as (
  select * from unnest($1::text[], $2::int8[], $3::int8[], $4::int4[], $5::int8[]) with ordinality
    as t (id, expected, epoch, count, wake, n)
), moved as (
  update casty_logs l set last_seq = entry.expected + entry.count, epoch = entry.epoch,
      wake = case entry.wake when ${sameWake} then l.wake when ${noWake} then null
        else entry.wake end
    from entry
    where l.id = entry.id and entry.epoch >= l.epoch and entry.expected = l.last_seq
    returning l.id, l.slice, entry.epoch, entry.n
), added as (
  insert into casty_events
      (position, id, seq, epoch, at, version, checksum, payload, tags, slice, metadata)
    select ((select base + pg_current_xact_id()::text::bigint from casty_schema) << ${placeBits})
        + e.place, moved.id, e.seq, moved.epoch, e.at, e.version, e.checksum, e.payload, e.tags,
      moved.slice, e.metadata
    from unnest(
      $6::int4[], $7::int8[], $8::int8[], $9::int4[], $10::int8[], $11::bytea[], $12::bytea[],
      $13::text[]
    ) with ordinality as e (n, seq, at, version, checksum, payload, metadata, tags, place)
    join moved on moved.n = e.n
)
select n from entry where not exists (select from moved where moved.n = entry.n)`;

/** The heads of ids. */
export const heads = "select id, epoch, last_seq from casty_logs where id = any($1::text[])";

/** Tells other processes of appends. */
export const notify = `select pg_notify('${channel}', $1)`;

/** Makes heads that are missing. */
export const makeHeads = `
insert into casty_logs (id, epoch, last_seq, slice)
  select id, 0, 0, slice from unnest($1::text[], $2::int4[]) as t (id, slice)
  on conflict do nothing`;

/** Opens an id with an epoch; no row: a higher one has. */
export const openWith = `
insert into casty_logs as l (id, epoch, last_seq, slice) values ($1, $2, 0, $3)
  on conflict (id) do update set epoch = excluded.epoch where l.epoch <= excluded.epoch
  returning epoch, last_seq`;

/** Opens an id with the next epoch. */
export const openNext = `
insert into casty_logs as l (id, epoch, last_seq, slice) values ($1, 1, 0, $2)
  on conflict (id) do update set epoch = l.epoch + 1
  returning epoch, last_seq`;

/** The head of an id. */
export const head = "select epoch, last_seq from casty_logs where id = $1";

/** Events of an id. */
export const events = `
select seq, epoch, at, version, checksum, payload, metadata, tags from casty_events
  where id = $1 and seq between $2 and $3 order by seq limit $4`;

/** The newest snapshot up to a number. */
export const snapshot = `
select seq, epoch, at, version, checksum, payload, metadata from casty_snapshots
  where id = $1 and seq <= $2 order by seq desc limit 1`;

/** Saves a snapshot and deletes older ones; no row: a higher epoch has opened the id. */
export const saveSnapshot = `
with head as (
  select id from casty_logs where id = $1 and epoch <= $3 for update
), saved as (
  insert into casty_snapshots (id, seq, epoch, at, version, checksum, payload, metadata)
    select id, $2::bigint, $3::bigint, $4::bigint, $5::int, $6::bigint, $7::bytea, $9::bytea
      from head
    on conflict (id, seq) do update set epoch = excluded.epoch, at = excluded.at,
      version = excluded.version, checksum = excluded.checksum, payload = excluded.payload, metadata = excluded.metadata
), removed as (
  delete from casty_snapshots s using head where s.id = head.id and s.seq <> $2 and s.seq not in (
    select seq from casty_snapshots where id = $1 and seq > $2
  ) and s.seq not in (
    select seq from casty_snapshots where id = $1 and seq < $2 order by seq desc limit $8
  )
)
select id from head`;

/** Deletes events up to a number; no row: a higher epoch has opened the id. */
export const deleteEvents = `
with head as (
  select id from casty_logs where id = $1 and epoch <= $3 for update
), removed as (
  delete from casty_events e using head where e.id = head.id and e.seq <= $2
)
select id from head`;

/** Deletes all of an id but its head; no row: a higher epoch has opened the id. */
export const deleteAll = `
with head as (
  update casty_logs set wake = null where id = $1 and epoch <= $2 returning id
), events as (
  delete from casty_events e using head where e.id = head.id
), snapshots as (
  delete from casty_snapshots s using head where s.id = head.id
)
select id from head`;

/**
 * Events of slices after a position, of the next `$5` events of all slices. Each row has the position
 * up to which was searched, `read`, and whether there is more; without events there is one row.
 */
const sliceRows = (selection: string) => `
with state as materialized (select ${bound} - 1 as last), part as materialized (
  select least(last, coalesce(
    (select position from casty_events where position > $1 order by position offset $5 limit 1),
    last
  )) as read, last from state
)
select part.read, part.read < part.last as more, found.*
  from part left join lateral (
    select e.position, e.id, e.slice, e.seq, e.epoch, e.at, e.version, e.checksum, e.payload,
        e.metadata, e.tags from casty_events e
      where e.position > $1 and e.position <= part.read and e.slice between $2 and $3 ${selection}
      order by e.position limit $4
  ) found on true
  order by found.position`;

/** See above. */
export const slices = sliceRows("");
/** The same of those with the tag `$6`. */
export const taggedSlices = sliceRows("and e.tags is not null and e.tags::jsonb ? $6");

/** How many events of slices there are after a position, up to `$4`. */
const countRows = (selection: string) => `
select count(*)::int4 as count from (
  select from casty_events e where e.position > $1 and e.slice between $2 and $3 ${selection}
    limit $4
) as found`;

/** See above. */
export const countSlices = countRows("");
/** The same of those with the tag `$5`. */
export const countTaggedSlices = countRows("and e.tags is not null and e.tags::jsonb ? $5");

/** Ids with work to do. */
export const due = `
select id, wake from casty_logs where wake <= $1 and slice between $2 and $3
  order by wake limit $4`;
