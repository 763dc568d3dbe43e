/**
 * A store beside the cluster, which all processes of a host share: it takes reads and writes of the newest
 * fencing token that it has seen, and of newer ones. (Kleppmann, "How to do distributed locking", 2016.)
 */
export class FencedStore {
  readonly #path: string;

  /** At a file, made by the first call. */
  constructor(path: string) {
    this.#path = path;
  }

  /** What the last write has left, at first 0; undefined: a newer token has been here. */
  read(token: bigint): number | undefined {
    return this.#access(token, (value) => value);
  }

  /** Whether the value was taken. */
  write(token: bigint, value: number): boolean {
    return this.#access(token, () => value) !== undefined;
  }

  #access(token: bigint, change: (value: number) => number): number | undefined {
    using file = Deno.openSync(this.#path, { read: true, write: true, create: true });
    // Released with the file, also when the process is killed.
    file.lockSync(true);
    const text = new TextDecoder().decode(readAll(file));
    const [newest = 0n, value = 0] = text === "" ? [] : parse(text);
    if (token < newest) return undefined;
    const next = change(value);
    file.seekSync(0, Deno.SeekMode.Start);
    // Of one length: a write replaces the one before, whole.
    file.writeSync(new TextEncoder().encode(`${String(token).padStart(40)} ${next}`.padEnd(80)));
    return next;
  }
}

function readAll(file: Deno.FsFile): Uint8Array {
  const bytes = new Uint8Array(80);
  return bytes.subarray(0, file.readSync(bytes) ?? 0);
}

function parse(text: string): [bigint, number] {
  const [token, value] = text.trim().split(" ");
  return [BigInt(token!), Number(value)];
}
