import { silentLogger } from "@casty/casty";
import { createCa, issueNode } from "@casty/casty/cert";
import { ClusterClient } from "@casty/casty/client";
import type { TlsMaterial } from "@casty/casty/runtime";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";
import { freePort } from "../sharding/cluster.ts";
import type { StandbyNodeOptions, StandbyStatus } from "./node.ts";

const script = new URL("./node.ts", import.meta.url).pathname;

/** A node in a process of its own. */
export class StandbyNode {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  hasEnded = false;

  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** Sends a line; resolves with what the node says of its standbys. */
  async ask(line: unknown = "status"): Promise<StandbyStatus> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    for (;;) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("the node has ended");
      // Warnings of the runtime are no answers.
      if (value.startsWith("{")) return JSON.parse(value) as StandbyStatus;
    }
  }

  /** Kills the process. */
  async kill(): Promise<void> {
    this.hasEnded = true;
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  /** Shuts the node down. */
  async stop(): Promise<void> {
    this.hasEnded = true;
    await this.#input.close().catch(() => {});
    await this.#child.status;
  }
}

/** Nodes in processes of their own, over mutual TLS on loopback, and one database. */
export class StandbyCluster implements AsyncDisposable {
  readonly nodes: readonly StandbyNode[];
  readonly #addresses: readonly string[];
  readonly #tls: TlsMaterial;
  readonly #name: string;

  private constructor(
    nodes: readonly StandbyNode[],
    addresses: readonly string[],
    tls: TlsMaterial,
    name: string,
  ) {
    this.nodes = nodes;
    this.#addresses = addresses;
    this.#tls = tls;
    this.#name = name;
  }

  /** Starts all nodes; resolves when they are up. */
  static async start(
    { name, nodes: count, database, replicas }: {
      readonly name: string;
      readonly nodes: number;
      readonly database: string;
      readonly replicas: number;
    },
  ): Promise<StandbyCluster> {
    const ca = await createCa();
    const { cert, key } = await issueNode(ca, { hosts: ["127.0.0.1"] });
    const tls = { cert, key, ca: ca.cert };
    const ports = Array.from({ length: count }, freePort);
    const seedNodes = ports.map((port) => `127.0.0.1:${port}`);
    const nodes = ports.map(() => new StandbyNode());
    const cluster = new StandbyCluster(nodes, seedNodes, tls, name);
    const options = { name, seedNodes, tls, database, replicas };
    try {
      await Promise.all(nodes.map((node, index) => {
        const own = { nodeId: `node-${index + 1}`, port: ports[index]! };
        return node.ask({ ...options, ...own } satisfies StandbyNodeOptions);
      }));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Connects a client in this process. */
  connect(): Promise<ClusterClient> {
    return ClusterClient.connect({
      contactPoints: [...this.#addresses],
      systemName: this.#name,
      connectTimeout: 60_000,
      tls: this.#tls,
      logger: silentLogger,
    });
  }

  /** The nodes that run. */
  get running(): readonly StandbyNode[] {
    return this.nodes.filter(({ hasEnded }) => !hasEnded);
  }

  /** What they say. */
  status(): Promise<StandbyStatus[]> {
    return Promise.all(this.running.map((node) => node.ask()));
  }

  /** Resolves when what they say is as it should be. */
  async until(holds: (status: readonly StandbyStatus[]) => boolean, limit: number): Promise<void> {
    const end = performance.now() + limit;
    for (let status = await this.status(); !holds(status); status = await this.status()) {
      if (performance.now() > end) throw new Error(`${JSON.stringify(status)} after ${limit} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The node that owns the shard. */
  async owner(): Promise<StandbyNode> {
    const status = await this.status();
    const index = status.findIndex(({ owned }) => owned > 0);
    if (index < 0) throw new Error("no node owns the shard");
    return this.running[index]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.running.map((node) => node.kill()));
  }
}
