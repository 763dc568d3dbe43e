/**
 * Whole clusters in which nothing may have two owners at any instant, whatever the faults. What
 * today's code does not withstand is in `waiting`, with the point of issue 13 that will change it.
 *
 * @module
 */
import type { Fault, Scenario, SeededRandom, Simulation } from "../../../lib/testkit/mod.ts";
import { pingEntities, spawnRegistered, workOnEntities } from "./single_owner.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

const below = (random: SeededRandom, count: number) => Math.floor(random.next() * count);

const base = {
  nodes: 5,
  duration: 300_000,
  linger: 5_000,
  restartEnded: 10_000,
  cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
  setup: spawnRegistered,
  run: workOnEntities,
} satisfies Scenario;

/** The nodes in another order. */
export function shuffled(random: SeededRandom, nodes: readonly string[]): string[] {
  return nodes.map((node) => [random.next(), node] as const)
    .toSorted(([a], [b]) => a - b).map(([, node]) => node);
}

/** The clocks of all nodes run at rates of up to one per cent from the right one. */
export function drift(random: SeededRandom, nodes: readonly string[], span: number): Fault[] {
  return nodes.map((node): Fault => {
    const rate = 1 + Math.round((random.next() - 0.5) * 20) / 1_000;
    return { type: "clockDrift", at: 0, for: span, node, rate };
  });
}

/** Cuts the groups off from each other. */
export function cutApart(at: number, span: number, ...groups: readonly string[][]): Fault[] {
  return groups.flatMap((between, index) =>
    groups.slice(index + 1).map((and): Fault => ({
      type: "partition",
      at,
      for: span,
      between,
      and,
    }))
  );
}

/** Two parts, of which one has a majority; the oldest node is in either. */
export const splitInTwo: Scenario = {
  ...base,
  name: "a split in two",
  faults: (random, { nodes }) => {
    const mixed = shuffled(random, nodes);
    const cut = 1 + below(random, 2);
    const span = 5_000 + below(random, 55_000);
    return cutApart(5_000 + below(random, 10_000), span, mixed.slice(0, cut), mixed.slice(cut));
  },
  source: source("splitInTwo"),
};

/** Three parts: one has a majority, or none has. */
export const splitInThree: Scenario = {
  ...base,
  name: "a split in three",
  faults: (random, { nodes }) => {
    const mixed = shuffled(random, nodes);
    const second = 2 + below(random, 2);
    const parts = [mixed.slice(0, 1), mixed.slice(1, second), mixed.slice(second)];
    return cutApart(5_000 + below(random, 10_000), 5_000 + below(random, 55_000), ...parts);
  },
  source: source("splitInThree"),
};

/** Links between two groups go and come for a minute and a half, one-way too. */
export const flappingLinks: Scenario = {
  ...base,
  name: "flapping links",
  faults: (random, { nodes }) => {
    const faults: Fault[] = [];
    const mixed = shuffled(random, nodes);
    const cut = 1 + below(random, 2);
    const sides = [mixed.slice(0, cut), mixed.slice(cut)] as const;
    const longest = 1_000 + below(random, 9_000);
    for (let at = 2_000; at < 90_000;) {
      const span = 200 + below(random, longest);
      const [between, and] = random.next() < 0.5 ? sides : sides.toReversed() as typeof sides[0][];
      const oneWay = random.next() < 0.3;
      faults.push({ type: "partition", at, for: span, between: between!, and: and!, oneWay });
      at += span + 200 + below(random, longest);
    }
    return faults;
  },
  source: source("flappingLinks"),
};

/** One or two nodes stand still for up to a minute, their event loops or their whole processes. */
export const longPauses: Scenario = {
  ...base,
  name: "pauses of up to a minute",
  faults: (random, { nodes }) =>
    shuffled(random, nodes).slice(0, 1 + below(random, 2)).map((node): Fault => {
      const at = 5_000 + below(random, 20_000);
      const span = 500 + below(random, 59_500);
      return { type: "pause", at, for: span, node, whole: random.next() < 0.5 };
    }),
  source: source("longPauses"),
};

/** The machines of one or two nodes are suspended. */
export const suspendedMachines: Scenario = {
  ...base,
  name: "suspended machines",
  faults: (random, { nodes }) =>
    shuffled(random, nodes).slice(0, 1 + below(random, 2)).map((node): Fault => {
      const at = 5_000 + below(random, 20_000);
      return { type: "suspend", at, for: 500 + below(random, 90_000), node };
    }),
  source: source("suspendedMachines"),
};

/** Nodes crash, one after the other, less than a majority at a time, and all clocks drift. */
export const driftingCrashes: Scenario = {
  ...base,
  name: "crashes with clocks that drift",
  faults: (random, { nodes }) => {
    const mixed = shuffled(random, nodes);
    return [
      ...drift(random, nodes, 150_000),
      ...[mixed[0]!, mixed[1]!].map((node, index): Fault => ({
        type: "crash",
        at: 5_000 + index * 45_000 + below(random, 5_000),
        node,
        silently: random.next() < 0.5,
        restartAfter: 20 + below(random, 20_000),
        identity: random.next() < 0.3 ? "new" : "same",
      })),
    ];
  },
  source: source("driftingCrashes"),
};

/** All nodes crash within 12 s, and are started again. The first `moved` of `order` have moved. */
function crashesIn(random: SeededRandom, order: readonly string[], moved: number): Fault[] {
  return order.map((node, index): Fault => ({
    type: "crash",
    at: 5_000 + Math.round(index * 12_000 / order.length) + below(random, 500),
    node,
    silently: random.next() < 0.5,
    restartAfter: 3_000 + below(random, 6_000),
    identity: index < moved ? "new" : "same",
  }));
}

/** All nodes crash and are started again: the cluster must be whole 30 s later. */
function wholeClusterCrash(
  name: string,
  exported: string,
  faults: (random: SeededRandom, nodes: readonly string[]) => Fault[],
): Scenario {
  return {
    ...base,
    name,
    restartEnded: 5_000,
    faults: (random, { nodes }) => faults(random, nodes),
    source: source(exported),
    run: async (sim) => {
      let over = false;
      const work = pingEntities(sim, () => over);
      await sim.faultsOver();
      await sim.until(() => isWhole(sim), { limit: 30_000, what: "the cluster is whole" });
      over = true;
      await work;
    },
  };
}

function isWhole({ nodes }: Simulation): boolean {
  return nodes.every(({ status, view }) =>
    status === "up" &&
    view?.members.filter((member) => member.status === "up").length === nodes.length
  );
}

/** The first seed comes last, at its address: it is the one that may bootstrap a cluster. */
function firstSeedLast(random: SeededRandom, nodes: readonly string[], moved: number): Fault[] {
  return crashesIn(random, [...shuffled(random, nodes.slice(1)), nodes[0]!], moved);
}

/** All crash, and come back at their addresses. */
export const allCrash: Scenario = wholeClusterCrash(
  "all nodes crash",
  "allCrash",
  (random, nodes) => firstSeedLast(random, nodes, 0),
);
/** All crash, and two come back at new addresses. */
export const allCrashAndMove: Scenario = wholeClusterCrash(
  "all nodes crash and two have moved",
  "allCrashAndMove",
  (random, nodes) => firstSeedLast(random, nodes, 2),
);
/** Nine nodes, in any order; up to four come back at new addresses, but not the first seed. */
export const nineCrash: Scenario = {
  ...wholeClusterCrash("nine nodes crash in any order", "nineCrash", (random, nodes) => {
    const moved = below(random, 5);
    const order = shuffled(random, nodes);
    const first = order.indexOf(nodes[0]!);
    if (first < moved) order.push(...order.splice(first, 1));
    return crashesIn(random, order, moved);
  }),
  nodes: 9,
  cluster: { seedNodes: Array.from({ length: 9 }, (_, index) => `node-${index + 1}:25520`) },
};

/** Milliseconds between one node that is up again and the next that is stopped. */
const paces = [0, 200, 1_000, 5_000];

/** All nodes are stopped and started, one after the other. */
async function rollOver(sim: Simulation): Promise<void> {
  const pace = paces[below(sim.random, paces.length)]!;
  let over = false;
  const work = pingEntities(sim, () => over);
  await sim.sleep(5_000);
  for (const node of sim.nodes) {
    const { starts } = node;
    const identity = sim.random.next() < 0.2 ? "new" : "same";
    const restartAfter = 20 + below(sim.random, 500);
    sim.inject({ type: "stop", at: 0, node: node.name, restartAfter, identity });
    await sim.until(() => node.starts > starts && node.status === "up");
    await sim.sleep(pace);
  }
  over = true;
  await work;
  await workOnEntities(sim);
}

/** A rolling restart at paces of 0, 0.2, 1 and 5 s, with clocks that drift. */
export const rollingRestart: Scenario = {
  ...base,
  name: "a rolling restart",
  faults: (random, { nodes }) => drift(random, nodes, 60_000),
  source: source("rollingRestart"),
  run: rollOver,
};

/** Those that hold today: some seeds of each are run by `deno task test`. */
export const ownership: readonly Scenario[] = [
  splitInTwo,
  splitInThree,
  suspendedMachines,
  driftingCrashes,
  rollingRestart,
  flappingLinks,
  longPauses,
  allCrash,
  allCrashAndMove,
  nineCrash,
];

/** A scenario that fails today. */
export interface WaitingScenario {
  readonly scenario: Scenario;
  /** What of issue 13 it waits for. */
  readonly waitsFor: string;
}

/** Those that today's code fails: only run when they are named. */
export const waiting: readonly WaitingScenario[] = [];
