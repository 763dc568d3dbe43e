/**
 * Clusters that keep something on disks which fail: the lease of a downing strategy, and the lists
 * of entities that are to start again. Checked for what was promised when a write was acknowledged.
 *
 * @module
 */
import type { Lease, LeaseAnswer } from "../../../lib/cluster/lease/lease.ts";
import { leaseMajority } from "../../../lib/cluster/lease/lease.ts";
import { fileLease } from "../../../lib/cluster/lease/lease_file.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { type ShardEnvelope, shardEnvelope } from "../../../lib/sharding/routing/shard_envelope.ts";
import { fileEntityStore } from "../../../lib/sharding/remember/file_entity_store.ts";
import type { EntityStore } from "../../../lib/sharding/remember/remember_options.ts";
import {
  type Fault,
  type Invariant,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

/** The shortest that is allowed. */
const ttl = 70_000;
/** Milliseconds for which a holder relies on the lease, as the downing strategy does. */
const relied = 60_000;

/** A time in which a holder may rely on the lease. */
interface Holding {
  readonly owner: string;
  readonly token: number;
  readonly from: number;
  to: number;
}

/** What leases have answered in a simulation. */
class LeaseLedger {
  readonly holdings: Holding[] = [];
  problem: string | undefined;
  asks = 0;
  answers = 0;

  granted(owner: string, token: number, now: number): void {
    // The holder counts from the moment at which it is answered.
    const holding = { owner, token, from: now, to: now + relied };
    for (const other of this.holdings) {
      if (other.owner !== owner && other.to > now) {
        this.problem ??= `${owner} (token ${token}) and ${other.owner} (token ${other.token}) ` +
          `hold the lease at ${now}`;
      }
      if (other.token > token || (other.token === token && other.owner !== owner)) {
        this.problem ??= `${owner} got token ${token} after ${other.owner} got ${other.token}`;
      }
    }
    this.holdings.push(holding);
  }

  released(owner: string, now: number): void {
    for (const holding of this.holdings) {
      if (holding.owner === owner) holding.to = Math.min(holding.to, now);
    }
  }
}

const leaseLedgers = new WeakMap<Simulation, LeaseLedger>();

function leaseLedger(sim: Simulation): LeaseLedger {
  const known = leaseLedgers.get(sim);
  if (known !== undefined) return known;
  const made = new LeaseLedger();
  leaseLedgers.set(sim, made);
  return made;
}

function oneHolder(): Invariant {
  return { name: "oneHolder", check: (sim) => leaseLedger(sim).problem };
}

/** A node acquires and releases the lease for as long as its process runs. */
async function useLease(sim: Simulation, node: SimulatedNode): Promise<void> {
  const { starts } = node;
  const { clock } = node.system.runtime;
  const lease = fileLease("/shared/lease", { ttl, clock, storage: node.storage });
  const runs = () => node.starts === starts && node.alive;
  // Asked by the process, so that a pause holds it up.
  const pause = (delay: number) =>
    new Promise<void>((resolve) => void clock.schedule(delay, resolve));
  while (runs()) {
    await pause(sim.random.next() * 20_000);
    const answer = await lease.acquire(node.address).catch(() => undefined);
    if (answer === undefined) continue;
    leaseLedger(sim).answers++;
    if (!answer.granted) continue;
    leaseLedger(sim).granted(node.address, answer.token, sim.now);
    if (sim.random.next() < 0.3) continue;
    await pause(sim.random.next() * 30_000);
    // From the moment at which it begins to give it back the holder does not rely on it.
    leaseLedger(sim).released(node.address, sim.now);
    await lease.release(node.address).catch(() => {});
  }
}

/** Nodes compete for a lease on a disk in common, while disks and machines fail. */
export const fileLeases: Scenario = {
  name: "a lease on a failing disk",
  nodes: 4,
  duration: 400_000,
  linger: 1_000,
  faults: randomFaults({
    kinds: ["crash", "pause", "diskFull", "diskSlow", "diskError", "clockDrift"],
    every: 5_000,
    quiet: 150_000,
  }),
  invariants: [...standardInvariants, oneHolder],
  source: source("fileLeases"),
  run: async (sim) => {
    const started = new Set<string>();
    const end = sim.now + 250_000;
    while (sim.now < end) {
      for (const node of sim.nodes) {
        const key = `${node.name} ${node.starts}`;
        if (node.status !== "up" || started.has(key)) continue;
        started.add(key);
        void useLease(sim, node);
      }
      await sim.sleep(100);
    }
    await sim.faultsOver();
    const before = leaseLedger(sim).answers;
    await sim.until(() => leaseLedger(sim).answers > before, { what: "the lease can be asked" });
  },
};

/** The simulation of a node, once its scenario runs. */
const simulations = new WeakMap<SimulatedNode, Simulation>();

/** Records who holds the lease that a node asks. */
function recorded(lease: Lease, node: SimulatedNode): Lease {
  const bound = (inner: Lease): Lease => ({
    acquire: async (owner): Promise<LeaseAnswer> => {
      const sim = simulations.get(node)!;
      leaseLedger(sim).asks++;
      const answer = await inner.acquire(owner);
      if (answer.granted) leaseLedger(sim).granted(owner, answer.token, sim.now);
      return answer;
    },
    release: (owner) => {
      const sim = simulations.get(node)!;
      leaseLedger(sim).released(owner, sim.now);
      return inner.release(owner);
    },
  });
  return { ...bound(lease), bind: (runtime) => bound(lease.bind!(runtime)) };
}

/** A cluster of four is split in halves; the lease on a disk in common decides which carries on. */
export const leaseDowning: Scenario = {
  name: "halves with a lease on a disk",
  nodes: 4,
  duration: 300_000,
  linger: 1_000,
  restartEnded: 20_000,
  // With three seeds, two that are cut off together would make a cluster of their own.
  cluster: (node) => ({
    seedNodes: [1, 2, 3, 4].map((number) => `node-${number}:25520`),
    downing: leaseMajority(recorded(fileLease("/shared/lease", { ttl }), node)),
  }),
  faults: (random, { nodes }) => {
    const faults: Fault[] = [];
    const at = 1_000 + Math.floor(random.next() * 5_000);
    const half = random.next() < 0.5 ? nodes.slice(0, 2) : [nodes[0]!, nodes[3]!];
    const rest = nodes.filter((node) => !half.includes(node));
    const span = 40_000 + Math.floor(random.next() * 40_000);
    faults.push({ type: "partition", at, for: span, between: half, and: rest });
    for (const node of nodes) {
      const draw = random.next();
      if (draw < 0.3) {
        const delay = Math.floor(random.next() * 3_000);
        faults.push({ type: "diskSlow", at, for: span, node, delay });
      } else if (draw < 0.5) {
        const operation = random.next() < 0.5 ? "write" : "sync";
        const probability = 0.3 + random.next() * 0.7;
        faults.push({ type: "diskError", at, for: span / 2, node, operation, probability });
      }
    }
    return faults;
  },
  // Halves that hold up their disks may both stop: the lease promises no more than one winner.
  invariants: [...standardInvariants.filter(({ name }) => name !== "healthyNotDowned"), oneHolder],
  source: source("leaseDowning"),
  run: async (sim) => {
    for (const node of sim.nodes) simulations.set(node, sim);
    await sim.sleep(130_000);
    const sides = new Set(sim.nodes.map(({ view }) => view?.clusterId));
    sides.delete(undefined);
    if (sides.size > 1) throw new Error("two clusters are left");
    if (leaseLedger(sim).asks === 0) throw new Error("no node has asked for the lease");
  },
};

type Work = { readonly type: "work" };

/** What a store has acknowledged, for each shard. */
class SavedLists {
  /** Ids that were acknowledged as saved by the latest owner, by shard. */
  readonly saved = new Map<string, readonly string[]>();
}

const savedLists = new WeakMap<SimulatedNode, SavedLists>();
const workers = Array.from({ length: 60 }, (_, index) => `worker-${index}`);

/** A store that tells what it has acknowledged. */
function watched(store: EntityStore, lists: SavedLists): EntityStore {
  return {
    load: (shardType, shard) => store.load(shardType, shard),
    save: async (shardType, shard, ids, stamp) => {
      await store.save(shardType, shard, ids, stamp);
      lists.saved.set(`${shardType}/${shard}`, [...ids]);
    },
    bind: (runtime) => watched(store.bind!(runtime), lists),
  };
}

function spawnWorkers(node: SimulatedNode): void {
  let lists = savedLists.get(node);
  if (lists === undefined) savedLists.set(node, lists = new SavedLists());
  const store = watched(fileEntityStore("/shared/workers"), lists);
  const worker = () => Behaviors.receive<Work>(() => Behaviors.same());
  const behavior = Behaviors.sharded(worker, { numShards: 8, rememberEntities: { store } });
  node.system.spawn(behavior, "workers");
}

/** Entities that run anywhere. */
function runningWorkers(sim: Simulation): Set<string> {
  return new Set(
    sim.nodes.flatMap((node) => node.running?.sharding.runningEntities("workers") ?? []),
  );
}

/**
 * Entities start while nodes, machines and disks fail. At some moment all machines fail at once, with
 * what they have not synced; every entity that a store has acknowledged must run again without a
 * message.
 */
export const rememberedOnDisk: Scenario = {
  name: "remembered entities on failing disks",
  nodes: 3,
  duration: 400_000,
  linger: 1_000,
  faults: randomFaults({
    kinds: ["crash", "stop", "pause", "partition", "diskFull", "diskSlow", "diskError"],
    every: 5_000,
    longest: 25_000,
    quiet: 310_000,
  }),
  setup: spawnWorkers,
  source: source("rememberedOnDisk"),
  run: async (sim) => {
    await startWorkers(sim, 20_000 + sim.random.next() * 70_000);
    const expected = new Set<string>();
    for (const node of sim.nodes) {
      for (const ids of savedLists.get(node)?.saved.values() ?? []) {
        for (const id of ids) expected.add(id);
      }
    }
    for (const { name } of sim.nodes) {
      sim.inject({ type: "crash", at: 0, node: name, silently: true, restartAfter: 2_000 });
    }
    await sim.faultsOver();
    await sim.converged({ limit: 120_000 });
    await sim.until(() => expected.isSubsetOf(runningWorkers(sim)), {
      limit: 60_000,
      what: `all of ${expected.size} remembered entities run again`,
    }).catch((cause) => {
      const missing = expected.difference(runningWorkers(sim));
      throw new Error(`remembered and lost: ${[...missing].join(", ")}`, { cause });
    });
  },
};

/** For some time tells workers, which start with that, from nodes by chance. */
async function startWorkers(sim: Simulation, duration: number): Promise<void> {
  const end = sim.now + duration;
  while (sim.now < end) {
    const node = sim.nodes[Math.floor(sim.random.next() * sim.nodes.length)]!;
    const id = workers[Math.floor(sim.random.next() * workers.length)]!;
    if (node.status === "up") {
      node.running?.lookup<ShardEnvelope<Work>>("/workers")
        ?.tell(shardEnvelope(id, { type: "work" }));
    }
    await sim.sleep(200 + sim.random.next() * 1_000);
  }
}

/** All of them. */
export const disks: readonly Scenario[] = [fileLeases, leaseDowning, rememberedOnDisk];
