import { assert, assertEquals } from "@std/assert";

const script = new URL("stop_signals_child.ts", import.meta.url).pathname;
// Signals of this kind are not known there.
const ignore = Deno.build.os === "windows";

/** A running `stop_signals_child.ts`. */
class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #rest = "";

  constructor(mode: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, mode],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#process.stderr).text();
  }

  /** The next line that it prints; undefined when there are no more. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#lines.read();
      if (done) return undefined;
      this.#rest += value;
    }
  }

  /** The port that it serves, when it is ready. */
  async ready(): Promise<string> {
    const line = await this.line();
    assert(line !== undefined && line.startsWith("READY "), line ?? await this.#errors);
    return line.slice("READY ".length);
  }

  send(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** The lines that are left, and how it ended. */
  async end(): Promise<{ lines: string[]; code: number; signal: string | null; errors: string }> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) {
      lines.push(line);
    }
    const { code, signal } = await this.#process.status;
    return { lines, code, signal, errors: await this.#errors };
  }

  /** Leaves no process behind when a test has failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.status;
    await this.#lines.cancel();
    await this.#errors;
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test({
    name: `a service that is sent ${signal} stops phase by phase and exits with 0`,
    ignore,
    fn: async () => {
      await using child = new Child("serve");
      const port = await child.ready();
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "hello" });
      assertEquals(await response.text(), "HELLO");
      child.send(signal);
      assertEquals(await child.end(), {
        lines: ["STOPPING", "POST STOP", "AFTER STOP"],
        code: 0,
        signal: null,
        errors: "",
      });
    },
  });
}

Deno.test({
  name: "a request that has begun is answered, with the actors' help, before they stop",
  ignore,
  fn: async () => {
    await using child = new Child("serve");
    const port = await child.ready();
    const answer = fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "hold" })
      .then((response) => response.text());
    assertEquals(await child.line(), "HELD");
    child.send("SIGTERM");
    assertEquals(await answer, "HOLD");
    const { lines, code } = await child.end();
    assertEquals([lines, code], [["STOPPING", "POST STOP", "AFTER STOP"], 0]);
  },
});

for (
  const [first, second, code] of [["SIGINT", "SIGINT", 130], ["SIGINT", "SIGTERM", 143]] as const
) {
  Deno.test({
    name: `a service that does not come to its end exits with ${code} on a second ${second}`,
    ignore,
    fn: async () => {
      await using child = new Child("stuck");
      await child.ready();
      child.send(first);
      assertEquals(await child.line(), "STOPPING");
      child.send(second);
      const end = await child.end();
      assertEquals([end.lines, end.code, end.signal], [[], code, null]);
      assert(end.errors.includes(`${second} again`), end.errors);
    },
  });
}

Deno.test("a service that was shut down by other means ends by itself", async () => {
  await using child = new Child("ends");
  assertEquals(await child.end(), {
    lines: ["STOPPING", "POST STOP", "ENDS"],
    code: 0,
    signal: null,
    errors: "",
  });
});
