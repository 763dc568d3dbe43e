/**
 * What has brought clusters down in the field, each as a scenario of whole nodes. All run with the
 * standard invariants, so that no healthy node may be declared down in any of them.
 *
 * @module
 */
import type { Fault, Scenario, Simulation } from "../../../lib/testkit/mod.ts";

const names = (count: number) => Array.from({ length: count }, (_, index) => `node-${index + 1}`);

const source = (name: string) => ({ module: import.meta.url, export: name });

/** No member was declared down, and all are together at the end. */
async function noneDowned(sim: Simulation): Promise<void> {
  await sim.faultsOver();
  await sim.converged();
  const [first] = sim.downings;
  if (first !== undefined) throw new Error(`${first.address} was declared down: ${first.why}`);
}

/** Just these were declared down, and all are together at the end. */
function onlyDowned(...expected: readonly string[]): (sim: Simulation) => Promise<void> {
  return async (sim) => {
    await sim.faultsOver();
    await sim.converged({ limit: 90_000 });
    const downed = [...new Set(sim.downings.map(({ address }) => address))].sort();
    const addresses = expected.map((name) => `${name}:25520`);
    if (downed.join() !== addresses.join()) throw new Error(`declared down: ${downed.join()}`);
  };
}

/** A node that leaves gets no more messages, and takes all for dead (apache/pekko#578). */
export const leavingWhileDeaf: Scenario = {
  name: "a node that leaves is deaf",
  nodes: 7,
  duration: 120_000,
  faults: [
    {
      type: "partition",
      at: 1_000,
      for: 30_000,
      between: names(7).filter((name) => name !== "node-3"),
      and: ["node-3"],
      oneWay: true,
    },
    { type: "stop", at: 9_000, node: "node-3", restartAfter: 25_000 },
  ],
  source: source("leavingWhileDeaf"),
  run: async (sim) => {
    await sim.faultsOver();
    await sim.converged();
    const others = sim.downings.filter(({ address }) => address !== "node-3:25520");
    if (others.length > 0) throw new Error(`${others[0]!.address}: ${others[0]!.why}`);
  },
};

/** High load: slow turns, slow and lossy network, as in akka.net#4849, #3348. */
export const overloaded: Scenario = {
  name: "all nodes are overloaded",
  nodes: 7,
  duration: 120_000,
  faults: [
    ...names(7).map((node): Fault => ({ type: "slow", at: 0, for: 60_000, node, turn: 2 })),
    { type: "latency", at: 0, for: 60_000, min: 0, max: 150, distribution: "exponential" },
    { type: "loss", at: 0, for: 60_000, probability: 0.05 },
  ],
  source: source("overloaded"),
  run: noneDowned,
};

/** Event loops that wedge one after the other, each longer than the detector puts up with. */
export const wedgedInTurn: Scenario = {
  name: "event loops wedge in turn",
  nodes: 5,
  duration: 180_000,
  faults: names(5).map((node, index): Fault => {
    return { type: "pause", at: 1_000 + index * 20_000, for: 12_000, node };
  }),
  source: source("wedgedInTurn"),
  run: noneDowned,
};

/** All event loops wedge at once: no node may take the silence of the others for their death. */
export const wedgedTogether: Scenario = {
  name: "event loops wedge together",
  nodes: 5,
  duration: 120_000,
  faults: names(5).map((node): Fault => ({ type: "pause", at: 1_000, for: 30_000, node })),
  source: source("wedgedTogether"),
  run: noneDowned,
};

/** One broken link of ten, either way: all others still reach both ends. */
export const brokenLink: Scenario = {
  name: "one link is broken",
  nodes: 5,
  duration: 150_000,
  faults: [
    { type: "partition", at: 1_000, for: 60_000, between: ["node-2"], and: ["node-4"] },
  ],
  source: source("brokenLink"),
  run: noneDowned,
};

/** A partition that comes and goes faster than anybody can decide. */
export const flapping: Scenario = {
  name: "a partition flaps",
  nodes: 5,
  duration: 150_000,
  faults: Array.from({ length: 15 }, (_, index): Fault => {
    const sides = { between: ["node-1", "node-2"], and: ["node-3", "node-4", "node-5"] };
    return { type: "partition", at: 1_000 + index * 4_000, for: 2_000, ...sides };
  }),
  source: source("flapping"),
  run: noneDowned,
};

/** A node whose messages are lost is declared down, and no other, although it accuses all. */
export const mute: Scenario = {
  name: "a node is mute",
  nodes: 5,
  duration: 150_000,
  restartEnded: 40_000,
  faults: [{
    type: "partition",
    at: 1_000,
    for: 40_000,
    between: ["node-2"],
    and: ["node-1", "node-3", "node-4", "node-5"],
    oneWay: true,
  }],
  source: source("mute"),
  run: onlyDowned("node-2"),
};

/** The minority of a partition gives up, and comes back when it is over (W4 of casty v1). */
export const minority: Scenario = {
  name: "a minority is cut off",
  nodes: 5,
  duration: 150_000,
  restartEnded: 40_000,
  faults: [{
    type: "partition",
    at: 1_000,
    for: 40_000,
    between: ["node-4", "node-5"],
    and: ["node-1", "node-2", "node-3"],
  }],
  source: source("minority"),
  run: onlyDowned("node-4", "node-5"),
};

/** One node after the other is stopped and started, as in a deployment. */
export const rollingRestart: Scenario = {
  name: "a rolling restart",
  nodes: 5,
  duration: 180_000,
  faults: names(5).map((node, index): Fault => {
    return { type: "stop", at: 1_000 + index * 20_000, node, restartAfter: 3_000 };
  }),
  source: source("rollingRestart"),
  run: noneDowned,
};

/** A node comes back with a clock that is an hour behind that of its earlier incarnation. */
export const clockWentBack: Scenario = {
  name: "a clock went back",
  nodes: 3,
  duration: 120_000,
  faults: [
    { type: "clockSkew", at: 1_000, node: "node-2", by: -3_600_000 },
    { type: "crash", at: 2_000, node: "node-2", restartAfter: 500 },
  ],
  source: source("clockWentBack"),
  run: async (sim) => {
    await sim.faultsOver();
    await sim.converged();
    if (sim.node("node-2").starts !== 2) throw new Error("it took more than one attempt");
  },
};

/** All processes die at once and come back in another order. */
export const powerCut: Scenario = {
  name: "a power cut",
  nodes: 5,
  duration: 150_000,
  faults: names(5).map((node, index): Fault => {
    const restartAfter = 20_000 - index * 3_000;
    return { type: "crash", at: 1_000, node, silently: true, restartAfter };
  }),
  source: source("powerCut"),
  run: async (sim) => {
    await sim.faultsOver();
    await sim.converged({ limit: 90_000 });
  },
};

/**
 * The node that may bootstrap a cluster is declared down in a partition and starts again while it is
 * still cut off: it must not bootstrap a second cluster.
 */
export const isolatedFounder: Scenario = {
  name: "isolated founder",
  nodes: 5,
  duration: 120_000,
  faults: [{
    type: "partition",
    at: 1_000,
    for: 40_000,
    between: ["node-1"],
    and: ["node-2", "node-3", "node-4", "node-5"],
  }],
  source: source("isolatedFounder"),
  run: async (sim) => {
    await sim.faultsOver();
    await sim.converged({ limit: 90_000 });
  },
};

/** All of them. */
export const pathological: readonly Scenario[] = [
  leavingWhileDeaf,
  overloaded,
  wedgedInTurn,
  wedgedTogether,
  brokenLink,
  flapping,
  mute,
  minority,
  rollingRestart,
  clockWentBack,
  powerCut,
  isolatedFounder,
];
