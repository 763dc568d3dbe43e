import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { LineSplitter } from "./line_splitter.ts";
import { type NodeReport, type NodeStart, readLine, stopLine } from "./node_start.ts";

/** What a node process does. */
export interface NodeProcessEvents {
  readonly onLine: (line: string) => void;
  readonly onReport: (report: NodeReport) => void;
  /** Called once, after the last line. `fault`: such as `"exit code 1"`; undefined: none. */
  readonly onEnd: (fault: string | undefined) => void;
}

/** A node as a process of its own. It leaves when this process ends, for whatever reason. */
export class NodeProcess {
  readonly #child: ChildProcess;

  /** `config`: the configuration of Deno for the application; undefined: what Deno finds. */
  constructor(start: NodeStart, config: string | undefined, events: NodeProcessEvents) {
    // Beside this module, in a checkout or a package; compiled in one for npm.
    const ending = import.meta.url.endsWith(".js") ? "js" : "ts";
    const program = new URL(`./node_program.${ending}`, import.meta.url).href;
    const configured = config === undefined ? [] : ["--config", config];
    const args = ["run", "-A", "--quiet", ...configured, program];
    this.#child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
    const { stdin, stdout, stderr } = this.#child;
    // A process that ends early does not read its input.
    stdin!.on("error", () => {});
    // Keys are passed here, since arguments can be seen by other users.
    stdin!.write(`${JSON.stringify(start)}\n`);
    const output = new LineSplitter((line) => {
      const { text, report } = readLine(start.marker, line);
      if (text !== undefined) events.onLine(text);
      if (report !== undefined) events.onReport(report);
    });
    const errors = new LineSplitter(events.onLine);
    stdout!.on("data", (chunk: Uint8Array) => output.push(chunk));
    stderr!.on("data", (chunk: Uint8Array) => errors.push(chunk));
    let failure: string | undefined;
    let isOver = false;
    const ended = (code: number | null, signal: string | null) => {
      if (isOver) return;
      isOver = true;
      output.end();
      errors.end();
      events.onEnd(failure ?? faultOf(code, signal));
    };
    this.#child.on("error", (error) => {
      failure = error.message;
      // Without a process there is no other event.
      if (this.#child.pid === undefined) ended(null, null);
    });
    this.#child.on("close", ended);
  }

  /** Its number in the system; undefined: it did not start. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks it to leave. */
  stop(): void {
    this.#child.stdin!.end(`${stopLine}\n`);
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

function faultOf(code: number | null, signal: string | null): string | undefined {
  if (code === 0) return undefined;
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
