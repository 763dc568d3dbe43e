/**
 * A small file system in memory, which tests fill. Mounting one needs the rights of root on Linux.
 *
 * @module
 */

async function run(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args, stderr: "piped" }).output();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${decode(stderr)}`);
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Such a file system. Its end removes it. */
export class SmallDisk implements AsyncDisposable {
  /** Where it is. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Mounts one of so many MiB. */
  static async create(size: number): Promise<SmallDisk> {
    const folder = await Deno.makeTempDir({ prefix: "casty-disk-" });
    try {
      await run("mount", "-t", "tmpfs", "-o", `size=${size}m,mode=0777`, "casty", folder);
    } catch (error) {
      await Deno.remove(folder);
      throw error;
    }
    return new SmallDisk(folder);
  }

  /** Gives it another size, in MiB. */
  async resize(size: number): Promise<void> {
    await run("mount", "-o", `remount,size=${size}m`, this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", "-l", this.folder);
    await Deno.remove(this.folder);
  }
}

async function reason(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "mounting needs root on Linux";
  try {
    await using _disk = await SmallDisk.create(1);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why there can be none; undefined: there can. */
export const noSmallDisk: string | undefined = await reason();
