import type { LedgerClientOptions } from "../../bench/replication/replicated_cluster.ts";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";
import type { LedgerCommand, LedgerLine } from "./ledger_load.ts";
import type { Namespaces } from "./namespaces.ts";

const script = new URL("./ledger_load.ts", import.meta.url).pathname;

type Answer<T extends LedgerLine["type"]> = Extract<LedgerLine, { readonly type: T }>;

/** The process of a client that writes to ledgers, on one host of a lab. */
export class LedgerHost implements AsyncDisposable {
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
  static async start(
    lab: Namespaces,
    host: number,
    options: LedgerClientOptions,
  ): Promise<LedgerHost> {
    const [command, ...args] = lab.command(host, [
      ...[Deno.execPath(), "run", "-A", "--no-check", script, JSON.stringify(options)],
    ]);
    const child = new Deno.Command(command!, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const load = new LedgerHost(child);
    await load.#next("connected");
    return load;
  }

  /** Carries a command out. Invariant: one is under way at a time. */
  async ask<T extends LedgerCommand["type"]>(
    command: LedgerCommand & { readonly type: T },
  ): Promise<Answer<T>> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
    return await this.#next(command.type);
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#lines.cancel();
    await this.#child.status;
  }

  async #next<T extends LedgerLine["type"]>(type: T): Promise<Answer<T>> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("the client has exited");
    const line = JSON.parse(value) as LedgerLine;
    if (line.type !== type) throw new Error(`the client answered ${value} to ${type}`);
    return line as Answer<T>;
  }
}
