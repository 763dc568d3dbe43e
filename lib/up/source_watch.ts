import { join } from "node:path";
import type { Clock, Timer } from "../runtime/clock.ts";
import { hashText } from "../runtime/fnv.ts";
import type { FilePort, FolderWatch } from "../runtime/platform_port.ts";

const isSource = /\.[cm]?[jt]sx?$/;
/** Folders in which nobody edits code. */
const isForeign = /^(?:\.|node_modules$)/;
/** Folders that are watched at most; the rest is not. */
const maxFolders = 500;
/** Milliseconds without a change after which the sources are read: editors write in several steps. */
const quietTime = 150;

/**
 * Calls back when the text of a source below some folders has changed, has come or has gone. Other
 * files, such as a database beside the code, do not count; nor does a file that was only touched.
 */
export class SourceWatch {
  readonly #roots: readonly string[];
  readonly #files: FilePort;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #folders: readonly string[] = [];
  #print = "";
  #watch: FolderWatch | undefined;
  #timer: Timer | undefined;
  #isClosed = false;
  #settled: Promise<void> = Promise.resolve();

  private constructor(
    roots: readonly string[],
    files: FilePort,
    clock: Clock,
    onChange: () => void,
  ) {
    this.#roots = roots;
    this.#files = files;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Resolves when changes are noticed. */
  static async open(
    roots: readonly string[],
    files: FilePort,
    clock: Clock,
    onChange: () => void,
  ): Promise<SourceWatch> {
    const watch = new SourceWatch(roots, files, clock, onChange);
    watch.#print = await watch.#look();
    return watch;
  }

  /** Resolves when the sources have been compared, as far as that has begun. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    void this.#watch?.close();
  }

  #noticed(): void {
    this.#timer?.cancel();
    if (this.#isClosed) return;
    this.#timer = this.#clock.schedule(quietTime, () => {
      // One after the other: each compares with what the one before has seen.
      this.#settled = this.#settled.then(() => this.#compare());
    });
  }

  async #compare(): Promise<void> {
    const print = await this.#look();
    if (print === this.#print || this.#isClosed) return;
    this.#print = print;
    this.#onChange();
  }

  /** Watches what folders there are now, and then reads the sources in them. */
  async #look(): Promise<string> {
    const folders: string[] = [];
    const sources: string[] = [];
    for (const root of this.#roots) await this.#collect(root, folders, sources);
    if (folders.join("\n") !== this.#folders.join("\n") && !this.#isClosed) {
      void this.#watch?.close();
      this.#folders = folders;
      this.#watch = this.#watched(folders);
    }
    const prints = await Promise.all(
      sources.sort().map(async (path) => {
        // It may have gone since.
        const text = await this.#files.readTextFile(path).catch(() => undefined);
        return text === undefined ? "" : `${path} ${text.length} ${hashText(text)}\n`;
      }),
    );
    return prints.join("");
  }

  #watched(folders: readonly string[]): FolderWatch | undefined {
    try {
      return this.#files.watch(folders, () => this.#noticed());
    } catch {
      // One of them has gone since: look again.
      this.#folders = [];
      this.#noticed();
      return undefined;
    }
  }

  async #collect(folder: string, folders: string[], sources: string[]): Promise<void> {
    if (folders.length >= maxFolders || folders.includes(folder)) return;
    folders.push(folder);
    try {
      for await (const { name, isDirectory } of this.#files.readDir(folder)) {
        const path = join(folder, name);
        if (isDirectory && !isForeign.test(name)) await this.#collect(path, folders, sources);
        else if (!isDirectory && isSource.test(name)) sources.push(path);
      }
    } catch {
      // The folder has gone since.
      folders.splice(folders.indexOf(folder), 1);
    }
  }
}
