/**
 * A value in files that several processes change by compare-and-set, without a lock that could be
 * left behind: version `n` is the file `<path>.<n>`, which exactly one process can create. Works on
 * any file system with atomic hard links (local ones, NFS 3 and later, CephFS).
 *
 * @module
 */
import { createFile } from "./atomic_file.ts";
import { folderOf, isNotFound, nameOf, type Storage, StorageError } from "./storage.ts";

/** A version of the value. */
export interface FileVersion {
  /** From 1; 0: there is no value yet. */
  readonly version: number;
  /** The value; undefined if there is none yet. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Versions that are kept besides the newest. A listing of a folder is not atomic: only a writer
 * that is overtaken this often while it lists could miss the newest version.
 */
const keptVersions = 16;
/** Digits of a version in a file name. */
const digits = 12;
/** Retries of a reader whose version was removed meanwhile. */
const maxReads = 10;
/** Bytes of a value at most, unless the user of the file says otherwise. */
const defaultMaxSize = 4_096;

/** See the module's text. */
export class VersionedFile {
  /** The path without a version. */
  readonly path: string;
  readonly #storage: Storage;
  readonly #name: string;
  readonly #maxSize: number;

  /** `write` needs the folder of `path`; without it there is no value. */
  constructor(storage: Storage, path: string, maxSize: number = defaultMaxSize) {
    this.path = path;
    this.#maxSize = maxSize;
    this.#storage = storage;
    this.#name = nameOf(path);
  }

  /**
   * The newest version.
   *
   * @throws {StorageError} code `corrupt`: the file is larger than any value.
   */
  async read(): Promise<FileVersion> {
    for (let attempt = 1;; attempt++) {
      const version = (await this.#versions()).at(-1) ?? 0;
      if (version === 0) return { version, bytes: undefined };
      const path = this.#pathOf(version);
      try {
        const size = await this.#storage.size(path);
        if (size > this.#maxSize) throw new StorageError("corrupt", `${path} has ${size} bytes`);
        return { version, bytes: await this.#storage.read(path) };
      } catch (error) {
        if (!isNotFound(error) || attempt === maxReads) throw error;
      }
    }
  }

  /**
   * Writes the version after `known`, unless another process has. True: it is the newest, and
   * durable. If it rejects, the version may exist all the same: read before anything else.
   */
  async write(known: number, bytes: Uint8Array): Promise<boolean> {
    const version = known + 1;
    try {
      await createFile(this.#storage, this.#pathOf(version), bytes);
    } catch (error) {
      if (error instanceof StorageError && error.code === "exists") return false;
      throw error;
    }
    const versions = await this.#versions();
    // A writer that was held up for long may have filled a gap that was cleared behind the newest.
    if (versions.at(-1) !== version) return false;
    for (const old of versions) {
      if (old <= version - keptVersions) {
        await this.#storage.remove(this.#pathOf(old)).catch(() => {});
      }
    }
    return true;
  }

  /** In ascending order. */
  async #versions(): Promise<number[]> {
    const prefix = `${this.#name}.`;
    const names = await this.#storage.list(folderOf(this.path));
    return names
      .filter((name) => name.length === prefix.length + digits && name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .filter((version) => /^[0-9]+$/.test(version))
      .map(Number)
      .sort((a, b) => a - b);
  }

  #pathOf(version: number): string {
    return `${this.path}.${String(version).padStart(digits, "0")}`;
  }
}
