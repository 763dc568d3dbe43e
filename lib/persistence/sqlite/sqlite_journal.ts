import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import { sqliteJournalTable } from "../../options/tables/persistence_tables.ts";
import { platform } from "../../runtime/platform.ts";
import type { Thread } from "../../runtime/platform_port.ts";
import { PersistenceError } from "../errors.ts";
import type {
  AppendEntry,
  AppendResult,
  Journal,
  OpenedLog,
  ReadOptions,
  StoredEvent,
  StoredSnapshot,
} from "../journal.ts";
import { storeClosed } from "../journal_errors.ts";
import { resultOf, type SqliteRead, type SqliteWrite } from "./database.ts";
import type { FromSqlite, ToSqlite } from "./sqlite_worker.ts";

/** Options of {@linkcode sqliteJournal}. */
export interface SqliteJournalOptions {
  /**
   * When a write is durable: `FULL`: the disk has it (fsync); `NORMAL`: the process may be killed, but
   * a power failure may lose the last commits. Default `"FULL"`.
   */
  readonly synchronous?: "FULL" | "NORMAL";
  /** Writes that may wait; more are refused with `storeUnavailable`. Default 10 000. */
  readonly maxWaiting?: number;
}

/**
 * A store in one SQLite file, for the processes of one machine. Writes that arrive while a commit is
 * under way share the next one. Reading does not wait for writing: it has a thread of its own.
 *
 * @param path of the file; it is made if it is missing, its folder is not. Needs `--allow-read` and
 * `--allow-write` for the folder: SQLite keeps two more files beside it.
 * @throws {PersistenceError} codes `storeUnavailable`, `futureVersion`.
 * @throws {OptionError}.
 *
 * @example
 * ```ts
 * import { sqliteJournal } from "@casty/casty/persistence";
 *
 * const folder = await Deno.makeTempDir();
 * const journal = await sqliteJournal(`${folder}/bank.db`);
 * console.assert((await journal.open("account/alice", undefined)).lastSeq === 0);
 * await journal.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function sqliteJournal(
  path: string,
  options: SqliteJournalOptions = {},
): Promise<Journal> {
  checkOptions(sqliteJournalTable, options);
  const { synchronous, maxWaiting } = resolveOptions(sqliteJournalTable, options);
  const name = `sqlite:${path}`;
  const writer = await SqliteThread.start(name, { path, synchronous, readOnly: false });
  try {
    const reader = await SqliteThread.start(name, { path, synchronous, readOnly: true });
    return new SqliteJournal(name, writer, reader, maxWaiting);
  } catch (error) {
    await writer.close();
    throw error;
  }
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection, in a thread. Answers come in the order of the messages. */
class SqliteThread {
  readonly #name: string;
  readonly #waiting: Waiting[] = [];
  #thread: Thread | undefined;
  #end: PersistenceError | undefined;

  private constructor(name: string) {
    this.#name = name;
  }

  static async start(
    name: string,
    options: Omit<Extract<ToSqlite, { type: "start" }>, "type">,
  ): Promise<SqliteThread> {
    const thread = new SqliteThread(name);
    const ending = import.meta.url.endsWith(".js") ? "js" : "ts";
    try {
      thread.#thread = await platform.threads.start(
        new URL(`./sqlite_worker.${ending}`, import.meta.url),
        "casty sqlite",
        {
          onMessage: (message) => thread.#onAnswer(message as FromSqlite),
          onError: (reason) => thread.#fail(reason),
        },
      );
    } catch (cause) {
      throw new PersistenceError("storeUnavailable", `${name} cannot start its thread`, {
        value: name,
        cause,
        remedy: "see the cause; the thread loads its modules from where the library is",
      });
    }
    try {
      await thread.ask({ type: "start", ...options });
    } catch (error) {
      thread.#thread.terminate();
      throw error;
    }
    return thread;
  }

  ask<T>(message: ToSqlite): Promise<T> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#thread!.post(message);
    });
  }

  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    await this.ask({ type: "close" }).catch(() => {});
    this.#end = storeClosed(this.#name);
    this.#thread!.terminate();
  }

  #onAnswer(answer: FromSqlite): void {
    const { resolve, reject } = this.#waiting.shift()!;
    if (answer.type === "done") return resolve(answer.value as never);
    reject(
      new PersistenceError(answer.code, `${this.#name}: ${answer.message}`, { value: this.#name }),
    );
  }

  /** The thread is gone: what it was doing may have been committed. */
  #fail(reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = new PersistenceError("storeUnavailable", `${this.#name} has ended: ${reason}`, {
      value: this.#name,
    });
    const unknown = new PersistenceError("outcomeUnknown", `${this.#name} has ended: ${reason}`, {
      value: this.#name,
    });
    for (const { reject } of this.#waiting.splice(0)) reject(unknown);
  }
}

interface WaitingWrite {
  readonly write: SqliteWrite;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

class SqliteJournal implements Journal {
  readonly name: string;
  readonly #writer: SqliteThread;
  readonly #reader: SqliteThread;
  readonly #maxWaiting: number;
  /** For the next commit. */
  #next: WaitingWrite[] = [];
  #committing: Promise<void> | undefined;
  #closed = false;

  constructor(name: string, writer: SqliteThread, reader: SqliteThread, maxWaiting: number) {
    this.name = name;
    this.#writer = writer;
    this.#reader = reader;
    this.#maxWaiting = maxWaiting;
  }

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    return resultOf(await this.#write({ type: "open", id, epoch }));
  }

  async append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    return resultOf(await this.#write({ type: "append", entries }));
  }

  async *read(id: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    const { from = 1, batch = 500 } = options;
    const last = await this.#read<number>({ type: "lastSeq", id });
    const to = Math.min(options.to ?? last, last);
    for (let next = from; next <= to;) {
      const events = await this.#read<StoredEvent[]>({
        type: "events",
        id,
        from: next,
        to,
        limit: batch,
      });
      if (events.length === 0) return;
      yield* events;
      next = events.at(-1)!.seq + 1;
    }
  }

  loadSnapshot(
    id: string,
    maxSeq = Number.MAX_SAFE_INTEGER,
  ): Promise<StoredSnapshot | undefined> {
    return this.#read({ type: "snapshot", id, maxSeq });
  }

  async saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    resultOf(await this.#write({ type: "saveSnapshot", id, snapshot, keep }));
  }

  async deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    resultOf(await this.#write({ type: "deleteEvents", id, upTo, epoch }));
  }

  // Next commit.
  delete(): Promise<void> {
    return Promise.reject(storeClosed(this.name));
  }

  readSlices(): Promise<never> {
    return Promise.reject(storeClosed(this.name));
  }

  readDue(): Promise<never> {
    return Promise.reject(storeClosed(this.name));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#committing;
    await this.#writer.close();
    await this.#reader.close();
  }

  #read<T>(read: SqliteRead): Promise<T> {
    if (this.#closed) return Promise.reject(storeClosed(this.name));
    return this.#reader.ask({ type: "read", read });
  }

  #write(write: SqliteWrite): Promise<unknown> {
    if (this.#closed) return Promise.reject(storeClosed(this.name));
    if (this.#next.length >= this.#maxWaiting) {
      return Promise.reject(
        new PersistenceError(
          "storeUnavailable",
          `${this.name}: ${this.#maxWaiting} writes wait already`,
          {
            value: this.#maxWaiting,
            remedy: "let clients repeat it later, or use a faster disk",
          },
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#next.push({ write, resolve, reject });
      this.#committing ??= this.#commit();
    });
  }

  /** Commits until nothing waits. What arrives meanwhile shares the next commit. */
  async #commit(): Promise<void> {
    while (this.#next.length > 0) {
      const batch = this.#next;
      this.#next = [];
      try {
        const results = await this.#writer.ask<unknown[]>({
          type: "write",
          writes: batch.map(({ write }) => write),
        });
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#committing = undefined;
  }
}
