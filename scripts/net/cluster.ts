/**
 * Five nodes as processes in network namespaces, and their output.
 *
 * @module
 */
import { createCa, issueNode } from "../../cert.ts";
import { Namespaces } from "./namespaces.ts";
import type { NodeArgs, NodeLine } from "./node.ts";

const script = new URL("./node.ts", import.meta.url).pathname;
const port = 25_520;

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
  readonly #processes = new Map<number, Process>();
  readonly #states = new Map<number, { up: readonly string[]; unreachable: number }>();
  readonly #tls: NodeArgs["tls"][];
  #waiting: (() => void)[] = [];

  private constructor(lab: Namespaces, tls: NodeArgs["tls"][]) {
    this.lab = lab;
    this.#tls = tls;
  }

  /** Creates hosts and certificates; starts no node. */
  static async create(count: number): Promise<NetCluster> {
    const lab = await Namespaces.create(count);
    const ca = await createCa();
    const tls: NodeArgs["tls"][] = [];
    for (let host = 1; host <= count; host++) {
      const { cert, key } = await issueNode(ca, { hosts: [lab.address(host)] });
      tls.push({ cert, key, ca: ca.cert });
    }
    return new NetCluster(lab, tls);
  }

  /** Starts the node of a host. */
  start(host: number): void {
    const args: NodeArgs = {
      nodeId: `node-${host}`,
      host: this.lab.address(host),
      port,
      seeds: [1, 2, 3].map((seed) => `${this.lab.address(seed)}:${port}`),
      tls: this.#tls[host - 1]!,
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

  /** Kills the running nodes, and removes the hosts. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const [host, { child }] of [...this.#processes]) {
      child.kill("SIGKILL");
      await this.ended(host);
    }
    await this.lab[Symbol.asyncDispose]();
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
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
