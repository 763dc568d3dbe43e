import { assert, assertEquals } from "@std/assert";
import { systemStallProbe } from "../../lib/cluster/stall/system_stall_probe.ts";
import { Certificates } from "../transport/network/certificates.ts";

const root = new URL("../../", import.meta.url).pathname;
/** The thread loads its modules when it starts, from where the library is. */
const library = `${root}lib`;

/** Ports that are free at present. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** A program with these permissions and no other. */
class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #text = "";

  constructor(file: string, permissions: readonly string[], given: unknown) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--no-prompt",
        ...permissions,
        new URL(file, import.meta.url).pathname,
        JSON.stringify(given),
      ],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** Its output, as soon as there is this text. */
  async prints(text: string): Promise<string> {
    while (!this.#text.includes(text)) {
      const { done, value } = await this.#lines.read();
      if (done) throw new Error(`it printed ${this.#text}, ${await this.#errors}`);
      this.#text += value;
    }
    return this.#text;
  }

  /** Asks it to stop; what it has written to standard error. */
  async stop(): Promise<string> {
    const stdin = this.#child.stdin.getWriter();
    await stdin.write(new Uint8Array(1));
    await stdin.close();
    await this.prints("STOPPED");
    return await this.#errors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#lines.cancel();
  }
}

Deno.test("two nodes and a client run with the documented permissions, the stall thread included", async () => {
  await using certificates = await Certificates.create();
  const dir = await Deno.makeTempDir();
  const [node, client] = [await certificates.node(), await certificates.client()];
  const texts = {
    "ca.crt": certificates.ca.cert,
    "node.crt": node.cert,
    "node.key": node.key,
    "client.crt": client.cert,
    "client.key": client.key,
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${dir}/${name}`, text, { mode: 0o600 });
  }
  const [port1, stall1, port2, stall2] = freePorts(4) as [number, number, number, number];
  const net = [port1, stall1, port2, stall2].map((port) => `127.0.0.1:${port}`);
  const forNodes = [`--allow-net=${net.join()}`, `--allow-read=${dir},${library}`];
  const start = (port: number, stallPort: number, seedNodes: readonly string[]) =>
    new Program("./permissions_node_child.ts", forNodes, { dir, port, stallPort, seedNodes });
  try {
    await using first = start(port1, stall1, []);
    await first.prints("READY");
    await using second = start(port2, stall2, [`127.0.0.1:${port1}`]);
    await second.prints("READY");
    const forClients = [`--allow-net=${net[0]},${net[2]}`, `--allow-read=${dir}`];
    const contactPoints = [`127.0.0.1:${port1}`];
    await using asking = new Program("./permissions_client_child.ts", forClients, {
      dir,
      contactPoints,
    });
    const wanted = Array.from({ length: 16 }, (_, i) => i).join(" ");
    assert((await asking.prints("ANSWERS")).includes(`ANSWERS ${wanted}`));
    // The threads start in the background.
    const deadline = Date.now() + 30_000;
    for (const port of [stall1, stall2]) {
      while (!await isOpen(port)) assert(Date.now() < deadline, "the stall thread does not run");
      const target = { host: "127.0.0.1", port, serverName: "127.0.0.1" };
      const asked = { ...target, incarnation: 0, timeout: 5_000, tls: node };
      // Of another incarnation than was asked for: it has answered.
      assertEquals((await systemStallProbe.ask(asked)).outcome, "gone");
    }
    // A connection that is opened while a node stops may be rejected, with a line.
    const lacks = /permission|Requires|stall detection|error/i;
    for (const errors of [await second.stop(), await first.stop()]) {
      assert(!lacks.test(errors), errors);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

async function isOpen(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
