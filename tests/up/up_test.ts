import { assert, assertEquals } from "@std/assert";
import { Lines } from "../e2e/lines.ts";

const script = new URL("../../up.ts", import.meta.url).pathname;

/** `up` with keys that the test presses. */
class Session implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly lines = new Lines(60_000);

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, ...args],
      env,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  async press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** As in a crash of the command. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async status(): Promise<Deno.CommandStatus> {
    await this.#reading;
    return await this.#child.status;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.lines.log("", "", line);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // The nodes leave when their parent has ended.
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#reading;
    await this.#child.status;
    await this.#keys.close().catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch (error) {
    assert(error instanceof Deno.errors.NotFound, String(error));
    return false;
  }
}

Deno.test("nodes start, are killed, restarted, cut off, healed, reloaded, and all leave", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-up-test-" });
  const app = `${folder}/app.ts`;
  const write = (version: string) =>
    Deno.writeTextFile(app, `export default () => console.log("APP ${version}");\n`);
  try {
    await write("one");
    await using up = new Session(["3", app]);
    const { lines } = up;
    await lines.seen(/up +\| 3 nodes up in /);
    for (const node of [1, 2, 3]) {
      assertEquals(lines.count(new RegExp(`node-${node} \\| APP one`)), 1);
    }
    assertEquals(lines.count(/up +\| dashboard http:\/\/127\.0\.0\.1:\d+\/\?token=\w+/), 1);

    await up.press("k3");
    await lines.seen(/node 3 has ended/);
    await lines.seen(/node 1 sees 2 of 3/);
    await up.press("r3");
    await lines.seen(/node 3 is up/);
    await lines.seen(/node 1 sees 3 of 3/);
    assertEquals(lines.count(/node-3 \| APP one/), 2);

    const cut = lines.count(/node 1 sees 2 of 3/);
    const whole = lines.count(/node 1 sees 3 of 3/);
    await up.press("p2");
    await lines.seen(/node 1 sees 2 of 3/, cut + 1);
    await up.press("p2");
    await lines.seen(/node 1 sees 3 of 3/, whole + 1);

    await Deno.writeTextFile(`${folder}/data.db`, "no source");
    await write("two");
    await lines.seen(/reloaded 3 nodes/);
    const order = lines.all.flatMap((line) => /node-(\d) \| APP two/.exec(line)?.[1] ?? []);
    assertEquals(order, ["1", "2", "3"]);
    assertEquals(lines.count(/the code has changed/), 1);

    await up.press("s");
    await lines.seen(/node \d: 127\.0\.0\.1:\d+, process \d+/, 3);
    const pids = lines.all.flatMap((line) => /, process (\d+)/.exec(line)?.[1] ?? []).map(Number);
    assertEquals(pids.map(isRunning), [true, true, true]);
    await up.press("q");
    assertEquals((await up.status()).code, 0);
    assertEquals(pids.map(isRunning), [false, false, false]);
    assert(!lines.all.some((line) => line.includes("\x1b")), "no colours outside of a terminal");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the nodes leave when the command is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-up-test-" });
  try {
    // The listener ends with the process, and so does the connection.
    using ending = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await Deno.writeTextFile(
      `${folder}/app.ts`,
      `export default async () => {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: ${ending.addr.port} });
        Object.assign(globalThis, { conn });
      };
      `,
    );
    await using up = new Session(["1", `${folder}/app.ts`]);
    using conn = await ending.accept();
    await up.lines.seen(/1 node up in/);
    up.kill();
    assertEquals(await conn.read(new Uint8Array(1)).catch(() => null), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--open opens the dashboard in the browser", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-up-test-" });
  try {
    using opened = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await Deno.writeTextFile(`${folder}/app.ts`, "export default () => {};");
    await Deno.writeTextFile(
      `${folder}/xdg-open`,
      `#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/${opened.addr.port}\necho "$1" >&3\n`,
      { mode: 0o700 },
    );
    const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
    await using up = new Session(["1", `${folder}/app.ts`, "--open"], env);
    const [url] = (await new Response((await opened.accept()).readable).text()).split("\n");
    await up.lines.seen(/1 node up in/);
    assert(up.lines.all.some((line) => line.includes(`dashboard ${url}`)), url);
    const page = await fetch(url!);
    assertEquals(page.status, 200);
    assert((await page.text()).includes("<title>"));
    await up.press("q");
    assertEquals((await up.status()).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("wrong use is explained with exit code 2, what is missing with 1", async () => {
  const run = async (...args: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, ...args],
    }).output();
    return { code, error: new TextDecoder().decode(stderr).split("\n")[0] };
  };
  const outcomes = await Promise.all([
    run(),
    run("0", "app.ts"),
    run("10", "app.ts"),
    run("--log", "loud", "app.ts"),
    run("--opne", "app.ts"),
    run("3", "/no/such/app.ts"),
    run("5"),
    run("1", new URL("../../examples/up_app.ts", import.meta.url).pathname, "--watch", "/no/such"),
  ]);
  assertEquals(outcomes, [
    { code: 2, error: "expected the number of nodes and a module, got 0 arguments" },
    { code: 2, error: "0 is no number of nodes from 1 to 9" },
    { code: 2, error: "10 is no number of nodes from 1 to 9" },
    { code: 2, error: "--log loud is none of debug, info, warn, error" },
    { code: 2, error: "unknown option: --opne; did you mean --open?" },
    {
      code: 1,
      error:
        "there is no file /no/such/app.ts; name the module whose default export sets up a node",
    },
    { code: 2, error: "the module is missing after 5" },
    {
      code: 1,
      error: "there is no folder /no/such; give --watch one that exists; the folder of the " +
        "application is watched in any case",
    },
  ]);
});
