/**
 * A throw-away PostgreSQL server: initdb in a temporary folder, on a free port of 127.0.0.1.
 *
 * @module
 */

/** Debian's folders of its programs, the newest first. */
function programs(): string | undefined {
  const folder = "/usr/lib/postgresql";
  try {
    const versions = [...Deno.readDirSync(folder)].map(({ name }) => Number(name));
    const newest = Math.max(...versions.filter((version) => version >= 14));
    return Number.isFinite(newest) ? `${folder}/${newest}/bin` : undefined;
  } catch {
    return undefined;
  }
}

const bin = Deno.build.os === "linux" ? programs() : undefined;

/** Why no server can be started; undefined: one can. */
export const missing: string | undefined = bin === undefined
  ? "PostgreSQL 14 or later is not installed (/usr/lib/postgresql)"
  : undefined;

/** The path of one of its programs. */
export function program(name: string): string {
  return `${bin}/${name}`;
}

/** A free port. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** Runs a program as a user without rights: the server refuses root. */
export function serverCommand(program: string, args: readonly string[], cwd: string): Deno.Command {
  const isRoot = Deno.uid() === 0;
  return new Deno.Command(isRoot ? "setpriv" : program, {
    args: isRoot
      ? ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, ...args]
      : [...args],
    cwd,
    stdout: "null",
    stderr: "piped",
    env: { LC_ALL: "C.UTF-8" },
  });
}

/** Waits for the end of a process that is no child of this one. */
async function whenGone(pid: number): Promise<void> {
  const isThere = () => Deno.stat(`/proc/${pid}`).then(() => true, () => false);
  while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A server. Its end removes all that it has made. */
export class PostgresServer implements AsyncDisposable {
  readonly #folder: string;
  readonly port: number;
  #child: Deno.ChildProcess | undefined;
  #hasEnded = false;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  /** Makes a server and starts it. `folder`: where, such as on a small disk. Default: a new one. */
  static async create(folder?: string): Promise<PostgresServer> {
    folder ??= await Deno.makeTempDir({ prefix: "casty-postgres-" });
    await Deno.chmod(folder, 0o777);
    const server = new PostgresServer(folder, freePort());
    try {
      const { code, stderr } = await serverCommand(
        `${bin}/initdb`,
        [
          "-D",
          `${folder}/data`,
          "-U",
          "casty",
          "--auth=trust",
          "-E",
          "UTF8",
          "--locale=C",
          "--wal-segsize=1",
        ],
        folder,
      ).output();
      if (code !== 0) throw new Error(`initdb: ${new TextDecoder().decode(stderr)}`);
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The server's address with its only database. */
  get url(): string {
    return `postgres://casty@127.0.0.1:${this.port}/postgres`;
  }

  /** Starts it, also after it was killed; resolves when it takes connections. */
  async start(): Promise<void> {
    const options = [
      ["listen_addresses", "127.0.0.1"],
      ["unix_socket_directories", this.#folder],
      ["max_connections", "64"],
      ["shared_buffers", "32MB"],
    ].flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    this.#child = serverCommand(
      `${bin}/postgres`,
      ["-D", `${this.#folder}/data`, "-p", String(this.port), ...options],
      this.#folder,
    ).spawn();
    const said = new Response(this.#child.stderr).text();
    this.#hasEnded = false;
    void this.#child.status.then(() => this.#hasEnded = true);
    const end = performance.now() + 60_000;
    while (!await this.#answers()) {
      if (this.#hasEnded) throw new Error(`PostgreSQL has ended: ${await said}`);
      if (performance.now() > end) throw new Error("PostgreSQL does not answer");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #answers(): Promise<boolean> {
    const { code } = await new Deno.Command(`${bin}/pg_isready`, {
      args: ["-h", "127.0.0.1", "-p", String(this.port), "-q"],
    }).output();
    return code === 0;
  }

  /** Whether it has ended by itself, as it does when it cannot write its log. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends all its processes at once, in the middle of what they do. */
  async kill(): Promise<void> {
    const [, ...children] = await this.#signal("SIGKILL");
    await this.#child!.status;
    await Promise.all(children.map(whenGone));
  }

  /** Stops all its processes where they are: connections stay open, and nobody answers. */
  async freeze(): Promise<void> {
    await this.#signal("SIGSTOP");
  }

  /** They go on. */
  async thaw(): Promise<void> {
    await this.#signal("SIGCONT");
  }

  /** Sends a signal to the server and then to its children; returns them. */
  async #signal(signal: Deno.Signal): Promise<number[]> {
    const pid = await Deno.readTextFile(`${this.#folder}/data/postmaster.pid`)
      .then((text) => Number(text.split("\n")[0]));
    // A process that it starts meanwhile would stay, and keep a new server from starting.
    Deno.kill(pid, "SIGSTOP");
    const children = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`))
      .trim().split(/\s+/).map(Number).filter((child) => child > 0);
    for (const one of [pid, ...children]) {
      try {
        Deno.kill(one, signal);
      } catch {
        // It has ended already.
      }
    }
    return [pid, ...children];
  }

  /** Ends it in order: clients are disconnected. */
  async stop(): Promise<void> {
    // SIGINT is a fast shutdown.
    try {
      this.#child?.kill("SIGINT");
    } catch {
      // It has ended already.
    }
    await this.#child?.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for await (const { name } of Deno.readDir(this.#folder)) {
      await Deno.remove(`${this.#folder}/${name}`, { recursive: true });
    }
    // The root of a file system stays.
    await Deno.remove(this.#folder).catch(() => {});
  }
}
