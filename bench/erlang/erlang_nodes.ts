/**
 * Erlang nodes on loopback that are connected over mutual TLS, each a process of its own.
 *
 * @module
 */
import { createCa, issueNode } from "../../cert.ts";
import { freePort } from "../sharding/cluster.ts";

/** Why nodes with these applications cannot be started; undefined: they can. */
export async function erlangMissing(applications: readonly string[]): Promise<string | undefined> {
  const loaded = applications.map(() => "ok").join();
  const load = `[${loaded}] = [application:load(A) || A <- [${applications}]], halt(0).`;
  try {
    const { code } = await new Deno.Command("erl", {
      args: ["-noshell", "-eval", load],
      stdout: "null",
      stderr: "null",
    }).output();
    await new Deno.Command("erlc", { args: ["-h"], stdout: "null", stderr: "null" }).output();
    return code === 0 ? undefined : `erl lacks one of ${applications.join(", ")}`;
  } catch {
    return "erl or erlc is not installed";
  }
}

/** Nodes that run functions of one module; they are killed when this is disposed of. */
export class ErlangNodes implements AsyncDisposable {
  /** The name of each node. */
  readonly names: readonly string[];
  readonly #folder: string;
  readonly #module: string;
  readonly #ports: string;
  readonly #cookie = crypto.randomUUID().replaceAll("-", "");
  readonly #nodes: Deno.ChildProcess[] = [];

  private constructor(folder: string, module: string, count: number) {
    this.#folder = folder;
    this.#module = module;
    this.names = Array.from({ length: count }, (_, index) => `bench${index}@localhost`);
    this.#ports = this.names.map(freePort).join();
  }

  /** Compiles the module, which is at `source`, and makes certificates for `count` nodes. */
  static async prepare(source: URL, count: number): Promise<ErlangNodes> {
    const folder = await Deno.makeTempDir({ prefix: "casty-erlang-" });
    try {
      await compile(folder, [source, new URL("./bench_ports.erl", import.meta.url)]);
      await writeTls(folder);
      const module = source.pathname.split("/").at(-1)!.replace(".erl", "");
      return new ErlangNodes(folder, module, count);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** Starts a node, which runs the function `run`. */
  start(index: number, run: string, given: readonly string[] = []): Deno.ChildProcess {
    const folder = this.#folder;
    const child = new Deno.Command("erl", {
      args: [
        ...["-noshell", "-pa", folder, "-sname", this.names[index]!, "-setcookie", this.#cookie],
        ...["-start_epmd", "false", "-epmd_module", "bench_ports"],
        ...["-kernel", "inet_dist_use_interface", "{127,0,0,1}"],
        ...["-proto_dist", "inet_tls", "-ssl_dist_optfile", `${folder}/tls.conf`],
        ...["-run", this.#module, run, ...given],
      ],
      cwd: folder,
      env: { HOME: folder, BENCH_PORTS: this.#ports, ERL_CRASH_DUMP: "/dev/null" },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#nodes.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) {
      try {
        node.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await node.status;
    }
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function compile(folder: string, sources: readonly URL[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("erlc", {
    args: ["-o", folder, ...sources.map(({ pathname }) => pathname)],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`erlc: ${text.decode(stdout)}${text.decode(stderr)}`);
}

async function writeTls(folder: string): Promise<void> {
  const ca = await createCa();
  const { cert, key } = await issueNode(ca, { hosts: ["localhost"] });
  await Deno.writeTextFile(`${folder}/ca.pem`, ca.cert);
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/key.pem`, key, { mode: 0o600 });
  const files = ['cacertfile,"ca', 'certfile,"cert', 'keyfile,"key'].map((file) =>
    `{${file.replace('"', `"${folder}/`)}.pem"}`
  ).join(", ");
  const verify = "{verify, verify_peer}";
  await Deno.writeTextFile(
    `${folder}/tls.conf`,
    `[{server, [${files}, ${verify}, {fail_if_no_peer_cert, true}]},\n` +
      ` {client, [${files}, ${verify}]}].\n`,
  );
}
