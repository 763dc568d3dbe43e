/**
 * What asks of one client take while another sends as much as it can: a node, and a client that floods
 * it, each in a process of its own, over mutual TLS. The node decodes at most `maxValueRate` of the
 * flood a second and half of its time, in turns of 2 ms.
 *
 *     deno run -A bench/fair_share.ts [--seconds 10] [--limit 50]
 *
 * Exits 1 if the p99 of the asks is above the limit (milliseconds), and 2 if the flood was too slow to
 * show anything, or no process was left of it.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type ActorRef,
  Behaviors,
  ClusteredActorSystem,
  shardEnvelope,
  silentLogger,
} from "@casty/casty";
import { createCa, issueClient, issueNode } from "@casty/casty/cert";
import { ClusterClient } from "@casty/casty/client";
import type { TlsMaterial } from "../lib/runtime/network.ts";
import { transportDefaults } from "../lib/options/tables/transport_tables.ts";
import { TextLineStream } from "../examples/tls_counter/text_lines.ts";
import { loadAverage, machine } from "./report.ts";

/** A message with values that are only counted. */
type Counted = { readonly values: readonly unknown[]; readonly replyTo: ActorRef<number> };

const sharding = { name: "counted", numShards: 16 } as const;
/** Messages of the flood that wait for their answers at any time. */
const floodWidth = 8;
/**
 * The share of `maxValueRate` that a flood has decoded at least: values that take longer than numbers
 * are limited by the half of the time that a client gets.
 */
const leastShare = 0.1;

const floods: Readonly<Record<string, () => readonly unknown[]>> = {
  numbers: () => new Array(200_000).fill(1),
  "empty objects": () => Array.from({ length: 200_000 }, () => ({})),
  texts: () => [new Array(200).fill("ż".repeat(2_000)).join("")],
};

function systemOptions(tls: TlsMaterial) {
  return { name: "fair", host: "127.0.0.1", port: 0, tls, logger: silentLogger };
}

async function runNode(tls: TlsMaterial): Promise<void> {
  const system = await ClusteredActorSystem.start({ ...systemOptions(tls), requiredQuorum: 1 });
  const entity = () =>
    Behaviors.receive<Counted>((_context, { values, replyTo }) => {
      replyTo.tell(values.length);
      return Behaviors.same();
    });
  const { name, numShards } = sharding;
  system.spawn(Behaviors.sharded(entity, { numShards }), name);
  console.log(system.address);
}

async function connect(address: string, tls: TlsMaterial): Promise<ClusterClient> {
  const contactPoints = [address];
  return await ClusterClient.connect({
    contactPoints,
    systemName: "fair",
    tls,
    logger: silentLogger,
  });
}

/** Asks an entity; resolves with the milliseconds that it took. */
async function ask(
  client: ClusterClient,
  id: string,
  values: readonly unknown[],
): Promise<number> {
  const { name, numShards } = sharding;
  const counted = client.entityRef<Counted>(name, { numShards });
  const since = performance.now();
  await client.ask(
    counted,
    (replyTo: ActorRef<number>) => shardEnvelope(id, { values, replyTo }),
    { timeout: 60_000 },
  );
  return performance.now() - since;
}

/** Prints a line for each message that was answered. */
async function runFlood(address: string, tls: TlsMaterial, kind: string): Promise<void> {
  const client = await connect(address, tls);
  const values = floods[kind]!();
  // First where the shards are: what waits for that is bounded.
  for (let id = 0; id < floodWidth; id++) await ask(client, `flood-${id}`, []);
  await Promise.all(Array.from({ length: floodWidth }, async (_, id) => {
    for (;;) {
      await ask(client, `flood-${id}`, values);
      console.log(values.length);
    }
  }));
}

/** Another process of this program. */
class Child implements AsyncDisposable {
  /** Lines that it has printed. */
  lines = 0;
  readonly first: Promise<string>;
  readonly #process: Deno.ChildProcess;
  readonly #read: Promise<void>;

  constructor(role: string, tls: TlsMaterial, ...more: readonly string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, "--role", role, ...more],
      env: { CASTY_BENCH_TLS: JSON.stringify(tls) },
      stdout: "piped",
    }).spawn();
    const first = Promise.withResolvers<string>();
    this.first = first.promise;
    // It is no fault of a child that is ended before its first line.
    first.promise.catch(() => {});
    const lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    this.#read = (async () => {
      for await (const line of lines) {
        if (this.lines++ === 0) first.resolve(line);
      }
      first.reject(new Error(`the ${role} has ended`));
    })();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#read;
    await this.#process.status;
  }
}

interface Delays {
  readonly asks: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

/** Asks one after the other, with a pause, as a user's program does. */
async function measure(client: ClusterClient, seconds: number): Promise<Delays> {
  const times: number[] = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end;) {
    times.push(await ask(client, `honest-${times.length % 20}`, []));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return { asks: times.length, p50: at(0.5), p99: at(0.99), longest: times.at(-1)! };
}

function row(name: string, { asks, p50, p99, longest }: Delays, flood: string): string {
  const cells = [p50, p99, longest].map((ms) => ms.toFixed(1)).join(" | ");
  return `| ${name} | ${asks} | ${cells} | ${flood} |`;
}

async function compare(seconds: number, limit: number): Promise<number> {
  const ca = await createCa();
  const material = ({ cert, key }: { cert: string; key: string }) => ({ cert, key, ca: ca.cert });
  const node = material(await issueNode(ca, { hosts: ["127.0.0.1"] }));
  const [good, bad] = [
    material(await issueClient(ca, { name: "good" })),
    material(await issueClient(ca, { name: "bad" })),
  ];
  await using server = new Child("node", node);
  const address = await server.first;
  const client = await connect(address, good);
  let code = 0;
  await measure(client, 1);
  console.log(`${machine()}; ${loadAverage()}\n`);
  console.log("| beside | asks | p50, ms | p99, ms | longest, ms | values/s of the flood |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  console.log(row("nobody", await measure(client, seconds / 2), ""));
  for (const [kind, make] of Object.entries(floods)) {
    await using flood = new Child("flood", bad, "--address", address, "--kind", kind);
    await flood.first;
    await measure(client, 1);
    const [before, since] = [flood.lines, performance.now()];
    const delays = await measure(client, seconds);
    const messages = (flood.lines - before) / (performance.now() - since) * 1_000;
    const rate = messages * make().length;
    console.log(row(kind, delays, `${Math.round(rate)} (${messages.toFixed(1)} messages/s)`));
    if (delays.p99 > limit) code = Math.max(code, 1);
    const isSlow = make().length > 1
      ? rate < leastShare * transportDefaults.maxValueRate
      : messages < 5;
    if (isSlow) {
      console.error(`the flood of ${kind} was too slow to show anything`);
      code = 2;
    }
  }
  console.log(row("nobody, after", await measure(client, seconds / 2), ""));
  await client.close();
  return code;
}

if (import.meta.main) {
  const { role, address = "", kind = "", seconds = "10", limit = "50" } = parseArgs(
    [...Deno.args],
    {
      string: ["role", "address", "kind", "seconds", "limit"],
    },
  );
  const tls = JSON.parse(Deno.env.get("CASTY_BENCH_TLS") ?? "{}");
  if (role === "node") await runNode(tls);
  else if (role === "flood") await runFlood(String(address), tls, String(kind));
  else Deno.exit(await compare(Number(seconds), Number(limit)));
}
