import { TextLineStream } from "./text_lines.ts";

/** One node of the demo, as a process of its own. */
export class NodeProcess {
  readonly nodeId: string;
  /** The address that the node has printed. Rejects if it ends before. */
  readonly address: Promise<string>;
  /** The value that the node has printed. Rejects if it ends before. */
  readonly result: Promise<number>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** Resolves when the process has ended and not done what it should. */
  readonly failed: Promise<void>;
  readonly #process: Deno.ChildProcess;
  #value: number | undefined;
  #code: number | undefined;
  #reason: string | undefined;
  #killed = false;

  /** Starts the process. Its certificate is in `<folder>/<nodeId>`. */
  constructor(
    nodeId: string,
    folder: string,
    seeds: readonly string[],
    nodes: number,
    stay: boolean,
  ) {
    this.nodeId = nodeId;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("../tls_counter.ts", import.meta.url).href,
        "--port=0",
        "--host=127.0.0.1",
        `--node-id=${nodeId}`,
        `--nodes=${nodes}`,
        ...seeds.map((seed) => `--seed=${seed}`),
        `--certfile=${folder}/${nodeId}/node.crt`,
        `--keyfile=${folder}/${nodeId}/node.key`,
        `--cafile=${folder}/ca.crt`,
        ...(stay ? ["--stay"] : []),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const address = Promise.withResolvers<string>();
    const result = Promise.withResolvers<number>();
    this.address = address.promise;
    this.result = result.promise;
    // Who does not wait for these must not be ended by their failure.
    this.address.catch(() => {});
    this.result.catch(() => {});
    this.ended = this.#follow((line) => {
      const listening = /LISTENING (\S+)/.exec(line)?.[1];
      const value = /RESULT=(-?\d+)/.exec(line)?.[1];
      if (listening !== undefined) address.resolve(listening);
      if (value !== undefined) result.resolve(this.#value = Number(value));
    }).then(() => {
      const error = new Error(`${nodeId} ended with exit code ${this.#code}`);
      address.reject(error);
      result.reject(error);
    });
    this.failed = this.ended.then(() => this.#code === 0 ? new Promise(() => {}) : undefined);
  }

  /** Why the node did not do what it should; `undefined` if it did. */
  problem(expected: number): string | undefined {
    if (this.#reason !== undefined) return this.#reason;
    if (this.#killed) return undefined;
    if (this.#code !== 0) return `it ended with exit code ${this.#code}`;
    if (this.#value === undefined) return "it printed no result";
    return this.#value === expected ? undefined : `it read ${this.#value}, not ${expected}`;
  }

  /** Whether it was ended because of something else than itself. */
  get killed(): boolean {
    return this.#killed;
  }

  /** Asks the node to leave. */
  stop(): void {
    this.#signal("SIGTERM");
  }

  /** Ends the process if it runs, and remembers why. */
  giveUp(reason: string): void {
    if (this.#code === undefined) this.#reason = reason;
    this.kill();
  }

  /** Ends the process if it runs: what another has done is the reason. */
  kill(): void {
    this.#killed ||= this.#code === undefined && this.#reason === undefined;
    this.#signal("SIGKILL");
  }

  #signal(signal: Deno.Signal): void {
    if (this.#code === undefined) this.#process.kill(signal);
  }

  async #follow(onLine: (line: string) => void): Promise<void> {
    const lines = this.#process.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      console.log(line);
      onLine(line);
    }
    this.#code = (await this.#process.status).code;
  }
}
