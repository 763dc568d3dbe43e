import { createRequire } from "node:module";
import { asking } from "../remote/measures.ts";
import { freePort } from "../sharding/cluster.ts";
import type { RemoteFigures } from "./remote.ts";

/** The part of npm's `redis` that is used. */
interface RedisClient {
  connect(): Promise<unknown>;
  on(event: "error", listener: () => void): void;
  incr(key: string): Promise<number>;
  destroy(): void;
}

interface RedisModule {
  createClient(options: { socket: { host: string; port: number } }): RedisClient;
}

/** Why Redis cannot be measured; undefined: it can. */
export async function redisMissing(): Promise<string | undefined> {
  try {
    await new Deno.Command("redis-server", { args: ["--version"], stdout: "null" }).output();
    return undefined;
  } catch {
    return "redis-server is not installed";
  }
}

/**
 * INCR by npm's `redis`, which is installed in `folder`, on a server on loopback without TLS and without
 * persistence. It has nothing like a tell.
 */
export async function redisRemote(folder: string): Promise<RemoteFigures> {
  const port = freePort();
  const server = new Deno.Command("redis-server", {
    args: ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    stdout: "null",
  }).spawn();
  try {
    const client = await connect(folder, port);
    const counter = { tell: () => {}, ask: (key: string) => client.incr(key) };
    const figures = new Map<string, number>();
    for (const [width, total] of [[1, 3_000], [64, 30_000], [256, 30_000]] as const) {
      for (let run = 0; run < 2; run++) await asking(counter, total, width);
      const { rate, p50 } = await asking(counter, total, width);
      figures.set(`ask-${width}`, width === 1 ? p50 : rate);
    }
    client.destroy();
    return figures;
  } finally {
    server.kill("SIGTERM");
    await server.status;
  }
}

async function connect(folder: string, port: number): Promise<RedisClient> {
  const { createClient } = createRequire(`${folder}/package.json`)("redis") as RedisModule;
  const deadline = performance.now() + 20_000;
  for (;;) {
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    client.on("error", () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      client.destroy();
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
