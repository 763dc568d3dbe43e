import { openSqliteJournal } from "../../lib/persistence/sqlite/sqlite_journal.ts";
import type { SqliteRuntime } from "../../lib/persistence/sqlite/sqlite_journal.ts";
import { platform } from "../../lib/runtime/platform.ts";
import type { StorageFile } from "../../lib/runtime/storage.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { systemStorage } from "../../lib/runtime/system_storage.ts";

/** The disk of an SQLite store: waits for it can be held, and can fail. */
export class HeldDisk {
  /** Files that were opened to be made durable. */
  readonly opened: string[] = [];
  readonly folders: string[] = [];
  /** Waits that have begun. */
  begun = 0;
  /** Waits begin and end with this. */
  onBegin: () => void = () => {};
  onEnd: () => void = () => {};
  #held: (() => void)[] | undefined;
  #failure: Error | undefined;

  /** From now on waits do not end, until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Waits go on. */
  release(): void {
    for (const go of this.#held?.splice(0) ?? []) go();
    this.#held = undefined;
  }

  /** The next wait fails, and those after it succeed, as after an error that the system has told once. */
  failOnce(error: Error): void {
    this.#failure = error;
  }

  readonly storage: SqliteRuntime["storage"] = {
    size: (path) => systemStorage.size(path),
    open: async (path, mode) => {
      this.opened.push(path);
      return this.#wrapped(await systemStorage.open(path, mode));
    },
    syncFolder: async (folder) => {
      this.folders.push(folder);
      await systemStorage.syncFolder(folder);
    },
  };

  #wrapped(file: StorageFile): StorageFile {
    return {
      size: () => file.size(),
      append: () => Promise.reject(new Error("only SQLite writes to its log")),
      truncate: () => Promise.reject(new Error("only SQLite writes to its log")),
      close: () => file.close(),
      sync: async () => {
        this.begun++;
        this.onBegin();
        const held = this.#held;
        if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
        const failure = this.#failure;
        this.#failure = undefined;
        if (failure !== undefined) throw failure;
        await file.sync();
        this.onEnd();
      },
    };
  }

  /** Opens a store on this disk, with `FULL`. Waits in commits are not held. */
  journal(path: string, clock = systemClock, { waitsInCommits = false } = {}) {
    const { threads } = platform;
    const { storage } = this;
    return openSqliteJournal(path, {}, { threads, clock, storage, waitsInCommits });
  }
}
