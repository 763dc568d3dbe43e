/**
 * The content of a disk, and which part of it would survive the loss of power: a state machine
 * without time. Names and contents are kept apart, as file systems do: a name is durable when its
 * folder was synced, content when its file was. What a machine has not synced when it fails
 * survives, is lost or is torn, independently for each file, and in order for the names of each
 * folder.
 *
 * @module
 */
import type { Random } from "../../runtime/random.ts";
import { folderOf, nameOf, StorageError, type StorageErrorCode } from "../../runtime/storage.ts";

/** The fate of unsynced writes when a machine fails. */
export type UnsyncedOutcome = "kept" | "lost" | "random";

/** A change of a file's content. `by`: the machine whose loss of power undoes it; undefined: none. */
interface FileChange {
  by: string | undefined;
  /** A failed sync has dropped it from the cache: no later sync makes it durable. */
  dropped: boolean;
  readonly at: number;
  /** Written at `at`; undefined: the file was cut to `at` bytes. */
  bytes: Uint8Array | undefined;
}

/** A file, under whatever names. */
export class DiskFile {
  /** The durable content. */
  durable: Uint8Array = new Uint8Array(0);
  /** Later changes, in order. */
  changes: FileChange[] = [];
  #content: Uint8Array | undefined;
  /** Memory with room behind the content, so that appending does not copy the file each time. */
  #room = new Uint8Array(0);
  /** Bytes of `#room` that some content shows. Invariant: they are never changed, since readers keep it. */
  #shown = 0;

  /** The content for readers. */
  get content(): Uint8Array {
    return this.#content ??= this.changes.reduce(apply, this.durable);
  }

  add(change: FileChange): void {
    const { content } = this;
    this.changes.push(change);
    const { at, bytes } = change;
    this.#content = bytes !== undefined && at === content.length
      ? this.#append(content, bytes)
      : apply(content, change);
  }

  #append(content: Uint8Array, bytes: Uint8Array): Uint8Array {
    const length = content.length + bytes.length;
    const isLatest = content.buffer === this.#room.buffer && content.length === this.#shown;
    if (!isLatest || length > this.#room.length) {
      this.#room = new Uint8Array(2 * length);
      this.#room.set(content);
    }
    this.#room.set(bytes, content.length);
    this.#shown = length;
    return this.#room.subarray(0, length);
  }

  sync(): void {
    const { content } = this;
    const dropped = this.changes.filter((change) => change.dropped);
    const kept = this.changes.filter((change) => !change.dropped);
    this.durable = dropped.length === 0 ? content : kept.reduce(apply, this.durable);
    this.changes = dropped;
    this.#content = content;
  }

  /** Recomputes the content from the durable part and the remaining changes. */
  reset(): void {
    this.#content = undefined;
  }
}

type Entry = DiskFile | "folder";

/** A change of names in folders, made as a whole. */
interface NameChange {
  by: string | undefined;
  readonly sets: readonly (readonly [path: string, entry: Entry | undefined])[];
}

/** See the module's text. Methods throw a `StorageError`, as the port rejects with. */
export class SimulatedDisk {
  readonly #names = new Map<string, Entry>();
  readonly #durableNames = new Map<string, Entry>();
  #changes: NameChange[] = [];
  readonly #files = new Set<DiskFile>();

  /** The bytes of a file. */
  read(path: string): Uint8Array {
    return this.#file("read", path).content.slice();
  }

  /** How many bytes a file has. */
  size(path: string): number {
    return this.#file("stat", path).content.length;
  }

  /** The file of a name, which is made if there is none. */
  open(path: string, truncate: boolean, by: string): DiskFile {
    const entry = this.#names.get(path);
    if (entry === "folder") throw diskError("io", "open", path, "is a folder");
    if (entry === undefined) {
      this.#checkFolder("open", path);
      const file = new DiskFile();
      this.#files.add(file);
      this.#change(by, [[path, file]]);
      return file;
    }
    if (truncate && entry.content.length > 0) this.truncate(entry, 0, by);
    return entry;
  }

  /** Writes at the end of a file. */
  append(file: DiskFile, bytes: Uint8Array, by: string): void {
    file.add({ by, dropped: false, at: file.content.length, bytes: bytes.slice() });
  }

  /** Cuts a file. */
  truncate(file: DiskFile, size: number, by: string): void {
    file.add({ by, dropped: false, at: size, bytes: undefined });
  }

  /** The content of a file becomes durable. */
  syncFile(file: DiskFile): void {
    file.sync();
  }

  /** A sync has failed: the cache takes what was changed for written, and it is not. */
  dropChanges(file: DiskFile): void {
    for (const change of file.changes) change.dropped = true;
  }

  /** Gives a file another name. */
  rename(from: string, to: string, by: string): void {
    const file = this.#file("rename", from);
    if (this.#names.get(to) === "folder") throw diskError("io", "rename", to, "is a folder");
    this.#checkFolder("rename", to);
    if (from !== to) this.#change(by, [[from, undefined], [to, file]]);
  }

  /** Gives a file a second name. */
  link(existing: string, name: string, by: string): void {
    const file = this.#file("link", existing);
    this.#checkFolder("link", name);
    if (this.#names.has(name)) throw diskError("exists", "link", name, "exists");
    this.#change(by, [[name, file]]);
  }

  /** Removes a name of a file. */
  remove(path: string, by: string): void {
    this.#file("remove", path);
    this.#change(by, [[path, undefined]]);
  }

  /** Names in a folder, sorted. */
  list(folder: string): string[] {
    if (!this.#isFolder(folder)) throw diskError("notFound", "list", folder, "does not exist");
    return [...this.#names.keys()].filter((path) => folderOf(path) === folder).map(nameOf).sort();
  }

  /** Creates a folder and its parents, durably. */
  makeFolder(folder: string, by: string): void {
    if (this.#isFolder(folder)) return;
    if (this.#names.has(folder)) throw diskError("exists", "make", folder, "is a file");
    const above = folderOf(folder);
    this.makeFolder(above, by);
    this.#change(by, [[folder, "folder"]]);
    this.syncFolder(above);
  }

  /** The names in a folder are durable. */
  syncFolder(folder: string): void {
    if (!this.#isFolder(folder)) throw diskError("notFound", "sync", folder, "does not exist");
    this.#changes = this.#changes.filter(({ sets }) => {
      if (!sets.some(([path]) => folderOf(path) === folder)) return true;
      assign(this.#durableNames, sets);
      return false;
    });
  }

  /** The power of a machine has failed: of what it has not synced, this happens to each part. */
  fail(machine: string, outcome: UnsyncedOutcome, random: Random): void {
    if (outcome === "kept") return;
    const survives = () => outcome === "random" && random.next() < 0.5;
    const broken = new Set<string>();
    this.#changes = this.#changes.filter((change) => {
      if (change.by !== machine) return true;
      const folders = change.sets.map(([path]) => folderOf(path));
      // A folder's names are written in order.
      if (!folders.some((folder) => broken.has(folder)) && survives()) {
        change.by = undefined;
        return true;
      }
      for (const folder of folders) broken.add(folder);
      return false;
    });
    this.#names.clear();
    for (const [path, entry] of this.#durableNames) this.#names.set(path, entry);
    for (const { sets } of this.#changes) assign(this.#names, sets);
    for (const file of this.#files) failFile(file, machine, survives, random);
    this.#forgetFiles();
  }

  #change(by: string, sets: NameChange["sets"]): void {
    this.#changes.push({ by, sets });
    assign(this.#names, sets);
  }

  #file(operation: string, path: string): DiskFile {
    const entry = this.#names.get(path);
    if (entry === undefined) throw diskError("notFound", operation, path, "does not exist");
    if (entry === "folder") throw diskError("io", operation, path, "is a folder");
    return entry;
  }

  #isFolder(folder: string): boolean {
    return folder === "/" || folder === "." || this.#names.get(folder) === "folder";
  }

  #checkFolder(operation: string, path: string): void {
    if (this.#isFolder(folderOf(path))) return;
    throw diskError("notFound", operation, path, "its folder does not exist");
  }

  /** Files without a reachable name. */
  #forgetFiles(): void {
    const named = new Set<Entry>([...this.#names.values(), ...this.#durableNames.values()]);
    for (const file of this.#files) if (!named.has(file)) this.#files.delete(file);
  }
}

/** Pages reach the disk in any order, and the page being written may be torn. */
function failFile(
  file: DiskFile,
  machine: string,
  survives: () => boolean,
  random: Random,
): void {
  const before = file.changes.length;
  file.changes = file.changes.filter((change) => {
    if (change.by !== machine) return true;
    if (change.dropped || !survives()) return false;
    change.by = undefined;
    if (change.bytes !== undefined && random.next() < 0.5) {
      change.bytes = torn(change.bytes, random);
    }
    return true;
  });
  if (before > 0) file.reset();
}

/** A torn write: cut off, or with zeros in place of the rest. */
function torn(bytes: Uint8Array, random: Random): Uint8Array {
  const kept = Math.floor(random.next() * bytes.length);
  if (random.next() < 0.5) return bytes.slice(0, kept);
  const zeroed = bytes.slice();
  zeroed.fill(0, kept);
  return zeroed;
}

function apply(content: Uint8Array, { at, bytes }: FileChange): Uint8Array {
  const length = bytes === undefined ? at : Math.max(content.length, at + bytes.length);
  const next = new Uint8Array(length);
  next.set(content.subarray(0, length));
  if (bytes !== undefined) next.set(bytes, at);
  return next;
}

function assign(names: Map<string, Entry>, sets: NameChange["sets"]): void {
  for (const [path, entry] of sets) {
    if (entry === undefined) names.delete(path);
    else names.set(path, entry);
  }
}

/** An error as a system would give it. */
export function diskError(
  code: StorageErrorCode,
  operation: string,
  path: string,
  problem: string,
): StorageError {
  return new StorageError(code, `${operation} ${path}: ${problem} (simulated)`, { value: path });
}
