/** The rivals, installed in a temporary folder that goes away with this. */
export class Installed implements Disposable {
  /** Where they are. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Installs npm packages; without any it needs no npm. Fails where npm or the registry cannot be reached. */
  static async install(packages: readonly string[]): Promise<Installed> {
    const installed = new Installed(await Deno.makeTempDir({ prefix: "casty-rivals-" }));
    if (packages.length === 0) return installed;
    try {
      await Deno.writeTextFile(`${installed.folder}/package.json`, `{ "private": true }\n`);
      const { success, stderr } = await new Deno.Command("npm", {
        args: ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...packages],
        cwd: installed.folder,
        stdout: "null",
      }).output();
      if (!success) throw new Error(`npm failed: ${new TextDecoder().decode(stderr)}`);
      return installed;
    } catch (error) {
      installed[Symbol.dispose]();
      throw new Error(`cannot install ${packages.join(" and ")}`, { cause: error });
    }
  }

  /** The version that was installed. */
  version(name: string): string {
    const text = Deno.readTextFileSync(`${this.folder}/node_modules/${name}/package.json`);
    return JSON.parse(text).version;
  }

  /** Removes the folder; a second time does nothing. */
  [Symbol.dispose](): void {
    try {
      Deno.removeSync(this.folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
