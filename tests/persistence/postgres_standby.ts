// @ts-types="../../lib/persistence/postgres/pg_types.d.ts"
import pg, { type Client } from "pg";
import { freePort, type PostgresServer, program, serverCommand } from "./postgres_server.ts";

/** A standby of a throw-away server, on the same machine. Its end removes all that it has made. */
export class PostgresStandby implements AsyncDisposable {
  readonly #folder: string;
  readonly #port: number;
  readonly #child: Deno.ChildProcess;

  private constructor(folder: string, port: number, child: Deno.ChildProcess) {
    this.#folder = folder;
    this.#port = port;
    this.#child = child;
  }

  /** Copies a server that runs, and starts the copy. */
  static async create(server: PostgresServer): Promise<PostgresStandby> {
    const folder = await Deno.makeTempDir({ prefix: "casty-standby-" });
    await Deno.chmod(folder, 0o777);
    const { success, stderr } = await serverCommand(
      program("pg_basebackup"),
      [
        ...["-h", "127.0.0.1", "-p", String(server.port), "-U", "casty"],
        // It writes the address of the server into its configuration.
        ...["-D", `${folder}/data`, "--write-recovery-conf", "--checkpoint=fast"],
      ],
      folder,
    ).output();
    if (!success) throw new Error(`pg_basebackup: ${new TextDecoder().decode(stderr)}`);
    const port = freePort();
    const child = serverCommand(program("postgres"), [
      ...["-D", `${folder}/data`, "-p", String(port)],
      ...["-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${folder}`],
      // Not lower than those of the server.
      ...["-c", "max_connections=64"],
    ], folder).spawn();
    void child.stderr.cancel();
    return new PostgresStandby(folder, port, child);
  }

  /** From now on commits of the server wait until the standby has them on disk. */
  async makeSynchronous(admin: Client): Promise<void> {
    await admin.query("alter system set synchronous_standby_names = '*'");
    await admin.query("alter system set synchronous_commit = 'on'");
    await admin.query("select pg_reload_conf()");
    const end = performance.now() + 30_000;
    for (;;) {
      const { rows } = await admin.query("select sync_state from pg_stat_replication");
      if (rows.length === 1 && (rows[0] as { sync_state: string }).sync_state === "sync") return;
      if (performance.now() > end) throw new Error("the standby does not follow");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Rows of a table at the standby. */
  async count(table: string): Promise<number> {
    const client = new pg.Client({
      connectionString: `postgres://casty@127.0.0.1:${this.#port}/postgres`,
    });
    await client.connect();
    const { rows: [row] } = await client.query(`select count(*)::int as count from ${table}`);
    await client.end();
    return (row as { count: number }).count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGINT");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
