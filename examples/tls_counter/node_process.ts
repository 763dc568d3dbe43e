import { TextLineStream } from "./text_lines.ts";

/** One node of the demo in its own process. */
export class NodeProcess {
  readonly nodeId: string;
  /** The address that the node prints. Rejects if the process exits first. */
  readonly address: Promise<string>;
  /** The value that the node prints. Rejects if the process exits first. */
  readonly result: Promise<number>;
  /** Resolves when the process has exited. */
  readonly ended: Promise<void>;
  /** Resolves when the process has exited with a code other than 0. */
  readonly failed: Promise<void>;
  readonly #process: Deno.ChildProcess;
  readonly #logged: Promise<void>;
  #value: number | undefined;
  #stored = 0;
  #code: number | undefined;
  #reason: string | undefined;
  #killed = false;

  /** Starts the process. Its certificate is in `<folder>/<nodeId>`. `args`: of all nodes. */
  constructor(nodeId: string, folder: string, seeds: readonly string[], args: readonly string[]) {
    this.nodeId = nodeId;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("../tls_counter.ts", import.meta.url).href,
        "--port=0",
        "--host=127.0.0.1",
        `--node-id=${nodeId}`,
        ...seeds.map((seed) => `--seed=${seed}`),
        `--certfile=${folder}/${nodeId}/node.crt`,
        `--keyfile=${folder}/${nodeId}/node.key`,
        `--cafile=${folder}/ca.crt`,
        ...args,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#logged = this.#log();
    const address = Promise.withResolvers<string>();
    const result = Promise.withResolvers<number>();
    this.address = address.promise;
    this.result = result.promise;
    // A rejection without a listener would end this process.
    this.address.catch(() => {});
    this.result.catch(() => {});
    this.ended = this.#follow((line) => {
      const listening = /LISTENING (\S+)/.exec(line)?.[1];
      const value = /RESULT=(-?\d+)/.exec(line)?.[1];
      const stored = /STORED=(\d+)/.exec(line)?.[1];
      if (stored !== undefined) this.#stored = Number(stored);
      if (listening !== undefined) address.resolve(listening);
      if (value !== undefined) result.resolve(this.#value = Number(value));
    }).then(() => {
      const error = new Error(`${nodeId} ended with exit code ${this.#code}`);
      address.reject(error);
      result.reject(error);
    });
    this.failed = this.ended.then(() => this.#code === 0 ? new Promise(() => {}) : undefined);
  }

  /** The value that was stored before this run, if this node has asked for it; otherwise 0. */
  get stored(): number {
    return this.#stored;
  }

  /** Why the node failed; `undefined` if it succeeded or was killed. */
  problem(expected: number): string | undefined {
    if (this.#reason !== undefined) return this.#reason;
    if (this.#killed) return undefined;
    if (this.#code !== 0) return `exit code ${this.#code}`;
    if (this.#value === undefined) return "no result printed";
    return this.#value === expected ? undefined : `read ${this.#value}, expected ${expected}`;
  }

  /** Whether the process was interrupted, or killed because of the failure of another node. */
  get killed(): boolean {
    return this.#killed;
  }

  /** Stops the node gracefully. */
  stop(): void {
    this.#signal("SIGTERM");
  }

  /** Kills the process if it runs, with a reason that counts as its failure. */
  giveUp(reason: string): void {
    if (this.#code === undefined) this.#reason = reason;
    this.kill();
  }

  /** Kills the process if it runs. That does not count as its failure. */
  kill(): void {
    this.#killed ||= this.#code === undefined && this.#reason === undefined;
    this.#signal("SIGKILL");
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended. Its status may not have been read yet.
    }
  }

  /** Writes the log of the node, and says whose each line is. */
  async #log(): Promise<void> {
    const name = `${this.nodeId} | `;
    for await (const line of linesOf(this.#process.stderr)) {
      console.error(line.startsWith(name) ? line : name + line);
    }
  }

  async #follow(onLine: (line: string) => void): Promise<void> {
    for await (const line of linesOf(this.#process.stdout)) {
      console.log(line);
      onLine(line);
    }
    await this.#logged;
    const { code, signal } = await this.#process.status;
    // Ctrl+C reaches the nodes as well.
    this.#killed ||= signal === "SIGINT";
    this.#code = code;
  }
}

function linesOf(output: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  return output.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
}
