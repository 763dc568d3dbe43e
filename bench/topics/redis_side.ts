import { Installed } from "../rivals/installed.ts";
import { Child } from "./child.ts";
import { type RedisClient, redisClient } from "./redis_client.ts";
import type { BenchEvent } from "./message.ts";
import { Arrivals, type Side } from "./side.ts";

/**
 * A Redis server, a publishing connection, and processes with one connection each, which pass messages to
 * their subscribers themselves: one copy a process, as Casty does it.
 */
export class RedisSide implements Side {
  readonly name = "Redis";
  readonly versions: string;
  readonly #server: Deno.ChildProcess;
  readonly #installed: Installed;
  readonly #publisher: RedisClient;
  readonly #reports: RedisClient;
  readonly #children: readonly Child[];
  readonly #arrivals: Arrivals;

  private constructor(parts: {
    readonly server: Deno.ChildProcess;
    readonly installed: Installed;
    readonly publisher: RedisClient;
    readonly reports: RedisClient;
    readonly children: readonly Child[];
    readonly arrivals: Arrivals;
    readonly versions: string;
  }) {
    this.#server = parts.server;
    this.#installed = parts.installed;
    this.#publisher = parts.publisher;
    this.#reports = parts.reports;
    this.#children = parts.children;
    this.#arrivals = parts.arrivals;
    this.versions = parts.versions;
  }

  /** Resolves when all have subscribed. */
  static async start(processes: number, subscribers: number): Promise<RedisSide> {
    const installed = await Installed.install(["ioredis@5"]);
    const socket = `${installed.folder}/redis.sock`;
    const args = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"];
    const server = new Deno.Command("redis-server", { args, stdout: "null" }).spawn();
    try {
      const env = { CASTY_BENCH_REDIS: socket, CASTY_BENCH_MODULES: installed.folder };
      await untilExists(socket);
      const children = Array.from({ length: processes }, () =>
        new Child("redis_subscriber.ts", {
          ...env,
          CASTY_BENCH_SUBSCRIBERS: String(subscribers),
        }));
      await Promise.all(children.map((child) => child.line()));
      const arrivals = new Arrivals(processes);
      const publisher = redisClient(installed.folder, socket);
      const reports = redisClient(installed.folder, socket);
      reports.on("message", (_channel, messages) => arrivals.report(Number(messages)));
      await reports.subscribe("reports");
      const versions = `${await serverVersion()}, ioredis ${installed.version("ioredis")}`;
      const parts = { server, installed, publisher, reports, children, arrivals, versions };
      return new RedisSide(parts);
    } catch (error) {
      server.kill("SIGTERM");
      installed[Symbol.dispose]();
      throw error;
    }
  }

  publish(message: BenchEvent): void {
    void this.#publisher.publish("events", JSON.stringify(message));
  }

  arrived(messages: number): Promise<void> {
    return this.#arrivals.wait(messages);
  }

  counts(): Promise<readonly (readonly number[])[]> {
    return Promise.all(this.#children.map((child) => child.counts()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    this.#publisher.disconnect();
    this.#reports.disconnect();
    this.#server.kill("SIGTERM");
    await this.#server.status;
    this.#installed[Symbol.dispose]();
  }
}

async function untilExists(path: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await Deno.stat(path);
      return;
    } catch (error) {
      if (performance.now() > deadline) {
        throw new Error("redis-server has not started", { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function serverVersion(): Promise<string> {
  const { stdout } = await new Deno.Command("redis-server", { args: ["--version"] }).output();
  return `Redis ${/v=(\S+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? "unknown"}`;
}
