/**
 * Many sockets at gateways, while processes are killed:
 *
 *     deno task soak:gateway --sockets=10000 --kill=node --seconds=60
 *
 * `--kill=node`: nodes of the cluster, behind one gateway. `--kill=gateway`: one of two gateways. Every
 * socket reads a topic of three publishers (a message each `--interval`, 1 000 ms) and calls operations
 * that are not idempotent. Exits with 1 if
 * a socket was closed for longer than `--limit` (2 000 ms), a message is missing without a gap, or an
 * operation has told an outcome that is not true.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { type ActorRef, type Behavior, Behaviors, ClusteredActorSystem } from "../../mod.ts";
import { entityType, Topic } from "../../mod.ts";
import { ClusterClient } from "../../client.ts";
import { gateway, gatewayHandler } from "../../gateway.ts";
import { gatewayClient, type GatewayError } from "../../gateway_client.ts";

type Add = { type: "add"; replyTo: ActorRef<number> } | { type: "get"; replyTo: ActorRef<number> };
const Counters = entityType<Add>("counters", { numShards: 64 });
const Ticks = Topic<{ publisher: string; number: number }>("ticks");
const api = gateway.api({
  counters: gateway.entity(Counters, ({ ask }) => ({
    add: ask({ message: (replyTo) => ({ type: "add", replyTo }) }),
    get: ask({ idempotent: true, message: (replyTo) => ({ type: "get", replyTo }) }),
  })),
  ticks: gateway.topic(Ticks),
});

const options = parseArgs(Deno.args, {
  string: [
    "role",
    "kill",
    "nodes",
    "gateways",
    "sockets",
    "seconds",
    "every",
    "interval",
    "limit",
    "id",
  ],
  default: {
    kill: "gateway",
    sockets: "1000",
    seconds: "60",
    every: "10",
    interval: "1000",
    limit: "2000",
  },
});
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const addressesOf = (text: unknown) => String(text ?? "").split(",");

/** What this process has used. */
function used() {
  const { user, system } = process.cpuUsage();
  const { rss } = Deno.memoryUsage();
  return { rssMiB: Math.round(rss / 1_048_576), cpuMs: Math.round((user + system) / 1_000) };
}

const counter = (value: number): Behavior<Add> =>
  Behaviors.receive((_context, { type, replyTo }) => {
    const next = type === "add" ? value + 1 : value;
    replyTo.tell(next);
    return counter(next);
  });

async function runNode(): Promise<never> {
  const nodes = addressesOf(options.nodes);
  const system = await ClusteredActorSystem.start({
    name: "soak",
    host: "127.0.0.1",
    port: Number(nodes[Number(options.id)]!.split(":")[1]),
    seedNodes: nodes,
  });
  system.spawn(Behaviors.sharded(Counters, () => counter(0)));
  const ticks = system.topic(Ticks);
  const publisher = `${options.id}/${Deno.pid}`;
  console.log("READY");
  for (let number = 1;; number++) {
    ticks.publish({ publisher, number });
    await sleep(Number(options.interval));
  }
}

async function runGateway(): Promise<never> {
  const client = await ClusterClient.connect({
    contactPoints: addressesOf(options.nodes),
    systemName: "soak",
    maxPendingAsks: 100_000,
  });
  const handler = gatewayHandler(client, api, {
    authenticate: (_request, token) => token === undefined ? undefined : { id: token },
    maxSocketsPerPrincipal: 100,
    maxSessionsPerPrincipal: 200,
    // All clients are one process, which a busy machine may hold up.
    slowAfter: 60_000,
  });
  const port = Number(addressesOf(options.gateways)[Number(options.id)]!.split(":")[1]);
  // Thousands connect at once when another gateway is gone.
  const listening = { hostname: "127.0.0.1", port, tcpBacklog: 4_096 };
  Deno.serve({ ...listening, onListen: () => console.log("READY") }, handler);
  for (;;) {
    await sleep(5_000);
    console.log(JSON.stringify({ ...handler.facts, ...used() }));
  }
}

/** What all sockets have seen. */
const seen = {
  messages: 0,
  gaps: 0,
  resumed: 0,
  anew: 0,
  confirmed: 0,
  none: 0,
  unknown: 0,
  untrue: 0,
  silent: 0,
  closedFor: [] as number[],
};
/** A jump is told of within this time. */
const gapDelay = 20_000;
let stopping = false;

class Socket {
  readonly #client;
  readonly #counter;
  readonly #latest = new Map<string, number>();
  /** Jumps that no gap has explained. */
  #jumps: number[] = [];
  #gapAt = -Infinity;
  #closedAt: number | undefined;
  #confirmed = 0;
  #unknown = 0;

  constructor(id: number) {
    const all = addressesOf(options.gateways).map((address) => `http://${address}/gateway`);
    // Half of them begin at each gateway.
    const urls = id % 2 === 0 ? all : all.toReversed();
    this.#client = gatewayClient<typeof api>({
      urls,
      token: () => `principal-${id >> 4}`,
      pingAfter: 60_000,
    });
    this.#counter = this.#client.entity("counters", `counter-${id}`);
    this.#client.onState(({ state, resumed }) => this.#onState(state, resumed));
  }

  async start(): Promise<void> {
    await this.#counter.get(undefined, { timeout: 60_000 });
    void this.#read();
    void this.#add();
  }

  #onState(state: string, resumed: boolean): void {
    const now = performance.now();
    if (state === "connecting") this.#closedAt = now;
    if (state !== "open" || this.#closedAt === undefined) return;
    seen.closedFor.push(now - this.#closedAt);
    this.#closedAt = undefined;
    if (resumed) seen.resumed++;
    else seen.anew++;
  }

  async #read(): Promise<void> {
    for await (const event of this.#client.topic("ticks").subscribe()) {
      const now = performance.now();
      if (event.type === "gap") {
        seen.gaps++;
        this.#gapAt = now;
        this.#jumps = [];
        continue;
      }
      seen.messages++;
      const { publisher, number } = event.message;
      const latest = this.#latest.get(publisher) ?? number - 1;
      this.#latest.set(publisher, number);
      if (number === latest + 1) continue;
      if (number <= latest) seen.untrue++;
      else if (now - this.#gapAt > gapDelay) this.#jumps.push(now);
    }
  }

  async #add(): Promise<void> {
    while (!stopping) {
      await sleep((2 + Math.random() * 8) * Number(options.interval));
      try {
        await this.#counter.add(undefined, { timeout: 10_000 });
        this.#confirmed++;
        seen.confirmed++;
      } catch (error) {
        const { outcome } = error as GatewayError;
        if (outcome === "none") seen.none++;
        else {
          seen.unknown++;
          this.#unknown++;
        }
      }
    }
  }

  /** Counters of nodes that were killed are lost, so only others are compared. */
  async finish(compare: boolean): Promise<void> {
    if (this.#closedAt !== undefined) seen.closedFor.push(performance.now() - this.#closedAt);
    const value = await this.#counter.get(undefined, { timeout: 30_000 });
    const isTrue = this.#confirmed <= value && value <= this.#confirmed + this.#unknown;
    if (compare && !isTrue) seen.untrue++;
    seen.silent += this.#jumps.length;
    this.#client.close();
  }
}

async function runClients(): Promise<void> {
  const sockets: Socket[] = [];
  const count = Number(options.sockets);
  for (let id = 0; id < count; id += 50) {
    const more = Array.from({ length: Math.min(50, count - id) }, (_, at) => new Socket(id + at));
    await Promise.all(more.map((socket) => socket.start()));
    sockets.push(...more);
  }
  console.log("READY");
  const before = { messages: seen.messages, ...used() };
  await sleep(Number(options.seconds) * 1_000);
  console.log(JSON.stringify({ before, after: { messages: seen.messages, ...used() } }));
  stopping = true;
  // The last operations, and the gaps of the last kill.
  await sleep(gapDelay);
  for (let at = 0; at < sockets.length; at += 50) {
    await Promise.all(
      sockets.slice(at, at + 50).map((one) => one.finish(options.kill === "gateway")),
    );
  }
  const { closedFor, ...counts } = seen;
  closedFor.sort((a, b) => a - b);
  const quantile = (share: number) =>
    Math.round(closedFor[Math.floor(closedFor.length * share)] ?? 0);
  const closed = {
    median: quantile(0.5),
    p99: quantile(0.99),
    longest: Math.round(closedFor.at(-1) ?? 0),
  };
  console.log(
    `RESULT ${JSON.stringify({ ...counts, closed: closedFor.length, closedMs: closed })}`,
  );
}

/** A process of this file in another role. */
class Child {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  result: string | undefined;
  readonly #process: Deno.ChildProcess;

  constructor(role: string, id: number, nodes: string, gateways: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", import.meta.filename!, `--role=${role}`, `--id=${id}`]
        .concat(
          [`--nodes=${nodes}`, `--gateways=${gateways}`, ...Deno.args],
        ),
      stdout: "piped",
    }).spawn();
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ended = this.#read(role, id, ready.resolve);
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  async #read(role: string, id: number, ready: () => void): Promise<void> {
    let text = "";
    for await (const chunk of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
        const line = text.slice(0, end);
        if (line === "READY") ready();
        else console.log(`${role} ${id} | ${line}`);
        if (line.startsWith("RESULT ")) this.result = line.slice("RESULT ".length);
      }
    }
  }
}

function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

async function main(): Promise<number> {
  const killsNodes = options.kill === "node";
  const nodes = Array.from({ length: 3 }, freeAddress).join();
  const gateways = Array.from({ length: killsNodes ? 1 : 2 }, freeAddress).join();
  const start = (role: string, id: number) => new Child(role, id, nodes, gateways);
  const running = {
    node: [0, 1, 2].map((id) => start("node", id)),
    gateway: [] as Child[],
  };
  await Promise.all(running.node.map(({ ready }) => ready));
  running.gateway = addressesOf(gateways).map((_, id) => start("gateway", id));
  await Promise.all(running.gateway.map(({ ready }) => ready));
  const clients = start("clients", 0);
  try {
    await clients.ready;
    const role = killsNodes ? "node" : "gateway";
    const until = performance.now() + Number(options.seconds) * 1_000;
    for (let kills = 0; performance.now() < until; kills++) {
      await sleep(Number(options.every) * 1_000);
      const id = kills % running[role].length;
      console.log(`killing ${role} ${id}`);
      await running[role][id]!.kill();
      await sleep(1_000);
      running[role][id] = start(role, id);
    }
    await clients.ended;
  } finally {
    for (const child of [...running.node, ...running.gateway]) await child.kill();
  }
  const { silent, untrue, closedMs } = JSON.parse(clients.result ?? "{}");
  return silent === 0 && untrue === 0 && closedMs.longest <= Number(options.limit) ? 0 : 1;
}

switch (options.role) {
  case "node":
    await runNode();
    break;
  case "gateway":
    await runGateway();
    break;
  case "clients":
    await runClients();
    Deno.exit(0);
    break;
  default:
    Deno.exit(await main());
}
