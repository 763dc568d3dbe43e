/** The nodes of an example, each a process with its own certificate. */
import { CastyError, TlsConfig } from "@casty/casty";
import { createCa, issueClient, type Issued, issueNode } from "@casty/casty/cert";
import { TextLineStream } from "./tls_counter/text_lines.ts";

/** The options of a node process, passed as JSON on the command line. */
export interface NodeStart {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly folder: string;
}

/** The TLS configuration in a folder that {@linkcode Processes} has written. */
export function tlsOf(folder: string, name: string): Promise<TlsConfig> {
  const base = `${folder}/${name}`;
  return TlsConfig.fromPaths({
    certFile: `${base}.crt`,
    keyFile: `${base}.key`,
    caFile: `${folder}/ca.crt`,
  });
}

/** The options on the command line; `undefined` if this process is not a node. */
export function nodeStart(args: readonly string[]): NodeStart | undefined {
  const [flag, text] = args;
  return flag === "--node" && text !== undefined ? JSON.parse(text) : undefined;
}

/** See the module's text. */
export class Processes implements AsyncDisposable {
  readonly #script: string;
  readonly #folder: string;
  readonly #children = new Map<string, Deno.ChildProcess>();
  readonly #reading: Promise<void>[] = [];
  /** Addresses of the nodes, by name. */
  readonly addresses = new Map<string, string>();
  /** The output of all nodes. */
  readonly lines: string[] = [];

  private constructor(script: string, folder: string) {
    this.#script = script;
    this.#folder = folder;
  }

  /** Starts a node of a script for each name; resolves when all listen. */
  static async start(script: string, names: readonly string[]): Promise<Processes> {
    const folder = await Deno.makeTempDir({ prefix: "casty-example-" });
    const processes = new Processes(script, folder);
    try {
      const ca = await createCa();
      await Deno.writeTextFile(`${folder}/ca.crt`, ca.cert);
      await processes.#write("client", await issueClient(ca, { name: "example" }));
      for (const name of names) {
        await processes.#write(name, await issueNode(ca, { hosts: [name, "127.0.0.1"] }));
      }
      const [first, ...others] = names;
      const seed = await processes.#run(first!, []);
      await Promise.all(others.map((name) => processes.#run(name, [seed])));
      return processes;
    } catch (error) {
      await processes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The client's TLS configuration. */
  clientTls(): Promise<TlsConfig> {
    return tlsOf(this.#folder, "client");
  }

  /** Kills a node, as in a crash. */
  kill(name: string): void {
    const child = this.#children.get(name);
    if (child !== undefined) signalTo(child, "SIGKILL");
    this.#children.delete(name);
  }

  /** Stops all nodes gracefully and waits for their exit. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.values()) {
      signalTo(child, "SIGTERM");
    }
    await Promise.all(this.#reading);
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #write(name: string, { cert, key }: Issued): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/${name}.crt`, cert);
    await Deno.writeTextFile(`${this.#folder}/${name}.key`, key, { mode: 0o600 });
  }

  #run(name: string, seeds: readonly string[]): Promise<string> {
    const start: NodeStart = { name, seeds, folder: this.#folder };
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", this.#script, "--node", JSON.stringify(start)],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#children.set(name, child);
    // Which node a line of the log is from.
    const logged = (async () => {
      for await (const line of linesOf(child.stderr)) console.error(`${name} | ${line}`);
    })();
    this.#reading.push(logged);
    return new Promise((resolve, reject) => {
      const read = async () => {
        for await (const line of linesOf(child.stdout)) {
          const address = /^LISTENING (\S+)$/.exec(line)?.[1];
          if (address === undefined) {
            this.lines.push(`${name} | ${line}`);
            console.log(`${name} | ${line}`);
            continue;
          }
          this.addresses.set(name, address);
          resolve(address);
        }
        await logged;
        await child.status;
        const remedy = "see its error above";
        reject(
          new CastyError("nodeEnded", `node ${name} has ended before it listened`, { remedy }),
        );
      };
      this.#reading.push(read());
    });
  }
}

function signalTo(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // The process has already exited.
  }
}

function linesOf(output: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  return output.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
}
