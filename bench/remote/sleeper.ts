/**
 * A process beside a measurement that only sleeps: what its timers are late is due to the operating
 * system and the other processes, and not to the measured program.
 */
export class Sleeper implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor() {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", new URL("./sleeper_process.ts", import.meta.url).href],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The p99 of the lateness of its timers in microseconds since the last call. */
  async lateness(): Promise<number> {
    await this.#input.write(new TextEncoder().encode("\n"));
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("the process that only sleeps has exited");
      text += value;
    }
    return Number(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    while (!(await this.#output.read()).done);
    await this.#process.status;
  }
}
