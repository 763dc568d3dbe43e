import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";
import type { ReplicationNodeOptions } from "./entities.ts";
import type { NodeAnswer, NodeCommand } from "./node.ts";

const script = new URL("./node.ts", import.meta.url).pathname;

/** A node with replicated shards in a process of its own (`node.ts`). */
export class ReplicationNode {
  readonly options: ReplicationNodeOptions;
  /** Resolves when the node is up. */
  readonly ready: Promise<void>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting: PromiseWithResolvers<NodeAnswer>[] = [];
  readonly #reading: Promise<void>;

  /** Starts the process. `prefix`: the program that runs it, such as in a network namespace. */
  constructor(options: ReplicationNodeOptions, prefix: readonly string[] = []) {
    this.options = options;
    const [command, ...args] = [...prefix, Deno.execPath(), "run", "-A", "--no-check", script];
    this.#child = new Deno.Command(command!, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.ready = this.#send(options).then(() => {});
    // Of a node that is killed while it starts nobody may wait.
    this.ready.catch(() => {});
    this.#reading = this.#read();
  }

  get address(): string {
    return `${this.options.host}:${this.options.port}`;
  }

  /** Sends a command. Rejects when the process ends before it answers. */
  async ask<T extends NodeAnswer["type"]>(
    command: NodeCommand,
    type: T,
  ): Promise<Extract<NodeAnswer, { readonly type: T }>> {
    const answer = await this.#send(command);
    if (answer.type !== type) throw new Error(`${this.address} answered ${answer.type}`);
    return answer as Extract<NodeAnswer, { readonly type: T }>;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Kills the process; the signal is sent before it returns. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#end();
  }

  /** Shuts the node down gracefully. Returns its exit code. */
  async stop(): Promise<number> {
    await this.#input.close().catch(() => {});
    return await this.#end();
  }

  async #end(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    await this.#input.abort().catch(() => {});
    return code;
  }

  /** Invariant: answers come in the order in which commands that wait for each other were sent. */
  #send(line: unknown): Promise<NodeAnswer> {
    const waiting = Promise.withResolvers<NodeAnswer>();
    this.#waiting.push(waiting);
    this.#input.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`)).catch(waiting.reject);
    return waiting.promise;
  }

  async #read(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      // Warnings of the runtime are no answers.
      if (line.startsWith("{")) this.#waiting.shift()?.resolve(JSON.parse(line) as NodeAnswer);
    }
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new Error(`${this.address} has ended`));
    }
  }
}
