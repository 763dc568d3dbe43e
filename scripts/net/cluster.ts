/**
 * Nodes as processes in network namespaces, and their output.
 *
 * @module
 */
import { createCa, issueClient, issueNode } from "../../cert.ts";
import { type EntityEvent, parseEntityLog } from "./entity_log.ts";
import { LoadHost } from "./load_host.ts";
import { Namespaces } from "./namespaces.ts";
import type { NodeArgs, NodeLine } from "./node.ts";
import { operationsIn, type StructureOperation } from "./structure_log.ts";

const script = new URL("./node.ts", import.meta.url).pathname;
const port = 25_520;
/** How the names of files with operations of structures end. */
const operationsEnd = ".operations";

/** A line of output, its time, and the host of the node. */
export type Heard = NodeLine & { readonly at: number; readonly from: number };

interface Process {
  readonly child: Deno.ChildProcess;
  readonly reading: Promise<void>;
}

/** See the module's text. */
export class NetCluster implements AsyncDisposable {
  readonly lab: Namespaces;
  readonly heard: Heard[] = [];
  /** The clusters that exist, for a run that is interrupted. */
  static readonly #open = new Set<NetCluster>();
  /** Number of nodes; the host after them is free, for a client. */
  readonly count: number;
  readonly #processes = new Map<number, Process>();
  readonly #ready = new Set<number>();
  readonly #states = new Map<number, { up: readonly string[]; unreachable: number }>();
  readonly #tls: NodeArgs["tls"][];
  readonly #ca: Awaited<ReturnType<typeof createCa>>;
  /** The folder of the entity logs. */
  readonly #logs: string;
  /** Whether nodes use distributed structures. */
  readonly #structures: boolean;
  /** Members that a node waits for when it starts. */
  #quorum = 1;
  #starts = 0;
  #waiting: (() => void)[] = [];

  private constructor(
    lab: Namespaces,
    ca: Awaited<ReturnType<typeof createCa>>,
    tls: NodeArgs["tls"][],
    logs: string,
    structures: boolean,
  ) {
    this.lab = lab;
    this.#structures = structures;
    this.count = tls.length;
    this.#ca = ca;
    this.#tls = tls;
    this.#logs = logs;
    NetCluster.#open.add(this);
  }

  /** Ends all clusters of this process. */
  static async endAll(): Promise<void> {
    for (const cluster of NetCluster.#open) await cluster[Symbol.asyncDispose]();
  }

  /** Creates hosts and certificates; starts no node. `structures`: nodes use distributed ones. */
  static async create(
    count: number,
    { structures = false }: { readonly structures?: boolean } = {},
  ): Promise<NetCluster> {
    const lab = await Namespaces.create(count + 1);
    const ca = await createCa();
    const tls: NodeArgs["tls"][] = [];
    for (let host = 1; host <= count; host++) {
      const { cert, key } = await issueNode(ca, { hosts: [lab.address(host)] });
      tls.push({ cert, key, ca: ca.cert });
    }
    const logs = await Deno.makeTempDir({ prefix: "casty-net-" });
    return new NetCluster(lab, ca, tls, logs, structures);
  }

  /** The numbers of all nodes. */
  get hosts(): readonly number[] {
    return Array.from({ length: this.count }, (_, index) => index + 1);
  }

  /** The addresses of all nodes. */
  get addresses(): readonly string[] {
    return this.hosts.map((host) => `${this.lab.address(host)}:${port}`);
  }

  /** Starts all nodes; resolves with the milliseconds until they see each other. */
  async form(): Promise<number> {
    for (const host of this.hosts) this.start(host);
    const took = await this.until("forming", () => this.whole(), 120_000);
    this.#quorum = this.count;
    return took;
  }

  /** Connects a client on a host of its own. */
  async connect(): Promise<LoadHost> {
    const { cert, key } = await issueClient(this.#ca, { name: "load" });
    const tls = { cert, key, ca: this.#ca.cert };
    return await LoadHost.start(this.lab, this.count + 1, { contacts: this.addresses, tls });
  }

  /** What entities have written down on all nodes so far. */
  async entityEvents(): Promise<EntityEvent[]> {
    const events: EntityEvent[] = [];
    for await (const { name } of Deno.readDir(this.#logs)) {
      if (name.endsWith(operationsEnd)) continue;
      for (const event of parseEntityLog(await Deno.readTextFile(`${this.#logs}/${name}`))) {
        events.push(event);
      }
    }
    return events;
  }

  /** What nodes have done with structures so far. */
  async structureOperations(): Promise<StructureOperation[]> {
    const written: string[] = [];
    for await (const { name } of Deno.readDir(this.#logs)) {
      if (!name.endsWith(operationsEnd)) continue;
      const lines = (await Deno.readTextFile(`${this.#logs}/${name}`)).split("\n");
      // A killed process may have begun a line.
      lines.pop();
      written.push(...lines);
    }
    return operationsIn(written);
  }

  /** Whether the process that runs on a host now is up and has its counters. */
  isReady(host: number): boolean {
    return this.#ready.has(host);
  }

  /** Starts the node of a host. */
  start(host: number): void {
    const log = `${this.#logs}/${host}-${this.#starts++}`;
    const args: NodeArgs = {
      nodeId: `node-${host}`,
      host: this.lab.address(host),
      port,
      seeds: [1, 2, 3].map((seed) => `${this.lab.address(seed)}:${port}`),
      tls: this.#tls[host - 1]!,
      quorum: this.#quorum,
      log: `${log}.jsonl`,
      ...(this.#structures && { operations: `${log}${operationsEnd}` }),
    };
    const [command, ...rest] = this.lab.command(host, [
      ...[Deno.execPath(), "run", "-A", "--no-check", script, JSON.stringify(args)],
    ]);
    const child = new Deno.Command(command!, {
      args: rest,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#processes.set(host, { child, reading: this.#read(host, child) });
  }

  /** Sends a signal to the node of a host. */
  signal(host: number, signal: Deno.Signal): void {
    // `ip netns exec` replaces its process by the program.
    this.#processes.get(host)!.child.kill(signal);
  }

  /** Waits for the exit of a process; returns its exit code. */
  async ended(host: number): Promise<number> {
    const { child, reading } = this.#processes.get(host)!;
    const { code } = await child.status;
    await reading;
    this.#processes.delete(host);
    this.#states.delete(host);
    this.#ready.delete(host);
    return code;
  }

  /** Whether each running node sees exactly the running nodes as up and reachable. */
  whole(): boolean {
    const running = [...this.#processes.keys()].map((host) => `node-${host}`).sort().join();
    return [...this.#processes.keys()].every((host) => {
      const state = this.#states.get(host);
      return state?.unreachable === 0 && state.up.toSorted().join() === running;
    });
  }

  /** Milliseconds until a condition holds; checks it after each line. Rejects after `limit`. */
  async until(what: string, holds: () => boolean, limit: number): Promise<number> {
    const start = performance.now();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, limit);
    try {
      while (!holds()) {
        if (late) throw new Error(`${what}: not within ${limit} ms`);
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
    return performance.now() - start;
  }

  /** Kills the running nodes, and removes the hosts and the logs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!NetCluster.#open.delete(this)) return;
    for (const [host, { child }] of [...this.#processes]) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await this.ended(host);
    }
    await this.lab[Symbol.asyncDispose]();
    await Deno.remove(this.#logs, { recursive: true });
  }

  async #read(host: number, child: Deno.ChildProcess): Promise<void> {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(host, JSON.parse(line) as NodeLine);
    }
  }

  #take(from: number, line: NodeLine): void {
    this.heard.push({ ...line, at: performance.now(), from });
    if (line.type === "state") this.#states.set(from, line);
    if (line.type === "ready") this.#ready.add(from);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
