/**
 * Redis and etcd as subjects, each a process of its own that ends with the benchmark.
 *
 * @module
 */
import { createRequire } from "node:module";
import type { CertificateFiles } from "./certificate_files.ts";
import type { Subject } from "./subject.ts";

/** A rival that runs. */
export interface Rival extends AsyncDisposable {
  readonly subject: Subject;
}

/** The part of npm's `redis` that is used. */
interface RedisClient {
  connect(): Promise<unknown>;
  on(event: "error", listener: () => void): void;
  sendCommand(command: readonly string[]): Promise<unknown>;
  destroy(): void;
}

interface RedisModule {
  createClient(options: {
    readonly socket: {
      readonly host: string;
      readonly port: number;
      readonly tls: true;
      readonly ca: string;
      readonly cert: string;
      readonly key: string;
    };
  }): RedisClient;
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function until(ready: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return void await ready();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function start(command: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(command, { args: [...args], stdout: "null", stderr: "null" }).spawn();
}

async function stop(process: Deno.ChildProcess): Promise<void> {
  process.kill("SIGTERM");
  await process.status;
}

/** Releases a lock if it is held by the value still. */
const release = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end";

/** Redis over mutual TLS. `fsync`: each write is synced to disk before it is answered. */
export async function redis(
  files: CertificateFiles,
  folder: string,
  { fsync }: { readonly fsync: boolean },
): Promise<Rival> {
  const port = freePort();
  const dir = Deno.makeTempDirSync({ prefix: "casty-redis-" });
  const process = start("redis-server", [
    ...["--port", "0", "--tls-port", String(port), "--bind", "127.0.0.1", "--dir", dir],
    ...["--tls-cert-file", files.cert, "--tls-key-file", files.key],
    ...["--tls-ca-cert-file", files.ca, "--tls-auth-clients", "yes", "--save", ""],
    ...(fsync ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"]),
  ]);
  const { createClient } = createRequire(`${folder}/package.json`)("redis") as RedisModule;
  const [ca, cert, key] = [files.ca, files.cert, files.key].map((path) =>
    Deno.readTextFileSync(path)
  ) as [string, string, string];
  const socket = { host: "127.0.0.1", port, tls: true, ca, cert, key } as const;
  let client!: RedisClient;
  await until(async () => {
    client?.destroy();
    client = createClient({ socket });
    client.on("error", () => {});
    await client.connect();
  });
  const send = (...command: string[]) => client.sendCommand(command);
  let count = 0;
  return {
    subject: {
      name: fsync ? "Redis, appendfsync always" : "Redis",
      async lock(name) {
        const value = String(++count);
        while (await send("SET", name, value, "NX", "PX", "30000") === null) {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        return () => send("EVAL", release, "1", name, value);
      },
      increment: (name) => send("INCR", name),
      set: (key, value) => send("HSET", "map", key, value),
      get: (key) => send("HGET", "map", key),
      enqueue: (value) => send("RPUSH", "queue", value),
      dequeue: () => send("LPOP", "queue"),
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await stop(process);
      Deno.removeSync(dir, { recursive: true });
    },
  };
}

/** One etcd, over mutual TLS, by its JSON gateway. */
export async function etcd(command: string, files: CertificateFiles): Promise<Rival> {
  const [port, peerPort] = [freePort(), freePort()];
  const dir = Deno.makeTempDirSync({ prefix: "casty-etcd-" });
  const url = `https://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const process = start(command, [
    ...["--data-dir", dir, "--listen-client-urls", url, "--advertise-client-urls", url],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--initial-cluster", `default=${peerUrl}`, "--client-cert-auth"],
    ...["--cert-file", files.cert, "--key-file", files.key, "--trusted-ca-file", files.ca],
  ]);
  const client = Deno.createHttpClient({
    caCerts: [Deno.readTextFileSync(files.ca)],
    cert: Deno.readTextFileSync(files.cert),
    key: Deno.readTextFileSync(files.key),
  });
  const call = async (path: string, body: unknown): Promise<Record<string, string>> => {
    const answer = await fetch(`${url}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      client,
    });
    if (!answer.ok) throw new Error(`etcd: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  };
  await until(() => call("maintenance/status", {}));
  const { ID: lease } = await call("lease/grant", { TTL: 300 });
  return {
    subject: {
      name: "etcd",
      async lock(name) {
        const { key } = await call("lock/lock", { name: btoa(name), lease });
        return () => call("lock/unlock", { key });
      },
      set: (key, value) => call("kv/put", { key: btoa(key), value: btoa(value) }),
      get: (key) => call("kv/range", { key: btoa(key) }),
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await stop(process);
      Deno.removeSync(dir, { recursive: true });
    },
  };
}
