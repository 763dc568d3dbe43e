/**
 * A client and three nodes, each in its own process, over mutual TLS on loopback, compared with an
 * echo over a raw `node:tls` socket in the same run.
 *
 *     deno run -A bench/client.ts --rounds 3
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { createCa, issueClient, issueNode } from "@casty/casty/cert";
import { type ActorRef, type ShardEnvelope, shardEnvelope, silentLogger } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import type { TlsMaterial } from "../lib/runtime/network.ts";
import { BenchCluster, sharding } from "./client/cluster.ts";
import { type BenchMessage, benchSystem, textFor } from "./remote/counter.ts";
import { asking, type Counter, floodRate } from "./remote/measures.ts";
import { Peer } from "./remote/peer.ts";
import { RawSocket } from "./remote/raw.ts";
import { machine, median, text } from "./report.ts";

type Unit = "/s" | "us" | "B";
type Values = Map<string, { readonly unit: Unit; readonly values: number[] }>;
type Counters = ActorRef<ShardEnvelope<BenchMessage>>;

const ids = Array.from({ length: 120 }, (_, n) => `entity-${n}`);

if (import.meta.main) {
  const { rounds: given = "3" } = parseArgs(Deno.args, { string: ["rounds"] });
  const rounds = Number(given);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 99) {
    console.error(`--rounds is ${given}, not a whole number from 1 to 99`);
    Deno.exit(2);
  }
  const values: Values = new Map();
  const add = (name: string, value: number, unit: Unit) => {
    const row = values.get(name) ?? { unit, values: [] };
    values.set(name, row);
    row.values.push(value);
  };
  for (let round = 0; round < rounds; round++) await measure(add);
  await measurePending(add);
  print(values, rounds);
}

type Add = (name: string, value: number, unit: Unit) => void;

async function measure(add: Add): Promise<void> {
  const ca = await createCa();
  const node = { ...await issueNode(ca, { hosts: ["127.0.0.1"] }), ca: ca.cert };
  const tls = { ...await issueClient(ca, { name: "bench" }), ca: ca.cert };
  {
    await using cluster = await BenchCluster.start(node);
    await measureTraffic(add, cluster, tls);
    await measureContactKill(add, cluster, tls);
  }
  {
    // Two processes on two cores: the cost of a client without contention for cores.
    await using single = await BenchCluster.start(node, 1);
    await measureTraffic((name, ...rest) => add(`one node: ${name}`, ...rest), single, tls);
  }
  {
    await using cluster = await BenchCluster.start(node);
    add("owner killed, first ask of its entity", await ownerKill(cluster, tls), "us");
  }
  const raw = new Peer("raw", node);
  try {
    await using socket = await RawSocket.connect(await raw.address, node);
    const { p50, p99 } = await socket.echo(3_000);
    add("raw TLS echo, sequential, p50", p50, "us");
    add("raw TLS echo, sequential, p99", p99, "us");
    for (const width of [64, 1_000]) {
      add(`raw TLS echo, ${width} outstanding`, await socket.echoRate(60_000, width), "/s");
    }
  } finally {
    await raw.stop();
  }
}

async function connect(
  cluster: BenchCluster,
  tls: TlsMaterial,
): Promise<readonly [ClusterClient, Counters]> {
  const client = await ClusterClient.connect({
    contactPoints: cluster.addresses,
    systemName: benchSystem,
    tls,
    logger: silentLogger,
  });
  return [client, client.entityRef<BenchMessage>("counters", sharding)];
}

function get(
  id: string,
  words = "",
): (replyTo: ActorRef<number>) => ShardEnvelope<BenchMessage> {
  return (replyTo) => shardEnvelope(id, { type: "get", text: words, replyTo });
}

/** Asks go to all entities in turn, tells to one entity, which counts them. */
function counterOf(client: ClusterClient, ref: Counters): Counter {
  let turn = 0;
  return {
    tell: (words) => ref.tell(shardEnvelope("hits", { type: "count", text: words })),
    ask: (words) => {
      const id = words === "" ? "hits" : ids[turn++ % ids.length]!;
      return client.ask(ref, get(id, words));
    },
  };
}

async function measureTraffic(
  add: Add,
  cluster: BenchCluster,
  tls: TlsMaterial,
): Promise<void> {
  const begin = performance.now();
  const [client, ref] = await connect(cluster, tls);
  await using _closing = client;
  await client.ask(ref, get("hits"), { retry: true });
  add("connect and first ask", (performance.now() - begin) * 1_000, "us");
  await Promise.all(ids.map((id) => client.ask(ref, get(id), { retry: true })));
  const counter = counterOf(client, ref);
  await asking(counter, 2_000, 16);
  const { p50, p99, rate } = await asking(counter, 3_000, 1);
  add("ask, sequential", rate, "/s");
  add("ask, sequential, p50", p50, "us");
  add("ask, sequential, p99", p99, "us");
  for (const width of [64, 1_000]) {
    const total = 30_000;
    const before = process.cpuUsage();
    const nodesBefore = cluster.cpuTime();
    const { rate, p50, p99 } = await asking(counter, total, width);
    const { user, system } = process.cpuUsage(before);
    add(`ask, ${width} outstanding`, rate, "/s");
    add(`ask, ${width} outstanding, p50`, p50, "us");
    add(`ask, ${width} outstanding, p99`, p99, "us");
    add(`ask, ${width} outstanding, processor time of the client`, (user + system) / total, "us");
    const ofNodes = (cluster.cpuTime() - nodesBefore) / total;
    add(`ask, ${width} outstanding, processor time of the nodes`, ofNodes, "us");
  }
  const flood = { text: textFor(100), tells: 200_000, perAsk: 10_000 };
  add("tell, 100 B", await floodRate(counter, flood), "/s");
}

/** Repeats an ask until one succeeds; returns the time in microseconds. */
async function untilAnswered(client: ClusterClient, ref: Counters, id: string): Promise<number> {
  const begin = performance.now();
  await client.ask(ref, get(id), { timeout: 60_000, retry: { attemptTimeout: 250, delay: 20 } });
  return (performance.now() - begin) * 1_000;
}

async function measureContactKill(
  add: Add,
  cluster: BenchCluster,
  tls: TlsMaterial,
): Promise<void> {
  const [client, ref] = await connect(cluster, tls);
  await using _closing = client;
  await Promise.all(ids.map((id) => client.ask(ref, get(id), { retry: true })));
  while (client.contacts.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  const contact = client.contact!;
  const elsewhere = ids.find((id) => client.sharding.shardOwner("counters", id) !== contact);
  // `BenchCluster.start` has awaited that the shards are spread.
  if (elsewhere === undefined) throw new Error(`${contact} owns all shards`);
  cluster.kill(contact);
  add(
    "contact killed, first ask of another node",
    await untilAnswered(client, ref, elsewhere),
    "us",
  );
}

async function ownerKill(cluster: BenchCluster, tls: TlsMaterial): Promise<number> {
  const [client, ref] = await connect(cluster, tls);
  await using _closing = client;
  await Promise.all(ids.map((id) => client.ask(ref, get(id), { retry: true })));
  cluster.kill(client.sharding.shardOwner("counters", "entity-0")!);
  return await untilAnswered(client, ref, "entity-0");
}

async function measurePending(add: Add): Promise<void> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--v8-flags=--expose-gc"],
      new URL("./client/pending.ts", import.meta.url).href,
    ],
    stderr: "inherit",
  }).output();
  const measured = JSON.parse(new TextDecoder().decode(stdout));
  for (const [name, { heap, kept }] of Object.entries<{ heap: number; kept: number }>(measured)) {
    add(`100,000 tells to ${name} without an owner: ${kept} kept, heap`, heap, "B");
  }
}

function print(values: Values, rounds: number): void {
  console.log(`\n## A client and three nodes, mutual TLS, loopback\n\n${machine()}`);
  console.log(`${rounds} rounds\n\n| figure | median | best |\n| --- | ---: | ---: |`);
  for (const [name, { unit, values: all }] of values) {
    const best = unit === "/s" ? Math.max(...all) : Math.min(...all);
    console.log(`| ${name} | ${text(median(all), unit)} | ${text(best, unit)} |`);
  }
}
