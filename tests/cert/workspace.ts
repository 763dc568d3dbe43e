import { type CliResult, runCertCli } from "../../lib/cert/cli.ts";

/** A temporary folder with the two tools that the tests compare: our command line, and openssl. */
export class Workspace implements AsyncDisposable {
  private constructor(readonly dir: string) {}

  static async create(): Promise<Workspace> {
    return new Workspace(await Deno.makeTempDir({ prefix: "casty-cert-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }

  path(name: string): string {
    return `${this.dir}/${name}`;
  }

  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.path(name), text);
    return this.path(name);
  }

  /** Runs a command in this process; `@name` in an argument is a path in the folder. */
  cert(...args: readonly string[]): Promise<CliResult> {
    return runCertCli(this.#expand(args));
  }

  /** Runs a command that must succeed; answers its output. */
  async ok(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.cert(...args);
    if (exitCode !== 0) throw new Error(`cert ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Runs openssl; both outputs in one text. */
  async openssl(...args: readonly string[]): Promise<{ success: boolean; text: string }> {
    const command = new Deno.Command("openssl", { args: this.#expand(args) });
    const { success, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  /** Everything in the folder, for comparisons: path to content. */
  async files(name = ""): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for await (const entry of Deno.readDir(this.path(name))) {
      const path = name === "" ? entry.name : `${name}/${entry.name}`;
      if (entry.isDirectory) Object.assign(found, { [path]: "" }, await this.files(path));
      else found[path] = await Deno.readTextFile(this.path(path));
    }
    return found;
  }

  #expand(args: readonly string[]): string[] {
    return args.map((arg) => arg.startsWith("@") ? this.path(arg.slice(1)) : arg);
  }
}
