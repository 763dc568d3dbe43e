/**
 * The port for files. It has only the operations of a file system; what needs several steps in the
 * right order (`replaceFile`, `createFile`, `VersionedFile`, `FileLock`) is built on it once, so
 * that a simulated disk sees every step and can fail between any two.
 *
 * @module
 */
import { CastyError, type CastyErrorOptions } from "./casty_error.ts";

/**
 * The failure, a closed set:
 *
 * - `notFound`: there is no such file or folder.
 * - `exists`: there is one already.
 * - `full`: no room is left, or a quota is used up.
 * - `denied`: the process may not do this.
 * - `corrupt`: the content is not what was written.
 * - `locked`: another process holds the lock.
 * - `closed`: the file was closed before.
 * - `io`: the device failed, or the system gave another reason; see `cause`.
 */
export type StorageErrorCode =
  | "notFound"
  | "exists"
  | "full"
  | "denied"
  | "corrupt"
  | "locked"
  | "closed"
  | "io";

const remedies: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  full: "free space on the device, or raise the quota",
  denied: "give the process access to the path (Deno: --allow-read and --allow-write)",
  io: "see the cause",
};

/** A file operation failed. `value` is the path. */
export class StorageError extends CastyError {
  /** Name of the class. */
  override name = "StorageError";
  /** Stable; see {@linkcode StorageErrorCode}. */
  declare readonly code: StorageErrorCode;

  /** `message` names the operation and the path. */
  constructor(code: StorageErrorCode, message: string, options: CastyErrorOptions = {}) {
    const remedy = options.remedy ?? remedies[code];
    super(code, message, { ...options, ...(remedy !== undefined && { remedy }) });
  }
}

/** Whether an error says that there is no such file. */
export function isNotFound(error: unknown): boolean {
  return error instanceof StorageError && error.code === "notFound";
}

/** An open file. Writes go to its end. */
export interface StorageFile {
  /** Bytes in it. */
  size(): Promise<number>;
  /**
   * Writes all of `bytes` at the end. If it rejects, any part of them may have been written.
   * Durable only after {@linkcode StorageFile.sync}.
   */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): Promise<void>;
  /**
   * Resolves when everything that was written survives the loss of power. If it rejects, the state
   * of all writes since the last success is unknown, and calling it again proves nothing: write the
   * data anew.
   */
  sync(): Promise<void>;
  /** Closes the file; does not sync. */
  close(): Promise<void>;
}

/** Identifies a process on a machine, so that another process can check whether it has ended. */
export interface ProcessIdentity {
  /** Name of the machine. */
  readonly host: string;
  /** Number of the process on that machine. */
  readonly pid: number;
  /**
   * Wall-clock milliseconds since the Unix epoch when it started. Distinguishes processes with a
   * reused number.
   */
  readonly startedAt: number;
}

/** Files and folders. Everything rejects with a {@linkcode StorageError}. */
export interface Storage {
  /** The process that uses this storage. */
  readonly self: ProcessIdentity;
  /**
   * Whether a process has ended for certain. False: it runs, or this machine cannot know (it is a
   * process of another machine).
   */
  hasEnded(process: ProcessIdentity): Promise<boolean>;
  /** A path beside `path` that is unique among all calls of all processes. */
  temporary(path: string): string;
  /** All bytes of a file. */
  read(path: string): Promise<Uint8Array>;
  /** Bytes in a file. */
  size(path: string): Promise<number>;
  /**
   * Opens a file for writing. `append`: as it is, or a new one. `truncate`: without its content, or
   * a new one. Private to the user of the process (0600).
   */
  open(path: string, mode: "append" | "truncate"): Promise<StorageFile>;
  /** Gives a file another name; a file of that name is replaced at once, as a whole. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name; code `exists` if there is one of that name. */
  link(existing: string, name: string): Promise<void>;
  /** Removes a name. */
  remove(path: string): Promise<void>;
  /** Names in a folder, sorted. Code `notFound` if there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Creates a folder and its parents, private to the user of the process (0700). */
  makeFolder(folder: string): Promise<void>;
  /** Resolves when the names in a folder survive the loss of power. */
  syncFolder(folder: string): Promise<void>;
}

/** The folder of a path. */
export function folderOf(path: string): string {
  const end = lastSeparator(path);
  return end < 0 ? "." : end === 0 ? "/" : path.slice(0, end);
}

/** The name of a file in its folder. */
export function nameOf(path: string): string {
  return path.slice(lastSeparator(path) + 1);
}

function lastSeparator(path: string): number {
  return Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
}
