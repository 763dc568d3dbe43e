import { createCa, issueNode } from "@casty/casty/cert";
import type { TlsMaterial } from "@casty/casty/runtime";
import { ClusterClient } from "@casty/casty/client";
import type { NodeOptions } from "./shared.ts";

/** One node in its own process. */
export class NodeProcess {
  readonly address: string;
  readonly #process: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(options: NodeOptions) {
    this.address = `127.0.0.1:${options.port}`;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("./node.ts", import.meta.url).href],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = this.#process.stdin.getWriter();
  }

  /** Resolves when the node is up. */
  static async start(options: NodeOptions): Promise<NodeProcess> {
    const node = new NodeProcess(options);
    await node.#input.write(new TextEncoder().encode(`${JSON.stringify(options)}\n`));
    for (let text = ""; !text.includes("READY");) {
      const { value, done } = await node.#output.read();
      if (done) throw new Error(`${node.address} did not start`);
      text += value;
    }
    return node;
  }

  /** Shuts the node down gracefully. */
  async stop(): Promise<void> {
    await this.#input.close();
    await this.#end();
  }

  /** Kills the process with SIGKILL. The signal is sent before it returns. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#process.status;
    await this.#output.cancel();
    await this.#input.close().catch(() => {});
  }
}

/** Nodes in their own processes, over mutual TLS on loopback, and a client in this process. */
export class BenchCluster implements AsyncDisposable {
  readonly nodes: NodeProcess[];
  readonly client: ClusterClient;
  readonly #tls: TlsMaterial;
  readonly #ports: readonly number[];

  private constructor(
    nodes: NodeProcess[],
    client: ClusterClient,
    tls: TlsMaterial,
    ports: readonly number[],
  ) {
    this.nodes = nodes;
    this.client = client;
    this.#tls = tls;
    this.#ports = ports;
  }

  /** Starts the given number of nodes. */
  static async start(count: number): Promise<BenchCluster> {
    const ca = await createCa();
    const { cert, key } = await issueNode(ca, { hosts: ["localhost", "127.0.0.1"] });
    const tls = { cert, key, ca: ca.cert };
    const ports = Array.from({ length: count }, freePort);
    const seedNodes = ports.map((port) => `127.0.0.1:${port}`);
    const nodes = await Promise.all(
      ports.map((port) => NodeProcess.start({ port, seedNodes, quorum: count, tls })),
    );
    const client = await ClusterClient.connect({
      contactPoints: seedNodes,
      systemName: "bench",
      tls,
    });
    return new BenchCluster(nodes, client, tls, ports);
  }

  /** Restarts a node that has exited. */
  async restart(index: number): Promise<void> {
    const seedNodes = this.#ports.map((port) => `127.0.0.1:${port}`);
    const port = this.#ports[index]!;
    const quorum = this.#ports.length;
    this.nodes[index] = await NodeProcess.start({ port, seedNodes, quorum, tls: this.#tls });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** A free port. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
