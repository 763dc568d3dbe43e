/**
 * Singletons, workers and a schedule while nodes crash, leave, stand still and are cut off. Each tells
 * what it does to a log that the whole simulation shares, so that a second live one is seen wherever it
 * is, and so is one that is missing.
 *
 * At every instant: at most one of each lives, and none does anything by an older grant than its
 * successor. After the faults: all live. Confirmed counts of a durable one are never lost, and each due
 * time of the schedule has run, or was made up for by one run.
 *
 * @module
 */
import type { ActorRef } from "../../../lib/actor/ref/ref.ts";
import type { Behavior } from "../../../lib/actor/behavior/behavior.ts";
import type { ActorContext } from "../../../lib/actor/behavior/context.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import { eventSourced } from "../../../lib/persistence/mod.ts";
import {
  type Fault,
  type FaultPlan,
  type Invariant,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";
import { pause } from "./register.ts";
import { crashThenMoves } from "./crash_then_moves.ts";
import { cutApart, drift, shuffled } from "./ownership.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

type Count = { readonly type: "add"; readonly replyTo: ActorRef<number> };
type Message = Count | { readonly type: "tick" };

const workers = 6;
const tickInterval = 100;
/** Milliseconds between two due times of the schedule. */
const rhythm = 10_000;

/** The types of all that must always live, with how many there are of each. */
const daemons = {
  "_singleton-tally": 1,
  "_singleton-ledger": 1,
  "_singleton-jobs": 1,
  "_workers-crew": workers,
} as const;

/** What one of them has done last, by its name. */
interface DaemonRun {
  readonly node: string;
  readonly cluster: string | undefined;
  epoch: number;
  /** When it has stopped in order; undefined: it has not. */
  stopped: number | undefined;
}

/** A run of the schedule. */
interface Run {
  readonly due: number;
  readonly at: number;
}

/** What happens in one simulation. */
class World {
  sim: Simulation | undefined;
  /** What may not be; the first is the failure. */
  readonly wrong: string[] = [];
  readonly runs: Run[] = [];
  /** Milliseconds between the orderly end of one and the start of its successor. */
  readonly handOvers: number[] = [];
  ticks = 0;
  /**
   * Whether some ticks take time. What a node does on after a promise when it has been replaced is not
   * seen as wrong: only where all leave in order it may not be.
   */
  readonly slow: boolean;
  readonly #newest = new Map<string, DaemonRun>();

  constructor(slow: boolean) {
    this.slow = slow;
  }

  started(name: string, node: SimulatedNode, epoch: number): void {
    const before = this.#newest.get(name);
    if (before?.stopped !== undefined) this.handOvers.push(this.#now - before.stopped);
    this.acted(name, node, epoch);
    this.#newest.set(name, { ...this.#lifeOf(node, epoch), stopped: undefined });
  }

  /** One of them has run a handler. */
  acted(name: string, node: SimulatedNode, epoch: number): void {
    this.ticks++;
    if (epoch === 0) this.wrong.push(`${name} runs at ${node.name} without a grant`);
    const life = this.#lifeOf(node, epoch);
    const newest = this.#newest.get(name);
    if (newest === undefined) return;
    if (newest.cluster === life.cluster && newest.epoch > epoch) {
      this.wrong.push(
        `${name} acts at ${node.name} with the epoch ${epoch}, after ${newest.epoch} at ${newest.node}`,
      );
    } else if (newest.node === life.node) newest.epoch = epoch;
  }

  /** One has stopped in order. */
  stopped(name: string, node: SimulatedNode): void {
    const newest = this.#newest.get(name);
    if (newest?.node === `${node.name} ${node.starts}`) newest.stopped = this.#now;
  }

  get #now(): number {
    return this.sim?.now ?? 0;
  }

  #lifeOf({ name, starts, view }: SimulatedNode, epoch: number) {
    return { node: `${name} ${starts}`, cluster: view?.clusterId, epoch };
  }
}

/** Acts again and again, and counts. */
function ticking(world: World, name: string, node: SimulatedNode): Behavior<Message> {
  return Behaviors.setup<Message>((context: ActorContext<Message>) => {
    world.started(name, node, context.epoch);
    context.timers.startFixedDelay("tick", { type: "tick" }, tickInterval);
    let count = 0;
    const { clock, random } = context.system.runtime;
    return Behaviors.receive((_context, message) => {
      world.acted(name, node, context.epoch);
      if (message.type === "add") message.replyTo.tell(++count);
      if (!world.slow || random.next() < 0.8) return Behaviors.same();
      return pause(clock, random.next() * 300).then(() => {
        world.acted(name, node, context.epoch);
        return Behaviors.same();
      });
    }, (_context, { type }) => {
      if (type === "postStop") world.stopped(name, node);
      return Behaviors.same();
    });
  });
}

/** Counts, and keeps the count. */
const ledger = eventSourced<Count, number, number>({
  initial: 0,
  onCommand: (_context, _count, { replyTo }, effect) =>
    effect.persist(1).thenReply(replyTo, (count) => count),
  onEvent: (count, one) => count + one,
  snapshots: { every: 20 },
});

function spawnAll(world: World, node: SimulatedNode): void {
  const { system, journal } = node;
  system.spawn(Behaviors.singleton(ticking(world, "tally", node)), "tally");
  system.spawn(Behaviors.singleton(ledger, { journal }), "ledger");
  system.spawn(
    Behaviors.workers(workers, (index) => ticking(world, `worker ${index}`, node)),
    "crew",
  );
  system.spawn(
    Behaviors.scheduled(
      "*/10 * * * * *",
      ({ epoch }, { due }) => {
        world.acted("jobs", node, epoch);
        world.runs.push({ due, at: node.system.runtime.clock.wallTime() });
      },
      { journal },
    ),
    "jobs",
  );
}

/** How many of a type live, on all nodes. */
function livingOf({ nodes }: Simulation, shardType: string): number {
  return nodes.reduce(
    (sum, { running }) => sum + (running?.sharding.runningEntities(shardType).length ?? 0),
    0,
  );
}

/** What a client was told while it was adding. */
interface Added {
  sent: number;
  confirmed: number[];
  readonly failed: string[];
  slowest: number;
}

/** Adds to a singleton, one after the other, until it is told to stop. */
async function add(
  sim: Simulation,
  ask: () => Promise<number>,
  over: () => boolean,
): Promise<Added> {
  const added: Added = { sent: 0, confirmed: [], failed: [], slowest: 0 };
  while (!over()) {
    const since = sim.now;
    added.sent++;
    try {
      added.confirmed.push(await ask());
      added.slowest = Math.max(added.slowest, sim.now - since);
    } catch (error) {
      added.failed.push(`${Math.round(sim.now)}: ${(error as Error).message}`);
    }
    await sim.sleep(50 + sim.random.next() * 100);
  }
  return added;
}

/** What is done during the faults: two singletons are asked by a client. */
async function work(sim: Simulation, over: () => boolean): Promise<readonly [Added, Added]> {
  const client = await sim.connect();
  const ask = (name: string) => () =>
    client.singleton<Count>(name).ask((replyTo) => ({ type: "add", replyTo }), { timeout: 3_000 });
  return await Promise.all([add(sim, ask("tally"), over), add(sim, ask("ledger"), over)]);
}

/** Waits until all live, and checks what they say. */
async function allLive(sim: Simulation, world: World): Promise<void> {
  const missing = () =>
    Object.entries(daemons).filter(([type, count]) => livingOf(sim, type) !== count);
  await sim.until(() => missing().length === 0, { limit: 30_000, what: "all daemons live" });
  const before = world.runs.length;
  await sim.until(() => world.runs.length >= before + 2, {
    limit: 3 * rhythm,
    what: "the schedule goes on",
  });
  for (const { system } of sim.nodes) {
    const asked = system.singleton<Count>("tally").ask((replyTo) => ({ type: "add", replyTo }));
    if (!(await asked > 0)) throw new Error("the tally does not count");
  }
  const crew = (await sim.connect()).workers<Count>("crew", workers);
  for (let index = 0; index < crew.count; index++) {
    const asked = crew.worker(index).ask((replyTo) => ({ type: "add", replyTo }));
    if (!(await asked > 0)) throw new Error(`worker ${index} does not count for a client`);
  }
}

/** Every confirmed count is kept, and none is given twice. */
async function checkLedger(sim: Simulation, { sent, confirmed }: Added): Promise<void> {
  const { system } = sim.nodes[0]!;
  const last = await system.singleton<Count>("ledger").ask(
    (replyTo) => ({ type: "add", replyTo }),
    { timeout: 20_000 },
  );
  const highest = confirmed.at(-1) ?? 0;
  if (last <= highest || last > sent + 1) {
    throw new Error(`the ledger is at ${last}, after ${highest} of ${sent} were confirmed`);
  }
  const falling = confirmed.findIndex((count, index) =>
    index > 0 && count <= confirmed[index - 1]!
  );
  if (falling >= 0) {
    throw new Error(`the ledger went back: ${confirmed.slice(falling - 1, falling + 1)}`);
  }
}

/** Each due time was run, or made up for. Returns how many were run again. */
function checkRuns(runs: readonly Run[]): number {
  let repeated = 0;
  let last: Run | undefined;
  for (const run of runs) {
    const { due, at } = run;
    const wrong = (text: string) => {
      throw new Error(
        `the schedule ran for ${due} at ${at}: ${text}; before: ${last?.due} at ${last?.at}`,
      );
    };
    if (due % rhythm !== 0) wrong("that is no due time");
    if (at < due) wrong("too soon");
    if (last !== undefined) {
      if (due < last.due) wrong("it goes back");
      if (due === last.due) repeated++;
      else if (due <= last.at) wrong("it was made up for");
      // Those up to `last.at` were made up for by that run.
      else if (due > Math.floor(last.at / rhythm + 1) * rhythm) {
        wrong("times between were left out");
      }
    }
    last = run;
  }
  return repeated;
}

interface Case {
  readonly name: string;
  readonly exported: string;
  readonly faults: FaultPlan;
  readonly slow?: boolean;
  /** What else is done, and what must hold of the hand-overs. */
  readonly script?: (sim: Simulation) => Promise<void>;
  readonly check?: (world: World, tally: Added) => void;
}

function scenarioOf({ name, exported, faults, slow = false, script, check }: Case): Scenario {
  return {
    name,
    nodes: 5,
    duration: 300_000,
    linger: 1_000,
    restartEnded: 10_000,
    cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
    faults,
    source: source(exported),
    create: () => {
      const world = new World(slow);
      const nothingWrong = (): Invariant => ({
        name: "oneLiveDaemon",
        check: () => world.wrong[0],
      });
      return {
        setup: (node) => spawnAll(world, node),
        invariants: [...standardInvariants, nothingWrong],
        run: async (sim) => {
          world.sim = sim;
          let over = false;
          const working = work(sim, () => over);
          await script?.(sim);
          await sim.faultsOver();
          over = true;
          const [tally, kept] = await working;
          await sim.converged({ limit: 90_000 });
          await allLive(sim, world);
          await checkLedger(sim, kept);
          const repeated = checkRuns(world.runs);
          check?.(world, tally);
          sim.note(
            `ticks ${world.ticks}, runs ${world.runs.length}, repeated ${repeated}, ` +
              `confirmed ${tally.confirmed.length} of ${tally.sent} and ` +
              `${kept.confirmed.length} of ${kept.sent}, hand-overs ${world.handOvers.length}, ` +
              `longest ${Math.round(Math.max(0, ...world.handOvers))} ms`,
          );
        },
      };
    },
  };
}

/** Everything that ends, stops or cuts off nodes, less than half of them at a time. */
export const singletons: Scenario = scenarioOf({
  name: "singletons",
  exported: "singletons",
  faults: randomFaults({
    kinds: ["crash", "stop", "pause", "partition", "reset", "latency", "messageLoss"],
    every: 6_000,
    longest: 30_000,
    quiet: 200_000,
  }),
});

/** A split in two or three parts for up to a minute, while clocks drift and one node stands still. */
export const singletonsInSplits: Scenario = scenarioOf({
  name: "singletons in splits",
  exported: "singletonsInSplits",
  faults: (random, { nodes }) => {
    const mixed = shuffled(random, nodes);
    const parts = random.next() < 0.5
      ? [mixed.slice(0, 2), mixed.slice(2)]
      : [mixed.slice(0, 1), mixed.slice(1, 2), mixed.slice(2)];
    const at = 5_000 + Math.floor(random.next() * 10_000);
    const span = 5_000 + Math.floor(random.next() * 55_000);
    const paused: Fault = {
      type: "pause",
      at: Math.floor(at + random.next() * span),
      for: 500 + Math.floor(random.next() * 20_000),
      node: mixed[0]!,
      whole: random.next() < 0.5,
    };
    return [...cutApart(at, span, ...parts), ...drift(random, nodes, 100_000), paused];
  },
});

/**
 * One node after the other is cut off, and reaches all but the leader again about when the leader excludes
 * it: voters renew its lease then, until they hear of its exclusion over slow links.
 */
export const singletonsAtExclusions: Scenario = scenarioOf({
  name: "singletons at exclusions",
  exported: "singletonsAtExclusions",
  faults: (random, { nodes }) => {
    const [leader, ...others] = nodes;
    const faults: Fault[] = [{
      type: "latency",
      at: 0,
      for: 120_000,
      from: [leader!],
      min: 200,
      max: 400,
    }];
    for (let at = 5_000; at < 100_000; at += 18_000) {
      const [node, ...rest] = shuffled(random, others);
      // The lease of a node that is silent for 5 s is ended.
      faults.push(...cutApart(at, 4_800 + Math.floor(random.next() * 1_200), [node!], rest));
      faults.push(...cutApart(at, 8_000, [node!], [leader!]));
    }
    return faults;
  },
});

/** All nodes are stopped and started, one after the other. */
async function restartAll(sim: Simulation): Promise<void> {
  await sim.sleep(5_000);
  for (const node of sim.nodes) {
    const { starts } = node;
    sim.inject({
      type: "stop",
      at: 0,
      node: node.name,
      restartAfter: 20 + sim.random.next() * 500,
    });
    await sim.until(() => node.starts > starts && node.status === "up");
    await sim.sleep(sim.random.next() < 0.5 ? 0 : 2_000);
  }
}

/** A rolling restart: no ask fails, and each hand-over takes less than a second. */
export const singletonsInRollingRestarts: Scenario = scenarioOf({
  name: "singletons in a rolling restart",
  exported: "singletonsInRollingRestarts",
  slow: true,
  faults: (random, { nodes }) => drift(random, nodes, 60_000),
  script: restartAll,
  check: ({ handOvers }, { failed, slowest }) => {
    const longest = Math.max(...handOvers);
    if (handOvers.length < 3 || longest >= 1_000) {
      throw new Error(`${handOvers.length} hand-overs took up to ${longest} ms`);
    }
    if (failed.length > 0) throw new Error(`${failed.length} asks failed: ${failed[0]}`);
    if (slowest >= 1_000) throw new Error(`an ask took ${slowest} ms`);
  },
});

/** All nodes crash within a second, and come back half a minute later. */
export const singletonsInOutages: Scenario = scenarioOf({
  name: "singletons in an outage",
  exported: "singletonsInOutages",
  faults: (random, { nodes }) => {
    const at = 10_000 + Math.floor(random.next() * 10_000);
    return nodes.map((node): Fault => ({
      type: "crash",
      at: at + Math.floor(random.next() * 1_000),
      node,
      restartAfter: 25_000 + Math.floor(random.next() * 10_000),
    }));
  },
  check: ({ runs }) => {
    const gap = Math.max(...runs.slice(1).map(({ at }, index) => at - runs[index]!.at));
    if (gap < 2 * rhythm) throw new Error(`the schedule had an outage of only ${gap} ms`);
  },
});

/** One node crashes, and others leave in order at once. */
export const singletonsInCrashThenMoves: Scenario = scenarioOf({
  name: "singletons, a crash and then moves",
  exported: "singletonsInCrashThenMoves",
  slow: true,
  faults: crashThenMoves,
});

/** All of this module. */
export const singletonScenarios: readonly Scenario[] = [
  singletons,
  singletonsInSplits,
  singletonsAtExclusions,
  singletonsInRollingRestarts,
  singletonsInOutages,
  singletonsInCrashThenMoves,
];
