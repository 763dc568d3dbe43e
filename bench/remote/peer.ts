import type { TlsMaterial } from "../../lib/runtime/network.ts";

/** The peer process of a benchmark: prints its address, and exits at the end of its input. */
export class Peer {
  /** `"host:port"` that the process has printed. */
  readonly address: Promise<string>;
  readonly #process: Deno.ChildProcess;

  /** `mode` names the program in this folder. */
  constructor(mode: "raw" | "bare" | "casty" | "lanes", tls: TlsMaterial) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL(`./${mode}_peer.ts`, import.meta.url).href],
      env: { CASTY_BENCH_TLS: JSON.stringify(tls) },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.address = this.#firstLine();
  }

  /** The process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    await this.#process.stdin.close();
    await this.#process.status;
  }

  async #firstLine(): Promise<string> {
    let text = "";
    const reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the peer exited before it printed its address");
      text += value;
    }
    void drain(reader);
    return text.slice(0, text.indexOf("\n"));
  }
}

/** The TLS material of the peer process. */
export function givenTls(): TlsMaterial {
  return JSON.parse(Deno.env.get("CASTY_BENCH_TLS")!);
}

/** Resolves when the parent process has closed the input. */
export async function inputEnd(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}
