import { DatabaseSync, type StatementSync } from "node:sqlite";
import {
  type AppendColumns,
  columnsIn,
  entryColumns,
  eventColumns,
  noMetadata,
  noWake,
  sameWake,
} from "../append_columns.ts";
import { PersistenceError } from "../errors.ts";
import {
  type AppendResult,
  type DueLog,
  judgeAppend,
  judgeOpen,
  type ReadDueOptions,
  sliceOf,
  type StoredSnapshot,
} from "../journal.ts";
import { fenced } from "../journal_errors.ts";
import { type LogPart, type LogRest, partBytesOf } from "../copyable_journal.ts";
import type { LogChange } from "../log_change.ts";
import { eventFields, type EventRow, type PackedEvents, packEvents } from "./packed_events.ts";
import { SliceReader, type WantedSlices } from "./slice_reader.ts";
import type { Value } from "./value.ts";
import { migrate } from "./tables.ts";

/** What the thread of a store is asked to write. */
export type SqliteWrite =
  | { readonly type: "open"; readonly id: string; readonly epoch: number | undefined }
  | {
    readonly type: "append";
    /** Of `packedOf`. */
    readonly packed: Uint8Array<ArrayBuffer>;
  }
  | { readonly type: "importLog"; readonly part: LogPart }
  | { readonly type: "forget"; readonly ids: readonly string[] }
  | LogChange;

/** What it is asked to read. */
export type SqliteRead =
  | { readonly type: "lastSeq"; readonly id: string }
  | { readonly type: "head"; readonly id: string }
  | {
    readonly type: "exportLog";
    readonly id: string;
    readonly after: number;
    readonly maxBytes: number;
  }
  | {
    readonly type: "events";
    readonly id: string;
    readonly from: number;
    readonly to: number;
    readonly limit: number;
  }
  | { readonly type: "snapshot"; readonly id: string; readonly maxSeq: number }
  | { readonly type: "slices" } & WantedSlices
  | { readonly type: "countSlices" } & WantedSlices
  | { readonly type: "due"; readonly options: ReadDueOptions };

/** The result of a read. */
export interface Found {
  readonly value: unknown;
  /** Another one than before: a commit of some connection came between. */
  readonly version: number;
}

/** What is stored of an id, with its first events after a number. */
export interface SqliteLog extends LogRest {
  readonly events: PackedEvents;
  readonly hasMore: boolean;
}

/** Events of one such reading at most. */
const exportedEvents = 500;
/** Those of the first one: they tell how many are needed. */
const firstExported = 16;
/** Events that are not in the index yet: more are added to it. */
const maxTail = 2_048;
/** Heads that are kept in memory. */
const maxHeads = 65_536;
/**
 * Pages in the log of the file after which they are copied to the file itself, which waits for the disk
 * twice. SQLite's own number, 1 000, is 0.1 s of many actors' writes.
 */
const checkpointPages = 4_000;
/** Positions in a row of the index. */
const maxPositions = 512;
/** Rows of the index that are read at a time. */
const indexRows = 16;
/** Rows of one insertion, the most first: a statement of many rows costs less for each. */
const insertions = [32, 16, 8, 4, 2, 1];

interface Head {
  readonly log: number;
  epoch: number;
  lastSeq: number;
  /** Positions of its last events, which are not in the index yet. */
  tail: number[];
}

/** Most heads have no tail. */
const noTail: number[] = [];

/**
 * One connection to a file, for one thread. Calls are synchronous. A writer holds the file's lock from
 * the begin of each transaction, so that what `judgeAppend` has seen is still so at the commit.
 */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #slices = new SliceReader({
    one: (sql, ...values) => this.#one(sql, ...values),
    all: (sql, ...values) => this.#all(sql, ...values),
  });
  /** Heads as they are in this transaction: all of the tail, and some others. */
  readonly #heads = new Map<string, Head>();
  /** Those with a tail. */
  readonly #unindexed = new Set<Head>();
  /** Changes when another connection has written; -1: what is in memory is not valid. */
  #dataVersion = -1;
  #position = 0;
  #indexed = 0;

  /** Whether a commit waits for the disk. */
  #isFull = false;

  constructor(path: string, readOnly: boolean) {
    this.#database = new DatabaseSync(path, { readOnly, timeout: 10_000 });
    if (readOnly) return;
    this.#database.exec("pragma journal_mode = wal");
    // Copying the log of the file to the file waits for the disk, a commit does not: see `GroupSync`.
    this.#database.exec("pragma synchronous = normal");
    this.#database.exec(`pragma wal_autocheckpoint = ${checkpointPages}`);
    // A statement that changes many rows keeps the pages as they were, until it ends: not in a file.
    this.#database.exec("pragma temp_store = memory");
    migrate(this.#database, path);
  }

  /** The file, without links. */
  get path(): string {
    return (this.#one("pragma database_list") as { file: string }).file;
  }

  /**
   * Copies the log of the file to the file, and waits for the disk, unless another process reads just now.
   *
   * After a wait for the disk has failed, or a process was killed before one, the log may have what the disk
   * has not, and a wait for the log may not write it: the system takes it for written.
   */
  copyLog(): void {
    this.#database.exec("pragma wal_checkpoint(passive)");
  }

  /**
   * Carries out writes in one commit. A write that is refused leaves the others as they are.
   *
   * @param durable whether it waits for the disk: then the disk has this commit, and all before, unless it
   * has changed nothing: SQLite writes nothing then, and does not wait. See {@linkcode SqliteDatabase.changes}.
   * @throws {PersistenceError} code `storeUnavailable`: none of them was done; `outcomeUnknown`: the
   * commit itself has failed, and not for want of room.
   */
  write(writes: readonly SqliteWrite[], durable = false): unknown[] {
    const results: unknown[] = [];
    try {
      if (durable !== this.#isFull) {
        this.#database.exec(`pragma synchronous = ${durable ? "full" : "normal"}`);
        this.#isFull = durable;
      }
      this.#exec("begin immediate");
    } catch (cause) {
      throw unavailable(cause);
    }
    try {
      this.#refresh();
      for (const write of writes) results.push(this.#writeOne(write));
      if (this.#position - this.#indexed >= maxTail) this.#index();
    } catch (cause) {
      this.#rollBack();
      throw unavailable(cause);
    }
    try {
      this.#exec("commit");
    } catch (cause) {
      this.#rollBack();
      // Without room nothing was added to the log of the file; after other errors it may have been.
      if (codeOf(cause) === sqliteFull) throw unavailable(cause);
      throw new PersistenceError("outcomeUnknown", "the commit has failed", {
        cause,
        remedy: "see the cause; actors that were writing recover, and find what is stored",
      });
    }
    return results;
  }

  /** Rows that this connection has changed; the same after a commit that had nothing to write. */
  get changes(): number {
    return (this.#one("select total_changes() as n") as { n: number }).n;
  }

  #rollBack(): void {
    this.#dataVersion = -1;
    try {
      this.#exec("rollback");
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  /** Makes what is in memory valid for this transaction. */
  #refresh(): void {
    const { data_version: version } = this.#one("pragma data_version") as { data_version: number };
    if (version === this.#dataVersion) {
      // Invariant: the heads of the tail stay, because only they know its last numbers.
      if (this.#heads.size > maxHeads) this.#index();
      return;
    }
    this.#heads.clear();
    this.#unindexed.clear();
    const meta = this.#one(
      "select max(position, coalesce((select max(position) from casty_events), 0)) as position, " +
        "indexed from casty_meta",
    ) as { position: number; indexed: number };
    this.#position = meta.position;
    this.#indexed = meta.indexed;
    const tail = this.#all(
      "select l.id, l.log, l.epoch, max(l.last_seq, t.seq) as lastSeq, t.positions from " +
        "(select log, max(seq) as seq, json_group_array(position order by position) as positions " +
        "from casty_events where position > ? group by log) t " +
        "cross join casty_logs l on l.log = t.log",
      meta.indexed,
    ) as { id: string; log: number; epoch: number; lastSeq: number; positions: string }[];
    for (const { id, log, epoch, lastSeq, positions } of tail) {
      const head = { log, epoch, lastSeq, tail: JSON.parse(positions) };
      this.#heads.set(id, head);
      this.#unindexed.add(head);
    }
    this.#dataVersion = version;
  }

  /** Adds the tail to the index, and forgets heads if they are too many. */
  #index(): void {
    for (const head of this.#unindexed) {
      const { log, lastSeq, tail } = head;
      for (let start = 0; start < tail.length; start += maxPositions) {
        const positions = tail.slice(start, start + maxPositions);
        const seq = lastSeq - tail.length + start + positions.length;
        this.#run("insert into casty_index values (?, ?, ?)", log, seq, JSON.stringify(positions));
      }
      this.#run("update casty_logs set last_seq = ? where log = ?", lastSeq, log);
      head.tail = noTail;
    }
    this.#unindexed.clear();
    this.#run("update casty_meta set position = ?1, indexed = ?1", this.#position);
    this.#indexed = this.#position;
    if (this.#heads.size > maxHeads) this.#heads.clear();
  }

  #writeOne(write: SqliteWrite): unknown {
    switch (write.type) {
      case "open":
        return this.#open(write.id, write.epoch);
      case "append":
        return this.#append(columnsIn(write.packed));
      case "saveSnapshot":
        return this.#saveSnapshot(write.id, write.snapshot, write.keep);
      case "deleteEvents":
        return this.#unlessFenced(
          write.id,
          write.epoch,
          (head) => this.#deleteEvents(head, write.upTo),
        );
      case "delete":
        return this.#unlessFenced(write.id, write.epoch, (head) => {
          this.#deleteEvents(head, head.lastSeq);
          this.#run("delete from casty_snapshots where id = ?", write.id);
          this.#run("update casty_logs set wake = null where log = ?", head.log);
        });
      case "importLog":
        return this.#importLog(write.part);
      case "forget":
        for (const id of write.ids) this.#forget(id);
        return undefined;
    }
  }

  #importLog({ id, after, events, rest }: LogPart): void {
    if (after === 0) this.#forget(id);
    const head = this.#head(id);
    const rows: Value[] = [];
    for (const { seq, epoch, at, version, checksum, payload, metadata, tags } of events) {
      if (seq <= head.lastSeq) continue;
      // A row of the index has no gap.
      if (seq !== head.lastSeq + 1) this.#index();
      head.lastSeq = seq;
      if (head.tail === noTail) {
        head.tail = [];
        this.#unindexed.add(head);
      }
      head.tail.push(++this.#position);
      rows.push(this.#position, head.log, seq, epoch, at, version, checksum, payload);
      rows.push(metadata ?? null, tags === undefined ? null : JSON.stringify(tags));
    }
    this.#insert(rows);
    this.#index();
    if (rest === undefined) return;
    head.epoch = rest.epoch;
    head.lastSeq = Math.max(head.lastSeq, rest.lastSeq);
    this.#run(
      "update casty_logs set epoch = ?, last_seq = ?, wake = ? where log = ?",
      head.epoch,
      head.lastSeq,
      rest.wake === undefined ? null : Math.floor(rest.wake),
      head.log,
    );
    this.#run("delete from casty_snapshots where id = ?", id);
    for (const snapshot of rest.snapshots) this.#insertSnapshot(id, snapshot);
  }

  #forget(id: string): void {
    this.#index();
    this.#heads.delete(id);
    this.#run("delete from casty_snapshots where id = ?", id);
    const row = this.#one("select log from casty_logs where id = ?", id);
    if (row === undefined) return;
    const { log } = row as { log: number };
    // All of its events are in the index.
    this.#run(
      "delete from casty_events where log = ?1 and position in (select p.value from casty_index i " +
        "cross join json_each(i.positions) p where i.log = ?1)",
      log,
    );
    this.#run("delete from casty_index where log = ?", log);
    this.#run("delete from casty_logs where log = ?", log);
  }

  /** The head of an id, which is made if it is missing. */
  #head(id: string): Head {
    let head = this.#heads.get(id);
    if (head === undefined) {
      const row = this.#one(
        "select log, epoch, last_seq as lastSeq from casty_logs where id = ?",
        id,
      ) ?? this.#one(
        "insert into casty_logs (id, slice, epoch, last_seq) values (?, ?, 0, 0) " +
          "returning log, epoch, last_seq as lastSeq",
        id,
        sliceOf(id),
      );
      const { log, epoch, lastSeq } = row as Omit<Head, "tail">;
      this.#heads.set(id, head = { log, epoch, lastSeq, tail: noTail });
    }
    return head;
  }

  #raise(head: Head, epoch: number): void {
    this.#run("update casty_logs set epoch = ? where log = ?", epoch, head.log);
    head.epoch = epoch;
  }

  #open(id: string, epoch: number | undefined): unknown {
    const head = this.#head(id);
    const opened = judgeOpen(head.epoch, epoch);
    if (opened === undefined) return refused(id, epoch!, head.epoch);
    if (opened > head.epoch) this.#raise(head, opened);
    return { epoch: opened, lastSeq: head.lastSeq };
  }

  /** The results of the entries that were refused, by their index. */
  #append({ ids, entries, events, tags, bytes }: AppendColumns): Refusals {
    const refusals: [number, AppendResult][] = [];
    const rows: Value[] = [];
    let event = 0;
    let start = 0;
    for (let index = 0; index < ids.length; index++) {
      const at = entryColumns * index;
      const count = entries[at + 2]!;
      const claim = { expectedSeq: entries[at]!, epoch: entries[at + 1]!, count };
      const head = this.#head(ids[index]!);
      const result = judgeAppend(head, claim);
      const isAppended = result.outcome === "appended";
      if (isAppended) {
        if (claim.epoch > head.epoch) this.#raise(head, claim.epoch);
        this.#setWake(head, entries[at + 3]!);
        if (head.tail === noTail) {
          head.tail = [];
          this.#unindexed.add(head);
        }
      } else refusals.push([index, result]);
      for (const last = event + count; event < last; event++) {
        const first = eventColumns * event;
        const payloadEnd = start + events[first + 3]!;
        const metadata = events[first + 4]!;
        const end = metadata === noMetadata ? payloadEnd : payloadEnd + metadata;
        if (isAppended) {
          head.tail.push(++this.#position);
          rows.push(
            this.#position,
            head.log,
            ++head.lastSeq,
            claim.epoch,
            events[first]!,
            events[first + 1]!,
            events[first + 2]!,
            bytes.subarray(start, payloadEnd),
            metadata === noMetadata ? null : bytes.subarray(payloadEnd, end),
            tags?.[event] ?? null,
          );
        }
        start = end;
      }
    }
    this.#insert(rows);
    return refusals;
  }

  /** Inserts rows of ten values. */
  #insert(rows: readonly Value[]): void {
    let start = 0;
    for (const size of insertions) {
      while (rows.length - start >= 10 * size) {
        const values = start === 0 && rows.length === 10 * size
          ? rows
          : rows.slice(start, start + 10 * size);
        this.#statement(insertion(size)).run(...values);
        start += 10 * size;
      }
    }
  }

  #setWake({ log }: Head, wake: number): void {
    if (wake === sameWake) return;
    this.#run(
      "update casty_logs set wake = ? where log = ?",
      wake === noWake ? null : Math.floor(wake),
      log,
    );
  }

  #saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): unknown {
    return this.#unlessFenced(id, snapshot.epoch, () => {
      this.#insertSnapshot(id, snapshot);
      this.#run(
        "delete from casty_snapshots where id = ? and seq not in " +
          "(select seq from casty_snapshots where id = ? order by seq desc limit ?)",
        id,
        id,
        keep,
      );
    });
  }

  #insertSnapshot(id: string, snapshot: StoredSnapshot): void {
    const { seq, epoch, at, version, checksum, payload, metadata = null } = snapshot;
    this.#run(
      "insert or replace into casty_snapshots values (?, ?, ?, ?, ?, ?, ?, ?)",
      id,
      seq,
      epoch,
      at,
      version,
      checksum,
      payload,
      metadata,
    );
  }

  #unlessFenced(id: string, epoch: number, work: (head: Head) => void): unknown {
    const head = this.#head(id);
    if (epoch < head.epoch) return refused(id, epoch, head.epoch);
    work(head);
    return undefined;
  }

  #deleteEvents({ log }: Head, upTo: number): void {
    // Also keeps the last number and position, which the deleted events may be the only ones to have.
    this.#index();
    // A row of the index that goes on behind them is kept: what it has of them is not found any more.
    this.#run(
      "delete from casty_events where seq <= ?2 and position in " +
        "(select p.value from casty_index i cross join json_each(i.positions) p " +
        "where i.log = ?1 and i.seq <= coalesce(" +
        "(select min(seq) from casty_index where log = ?1 and seq > ?2), ?2))",
      log,
      upTo,
    );
    this.#run("delete from casty_index where log = ? and seq <= ?", log, upTo);
  }

  /**
   * Reads, of one state of the file.
   *
   * @throws {PersistenceError} code `storeUnavailable`.
   */
  read(read: SqliteRead): Found {
    try {
      this.#exec("begin");
      try {
        const { data_version: version } = this.#one("pragma data_version") as {
          data_version: number;
        };
        return { value: this.#readOne(read), version };
      } finally {
        this.#exec("commit");
      }
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  #readOne(read: SqliteRead): unknown {
    switch (read.type) {
      case "lastSeq":
        return this.#stored(read.id).lastSeq;
      case "head": {
        const { epoch, lastSeq } = this.#stored(read.id);
        return { epoch, lastSeq };
      }
      case "exportLog":
        return this.#exportLog(read);
      case "events":
        return this.#events(read.id, read.from, read.to, read.limit);
      case "snapshot":
        return this.#snapshot(read.id, read.maxSeq);
      case "slices":
        return this.#slices.read(read);
      case "countSlices":
        return this.#slices.count(read);
      case "due":
        return this.#due(read.options);
    }
  }

  #exportLog({ id, after, maxBytes }: SqliteRead & { readonly type: "exportLog" }):
    | SqliteLog
    | undefined {
    const { log, epoch, lastSeq } = this.#stored(id);
    if (log === 0) return undefined;
    const { wake } = this.#one("select wake from casty_logs where log = ?", log) as {
      wake: number | null;
    };
    const rows = this.#all(
      "select seq, epoch, at, version, checksum, payload, metadata from casty_snapshots " +
        "where id = ? order by seq",
      id,
    ) as Omit<EventRow, "tags">[];
    const snapshots = rows.map(({ metadata, ...snapshot }) =>
      metadata === null ? snapshot : { ...snapshot, metadata }
    );
    const events: EventRow[] = [];
    let bytes = 0;
    let hasMore = lastSeq > after;
    // No more than is sent: rows of 1 kB were ten times as many.
    for (let limit = firstExported; hasMore && bytes < maxBytes;) {
      const found = this.#rows(
        id,
        (events.at(-1)?.seq ?? after) + 1,
        Number.MAX_SAFE_INTEGER,
        limit,
      );
      let taken = 0;
      for (const row of found) {
        if (events.length > 0 && bytes >= maxBytes) break;
        events.push(row);
        bytes += partBytesOf(row);
        taken++;
      }
      hasMore = taken < found.length ||
        (found.length === limit && found.at(-1)!.seq < lastSeq);
      const left = Math.ceil((maxBytes - bytes) / (bytes / events.length));
      limit = Math.min(Math.max(left, 1), exportedEvents);
    }
    return {
      epoch,
      lastSeq,
      wake: wake ?? undefined,
      snapshots,
      events: packEvents(events),
      hasMore,
    };
  }

  /** What is stored of an id; `log` 0: nothing. */
  #stored(
    id: string,
  ): { readonly log: number; readonly epoch: number; readonly lastSeq: number } {
    const row = this.#one(
      "select log, epoch, max(last_seq, coalesce((select max(seq) from casty_events e where " +
        "e.position > (select indexed from casty_meta) and e.log = l.log), 0)) as lastSeq " +
        "from casty_logs l where id = ?",
      id,
    );
    return row as { log: number; epoch: number; lastSeq: number } | undefined ??
      { log: 0, epoch: 0, lastSeq: 0 };
  }

  #events(id: string, from: number, to: number, limit: number): PackedEvents {
    return packEvents(this.#rows(id, from, to, limit));
  }

  #rows(id: string, from: number, to: number, limit: number): EventRow[] {
    const row = this.#one("select log from casty_logs where id = ?", id);
    if (row === undefined) return [];
    const { log } = row as { log: number };
    const rows: EventRow[] = [];
    let next = from;
    while (rows.length < limit && next <= to) {
      const { positions, last } = this.#positions(log, next, to, limit - rows.length);
      if (last === undefined) break;
      const found = this.#all(
        `select ${eventFields} from casty_events e where e.position in ` +
          "(select value from json_each(?)) order by e.position",
        JSON.stringify(positions),
      ) as EventRow[];
      for (const event of found) rows.push(event);
      next = last + 1;
    }
    if (rows.length < limit) {
      const tail = this.#all(
        `select ${eventFields} from casty_events e where ` +
          "e.position > (select indexed from casty_meta) and e.log = ? and e.seq between ? and ? " +
          "order by e.position limit ?",
        log,
        next,
        to,
        limit - rows.length,
      ) as EventRow[];
      rows.push(...tail);
    }
    return rows;
  }

  /** Where events are, as far as some rows of the index tell; `last`: the number of the last of them. */
  #positions(
    log: number,
    from: number,
    to: number,
    limit: number,
  ): { readonly positions: readonly number[]; readonly last: number | undefined } {
    const rows = this.#all(
      "select seq, positions from casty_index where log = ? and seq >= ? order by seq limit ?",
      log,
      from,
      indexRows,
    ) as { seq: number; positions: string }[];
    const positions: number[] = [];
    let last: number | undefined;
    for (const { seq, positions: text } of rows) {
      const all = JSON.parse(text) as number[];
      let number = seq - all.length;
      for (const position of all) {
        if (++number < from) continue;
        if (number > to || positions.length === limit) return { positions, last };
        positions.push(position);
        last = number;
      }
    }
    return { positions, last };
  }

  #snapshot(id: string, maxSeq: number): StoredSnapshot | undefined {
    const row = this.#one(
      "select seq, epoch, at, version, checksum, payload, metadata from casty_snapshots " +
        "where id = ? and seq <= ? order by seq desc limit 1",
      id,
      maxSeq,
    ) as Omit<EventRow, "tags"> | undefined;
    if (row === undefined) return undefined;
    const { metadata, ...snapshot } = row;
    return metadata === null ? snapshot : { ...snapshot, metadata };
  }

  #due({ slices: { from, to }, before, limit }: ReadDueOptions): DueLog[] {
    return this.#all(
      "select id, wake from casty_logs where wake <= ? and slice between ? and ? " +
        "order by wake limit ?",
      before,
      from,
      to,
      limit,
    ) as DueLog[];
  }

  /** Ends the connection. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      this.#statements.set(sql, statement = this.#database.prepare(sql));
    }
    return statement;
  }

  /** Of a statement without values: prepared once, which `exec` of the database is not. */
  #exec(sql: string): void {
    this.#statement(sql).run();
  }

  #one(sql: string, ...values: Value[]): unknown {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: Value[]): unknown[] {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: readonly Value[]): void {
    this.#statement(sql).run(...values);
  }
}

/** The results of entries that were not appended, by their index. */
export type Refusals = readonly (readonly [index: number, result: AppendResult])[];

const insertionTexts = new Map(insertions.map((size) => {
  const row = `(${Array(10).fill("?").join()})`;
  return [size, `insert into casty_events values ${Array(size).fill(row).join()}`];
}));

function insertion(size: number): string {
  return insertionTexts.get(size)!;
}

/** A refusal that leaves the other writes of the commit as they are. */
export interface Refused {
  readonly refused: { readonly id: string; readonly own: number; readonly other: number };
}

function refused(id: string, own: number, other: number): Refused {
  return { refused: { id, own, other } };
}

/** The result of a write, or the error of one that was refused. */
export function resultOf<T>(result: unknown): T {
  const { refused: why } = (result ?? {}) as Partial<Refused>;
  if (why !== undefined) throw fenced(why.id, why.own, why.other);
  return result as T;
}

/** `SQLITE_FULL`: there is no room on the disk. */
const sqliteFull = 13;

/** The primary result code of SQLite; 0: it is no error of SQLite. */
function codeOf(error: unknown): number {
  const { errcode } = error as { readonly errcode?: unknown };
  return typeof errcode === "number" ? errcode & 0xff : 0;
}

function unavailable(cause: unknown): PersistenceError {
  if (cause instanceof PersistenceError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PersistenceError("storeUnavailable", `the store has failed: ${why}`, {
    cause,
    remedy: "see the cause; nothing of this was written",
  });
}
