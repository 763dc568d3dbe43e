import { DatabaseSync, type StatementSync } from "node:sqlite";
import { PersistenceError } from "../errors.ts";
import {
  type AppendEntry,
  type AppendResult,
  judgeAppend,
  judgeOpen,
  type LogHead,
  type StoredEvent,
  type StoredSnapshot,
} from "../journal.ts";
import { fenced } from "../journal_errors.ts";

/** The version of the tables. A file with another one is refused. */
const schemaVersion = 1;

const schema = `
create table if not exists casty_logs (
  id text primary key, epoch integer not null, last_seq integer not null
) without rowid, strict;
create table if not exists casty_events (
  position integer primary key,
  id text not null, seq integer not null, epoch integer not null, at integer not null,
  version integer not null, checksum integer not null, payload blob not null, tags text,
  unique (id, seq)
) strict;
create table if not exists casty_snapshots (
  id text not null, seq integer not null, epoch integer not null, at integer not null,
  version integer not null, checksum integer not null, payload blob not null,
  primary key (id, seq)
) without rowid, strict;
`;

/** What the thread of a store is asked to write. */
export type SqliteWrite =
  | { readonly type: "open"; readonly id: string; readonly epoch: number | undefined }
  | { readonly type: "append"; readonly entries: readonly AppendEntry[] }
  | {
    readonly type: "saveSnapshot";
    readonly id: string;
    readonly snapshot: StoredSnapshot;
    readonly keep: number;
  }
  | {
    readonly type: "deleteEvents";
    readonly id: string;
    readonly upTo: number;
    readonly epoch: number;
  };

/** What it is asked to read. */
export type SqliteRead =
  | { readonly type: "lastSeq"; readonly id: string }
  | {
    readonly type: "events";
    readonly id: string;
    readonly from: number;
    readonly to: number;
    readonly limit: number;
  }
  | { readonly type: "snapshot"; readonly id: string; readonly maxSeq: number };

interface EventRow extends Omit<StoredEvent, "tags"> {
  readonly tags: string | null;
}

/**
 * One connection to a file, for one thread. Calls are synchronous. A writer holds the file's lock from
 * the begin of each transaction, so that what `judgeAppend` has seen is still so at the commit.
 */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** `synchronous`: `FULL` waits for the disk at each commit, `NORMAL` at each checkpoint only. */
  constructor(path: string, synchronous: "FULL" | "NORMAL", readOnly: boolean) {
    this.#database = new DatabaseSync(path, { readOnly, timeout: 10_000 });
    if (readOnly) return;
    this.#database.exec("pragma journal_mode = wal");
    this.#database.exec(`pragma synchronous = ${synchronous}`);
    this.#migrate(path);
  }

  #migrate(path: string): void {
    this.#database.exec("begin immediate");
    const { user_version: found } = this.#one("pragma user_version") as { user_version: number };
    if (found !== 0 && found !== schemaVersion) {
      this.#database.exec("rollback");
      throw new PersistenceError("futureVersion", `${path} has tables of version ${found}`, {
        value: found,
        remedy: `use a version of Casty that knows it; this one knows ${schemaVersion}`,
      });
    }
    this.#database.exec(schema);
    this.#database.exec(`pragma user_version = ${schemaVersion}`);
    this.#database.exec("commit");
  }

  /**
   * Carries out writes in one commit. A write that is refused leaves the others as they are.
   *
   * @throws {PersistenceError} code `storeUnavailable`: none of them was done; `outcomeUnknown`: the
   * commit itself has failed.
   */
  write(writes: readonly SqliteWrite[]): unknown[] {
    let results: unknown[];
    try {
      this.#database.exec("begin immediate");
    } catch (cause) {
      throw unavailable(cause);
    }
    try {
      results = writes.map((write) => this.#writeOne(write));
    } catch (cause) {
      this.#rollBack();
      throw unavailable(cause);
    }
    try {
      this.#database.exec("commit");
    } catch (cause) {
      this.#rollBack();
      throw new PersistenceError("outcomeUnknown", "the commit has failed", {
        cause,
        remedy: "see the cause; actors that were writing recover, and find what is stored",
      });
    }
    return results;
  }

  #rollBack(): void {
    try {
      this.#database.exec("rollback");
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  #writeOne(write: SqliteWrite): unknown {
    switch (write.type) {
      case "open":
        return this.#open(write.id, write.epoch);
      case "append":
        return write.entries.map((entry) => this.#append(entry));
      case "saveSnapshot":
        return this.#saveSnapshot(write.id, write.snapshot, write.keep);
      case "deleteEvents":
        return this.#deleteEvents(write.id, write.upTo, write.epoch);
    }
  }

  #head(id: string): LogHead {
    const row = this.#one("select epoch, last_seq as lastSeq from casty_logs where id = ?", id);
    return row as LogHead | undefined ?? { epoch: 0, lastSeq: 0 };
  }

  #open(id: string, epoch: number | undefined): unknown {
    const { epoch: highest, lastSeq } = this.#head(id);
    const opened = judgeOpen(highest, epoch);
    if (opened === undefined) return refused(id, epoch!, highest);
    if (opened > highest) {
      this.#run(
        "insert into casty_logs values (?, ?, ?) on conflict (id) do update set epoch = excluded.epoch",
        id,
        opened,
        lastSeq,
      );
    }
    return { epoch: opened, lastSeq };
  }

  #append(entry: AppendEntry): AppendResult {
    const { id, epoch, events } = entry;
    const head = this.#head(id);
    const result = judgeAppend(head, entry);
    if (result.outcome !== "appended") return result;
    let seq = head.lastSeq;
    for (const { at, version, checksum, payload, tags } of events) {
      this.#run(
        "insert into casty_events (id, seq, epoch, at, version, checksum, payload, tags) " +
          "values (?, ?, ?, ?, ?, ?, ?, ?)",
        id,
        ++seq,
        epoch,
        at,
        version,
        checksum,
        payload,
        tags === undefined ? null : JSON.stringify(tags),
      );
    }
    this.#run(
      "insert into casty_logs values (?, ?, ?) on conflict (id) do update set " +
        "epoch = excluded.epoch, last_seq = excluded.last_seq",
      id,
      epoch,
      seq,
    );
    return result;
  }

  #saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): unknown {
    const { seq, epoch, at, version, checksum, payload } = snapshot;
    const highest = this.#head(id).epoch;
    if (epoch < highest) return refused(id, epoch, highest);
    this.#run(
      "insert or replace into casty_snapshots values (?, ?, ?, ?, ?, ?, ?)",
      id,
      seq,
      epoch,
      at,
      version,
      checksum,
      payload,
    );
    this.#run(
      "delete from casty_snapshots where id = ? and seq not in " +
        "(select seq from casty_snapshots where id = ? order by seq desc limit ?)",
      id,
      id,
      keep,
    );
    return undefined;
  }

  #deleteEvents(id: string, upTo: number, epoch: number): unknown {
    const highest = this.#head(id).epoch;
    if (epoch < highest) return refused(id, epoch, highest);
    this.#run("delete from casty_events where id = ? and seq <= ?", id, upTo);
    return undefined;
  }

  /**
   * Reads.
   *
   * @throws {PersistenceError} code `storeUnavailable`.
   */
  read(read: SqliteRead): unknown {
    try {
      switch (read.type) {
        case "lastSeq":
          return this.#head(read.id).lastSeq;
        case "events":
          return this.#events(read.id, read.from, read.to, read.limit);
        case "snapshot":
          return this.#one(
            "select seq, epoch, at, version, checksum, payload from casty_snapshots " +
              "where id = ? and seq <= ? order by seq desc limit 1",
            read.id,
            read.maxSeq,
          );
      }
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  #events(id: string, from: number, to: number, limit: number): StoredEvent[] {
    const rows = this.#statement(
      "select seq, epoch, at, version, checksum, payload, tags from casty_events " +
        "where id = ? and seq between ? and ? order by seq limit ?",
    ).all(id, from, to, limit) as unknown as EventRow[];
    return rows.map(({ tags, ...event }) => ({
      ...event,
      ...(tags !== null && { tags: JSON.parse(tags) }),
    }));
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

  #one(sql: string, ...values: (string | number)[]): unknown {
    return this.#statement(sql).get(...values);
  }

  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
    this.#statement(sql).run(...values);
  }
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

function unavailable(cause: unknown): PersistenceError {
  if (cause instanceof PersistenceError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PersistenceError("storeUnavailable", `the store has failed: ${why}`, {
    cause,
    remedy: "see the cause; nothing of this was written",
  });
}
