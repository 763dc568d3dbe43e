/**
 * Two projections of the same events: one handles them in the transactions of a database, one without.
 * Nodes crash, are restarted, and stand still for longer than their leases; the journal and the
 * database are slow, and fail before and after commits; the projections are paused, resumed and rebuilt
 * meanwhile. At the end each event counts once in the first, and at least once in the second.
 *
 * @module
 */
import {
  type Journal,
  memoryJournal,
  memoryProjectionStore,
  PersistenceError,
  projection,
  type ProjectionStore,
  type RunningProjection,
  type SavedOffsets,
} from "../../../lib/persistence/mod.ts";
import {
  type Fault,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { EventWriter } from "../../persistence/event_writer.ts";
import { base, pause } from "./register.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

const ids = Array.from({ length: 40 }, (_, n) => `counter|${n}`);
const workers = 4;

/** What a transaction writes: how much each counter has grown. */
type Growth = Map<string, number>;

/** What all nodes of a simulation share. */
interface World {
  readonly sim: Simulation;
  readonly journal: Journal;
  /** The offsets of both projections. */
  readonly offsets: ProjectionStore;
  /** The table of the first projection. */
  table: Growth;
  /** What the second one has counted, in no transaction. */
  readonly counted: Growth;
  /** Transactions that were committed although the worker was told that this is not known. */
  unknown: number;
  fenced: number;
  rebuilt: number;
}

const worlds = new WeakMap<SimulatedNode, World>();
const running = new WeakMap<SimulatedNode, RunningProjection<Growth>>();

const unavailable = () => new PersistenceError("storeUnavailable", "simulated: gone for a while");
const lost = () => new PersistenceError("outcomeUnknown", "simulated: the connection has ended");

/** So that some arrive when their worker's slices are another one's. */
const slowCommits = 0.2;

/** How a node reaches a server: each call takes time there and back, and some fail. */
class Link {
  readonly #sim: Simulation;
  readonly #node: SimulatedNode;

  constructor(sim: Simulation, node: SimulatedNode) {
    this.#sim = sim;
    this.#node = node;
  }

  /** `slow`: the share of calls that take up to 12 s to arrive. */
  async call<T>(work: () => Promise<T>, slow = 0.02): Promise<T> {
    const { clock, random } = this.#node.system.runtime;
    const draw = random.next();
    // In the time of all: what a node has sent is carried out although it stands still or dies.
    await this.#sim.sleep(0.2 + random.next() * (draw < slow ? 12_000 : 10));
    if (draw > 0.99) throw unavailable();
    const result = await work();
    if (draw > 0.98) throw lost();
    await pause(clock, 0.2 + random.next() * 5);
    return result;
  }
}

function journalOf(world: World, link: Link): Journal {
  return new Proxy(world.journal, {
    get: (target, name) => {
      // Only polling finds events: no hint reaches another machine here.
      if (name === "onAppended") return undefined;
      if (name === "readSlices") {
        return (options: Parameters<Journal["readSlices"]>[0]) =>
          link.call(() => target.readSlices(options));
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const countFenced = (world: World) => (error: unknown) => {
  if ((error as Partial<PersistenceError>).code === "fenced") world.fenced++;
  throw error;
};

function offsetsOf(world: World, link: Link): ProjectionStore {
  const { offsets } = world;
  return {
    name: "simulated",
    open: (...args) => link.call(() => offsets.open(...args)),
    save: (...args) =>
      link.call(() => offsets.save(...args).catch(countFenced(world)), slowCommits),
    setPaused: (...args) => link.call(() => offsets.setPaused(...args)),
    reset: (...args) => link.call(() => offsets.reset(...args)),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The database: a transaction is sent whole when its handlers have ended. */
function databaseOf(world: World, link: Link): ProjectionStore<Growth> {
  const { offsets } = world;
  return {
    ...offsetsOf(world, link),
    async transact(name: string, saved: SavedOffsets, work) {
      const growth: Growth = new Map();
      await work(growth);
      await link.call(async () => {
        await offsets.save(name, saved).catch(countFenced(world));
        for (const [id, amount] of growth) add(world.table, id, amount);
      }, slowCommits);
    },
    reset: (name, clear) =>
      link.call(async () => {
        await offsets.reset(name, undefined);
        await clear?.(world.table);
        world.rebuilt++;
      }),
  };
}

const add = (to: Growth, id: string, amount: number) => to.set(id, (to.get(id) ?? 0) + amount);

function startProjections(node: SimulatedNode): void {
  const world = worlds.get(node)!;
  const link = new Link(world.sim, node);
  const { clock, random } = node.system.runtime;
  const shared = {
    journal: journalOf(world, link),
    workers,
    batchSize: 100,
    pollInterval: 500,
    backoff: { min: 50, max: 1_000 },
  };
  const exact = projection<number, Growth>({
    ...shared,
    name: "exact",
    store: databaseOf(world, link),
    async handle({ id, event }, growth) {
      await pause(clock, random.next());
      if (random.next() < 0.003) throw new Error("simulated: a handler fails");
      add(growth, id, event);
    },
  });
  running.set(node, exact.start(node.system));
  projection<number>({
    ...shared,
    name: "repeated",
    store: offsetsOf(world, link),
    async handle({ id, event }) {
      await pause(clock, random.next());
      if (random.next() < 0.003) throw new Error("simulated: a handler fails");
      add(world.counted, id, event);
    },
  }).start(node.system);
}

/** Writes events until the faults are over; 1, 2, 3 ... of each id. */
async function write(sim: Simulation, world: World, over: () => boolean): Promise<Growth> {
  const written: Growth = new Map();
  const times = new Map<string, number>();
  const writer = new EventWriter(world.journal);
  while (!over()) {
    const id = ids[Math.floor(sim.random.next() * ids.length)]!;
    const events = Array.from({ length: 1 + Math.floor(sim.random.next() * 4) }, () => {
      add(times, id, 1);
      return times.get(id)!;
    });
    await writer.write(id, events);
    for (const event of events) add(written, id, event);
    await sim.sleep(sim.random.next() * 200);
  }
  return written;
}

/** Pauses, resumes and rebuilds from any node, some of which die in the middle. */
async function control(sim: Simulation, over: () => boolean): Promise<void> {
  while (!over()) {
    await sim.sleep(1_000 + sim.random.next() * 6_000);
    const node = sim.nodes[Math.floor(sim.random.next() * sim.nodes.length)]!;
    if (over() || node.status !== "up") continue;
    const exact = running.get(node)!;
    const draw = sim.random.next();
    const change = draw < 0.3
      ? exact.pause({ timeout: 3_000 })
      : draw < 0.7
      ? exact.resume({ timeout: 3_000 })
      : exact.rebuild((table) => table.clear(), { timeout: 3_000 });
    // One that has failed is repeated at the end; on a node that has died it never ends.
    await Promise.race([change.catch(() => {}), sim.sleep(30_000)]);
  }
}

async function run(sim: Simulation): Promise<void> {
  const world: World = {
    sim,
    journal: memoryJournal(),
    offsets: memoryProjectionStore(),
    table: new Map(),
    counted: new Map(),
    unknown: 0,
    fenced: 0,
    rebuilt: 0,
  };
  for (const node of sim.nodes) {
    worlds.set(node, world);
    if (node.status === "up") startProjections(node);
  }
  let isOver = false;
  const faultsOver = sim.faultsOver().then(() => isOver = true);
  const controlling = control(sim, () => isOver);
  const written = await write(sim, world, () => isOver);
  await faultsOver;
  await controlling;
  await sim.converged({ limit: 90_000 });
  await sim.until(() => sim.nodes.some(({ status }) => status === "up"));
  const end = sim.now + 90_000;
  for (;;) {
    const node = sim.nodes.find(({ status }) => status === "up")!;
    try {
      await running.get(node)!.resume({ timeout: 5_000 });
      break;
    } catch (error) {
      if (sim.now > end) throw error;
    }
  }
  while (!equal(world.table, written) || !reaches(world.counted, written)) {
    if (sim.now > end) break;
    await sim.sleep(500);
  }
  // What is still under way must not count anything again.
  await sim.sleep(15_000);
  for (const [id, amount] of written) {
    const total = world.table.get(id) ?? 0;
    if (total !== amount) throw new Error(`${id}: ${total} instead of ${amount}`);
    const counted = world.counted.get(id) ?? 0;
    if (counted < amount) throw new Error(`${id}: ${counted} of ${amount} at least once`);
  }
  sim.note(`${written.size} counters, fenced ${world.fenced}, rebuilt ${world.rebuilt}`);
}

const equal = (table: Growth, written: Growth) =>
  [...written].every(([id, amount]) => table.get(id) === amount);
const reaches = (counted: Growth, written: Growth) =>
  [...written].every(([id, amount]) => (counted.get(id) ?? 0) >= amount);

/** Nodes crash and are restarted while both stores fail now and then. */
export const projections: Scenario = {
  ...base,
  name: "projections",
  setup: (node) => {
    // The first ones start with the script.
    if (worlds.has(node)) startProjections(node);
  },
  run,
  faults: randomFaults({ kinds: ["crash", "stop"], every: 8_000, longest: 10_000, quiet: 190_000 }),
  source: source("projections"),
};

/** Workers stand still for longer than their leases, and wake up while others have their slices. */
export const projectionsInPauses: Scenario = {
  ...projections,
  name: "projections in pauses",
  restartEnded: 10_000,
  faults: (random, { nodes }) => {
    const faults: Fault[] = [];
    for (let at = 5_000; at < 60_000; at += 12_000) {
      const node = nodes[Math.floor(random.next() * nodes.length)]!;
      const span = 1_000 + random.next() * 9_000;
      faults.push({ type: "pause", at, for: span, node, whole: random.next() < 0.5 });
    }
    return faults;
  },
  source: source("projectionsInPauses"),
};
