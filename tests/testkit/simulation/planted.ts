import {
  type Fault,
  type Invariant,
  type Scenario,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";

/** A planted bug: it takes a partition of node-2 and, while that lasts, a pause of node-3. */
function neverBoth(): Invariant {
  return {
    name: "neverBoth",
    on: "second",
    check: ({ nodes }: Simulation) => {
      const cutOff = nodes[0]!.view?.unreachable.has("node-2:25520") ?? false;
      return cutOff && nodes[2]!.paused ? "node-2 is cut off while node-3 is paused" : undefined;
    },
  };
}

/** Eleven faults of which two are needed. */
export const plantedFaults: readonly Fault[] = [
  { type: "latency", at: 100, for: 3_000, min: 5, max: 50 },
  { type: "reset", at: 900, between: "node-1", and: "node-3" },
  { type: "clockSkew", at: 1_500, node: "node-1", by: 5_000 },
  {
    type: "partition",
    at: 5_000,
    for: 20_000,
    between: ["node-2"],
    and: ["node-1", "node-3"],
  },
  { type: "slow", at: 6_000, for: 4_000, node: "node-1", turn: 1 },
  { type: "messageDuplication", at: 7_000, for: 9_000, probability: 0.5 },
  { type: "pause", at: 11_000, for: 2_400, node: "node-3" },
  { type: "loss", at: 12_000, for: 3_000, probability: 0.05 },
  { type: "clockDrift", at: 14_000, for: 3_000, node: "node-3", rate: 1.01 },
  { type: "reset", at: 30_000, between: "node-1", and: "node-2", midFrame: true },
  { type: "pause", at: 40_000, for: 1_000, node: "node-1" },
];

/** Fails with `plantedFaults`. */
export const planted: Scenario = {
  name: "a planted bug",
  nodes: 3,
  duration: 60_000,
  faults: plantedFaults,
  invariants: [...standardInvariants, neverBoth],
  source: { module: import.meta.url, export: "planted" },
};
