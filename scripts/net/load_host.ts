import type { AskSample } from "../../bench/ownership/asks.ts";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";
import type { LoadArgs, LoadCommand, LoadLine } from "./load.ts";
import type { Namespaces } from "./namespaces.ts";

const script = new URL("./load.ts", import.meta.url).pathname;

/** The process of a client on one host of a lab. */
export class LoadHost implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** Resolves when the client is connected. */
  static async start(lab: Namespaces, host: number, args: LoadArgs): Promise<LoadHost> {
    const [command, ...rest] = lab.command(host, [
      ...[Deno.execPath(), "run", "-A", "--no-check", script, JSON.stringify(args)],
    ]);
    const child = new Deno.Command(command!, {
      args: rest,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const load = new LoadHost(child);
    await load.#next("connected");
    return load;
  }

  /** Asks these entities at a rate, asks a second. */
  async begin(ids: readonly string[], rate: number): Promise<void> {
    await this.#carryOut({ type: "start", ids, rate });
  }

  /** Ends that; the samples, and how late the timers of the client were (p99.9, milliseconds). */
  async end(): Promise<{ samples: readonly AskSample[]; lateness: number }> {
    const file = await Deno.makeTempFile({ prefix: "casty-net-asks-" });
    const { lateness = NaN } = await this.#carryOut({ type: "stop", file });
    const samples = JSON.parse(await Deno.readTextFile(file)) as AskSample[];
    await Deno.remove(file);
    return { samples, lateness };
  }

  /** Asks each entity until it answers; when all have, on the clock of `host_clock.ts`. */
  async probe(ids: readonly string[]): Promise<number> {
    return (await this.#carryOut({ type: "probe", ids })).at;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#lines.cancel();
    await this.#child.status;
  }

  async #carryOut(command: LoadCommand): Promise<LoadLine> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
    return await this.#next(command.type);
  }

  /** Invariant: one command is under way at a time. */
  async #next(type: LoadLine["type"]): Promise<LoadLine> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("the client has exited");
    const line = JSON.parse(value) as LoadLine;
    if (line.type !== type) throw new Error(`the client answered ${value} to ${type}`);
    return line;
  }
}
