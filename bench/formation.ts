/**
 * The time in which processes form a cluster over mutual TLS on this machine: from the moment when
 * all are loaded until the last one sees all members up. Beside it: how long as many processes of
 * Deno take that do nothing. Exits non-zero if a node does not see all members up.
 *
 *     deno run -A bench/formation.ts [--size 30] [--rounds 3] [--no-stall-detection]
 *
 * A node takes about 100 MB.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createCa, issueNode } from "@casty/casty/cert";
import type { FormationReport, FormationSettings } from "./formation_node.ts";
import { machine, median } from "./report.ts";

const script = new URL("./formation_node.ts", import.meta.url).pathname;
/** Milliseconds after which a round has failed. */
const patience = 240_000;

class Node {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  constructor(settings: FormationSettings) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, JSON.stringify(settings)],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = linesOf(this.#process.stdout);
  }

  /** The rest of the next line, which must start with this word. */
  async says(word: string): Promise<string> {
    const { value = "nothing" } = await this.#lines.next();
    if (!value.startsWith(word)) throw new Error(`expected ${word}, but a node printed: ${value}`);
    return value.slice(word.length);
  }

  async go(): Promise<void> {
    await this.#writer.write(new TextEncoder().encode("go\n"));
  }

  async kill(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // The process has already exited.
    }
    await this.#writer.abort().catch(() => {});
    await this.#lines.return(undefined);
    await this.#process.status;
  }
}

interface Round {
  /** Milliseconds in which as many processes of Deno have started and ended. */
  readonly starting: number;
  /** Milliseconds until all processes were loaded. */
  readonly loading: number;
  /** Milliseconds from there until the first and until the last node saw all members up. */
  readonly first: number;
  readonly last: number;
  readonly reports: readonly FormationReport[];
}

/** Milliseconds in which so many processes of Deno that do nothing start and end. */
async function startNothing(size: number): Promise<number> {
  const begin = performance.now();
  await Promise.all(Array.from({ length: size }, async () => {
    const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", ""] }).output();
    if (!success) throw new Error("a process of Deno that does nothing has failed");
  }));
  return performance.now() - begin;
}

async function measure(
  size: number,
  stallDetection: boolean,
  files: readonly Files[],
): Promise<Round> {
  const starting = await startNothing(size);
  const ports = freePorts(size);
  const seeds = ports.slice(0, 3).map((port) => `127.0.0.1:${port}`);
  const nodes: Node[] = [];
  const timer = setTimeout(() => nodes.forEach((node) => node.kill()), patience);
  try {
    const begun = performance.now();
    for (const [index, port] of ports.entries()) {
      nodes.push(new Node({ port, seeds, size, stallDetection, ...files[index]! }));
    }
    await Promise.all(nodes.map((node) => node.says("READY")));
    const start = performance.now();
    let first = 0;
    const reports = await Promise.all(nodes.map(async (node) => {
      await node.go();
      const report: FormationReport = JSON.parse(await node.says("UP"));
      first ||= performance.now() - start;
      return report;
    }));
    return { starting, loading: start - begun, first, last: performance.now() - start, reports };
  } finally {
    clearTimeout(timer);
    await Promise.all(nodes.map((node) => node.kill()));
  }
}

interface Files {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** A certificate for each node. */
async function makeFiles(dir: string, size: number): Promise<Files[]> {
  const authority = await createCa();
  const ca = `${dir}/ca.pem`;
  await Deno.writeTextFile(ca, authority.cert);
  return await Promise.all(Array.from({ length: size }, async (_, index) => {
    const { cert, key } = await issueNode(authority, { hosts: ["127.0.0.1"] });
    const files = { cert: `${dir}/node-${index}.pem`, key: `${dir}/node-${index}.key`, ca };
    await Deno.writeTextFile(files.cert, cert);
    await Deno.writeTextFile(files.key, key, { mode: 0o600 });
    return files;
  }));
}

/** Ports that were free a moment ago. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

function wholeNumber(name: string, value: unknown, max: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= max) return number;
  console.error(`--${name} is ${value}, not a whole number from 1 to ${max}`);
  Deno.exit(2);
}

function describe({ starting, loading, first, last, reports }: Round): string {
  const cpu = reports.reduce((sum, report) => sum + report.cpu, 0) / 1_000;
  const memory = reports.reduce((sum, report) => sum + report.rss, 0) / reports.length / 1e6;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  return `first ${seconds(first)}, all ${seconds(last)} (loading ${seconds(loading)}, ` +
    `as many idle processes of Deno ${seconds(starting)}, ${cpu.toFixed(1)} s of processor time, ${
      memory.toFixed(0)
    } MB a node)`;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["size", "rounds"],
    boolean: ["no-stall-detection"],
    default: { size: "30", rounds: "3" },
  });
  const size = wholeNumber("size", args["size"], 100);
  const rounds = wholeNumber("rounds", args["rounds"], 20);
  const dir = await Deno.makeTempDir();
  try {
    const files = await makeFiles(dir, size);
    console.log(`\n## ${size} processes form a cluster over mutual TLS\n\n${machine()}\n`);
    const times: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const result = await measure(size, args["no-stall-detection"] !== true, files);
      times.push(result.last);
      console.log(`round ${round}: ${describe(result)}`);
    }
    console.log(`\nmedian: ${(median(times) / 1_000).toFixed(1)} s until all see all up`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
