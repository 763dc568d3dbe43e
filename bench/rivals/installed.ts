/** The rivals, installed in a temporary folder that is removed on disposal. */
export class Installed implements Disposable {
  /** The temporary folder. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Installs npm packages. An empty list needs no npm. Fails if npm or the registry is not
   * available.
   */
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

  /** The installed version of a package. */
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
