import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { type ReplicationOptions, ReplicationWorld } from "./replication_world.ts";

/** What the machines of a world go by: shorter than usual, so that faults meet everything. */
const timing = {
  ackTimeout: 1_000,
  retryInterval: 100,
  lagLimit: 500,
  maxBatchEntries: 4,
  maxInFlight: 12,
  maxWaiting: 100,
};

function optionsOf(seed: number): ReplicationOptions {
  const random = new SeededRandom(`options ${seed}`);
  const int = (bound: number) => Math.floor(random.next() * bound);
  const nodes = 3 + int(3);
  const replicas = 1 + int(Math.min(3, nodes - 1));
  return {
    nodes,
    replicas,
    minAcks: 1 + int(replicas),
    inMemory: random.next() < 0.25,
    leases: random.next() < 0.4,
    zones: random.next() < 0.3,
    loss: random.next() < 0.5 ? 0 : 0.1 * random.next(),
    repeats: random.next() < 0.5 ? 0 : 0.1 * random.next(),
    late: random.next() < 0.5 ? 0 : 0.05 * random.next(),
    delay: random.next() < 0.5 ? 2 : 30,
    retires: new SeededRandom(`retires ${seed}`).next() < 0.3,
    timing: { ...timing, retain: int(30), fillWindow: 1 + int(3) },
  };
}

/** What a run has met, for statistics. */
export interface SeedResult {
  readonly counts: Readonly<Record<string, number>>;
  /** So many copies are gone that the shard waits. */
  readonly lost: boolean;
}

/** One run: faults for a while, then none, until the shard is whole. */
export function runSeed(seed: number, change: Partial<ReplicationOptions> = {}): SeedResult {
  const world = new ReplicationWorld(seed, { ...optionsOf(seed), ...change });
  try {
    return run(world);
  } catch (error) {
    (error as Error).message = `seed ${seed}: ${(error as Error).message}`;
    throw error;
  }
}

function run(world: ReplicationWorld): SeedResult {
  const write = () => {
    for (const node of world.nodes) {
      if (node.machine?.primary?.phase === "open") node.propose(1 + world.int(3));
    }
    world.later(10 + world.int(world.calm ? 200 : 60), write);
  };
  world.later(100, write);
  const isCalmFirst = world.random.next() < 0.7;
  if (isCalmFirst) world.run(600 + world.int(1_000));
  const end = world.now + 6_000 + world.int(10_000);
  while (world.now < end) {
    fault(world);
    world.run(world.random.next() < 0.2 ? world.int(30) : world.int(900));
  }
  world.calm = true;
  world.heal();
  for (const node of world.nodes) {
    node.slowness = 1;
    node.pausedUntil = Math.min(node.pausedUntil, world.now + 1);
    world.later(world.int(1_000), () => world.start(node));
  }
  world.run(2_000);
  const before = world.highest;
  const isWhole = () => world.unhealthy() === undefined && world.highest > before;
  const took = world.runUntil(isWhole, 60_000);
  const lost = took === undefined && world.isLost();
  // One disk is lost at most, which no configuration needs.
  const hasBegun = world.nodes.some(({ disk }) => disk.record.config !== undefined);
  if (lost && !world.options.inMemory && hasBegun) world.fail("one disk was too many");
  if (took === undefined && !lost) world.fail(world.unhealthy() ?? "nothing is acknowledged");
  world.checkJournals();
  if (lost) goOn(world);
  world.counts.committed = world.highest;
  return { counts: world.counts, lost };
}

/** A shard that has lost too many copies opens when a person says so, with what is left. */
function goOn(world: ReplicationWorld): void {
  world.acceptLoss();
  const isWhole = () => world.unhealthy() === undefined && world.highest > 0;
  if (world.runUntil(isWhole, 60_000) !== undefined) return;
  world.fail(`although a loss is accepted: ${world.unhealthy() ?? "nothing is acknowledged"}`);
}

function fault(world: ReplicationWorld): void {
  const up = world.nodes.filter((node) => node.up);
  const owner = world.nodes.find(({ machine }) => machine?.primary?.phase === "open");
  const victim = owner !== undefined && world.random.next() < 0.4 ? owner : world.pick(world.nodes);
  const kind = world.random.next();
  if (kind < 0.22) {
    const loseDisk = world.random.next() < 0.1 && world.lostStores.length === 0;
    world.crash(victim, loseDisk);
    world.later(world.int(world.random.next() < 0.7 ? 600 : 6_000), () => world.start(victim));
  } else if (kind < 0.3) {
    // Several at once.
    for (const node of up) {
      if (world.random.next() < (world.options.inMemory ? 0.1 : 0.6)) {
        world.crash(node);
        world.later(world.int(3_000), () => world.start(node));
      }
    }
  } else if (kind < 0.45) {
    const group = world.nodes.filter(() => world.random.next() < 0.4);
    world.partition(group, world.random.next() < 0.3);
    world.later(world.int(2_500), () => world.heal());
  } else if (kind < 0.6) {
    world.partition([victim], world.random.next() < 0.3);
    world.later(world.int(1_500), () => world.heal());
  } else if (kind < 0.72) {
    victim.pause(world.int(world.random.next() < 0.5 ? 200 : 2_000));
  } else if (kind < 0.82) {
    world.changeCoordinator();
  } else if (kind < 0.9) {
    world.coordinator?.move();
  } else {
    victim.slowness = world.random.next() < 0.5 ? 1 : 100;
  }
}
