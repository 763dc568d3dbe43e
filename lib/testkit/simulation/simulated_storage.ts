import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { ProcessIdentity, Storage, StorageFile } from "../../runtime/storage.ts";
import { DiskFaults } from "./disk_faults.ts";
import { diskError, type DiskFile, SimulatedDisk } from "./simulated_disk.ts";

/** What one process sees of its disks. */
export interface SimulatedStorageOptions {
  /** The disk of a path. */
  readonly disk: (path: string) => SimulatedDisk;
  /** The time of the world: the system goes on while the process stands still. */
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: DiskFaults;
  readonly self: ProcessIdentity;
  /** Lets the process take an answer, at once or when it can. */
  readonly enter: (take: () => void) => void;
  /** Whether the process exists. One that is gone gets no more answers. */
  readonly alive: () => boolean;
}

/** Milliseconds that operations take: least, and what is added by chance. */
const quick = { least: 0.02, more: 0.2 };
const syncing = { least: 0.2, more: 4 };

/**
 * The storage of one process on simulated disks. An operation takes effect some time after it was
 * called and is answered some time later, so a process can end before, between and after; a write
 * takes effect in two parts.
 */
export class SimulatedStorage implements Storage {
  readonly #options: SimulatedStorageOptions;
  #temporaries = 0;

  /** See {@linkcode SimulatedStorageOptions}. */
  constructor(options: SimulatedStorageOptions) {
    this.#options = options;
  }

  get self(): ProcessIdentity {
    return this.#options.self;
  }

  /** One process runs on a machine at a time. */
  hasEnded({ host, pid, startedAt }: ProcessIdentity): Promise<boolean> {
    const { self } = this.#options;
    const other = pid !== self.pid || startedAt !== self.startedAt;
    return Promise.resolve(host === self.host && other);
  }

  temporary(path: string): string {
    const { host, pid } = this.#options.self;
    return `${path}.${host}-${pid}-${++this.#temporaries}.temporary`;
  }

  read(path: string): Promise<Uint8Array> {
    return this.#operate("read", path, quick, (disk) => disk.read(path));
  }

  size(path: string): Promise<number> {
    return this.#operate("read", path, quick, (disk) => disk.size(path));
  }

  async open(path: string, mode: "append" | "truncate"): Promise<StorageFile> {
    const { host } = this.#options.self;
    const file = await this.#operate("write", path, quick, (disk) => {
      return disk.open(path, mode === "truncate", host);
    });
    return this.#opened(path, file);
  }

  rename(from: string, to: string): Promise<void> {
    const { host } = this.#options.self;
    return this.#operate("write", to, quick, (disk) => {
      this.#checkDisk("rename", from, to);
      disk.rename(from, to, host);
    }, { needsRoom: false });
  }

  link(existing: string, name: string): Promise<void> {
    const { host } = this.#options.self;
    return this.#operate("write", name, quick, (disk) => {
      this.#checkDisk("link", existing, name);
      disk.link(existing, name, host);
    });
  }

  remove(path: string): Promise<void> {
    const { host } = this.#options.self;
    return this.#operate("write", path, quick, (disk) => disk.remove(path, host), {
      needsRoom: false,
    });
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#operate("read", folder, quick, (disk) => disk.list(folder));
  }

  makeFolder(folder: string): Promise<void> {
    const { host } = this.#options.self;
    return this.#operate("write", folder, quick, (disk) => disk.makeFolder(folder, host));
  }

  syncFolder(folder: string): Promise<void> {
    return this.#operate("sync", folder, syncing, (disk) => disk.syncFolder(folder));
  }

  #opened(path: string, file: DiskFile): StorageFile {
    const { host } = this.#options.self;
    let closed = false;
    const operate = <T>(
      operation: "read" | "write" | "sync",
      work: (disk: SimulatedDisk) => T,
      options?: { needsRoom?: boolean; onError?: (disk: SimulatedDisk) => void },
    ) => {
      if (closed) return Promise.reject(diskError("closed", operation, path, "the file is closed"));
      return this.#operate(operation, path, operation === "sync" ? syncing : quick, work, options);
    };
    return {
      size: () => operate("read", () => file.content.length),
      append: async (bytes) => {
        const part = Math.floor(bytes.length * this.#options.random.next());
        const append = (from: number, to: number) =>
          operate("write", (disk) => disk.append(file, bytes.subarray(from, to), host));
        if (part > 0) await append(0, part);
        await append(part, bytes.length);
      },
      truncate: (size) =>
        operate("write", (disk) => disk.truncate(file, size, host), { needsRoom: false }),
      sync: () =>
        operate("sync", (disk) => disk.syncFile(file), {
          onError: (disk) => disk.dropChanges(file),
        }),
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    };
  }

  #checkDisk(operation: string, one: string, other: string): void {
    const { disk } = this.#options;
    if (disk(one) !== disk(other)) throw diskError("io", operation, one, "is on another device");
  }

  #operate<T>(
    operation: "read" | "write" | "sync",
    path: string,
    time: { readonly least: number; readonly more: number },
    work: (disk: SimulatedDisk) => T,
    { needsRoom = operation === "write", onError }: {
      readonly needsRoom?: boolean;
      readonly onError?: (disk: SimulatedDisk) => void;
    } = {},
  ): Promise<T> {
    const { clock, random, faults, alive, enter } = this.#options;
    const disk = this.#options.disk(path);
    const carryOut = (): T => {
      if (faults.fails(operation, random)) {
        onError?.(disk);
        throw diskError("io", operation, path, "the device failed");
      }
      if (needsRoom && faults.full) throw diskError("full", operation, path, "no space is left");
      return work(disk);
    };
    const pause = () => time.least + random.next() * time.more + faults.delay;
    return new Promise((resolve, reject) => {
      clock.schedule(pause() / 2, () => {
        if (!alive()) return;
        let settle: () => void;
        try {
          const value = carryOut();
          settle = () => resolve(value);
        } catch (error) {
          settle = () => reject(error);
        }
        clock.schedule(pause() / 2, () => {
          if (alive()) enter(settle);
        });
      });
    });
  }
}

/**
 * A storage in memory without faults, for tests: one disk, which forgets nothing.
 *
 * @example
 * ```ts
 * import { ManualClock, memoryStorage } from "@casty/casty/testkit";
 *
 * const clock = new ManualClock();
 * const storage = memoryStorage(clock);
 * await clock.resolve(storage.makeFolder("/data"));
 * console.assert((await clock.resolve(storage.list("/data"))).length === 0);
 * ```
 */
export function memoryStorage(clock: Clock): Storage {
  const disk = new SimulatedDisk();
  return new SimulatedStorage({
    disk: () => disk,
    clock,
    random: { next: () => 0, bytes: (length) => new Uint8Array(length) },
    faults: new DiskFaults(),
    self: { host: "memory", pid: 1, startedAt: 0 },
    enter: (take) => take(),
    alive: () => true,
  });
}
