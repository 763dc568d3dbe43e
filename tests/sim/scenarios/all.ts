/**
 * The scenarios that many seeds are run with: `deno task sim`, and a few seeds of each in
 * `seeds_test.ts`.
 *
 * @module
 */
import { disks } from "./disks.ts";
import {
  type Invariant,
  randomFaults,
  type Scenario,
  type Simulation,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";
import { ledger, ledgerInPauses } from "./ledger.ts";
import { ownership, waiting } from "./ownership.ts";
import { pathological } from "./pathological.ts";
import { deliveries, deliveriesInParts } from "./deliveries.ts";
import { durableDiaries } from "./durable_diaries.ts";
import { durableRegisters, durableRegistersInPauses } from "./durable_registers.ts";
import { reminderScenarios } from "./reminders.ts";
import { replicated } from "./replicated_registers.ts";
import { projections, projectionsInPauses } from "./projections.ts";
import { rateLimits, rateLimitsOverSlowLinks } from "./rate_limits.ts";
import { standbyScenarios } from "./standby_registers.ts";
import { registers, splitRegisters } from "./register.ts";
import { sharding } from "./sharding.ts";
import { singletonScenarios } from "./singletons.ts";
import { topicEvents } from "./topics.ts";
import { structures, structuresInCrashThenMoves, volatileStructures } from "./structures.ts";
import { spawnCounters, workOnCounters } from "./counters.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

async function recover(sim: Simulation): Promise<void> {
  await sim.faultsOver();
  await sim.converged({ limit: 90_000 });
}

/** All members of all nodes are of one cluster, once it is known which. */
function oneCluster(): Invariant {
  return {
    name: "oneCluster",
    on: "view",
    check: ({ nodes }: Simulation) => {
      const ids = new Set<string>();
      for (const { view } of nodes) {
        if (view?.clusterId !== undefined && view.self.status === "up") ids.add(view.clusterId);
      }
      return ids.size > 1 ? `there are ${ids.size} clusters: ${[...ids].join(", ")}` : undefined;
    },
  };
}

/** Nodes start within 20 s on a network that is slow, lossy and resets connections. */
export const formation: Scenario = {
  name: "formation",
  nodes: 5,
  duration: 150_000,
  formed: false,
  startSpread: 20_000,
  faults: randomFaults({
    kinds: ["latency", "loss", "reset", "messageLoss", "messageReordering", "clockSkew", "pause"],
    every: 3_000,
    quiet: 100_000,
  }),
  invariants: [...standardInvariants, oneCluster],
  source: source("formation"),
  run: recover,
};

/** Partitions of all kinds, of a minority. Who is declared down comes back when they are over. */
export const partitions: Scenario = {
  name: "partitions",
  nodes: 5,
  duration: 180_000,
  restartEnded: 45_000,
  faults: randomFaults({ kinds: ["partition", "reset"], every: 15_000, longest: 40_000 }),
  source: source("partitions"),
  run: recover,
};

/** Processes die, are stopped, come back, with their address or a new one. */
export const crashes: Scenario = {
  name: "crashes",
  nodes: 5,
  duration: 180_000,
  faults: randomFaults({ kinds: ["crash", "stop"], every: 10_000 }),
  source: source("crashes"),
  run: recover,
};

/** Event loops are paused and slow, clocks are wrong. */
export const stalls: Scenario = {
  name: "stalls",
  nodes: 5,
  duration: 150_000,
  faults: randomFaults({ kinds: ["pause", "slow", "clockSkew", "clockDrift"], every: 4_000 }),
  source: source("stalls"),
  run: recover,
};

/** Messages of the cluster's protocols are lost, come twice and overtake each other. */
export const messages: Scenario = {
  name: "messages",
  nodes: 5,
  duration: 150_000,
  faults: randomFaults({
    kinds: ["messageLoss", "messageDuplication", "messageReordering", "latency", "loss"],
    every: 3_000,
  }),
  source: source("messages"),
  run: recover,
};

/** Everything at once. */
export const storm: Scenario = {
  name: "storm",
  nodes: 7,
  duration: 180_000,
  faults: randomFaults({ every: 3_000 }),
  source: source("storm"),
  run: recover,
};

/** Sharded counters are worked on while everything goes wrong. */
export const counters: Scenario = {
  name: "counters",
  nodes: 4,
  duration: 240_000,
  faults: randomFaults({ every: 6_000, quiet: 140_000 }),
  setup: spawnCounters,
  source: source("counters"),
  run: workOnCounters,
};

/** Those that `deno task sim` knows by name, whether or not it runs them unasked. */
export function namedScenario(name: string): Scenario | undefined {
  return [...scenarios, ...pathological, ...waiting.map(({ scenario }) => scenario)].find((one) =>
    one.name === name
  );
}

/** Those with faults from the seed; see the module's text. */
export const scenarios: readonly Scenario[] = [
  formation,
  partitions,
  crashes,
  stalls,
  messages,
  storm,
  counters,
  ...sharding,
  ...ownership,
  registers,
  splitRegisters,
  durableRegisters,
  durableRegistersInPauses,
  ...reminderScenarios,
  projections,
  projectionsInPauses,
  durableDiaries,
  ...replicated,
  ...standbyScenarios,
  ledger,
  ledgerInPauses,
  ...singletonScenarios,
  structures,
  structuresInCrashThenMoves,
  volatileStructures,
  ...disks,
  topicEvents,
  deliveries,
  deliveriesInParts,
  rateLimits,
  rateLimitsOverSlowLinks,
];
