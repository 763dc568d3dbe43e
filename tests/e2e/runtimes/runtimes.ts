/** The runtimes that are installed, and programs that run on them. */
import { writeNpmPackage } from "../../../scripts/npm_package.ts";
import { TextLineStream } from "../../../examples/tls_counter/text_lines.ts";
import type { RuntimeName } from "./member.ts";

/** A runtime that can be started, or why it cannot. */
export interface InstalledRuntime {
  readonly name: RuntimeName;
  readonly command: readonly string[];
}

const checkout = new URL("../../../", import.meta.url).pathname;

/**
 * Deno, and Node and Bun where they are found: at `CASTY_NODE` and `CASTY_BUN`, as `.ci/run` sets
 * them, or else on the path.
 */
export const installed: readonly InstalledRuntime[] = [
  { name: "deno", command: [Deno.execPath(), "run", "-A"] },
  ...found("node", Deno.env.get("CASTY_NODE") ?? "node", /^v(\d+)\./, 24),
  ...found("bun", Deno.env.get("CASTY_BUN") ?? "bun", /^(\d+)\./, 1),
];

/** Why tests of all three cannot run; undefined: they can. */
export const missing: string | undefined = installed.length === 3
  ? undefined
  : `only ${installed.map(({ name }) => name).join(" and ")} found; set CASTY_NODE (24 or newer) ` +
    "and CASTY_BUN";

function found(
  name: RuntimeName,
  path: string,
  version: RegExp,
  oldest: number,
): InstalledRuntime[] {
  try {
    const { stdout } = new Deno.Command(path, { args: ["--version"], stderr: "null" }).outputSync();
    const major = version.exec(new TextDecoder().decode(stdout))?.[1];
    return Number(major) >= oldest ? [{ name, command: [path] }] : [];
  } catch {
    return [];
  }
}

/** The programs, and what they import besides the package. */
const copied = [
  "tests/e2e/runtimes",
  "tests/sim",
  "tests/sim/scenarios",
  "tests/persistence",
  "examples/ledger",
];

/** This checkout as an npm package with its dependencies, and the programs of this folder in it. */
export class RuntimePackage implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<RuntimePackage> {
    const folder = await Deno.makeTempDir({ prefix: "casty-runtimes-" });
    await writeNpmPackage(folder);
    for (const part of copied) {
      await Deno.mkdir(`${folder}/${part}`, { recursive: true });
      for await (const { name, isFile } of Deno.readDir(checkout + part)) {
        if (isFile) await Deno.copyFile(`${checkout}${part}/${name}`, `${folder}/${part}/${name}`);
      }
    }
    // As `npm install` would, but from Deno's cache.
    const install = new Deno.Command(Deno.execPath(), { args: ["install"], cwd: folder });
    const { success, stderr } = await install.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new RuntimePackage(folder);
  }

  /** A program of this folder, on a runtime. On Deno it is that of the checkout itself. */
  command(
    { name, command }: InstalledRuntime,
    program: string,
    args: readonly string[],
    stdin: "null" | "piped" = "null",
  ): Deno.Command {
    const [path, ...before] = command;
    const root = name === "deno" ? checkout : `${this.#folder}/`;
    return new Deno.Command(path!, {
      args: [...before, `${root}tests/e2e/runtimes/${program}`, ...args],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdin,
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** What a program prints; fails with all that it said if it does not end in order. */
  async output(
    runtime: InstalledRuntime,
    program: string,
    args: readonly string[],
  ): Promise<string> {
    const { success, stdout, stderr } = await this.command(runtime, program, args).output();
    const text = new TextDecoder().decode(stdout);
    if (success) return text;
    throw new Error(`${program} on ${runtime.name}: ${text}${new TextDecoder().decode(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A process that answers each line of its input with a line of JSON. */
export class Talker {
  readonly runtime: RuntimeName;
  readonly child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #said: Promise<string>;

  constructor(runtime: RuntimeName, child: Deno.ChildProcess) {
    this.runtime = runtime;
    this.child = child;
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.#input = child.stdin.getWriter();
    this.#said = new Response(child.stderr).text();
  }

  /** The next answer. */
  async next(): Promise<unknown> {
    const { value: line } = await this.#lines.read();
    const answer = line === undefined ? {} : JSON.parse(line);
    if ("value" in answer) return answer.value;
    if ("error" in answer) throw new Error(`${this.runtime}: ${answer.error}`);
    throw new Error(`${this.runtime} has ended: ${await this.#said}`);
  }

  async order<T>(order: unknown): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    return await this.next() as T;
  }

  /** Ends it by a signal; resolves with its exit code and its log. */
  async stop(): Promise<{ code: number; log: string }> {
    this.child.kill("SIGTERM");
    const { code } = await this.child.status;
    await this.#lines.cancel();
    await this.#input.close().catch(() => {});
    return { code, log: await this.#said };
  }
}
