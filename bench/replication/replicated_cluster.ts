import { createCa, issueNode } from "@casty/casty/cert";
import { ClusterClient } from "@casty/casty/client";
import { silentLogger } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";
import { freePort } from "../sharding/cluster.ts";
import type { ReplicationNodeOptions } from "./entities.ts";
import type { NodeStatus } from "./node.ts";
import { ReplicationNode } from "./node_process.ts";

/** Where a node runs. */
export interface NodePlace {
  readonly host: string;
  readonly port: number;
  /** The program that runs it, with its arguments. Default: none. */
  readonly prefix?: readonly string[];
}

/** The options of a cluster. */
export interface ReplicatedClusterOptions {
  readonly nodes: number;
  /** Where the copies are: in memory, or in an SQLite file of each node. */
  readonly store: "memory" | "sqlite";
  readonly replicas?: number;
  readonly minAcks?: number;
  /** Default: free ports of 127.0.0.1. */
  readonly places?: readonly NodePlace[];
}

/** Milliseconds until shards without copies are a fault. */
const settleLimit = 120_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What a client needs to connect. */
export interface LedgerClientOptions {
  readonly contactPoints: readonly string[];
  readonly tls: TlsMaterial;
}

/** Connects a client. */
export function connectLedgerClient(
  { contactPoints, tls }: LedgerClientOptions,
): Promise<ClusterClient> {
  return ClusterClient.connect({
    contactPoints: [...contactPoints],
    systemName: "replicated",
    connectTimeout: 60_000,
    tls,
    logger: silentLogger,
  });
}

/** Nodes with replicated shards in processes of their own, over mutual TLS on loopback. */
export class ReplicatedCluster implements AsyncDisposable {
  readonly nodes: ReplicationNode[] = [];
  readonly #options: ReplicatedClusterOptions;
  readonly #folder: string;
  readonly #tls: TlsMaterial;
  readonly #places: readonly NodePlace[];

  private constructor(options: ReplicatedClusterOptions, folder: string, tls: TlsMaterial) {
    this.#options = options;
    this.#folder = folder;
    this.#tls = tls;
    this.#places = options.places ??
      Array.from({ length: options.nodes }, () => ({ host: "127.0.0.1", port: freePort() }));
  }

  /** Starts all nodes; resolves when all copies of all shards are in sync. */
  static async start(options: ReplicatedClusterOptions): Promise<ReplicatedCluster> {
    const ca = await createCa();
    const hosts = ["127.0.0.1", ...options.places?.map(({ host }) => host) ?? []];
    const { cert, key } = await issueNode(ca, { hosts });
    const folder = await Deno.makeTempDir({ prefix: "casty-replicated-" });
    const cluster = new ReplicatedCluster(options, folder, { cert, key, ca: ca.cert });
    try {
      for (let index = 0; index < options.nodes; index++) {
        cluster.start(index, options.nodes);
      }
      await Promise.all(cluster.nodes.map(({ ready }) => ready));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the copies are. */
  get store(): ReplicatedClusterOptions["store"] {
    return this.#options.store;
  }

  /** The addresses of all nodes. */
  get addresses(): readonly string[] {
    return this.#places.map(({ host, port }) => `${host}:${port}`);
  }

  /** How a client connects. */
  get clientOptions(): LedgerClientOptions {
    return { contactPoints: this.addresses, tls: this.#tls };
  }

  /** Connects a client in this process. */
  connect(): Promise<ClusterClient> {
    return connectLedgerClient(this.clientOptions);
  }

  /** Starts a node, with the file that it had before. `spawnsLater`: it runs its types when it is told to. */
  start(index: number, quorum = 1, spawnsLater = false): ReplicationNode {
    const { store, replicas = 2, minAcks = 1 } = this.#options;
    const { host, port, prefix } = this.#places[index]!;
    const options: ReplicationNodeOptions = {
      nodeId: `node-${index + 1}`,
      host,
      port,
      seedNodes: this.addresses,
      tls: this.#tls,
      replicas,
      minAcks,
      quorum,
      spawnsLater,
      ...(store === "sqlite" && { file: this.file(index) }),
    };
    return this.nodes[index] = new ReplicationNode(options, prefix);
  }

  /** The file of the copies of a node. */
  file(index: number): string {
    return `${this.#folder}/${index}.db`;
  }

  /** What each node has of a type now. */
  async status(type: string): Promise<NodeStatus[]> {
    return await Promise.all(this.nodes.map(async (node) => {
      const { status } = await node.ask({ type: "status" }, "status");
      // A node that does not run the type has none.
      return status[type] ?? { copies: 0, owned: 0, open: 0, missing: [] };
    }));
  }

  /** What all nodes that run say about their copies and members, for a person. */
  async explain(): Promise<string> {
    const texts = await Promise.all(this.nodes.map(async (node) => {
      const said = node.ask({ type: "explain" }, "explained").then(({ lines }) => lines);
      const lines = await Promise.race([said, pause(5_000).then(() => ["it does not answer"])])
        .catch((error) => [String(error)]);
      return [node.address, ...lines].join("\n    ");
    }));
    return texts.join("\n  ");
  }

  /** Resolves when all shards of a type are open, and all their copies are in sync. */
  async settled(type: string, numShards: number): Promise<NodeStatus[]> {
    const begun = performance.now();
    for (;;) {
      const all = await this.status(type);
      const open = all.reduce((sum, each) => sum + (each?.open ?? 0), 0);
      const missing = all.flatMap((each) => each?.missing ?? []);
      if (open === numShards && missing.length === 0) return all;
      if (performance.now() - begun > settleLimit) {
        throw new Error(
          `${open} of ${numShards} shards are open after ${settleLimit} ms:\n${
            missing.join("\n")
          }\n` +
            await this.explain(),
        );
      }
      await pause(100);
    }
  }

  /** Stops the nodes and removes their files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill().catch(() => {})));
    await Deno.remove(this.#folder, { recursive: true });
  }
}
