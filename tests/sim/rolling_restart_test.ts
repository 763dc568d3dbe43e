import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { simulate, type SimulatedNode, type Simulation } from "../../lib/testkit/mod.ts";

/** Nodes that start again, one after another. */
const restarted = 5;
const numShards = 64;
const entities = 300;
/** Asks a second. */
const rate = 200;
/** Milliseconds that a process takes to start. */
const boot = 300;
/** Milliseconds that an ask waits. */
const timeout = 5_000;

interface Ping {
  readonly replyTo: ActorRef<string>;
}

/** One ask. */
interface Sample {
  readonly at: number;
  /** Milliseconds until it was answered or has failed. */
  ms: number;
  /** Why it has failed. */
  failure: string | undefined;
  /** The node that was known to own the entity when it was asked. */
  readonly owner: string | undefined;
}

/** A node stops and starts again. */
interface Restart {
  readonly address: string;
  readonly from: number;
  to: number;
}

/** The asker: a client, or a node that stays. */
interface Asker {
  ask(entityId: string): Promise<string>;
  owner(entityId: string): string | undefined;
}

function spawnPings({ system, name }: SimulatedNode): ActorRef<ShardEnvelope<Ping>> {
  const ping = Behaviors.receive<Ping>((_context, { replyTo }) => {
    replyTo.tell(name);
    return Behaviors.same();
  });
  return system.spawn(Behaviors.sharded<Ping>(() => ping, { numShards }), "pings");
}

/** A client that asks. */
async function clientAsker(sim: Simulation): Promise<Asker> {
  const client = await sim.connect();
  const pings = client.entityRef<Ping>("pings", { numShards });
  return {
    ask: (id) => client.ask(pings, (replyTo: ActorRef<string>) => pingOf(id, replyTo), { timeout }),
    owner: (id) => client.sharding.shardOwner("pings", id),
  };
}

/** A node that asks. */
function nodeAsker({ system }: SimulatedNode, pings: ActorRef<ShardEnvelope<Ping>>): Asker {
  return {
    ask: (id) => system.ask(pings, (replyTo: ActorRef<string>) => pingOf(id, replyTo), { timeout }),
    owner: (id) => system.sharding.shardOwner("pings", id),
  };
}

function pingOf(id: string, replyTo: ActorRef<string>): ShardEnvelope<Ping> {
  return shardEnvelope(id, { replyTo });
}

/** Restarts five nodes one after another, each `pace` after the one before, under asks. */
async function restartAll(
  sim: Simulation,
  asker: Asker,
  pace: number,
): Promise<{ samples: Sample[]; restarts: Restart[] }> {
  const samples: Sample[] = [];
  const restarts: Restart[] = [];
  let pending = 0;
  const ask = async (entityId: string) => {
    const sample: Sample = {
      at: sim.now,
      ms: 0,
      failure: undefined,
      owner: asker.owner(entityId),
    };
    pending++;
    try {
      await asker.ask(entityId);
    } catch (error) {
      sample.failure = `${(error as { code: string }).code}: ${(error as Error).message}`;
    }
    sample.ms = sim.now - sample.at;
    samples.push(sample);
    pending--;
  };
  for (let i = 0; i < entities; i++) await ask(`e-${i}`);
  await sim.sleep(12_000);
  samples.length = 0;
  let asking = true;
  const load = (async () => {
    for (let n = 0; asking; n++) {
      void ask(`e-${(n * 37) % entities}`);
      await sim.sleep(1_000 / rate);
    }
  })();
  for (const node of sim.nodes.slice(0, restarted)) {
    const { address, starts } = node;
    const restart = { address, from: sim.now, to: Infinity };
    restarts.push(restart);
    sim.inject({ type: "stop", at: 0, node: node.name, restartAfter: boot });
    await sim.until(() => node.starts > starts && node.status === "up");
    restart.to = sim.now;
    await sim.sleep(Math.max(0, pace - (sim.now - restart.from)));
  }
  await sim.sleep(10_000);
  asking = false;
  await load;
  await sim.until(() => pending === 0);
  return { samples, restarts };
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Prints the latencies of a group; returns p99.9 and the maximum. */
function report(name: string, samples: readonly Sample[]): { p999: number; max: number } {
  const sorted = samples.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1].map((part) => percentile(sorted, part));
  const times = `p50 ${ms(p50)} p99 ${ms(p99)} p99.9 ${ms(p999)} max ${ms(max)}`;
  console.log(`    ${name}: ${samples.length} asks, ${times}`);
  return { p999: p999!, max: max! };
}

function ms(value: number | undefined): string {
  return `${Math.round(value ?? 0)} ms`;
}

/** Five nodes restart under the asks of a client, or of a sixth node that stays. */
async function check(pace: number, seed: number, by: "client" | "node"): Promise<void> {
  const nodes = by === "client" ? restarted : restarted + 1;
  const spawned = new Map<SimulatedNode, ActorRef<ShardEnvelope<Ping>>>();
  let result: Awaited<ReturnType<typeof restartAll>> | undefined;
  await simulate({
    seed,
    nodes,
    duration: 300_000,
    linger: 100,
    setup: (node) => void spawned.set(node, spawnPings(node)),
    shrink: 0,
    failures: false,
    cluster: { seedNodes: Array.from({ length: nodes }, (_, i) => `node-${i + 1}:25520`) },
  }, async (sim) => {
    const asker = by === "client"
      ? await clientAsker(sim)
      : nodeAsker(sim.nodes.at(-1)!, spawned.get(sim.nodes.at(-1)!)!);
    result = await restartAll(sim, asker, pace);
  });
  const { samples, restarts } = result!;
  const moves = ({ at, ms, owner }: Sample) =>
    restarts.some(({ address, from, to }) => address === owner && at < to && at + ms > from);
  console.log(`  pace ${pace} ms, seed ${seed}, asks of a ${by}`);
  const still = report("not in motion", samples.filter((sample) => !moves(sample)));
  const moving = report("in motion", samples.filter(moves));
  assertEquals(samples.flatMap(({ failure }) => failure ?? []), []);
  assert(still.p999 < 250, `p99.9 of entities that do not move: ${ms(still.p999)}`);
  assert(moving.max <= 500, `slowest of entities that move: ${ms(moving.max)}`);
}

for (const pace of [0, 200, 1_000, 5_000]) {
  for (const by of ["client", "node"] as const) {
    Deno.test(`no ask of a ${by} fails while five nodes restart, ${pace} ms apart`, async () => {
      await check(pace, 7_100_001, by);
    });
  }
}
