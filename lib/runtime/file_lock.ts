import { type ProcessIdentity, type Storage, StorageError } from "./storage.ts";
import { VersionedFile } from "./versioned_file.ts";

/** How often a lock that other processes change meanwhile is tried for. */
const maxAttempts = 20;

/**
 * An exclusive lock of a folder or file between processes, in files beside `path`. The lock of a
 * process that has ended is taken over if that is certain: the owner was a process of this machine.
 * Never by age, because an owner that is held up would go on when another has the lock.
 */
export class FileLock {
  readonly #file: VersionedFile;
  #version: number;
  #released = false;

  private constructor(file: VersionedFile, version: number) {
    this.#file = file;
    this.#version = version;
  }

  /**
   * Takes the lock.
   *
   * @throws {StorageError} code `locked`: another process has it, which the message names; `corrupt`:
   * the file is no lock.
   */
  static async acquire(storage: Storage, path: string): Promise<FileLock> {
    const file = new VersionedFile(storage, `${path}.lock`);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { version, bytes } = await file.read();
      const owner = bytes === undefined ? undefined : parseOwner(file.path, bytes);
      if (owner !== undefined && !(await storage.hasEnded(owner))) throw locked(path, owner);
      const mine = new TextEncoder().encode(JSON.stringify({ owner: storage.self }));
      if (await file.write(version, mine)) return new FileLock(file, version + 1);
    }
    throw new StorageError("locked", `the lock of ${path} changes all the time`, { value: path });
  }

  /** Gives the lock back. Does nothing the second time. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    const free = new TextEncoder().encode(JSON.stringify({ owner: null }));
    if (await this.#file.write(this.#version, free)) this.#version++;
  }
}

/** Undefined: the lock is free. */
function parseOwner(path: string, bytes: Uint8Array): ProcessIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Refused below.
  }
  if (typeof value === "object" && value !== null && "owner" in value) {
    if (value.owner === null) return undefined;
    const { host, pid, startedAt } = value.owner as Partial<ProcessIdentity>;
    if (typeof host === "string" && Number.isInteger(pid) && Number.isFinite(startedAt)) {
      return { host, pid: pid!, startedAt: startedAt! };
    }
  }
  throw new StorageError("corrupt", `${path} is no lock`, {
    value: path,
    remedy: "if no process uses what it guards, remove it",
  });
}

function locked(path: string, { host, pid }: ProcessIdentity): StorageError {
  return new StorageError("locked", `${path} is used by process ${pid} of ${host}`, {
    value: path,
    remedy:
      "end that process; if its machine is gone, remove the files of the lock beside the path",
  });
}
