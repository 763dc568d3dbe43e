import { type TestCa, testCa, type TestFiles } from "@casty/casty/cert";
import { type ClientOptions, ClusterClient } from "@casty/casty/client";
import { silentLogger, TlsConfig } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";
import type { NodeSettings } from "./client_node.ts";

const script = new URL("./client_node.ts", import.meta.url).pathname;
/** Milliseconds until a process that does not do what it should fails the test. */
const patience = 60_000;

/** A program in front of a node's own, such as one that enters a network namespace. */
export type Prefix = readonly string[];

/** One node in a process of its own. */
export class NodeProcess implements AsyncDisposable {
  readonly name: string;
  readonly address: Promise<string>;
  readonly ready: Promise<void>;
  /** All that it has printed. */
  output = "";
  readonly #process: Deno.ChildProcess;
  readonly #files: TestFiles;
  readonly #reading: Promise<void>;

  constructor(settings: NodeSettings, files: TestFiles, prefix: Prefix = []) {
    this.name = settings.name;
    this.#files = files;
    const command = [...prefix, Deno.execPath(), "run", "-A", script, JSON.stringify(settings)];
    this.#process = new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const address = Promise.withResolvers<string>();
    const ready = Promise.withResolvers<void>();
    this.address = address.promise;
    this.ready = ready.promise;
    this.address.catch(() => {});
    this.ready.catch(() => {});
    this.#reading = this.#read((line) => {
      if (line.startsWith("LISTENING ")) address.resolve(line.slice("LISTENING ".length));
      if (line === "READY") ready.resolve();
    }).then(() => {
      const error = new Error(`${this.name} has ended: ${this.output}`);
      address.reject(error);
      ready.reject(error);
    });
  }

  /** Sends a signal to the node itself. */
  signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#reading;
  }

  /** Lets it leave the cluster. */
  async leave(): Promise<void> {
    this.signal("SIGTERM");
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#files[Symbol.asyncDispose]();
  }

  async #read(onLine: (line: string) => void): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      lines.forEach(onLine);
    }
    await this.#process.status;
  }
}

/** Starts a node with a certificate of its own; resolves when it listens. */
export async function startNode(
  ca: TestCa,
  settings: Omit<NodeSettings, "certFile" | "keyFile" | "caFile">,
  prefix: Prefix = [],
): Promise<NodeProcess> {
  const files = await (await ca.issueNode(settings.host, "localhost")).files();
  const { certFile, keyFile, caFile } = files;
  const node = new NodeProcess({ ...settings, certFile, keyFile, caFile }, files, prefix);
  try {
    await within(patience, node.address, `${settings.name} does not listen`);
    return node;
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

/** Nodes in processes of their own, over mutual TLS, and clients in this one. */
export class ClientCluster implements AsyncDisposable {
  readonly ca: TestCa;
  readonly nodes: NodeProcess[] = [];
  readonly #clients: ClusterClient[] = [];
  readonly #settings: Pick<NodeSettings, "crlFile" | "stableAfter">;
  #count = 0;

  private constructor(ca: TestCa, settings: Pick<NodeSettings, "crlFile" | "stableAfter">) {
    this.ca = ca;
    this.#settings = settings;
  }

  /** Resolves when all nodes see each other. */
  static async start(
    count: number,
    ca?: TestCa,
    settings: Pick<NodeSettings, "crlFile" | "stableAfter"> = {},
  ): Promise<ClientCluster> {
    const cluster = new ClientCluster(ca ?? await testCa(), settings);
    try {
      const first = await cluster.add({ quorum: count });
      const seed = await first.address;
      const others = Array.from({ length: count - 1 }, () => cluster.add({ quorum: count, seed }));
      await Promise.all(others);
      await within(patience, Promise.all(cluster.nodes.map(({ ready }) => ready)), "no quorum");
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a node; resolves when it listens. */
  async add(
    options: { quorum?: number; seed?: string; port?: number } = {},
  ): Promise<NodeProcess> {
    const node = await startNode(this.ca, {
      name: `node-${++this.#count}`,
      host: "127.0.0.1",
      port: options.port ?? 0,
      seeds: options.seed === undefined ? [] : [options.seed],
      quorum: options.quorum ?? 1,
      ...this.#settings,
    });
    this.nodes.push(node);
    return node;
  }

  /** The node at an address. */
  async at(address: string): Promise<NodeProcess> {
    for (const node of this.nodes) {
      if (await node.address.catch(() => "") === address) return node;
    }
    throw new Error(`no node at ${address}`);
  }

  /** The addresses of the nodes that were started. */
  async addresses(): Promise<string[]> {
    return await Promise.all(this.nodes.map(({ address }) => address));
  }

  /** Connects; the client is closed with the cluster. */
  async connect(options: Partial<ClientOptions> = {}): Promise<ClusterClient> {
    const client = await ClusterClient.connect({
      contactPoints: options.contactPoints ?? await this.addresses(),
      systemName: "client-test",
      tls: options.tls ?? await this.clientTls(),
      logger: silentLogger,
      connectTimeout: patience,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client certificate of the cluster's authority. */
  async clientTls(name = "client"): Promise<TlsMaterial> {
    const { cert, key, ca } = (await this.ca.issueClient(name)).tls;
    return await TlsConfig.fromPem({ cert, key, ca });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** The promise, but not longer than so many milliseconds. */
export async function within<T>(time: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}, after ${time} ms`)), time);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the condition holds; looks at it after every few milliseconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>) {
  const end = Date.now() + patience;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
