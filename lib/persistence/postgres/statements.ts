/**
 * The tables and statements of a PostgreSQL store.
 *
 * @module
 */

/** The version of the tables. A database with another one is refused. */
export const schemaVersion = 1;

/** Held while tables are made, so that processes that start at once make them once. */
export const migrationLock = 0x6361737479;

/** Makes the tables. */
export const migration = `
create table if not exists casty_schema (version integer not null);
create table if not exists casty_logs (
  id text collate "C" primary key, epoch bigint not null, last_seq bigint not null
);
create table if not exists casty_events (
  position bigint generated always as identity,
  id text collate "C" not null, seq bigint not null, epoch bigint not null, at bigint not null,
  version integer not null, checksum bigint not null, payload bytea not null, tags text,
  primary key (id, seq)
);
create table if not exists casty_snapshots (
  id text collate "C" not null, seq bigint not null, epoch bigint not null, at bigint not null,
  version integer not null, checksum bigint not null, payload bytea not null,
  primary key (id, seq)
);
insert into casty_schema (version)
  select ${schemaVersion} where not exists (select from casty_schema);
`;

/**
 * Appends entries of different ids in one statement, and so in one commit. It locks their heads in the
 * order of ids, so that no two batches wait for each other; then the heads cannot change until the
 * commit. The rule is `judgeAppend`, once more in SQL; the answer is the heads as they were, of which
 * the caller judges the same. A head that is missing is left out.
 *
 * Payloads come as one value, because arrays of bytes are sent as text.
 */
export const append = `
with entry as (
  select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[])
    as t (id, expected, epoch, count)
), head as (
  select l.id, l.epoch, l.last_seq from casty_logs l join entry on entry.id = l.id
    order by l.id for update of l
), good as (
  select entry.* from entry join head on head.id = entry.id
    where entry.epoch >= head.epoch and entry.expected = head.last_seq
), moved as (
  update casty_logs l set last_seq = good.expected + good.count, epoch = good.epoch
    from good where l.id = good.id
), added as (
  insert into casty_events (id, seq, epoch, at, version, checksum, payload, tags)
    select good.id, e.seq, good.epoch, e.at, e.version, e.checksum,
      substring($5::bytea from e.start for e.length), e.tags
    from unnest(
      $6::text[], $7::bigint[], $8::bigint[], $9::int[], $10::bigint[], $11::int[], $12::int[],
      $13::text[]
    ) as e (id, seq, at, version, checksum, start, length, tags)
    join good on good.id = e.id
)
select id, epoch, last_seq from head`;

/** Makes heads that are missing. */
export const makeHeads = `
insert into casty_logs (id, epoch, last_seq) select id, 0, 0 from unnest($1::text[]) as t (id)
  on conflict do nothing`;

/** Opens an id with an epoch; no row: a higher one has. */
export const openWith = `
insert into casty_logs as l (id, epoch, last_seq) values ($1, $2, 0)
  on conflict (id) do update set epoch = excluded.epoch where l.epoch <= excluded.epoch
  returning epoch, last_seq`;

/** Opens an id with the next epoch. */
export const openNext = `
insert into casty_logs as l (id, epoch, last_seq) values ($1, 1, 0)
  on conflict (id) do update set epoch = l.epoch + 1
  returning epoch, last_seq`;

/** The head of an id. */
export const head = "select epoch, last_seq from casty_logs where id = $1";

/** Events of an id. */
export const events = `
select seq, epoch, at, version, checksum, payload, tags from casty_events
  where id = $1 and seq between $2 and $3 order by seq limit $4`;

/** The newest snapshot up to a number. */
export const snapshot = `
select seq, epoch, at, version, checksum, payload from casty_snapshots
  where id = $1 and seq <= $2 order by seq desc limit 1`;

/** Saves a snapshot and deletes older ones; no row: a higher epoch has opened the id. */
export const saveSnapshot = `
with head as (
  select id from casty_logs where id = $1 and epoch <= $3 for update
), saved as (
  insert into casty_snapshots (id, seq, epoch, at, version, checksum, payload)
    select id, $2::bigint, $3::bigint, $4::bigint, $5::int, $6::bigint, $7::bytea from head
    on conflict (id, seq) do update set epoch = excluded.epoch, at = excluded.at,
      version = excluded.version, checksum = excluded.checksum, payload = excluded.payload
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
