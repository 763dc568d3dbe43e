/**
 * A client behind SSH tunnels, as people use it: three nodes on a private network, an SSH server
 * beside them, and a client in a network from which only that server can be reached.
 */
import { assertEquals } from "@std/assert";
import { testCa } from "@casty/casty/cert";
import { type NodeProcess, startNode, within } from "./client_cluster.ts";
import { howMany } from "./client_node.ts";
import type { ClientSettings } from "./tunnel_client.ts";
import { TunnelLab, tunnelObstacle } from "./tunnel_lab.ts";

const script = new URL("./tunnel_client.ts", import.meta.url).pathname;
const hosts = ["10.99.0.11", "10.99.0.12", "10.99.0.13"];
const nodes = hosts.map((host) => `${host}:25520`);
/** Where the tunnels end on the client's side. */
const ends = [40_011, 40_012, 40_013];
const forwards = Object.fromEntries(ends.map((port, index) => [port, nodes[index]!]));
const addressMap = Object.fromEntries(nodes.map((node, n) => [node, `127.0.0.1:${ends[n]}`]));

/** A client in a process of its own, which does what it is told. */
class ClientProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  constructor(prefix: readonly string[], settings: ClientSettings) {
    const command = [...prefix, Deno.execPath(), "run", "-A", script, JSON.stringify(settings)];
    this.#process = new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#lines = linesOf(this.#process.stdout);
  }

  async next(): Promise<unknown> {
    const { value, done } = await within(30_000, this.#lines.next(), "the client does not answer");
    if (done) throw new Error("the client has ended");
    return JSON.parse(value);
  }

  async do(command: string): Promise<unknown> {
    await this.#input.write(new TextEncoder().encode(`${command}\n`));
    return await this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.write(new TextEncoder().encode("close\n")).catch(() => {});
    await this.#input.close().catch(() => {});
    while (!(await this.#lines.next()).done);
    await this.#process.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

Deno.test({
  name: "through SSH tunnels: asks, discovery, streams, a node that dies, a tunnel that breaks" +
    (tunnelObstacle === undefined ? "" : ` (skipped: ${tunnelObstacle})`),
  ignore: tunnelObstacle !== undefined,
  async fn() {
    const ca = await testCa();
    await using lab = await TunnelLab.create(hosts);
    await using stack = new AsyncDisposableStack();
    const running: NodeProcess[] = [];
    for (const [index, host] of hosts.entries()) {
      const settings = {
        name: `node-${index + 1}`,
        host,
        port: 25_520,
        seeds: [nodes[0]!],
        quorum: 3,
      };
      running.push(stack.use(await startNode(ca, settings, lab.insidePrefix)));
    }
    await within(20_000, Promise.all(running.map(({ ready }) => ready)), "no quorum");
    await lab.openTunnel(forwards);
    const { certFile, keyFile, caFile } = stack.use(await (await ca.issueClient()).files());
    const settings = { addressMap, certFile, keyFile, caFile };
    const contactPoints = [nodes[0]!];
    {
      // One tunnel is enough with unisocket.
      const { [nodes[0]!]: end } = addressMap;
      await using client = new ClientProcess(lab.outsidePrefix, {
        ...settings,
        addressMap: { [nodes[0]!]: end! },
        contactPoints,
        unisocket: true,
      });
      assertEquals(await client.next(), { connected: 3 });
      assertEquals(await client.do("owners"), nodes);
      assertEquals(await client.do("services"), nodes);
    }
    {
      await using client = new ClientProcess(lab.outsidePrefix, {
        ...settings,
        contactPoints,
        unisocket: false,
      });
      assertEquals(await client.next(), { connected: 3 });
      for (const node of nodes) assertEquals(await client.do(`reach ${node}`), "unreachable");
      assertEquals(await client.do("owners"), nodes);

      assertEquals(await client.do("services"), nodes);
      assertEquals(await client.do("stream"), howMany * (howMany + 1) / 2);

      await running[2]!.kill();
      assertEquals(await client.do("owners"), nodes.slice(0, 2));

      await lab.breakTunnel();
      assertEquals(await client.do("state reconnecting"), "reconnecting");
      await lab.openTunnel(forwards);
      assertEquals(await client.do("state connected"), "connected");
      assertEquals(await client.do("owners"), nodes.slice(0, 2));
    }
  },
});
