/**
 * Registers on one database whose nodes stand by for each other, while the database fails and nodes crash,
 * leave, stand still for longer than their leases, and are cut off. What the clients saw must be
 * linearizable: a register that started from an old state would be a value that comes back. Only owners
 * write, and registers do start from what was ready.
 *
 * @module
 */
import { Behaviors } from "../../../lib/behaviors.ts";
import {
  type FaultPlan,
  randomFaults,
  type Scenario,
  type SimulatedNode,
  type Simulation,
} from "../../../lib/testkit/mod.ts";
import { CountingJournal } from "../counting_journal.ts";
import { durableRegisters, failingDatabase, useDurableRegisters } from "./durable_registers.ts";
import { eventSourcedRegister } from "./event_sourced_register.ts";
import { base, options } from "./register.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

/** How often registers have started, from what was ready or not, in all simulations so far. */
export const starts = { warm: 0, cold: 0 };

function spawnRegisters(node: SimulatedNode): void {
  const opened = new Set<string>();
  const journal = new CountingJournal(node.journal, ({ method, id }) => {
    if (method === "open") return void opened.add(id);
    // A register that starts without anything looks for a snapshot first.
    if (!opened.delete(id)) return;
    if (method === "loadSnapshot") starts.cold++;
    else if (method === "read") starts.warm++;
  });
  const behavior = Behaviors.sharded(() => eventSourcedRegister(), {
    ...options,
    replication: { replicas: 2 },
    journal,
  });
  node.system.spawn(behavior, "registers");
}

const run = (sim: Simulation) => useDurableRegisters(sim, "registers");

/** Nodes are lost in all ways, always less than a majority, and come back. */
const losses: FaultPlan = randomFaults({
  kinds: ["crash", "stop", "pause", "partition"],
  every: 8_000,
  longest: 12_000,
  quiet: 190_000,
});

/** Nodes are lost while the database is sound. */
export const standbyRegisters: Scenario = {
  ...base,
  name: "standby registers",
  setup: spawnRegisters,
  run,
  restartEnded: 10_000,
  faults: losses,
  source: source("standbyRegisters"),
};

/** The same while messages are lost, repeated and late, and the database fails in parts. */
export const failingStandbyRegisters: Scenario = {
  ...durableRegisters,
  name: "standby registers on a failing database",
  setup: spawnRegisters,
  run,
  restartEnded: 10_000,
  faults: (random, scene) => [
    ...losses(random, scene),
    ...randomFaults({
      kinds: ["messageLoss", "messageReordering", "messageDuplication"],
      every: 10_000,
      longest: 10_000,
      quiet: 190_000,
    })(random, scene),
    ...failingDatabase(random, scene),
  ],
  source: source("failingStandbyRegisters"),
};

/** Both. */
export const standbyScenarios: readonly Scenario[] = [standbyRegisters, failingStandbyRegisters];
