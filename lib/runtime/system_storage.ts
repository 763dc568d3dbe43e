import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { hostname } from "node:os";
import process from "node:process";
import {
  folderOf,
  type ProcessIdentity,
  type Storage,
  StorageError,
  type StorageErrorCode,
  type StorageFile,
} from "./storage.ts";

const codes: Readonly<Record<string, StorageErrorCode>> = {
  ENOENT: "notFound",
  ENOTDIR: "notFound",
  EEXIST: "exists",
  ENOTEMPTY: "exists",
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  EBADF: "closed",
};

/** The failure of a system call, as an error of the port. */
function storageError(operation: string, path: string, cause: unknown): StorageError {
  const { code = "", name = "" } = cause as { code?: string; name?: string };
  const known = codes[code] ?? (name === "NotCapable" ? "denied" : "io");
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(known, `${operation} ${path}: ${why}`, { value: path, cause });
}

async function attempt<T>(operation: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageError(operation, path, error);
  }
}

class SystemFile implements StorageFile {
  readonly #path: string;
  readonly #handle: fs.FileHandle;
  #closed = false;

  constructor(path: string, handle: fs.FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return (await this.#attempt("stat", () => this.#handle.stat())).size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      // A write may take only a part.
      const part = bytes.subarray(from);
      from += (await this.#attempt("write", () => this.#handle.write(part))).bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return this.#attempt("truncate", () => this.#handle.truncate(size));
  }

  sync(): Promise<void> {
    return this.#attempt("sync", () => this.#handle.datasync());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await attempt("close", this.#path, this.#handle.close());
  }

  #attempt<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (!this.#closed) return attempt(operation, this.#path, work());
    const message = `${operation} ${this.#path}: the file is closed`;
    return Promise.reject(new StorageError("closed", message, { value: this.#path }));
  }
}

const startedAt = Math.round(performance.timeOrigin);
const unknownHost = "unknown host";
let known: ProcessIdentity | undefined;
let temporaries = 0;

/** Not at import: Deno asks the user for permission to read the host's name. */
function self(): ProcessIdentity {
  return known ??= { host: hostOf(), pid: process.pid, startedAt };
}

/** Without the permission to ask for it, locks of other processes are never taken over. */
function hostOf(): string {
  try {
    return hostname();
  } catch {
    return unknownHost;
  }
}

function hasEnded({ host, pid, startedAt }: ProcessIdentity): boolean {
  const me = self();
  if (host !== me.host || host === unknownHost) return false;
  if (pid === me.pid) return startedAt !== me.startedAt;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}

/** Folders cannot be opened, and so not synced, on Windows. */
const foldersCanBeSynced = process.platform !== "win32";

async function syncFolder(folder: string): Promise<void> {
  if (!foldersCanBeSynced) return;
  const handle = await fs.open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems do not support this: their names are durable at once.
    if ((error as { code?: string }).code !== "EINVAL") throw error;
  } finally {
    await handle.close();
  }
}

/** Also syncs the folder above each that was made: a folder is a name in it. */
async function makeFolder(folder: string): Promise<void> {
  const first = await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const top = folderOf(first);
  for (let made = folder;; made = folderOf(made)) {
    const above = folderOf(made);
    await syncFolder(above);
    if (above === top || above === "." || above === made) return;
  }
}

/** The file system of the machine, through `node:fs`, which Deno, Node and Bun have. */
export const systemStorage: Storage = {
  get self() {
    return self();
  },
  hasEnded: (process) => Promise.resolve(hasEnded(process)),
  temporary: (path) =>
    `${path}.${startedAt.toString(36)}-${process.pid}-${++temporaries}.temporary`,
  read: (path) => attempt("read", path, fs.readFile(path)),
  size: async (path) => (await attempt("stat", path, fs.stat(path))).size,
  open: async (path, mode) => {
    const flags = mode === "append" ? "a" : "w";
    return new SystemFile(path, await attempt("open", path, fs.open(path, flags, 0o600)));
  },
  rename: (from, to) => attempt("rename", from, fs.rename(from, to)),
  link: (existing, name) => attempt("link", name, fs.link(existing, name)),
  remove: (path) => attempt("remove", path, fs.unlink(path)),
  list: async (folder) => (await attempt("list", folder, fs.readdir(folder))).sort(),
  makeFolder: (folder) => attempt("make", folder, makeFolder(folder)),
  syncFolder: (folder) => attempt("sync", folder, syncFolder(folder)),
};
