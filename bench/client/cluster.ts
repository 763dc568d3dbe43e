import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

/** Shards of the counters, the same on nodes and clients. */
export const sharding = { numShards: 60 } as const;

/** Nodes, each in its own process. */
export class BenchCluster implements AsyncDisposable {
  readonly #count: number;
  readonly #program: URL;
  readonly #processes = new Map<string, Deno.ChildProcess>();

  private constructor(count: number, program: URL) {
    this.#count = count;
    this.#program = program;
  }

  /** Resolves when all see each other. `program`: what the nodes run. */
  static async start(
    tls: TlsMaterial,
    count = 3,
    program: URL = new URL("./node.ts", import.meta.url),
  ): Promise<BenchCluster> {
    const cluster = new BenchCluster(count, program);
    const first = await cluster.#node(tls);
    const others = Array.from({ length: count - 1 }, () => cluster.#node(tls, first.address));
    await Promise.all([first, ...await Promise.all(others)].map(({ ready }) => ready));
    return cluster;
  }

  /** The addresses of the nodes. */
  get addresses(): readonly string[] {
    return [...this.#processes.keys()];
  }

  /** The processor time of all nodes in microseconds; Linux only, in steps of 10 ms. */
  cpuTime(): number {
    let ticks = 0;
    for (const { pid } of this.#processes.values()) {
      // The fields after the name, which may contain blanks and brackets.
      const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks * 10_000;
  }

  /** Kills a node, as in a crash. */
  kill(address: string): void {
    this.#processes.get(address)!.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.values()) {
      await process.stdin.close().catch(() => {});
      await process.status;
    }
  }

  async #node(
    tls: TlsMaterial,
    seed?: string,
  ): Promise<{ address: string; ready: Promise<void> }> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", this.#program.href],
      env: {
        CASTY_BENCH_TLS: JSON.stringify(tls),
        CASTY_BENCH_NODES: String(this.#count),
        ...(seed && { CASTY_BENCH_SEED: seed }),
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const lines = process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const { value: address } = await lines.read();
    if (address === undefined) throw new Error("a node exited before it listened");
    this.#processes.set(address, process);
    const ready = lines.read().then(async ({ value }) => {
      await lines.cancel();
      if (value !== "READY") {
        throw new Error(`${address} is not ready: ${value ?? "it has exited"}`);
      }
    });
    return { address, ready };
  }
}
