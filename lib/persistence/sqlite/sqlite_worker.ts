/**
 * The thread of an SQLite store: a commit waits for the disk, which must not stop the event loop. Each
 * message is carried out before the next one is taken.
 *
 * @module
 */
import { platform } from "../../runtime/platform.ts";
import { PersistenceError, type PersistenceErrorCode } from "../errors.ts";
import { SqliteDatabase, type SqliteRead, type SqliteWrite } from "./database.ts";

/** A message to the thread. */
export type ToSqlite =
  | {
    readonly type: "start";
    readonly path: string;
    readonly synchronous: "FULL" | "NORMAL";
    readonly readOnly: boolean;
  }
  | { readonly type: "write"; readonly writes: readonly SqliteWrite[] }
  | { readonly type: "read"; readonly read: SqliteRead }
  | { readonly type: "close" };

/** The value of its answer to `write`. */
export interface Written {
  readonly results: readonly unknown[];
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
      database = new SqliteDatabase(message.path, message.synchronous, message.readOnly);
      return;
    case "write": {
      const begun = performance.now();
      const results = database!.write(message.writes);
      return { results, ms: performance.now() - begun } satisfies Written;
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
