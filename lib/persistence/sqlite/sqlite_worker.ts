/**
 * The thread of an SQLite store: a commit may wait for the disk, which must not stop the event loop. Each
 * message is carried out before the next one is taken.
 *
 * @module
 */
import { platform } from "../../runtime/platform.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { PersistenceError, type PersistenceErrorCode } from "../errors.ts";
import { SqliteDatabase, type SqliteRead, type SqliteWrite } from "./database.ts";

/** A message to the thread. */
export type ToSqlite =
  | {
    readonly type: "start";
    readonly path: string;
    readonly readOnly: boolean;
  }
  | {
    readonly type: "write";
    readonly writes: readonly SqliteWrite[];
    /** Whether the commit waits for the disk. */
    readonly durable: boolean;
  }
  | { readonly type: "read"; readonly read: SqliteRead }
  | { readonly type: "close" };

/** The value of its answer to `write`; to `start` it is the path without links, to `read` a `Found`. */
export interface Written {
  readonly results: readonly unknown[];
  /** Whether the disk has it, and all before. */
  readonly isDurable: boolean;
  /** How long the commit has taken: the event loop of the other side may notice its end later. */
  readonly ms: number;
}

/** Its answer: one for each message, in order. */
export type FromSqlite =
  | { readonly type: "done"; readonly value: unknown }
  | {
    readonly type: "failed";
    readonly code: PersistenceErrorCode;
    readonly message: string;
  };

let database: SqliteDatabase | undefined;

function handle(message: ToSqlite): unknown {
  switch (message.type) {
    case "start":
      database = new SqliteDatabase(message.path, message.readOnly);
      if (!message.readOnly) database.copyLog();
      return database.path;
    case "write": {
      const { writes, durable } = message;
      const begun = systemClock.now();
      const before = durable ? database!.changes : 0;
      const results = database!.write(writes, durable);
      const isDurable = durable && database!.changes > before;
      return { results, isDurable, ms: systemClock.now() - begun } satisfies Written;
    }
    case "read":
      return database!.read(message.read);
    case "close":
      return database?.close();
  }
}

const { post } = platform.threads.parent((message) => {
  let answer: FromSqlite;
  try {
    answer = { type: "done", value: handle(message as ToSqlite) };
  } catch (error) {
    const code = error instanceof PersistenceError ? error.code : "storeUnavailable";
    answer = {
      type: "failed",
      code,
      message: error instanceof Error ? error.message : String(error),
    };
  }
  post(answer);
});
