import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

/** A process with subscribers: it prints lines, and ends at the end of its input. */
export class Child {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  /** `program`: a file of this folder. */
  constructor(program: string, env: Readonly<Record<string, string>>) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL(`./${program}`, import.meta.url).href],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("a process with subscribers has exited");
    return value;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#process.stdin.close().catch(() => {});
    while (!(await this.#lines.read()).done);
    await this.#process.status;
  }

  /** Asks it for how many messages each subscriber has got. */
  async counts(): Promise<readonly number[]> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("counts\n"));
    writer.releaseLock();
    return JSON.parse(await this.line());
  }
}

/** In a child: prints the counts when it is asked, and ends at the end of the input. */
export async function answerCounts(counts: () => readonly number[]): Promise<never> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) if (line === "counts") console.log(JSON.stringify(counts()));
  Deno.exit(0);
}
