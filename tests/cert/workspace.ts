import { assert, assertEquals, assertMatch } from "@std/assert";
import { type CliResult, runCertCli } from "../../lib/cert/cli/cli.ts";
import type { CertIo } from "../../lib/cert/cli/command.ts";

/** A temporary folder with the two tools that the tests compare: our command line, and openssl. */
export class Workspace implements AsyncDisposable {
  /** Environment variables of the commands. */
  readonly env: Record<string, string> = {};
  /** What stands on standard input. */
  stdin = "";
  /** What is typed when a secret is asked for; without it there is no terminal. */
  typed: string[] | undefined;
  /** The questions that were asked. */
  readonly asked: string[] = [];

  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

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
    return runCertCli(this.#expand(args), this.#io());
  }

  /** Runs a command that must succeed; answers its output. */
  async ok(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.cert(...args);
    if (exitCode !== 0) throw new Error(`cert ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Runs a command that must succeed; answers its JSON. */
  // deno-lint-ignore no-explicit-any -- tests look into it as they like
  async json(...args: readonly string[]): Promise<any> {
    return JSON.parse(await this.ok(...args, "--json"));
  }

  /** Runs a command that must fail with 1 and one clear line, and write nothing. */
  async refuses(says: RegExp, ...args: readonly string[]): Promise<void> {
    await this.#fails(1, says, args);
  }

  /** Runs a command that must fail with 2, one clear line and the usage, and write nothing. */
  async misused(says: RegExp, ...args: readonly string[]): Promise<void> {
    await this.#fails(2, says, args);
  }

  async #fails(code: number, says: RegExp, args: readonly string[]): Promise<void> {
    const before = await this.files();
    const { exitCode, stdout, stderr } = await this.cert(...args);
    assertEquals([exitCode, stdout], [code, ""], `${args.join(" ")}: ${stderr}${stdout}`);
    const [line, ...more] = stderr.split("\n");
    assertMatch(line!, says);
    assert(line!.length < 500, line);
    if (code === 1) assertEquals(more, [""], stderr);
    else assertMatch(more.join("\n"), /^\n.+\n\nExamples:\n/);
    assertEquals(await this.files(), before);
  }

  /** Runs a command that must succeed without writing anything; answers its output. */
  async dry(...args: readonly string[]): Promise<string> {
    const before = await this.files();
    const output = await this.ok(...args, "--dry-run");
    assertEquals(await this.files(), before);
    return output;
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

  #io(): CertIo {
    const { typed } = this;
    const ask = (question: string) => {
      this.asked.push(question);
      const answer = typed?.shift();
      return answer === undefined
        ? Promise.reject(new Error("nothing is typed"))
        : Promise.resolve(answer);
    };
    return {
      env: (name) => this.env[name],
      input: () => Promise.resolve(this.stdin),
      ask: typed === undefined ? undefined : ask,
    };
  }

  #expand(args: readonly string[]): string[] {
    return args.map((arg) => arg.startsWith("@") ? this.path(arg.slice(1)) : arg);
  }
}
