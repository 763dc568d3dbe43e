/**
 * Registers as event-sourced entities whose events are kept at several nodes, without a database. Nodes
 * crash, leave, stand still for longer than their leases, and are cut off. What the clients saw must be
 * linearizable: an event that was acknowledged and lost would be a value that comes back.
 *
 * @module
 */
import { Behaviors } from "../../../lib/behaviors.ts";
import type {
  Fault,
  FaultPlan,
  Scenario,
  SimulatedNode,
  Simulation,
} from "../../../lib/testkit/mod.ts";
import { eventSourcedRegister } from "./event_sourced_register.ts";
import { base, options, useRegisters } from "./register.ts";

const source = (name: string) => ({ module: import.meta.url, export: name });

const replication = { replicas: 2, minAcks: 1, ackTimeout: 2_000 };

function spawnRegisters(node: SimulatedNode): void {
  const behavior = Behaviors.sharded(() => eventSourcedRegister(), { ...options, replication });
  node.system.spawn(behavior, "registers");
}

function spawnStoredRegisters(node: SimulatedNode): void {
  const { diskJournal: journal } = node;
  const behavior = Behaviors.sharded(() => eventSourcedRegister(), {
    ...options,
    replication,
    journal,
  });
  node.system.spawn(behavior, "registers");
}

/** Time for the copies of a lost node to be made elsewhere, milliseconds. */
const repair = 14_000;

/** One node after the other: what one has lost, others have again before the next one is lost. */
const oneAfterTheOther: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  for (let at = 12_000; at < 150_000; at += repair + 4_000 + random.next() * 6_000) {
    const node = nodes[Math.floor(random.next() * nodes.length)]!;
    const span = 500 + random.next() * 5_000;
    const draw = random.next();
    if (draw < 0.4) faults.push({ type: "crash", at, node, restartAfter: span });
    else if (draw < 0.6) faults.push({ type: "stop", at, node, restartAfter: span });
    else if (draw < 0.8) {
      faults.push({ type: "pause", at, for: span, node, whole: random.next() < 0.5 });
    } else {
      const and = nodes.filter((other) => other !== node);
      faults.push({ type: "partition", at, for: 2 * span, between: [node], and });
    }
  }
  return faults;
};

/** Copies in the memory of nodes, of which one is lost at a time. */
export const replicatedRegisters: Scenario = {
  ...base,
  name: "replicated registers",
  setup: spawnRegisters,
  faults: oneAfterTheOther,
  run: async (sim: Simulation) => void await useRegisters(sim, undefined, 100),
  source: source("replicatedRegisters"),
};

function spawnPairs(node: SimulatedNode): void {
  const pair = { ...replication, replicas: 1 };
  const behavior = Behaviors.sharded(() => eventSourcedRegister(), {
    ...options,
    replication: pair,
  });
  node.system.spawn(behavior, "registers");
}

/** Nodes are cut off, or stand still, for so long that they are declared down, and go on afterwards. */
const longAbsences: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  for (let at = 12_000; at < 130_000; at += 45_000) {
    const node = nodes[Math.floor(random.next() * nodes.length)]!;
    const span = 8_000 + random.next() * 18_000;
    const draw = random.next();
    if (draw < 0.6) {
      const and = nodes.filter((other) => other !== node);
      faults.push({ type: "partition", at, for: span, between: [node], and });
    } else if (draw < 0.8) faults.push({ type: "pause", at, for: span, node, whole: true });
    else faults.push({ type: "crash", at, node, restartAfter: span });
  }
  return faults;
};

/** Two copies that are both needed: a lost one is replaced as its node is declared down. */
export const pairedReplicatedRegisters: Scenario = {
  ...replicatedRegisters,
  name: "paired replicated registers",
  setup: spawnPairs,
  faults: longAbsences,
  source: source("pairedReplicatedRegisters"),
};

/** Nodes with disks: any of them crash at any time, and all of them at once. */
const allAtOnce: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  for (let at = 12_000; at < 60_000; at += 6_000 + random.next() * 10_000) {
    const node = nodes[Math.floor(random.next() * nodes.length)]!;
    const restartAfter = 500 + random.next() * 10_000;
    const type = random.next() < 0.7 ? "crash" : "stop";
    faults.push({ type, at, node, restartAfter });
  }
  for (const node of nodes) {
    const restartAfter = 500 + random.next() * 6_000;
    faults.push({ type: "crash", at: 80_000 + random.next() * 500, node, restartAfter });
  }
  return faults;
};

/** Copies on the disks of nodes, of which all are without power once. */
export const storedReplicatedRegisters: Scenario = {
  ...replicatedRegisters,
  name: "stored replicated registers",
  duration: 300_000,
  setup: spawnStoredRegisters,
  faults: allAtOnce,
  source: source("storedReplicatedRegisters"),
};

/** A small cluster and little to do, so that ten thousand seeds are affordable. */
const small = { clients: 2, numShards: 2, settle: 4_000 };
const smallCluster = {
  nodes: 3,
  duration: 120_000,
  linger: 500,
  cluster: { seedNodes: Array.from({ length: 3 }, (_, index) => `node-${index + 1}:25520`) },
  run: async (sim: Simulation) => void await useRegisters(sim, undefined, 20, small),
} satisfies Scenario;

const spawnSmall = (stored: boolean) => (node: SimulatedNode) => {
  const behavior = Behaviors.sharded(() => eventSourcedRegister(), {
    numShards: small.numShards,
    replication,
    ...(stored && { journal: node.diskJournal }),
  });
  node.system.spawn(behavior, "registers");
};

/** Disks fail in parts, and messages are lost, repeated and late, while nodes crash and are cut off. */
const everything: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  const between = (low: number, high: number) => low + random.next() * (high - low);
  const one = () => nodes[Math.floor(random.next() * nodes.length)]!;
  for (let at = 5_000; at < 14_000; at += between(800, 3_500)) {
    const node = one();
    const span = between(300, 6_000);
    const draw = random.next();
    const operation = draw < 0.1 ? "write" : draw < 0.17 ? "sync" : "read";
    if (draw < 0.22) {
      faults.push({ type: "diskError", at, for: span, node, operation, probability: 0.3 });
    } else if (draw < 0.32) faults.push({ type: "diskFull", at, for: span, node });
    else if (draw < 0.4) faults.push({ type: "diskSlow", at, for: span, node, delay: 40 });
    else if (draw < 0.65) faults.push({ type: "crash", at, node, restartAfter: span });
    else if (draw < 0.75) faults.push({ type: "pause", at, for: span, node, whole: true });
    else {
      const and = nodes.filter((other) => other !== node);
      faults.push({ type: "partition", at, for: span, between: [node], and });
    }
  }
  for (let at = 4_000; at < 14_000; at += between(1_000, 5_000)) {
    const way = random.next() < 0.5 ? { from: [one()] } : { to: [one()] };
    const span = between(500, 4_000);
    const draw = random.next();
    const type = draw < 0.5
      ? "messageLoss"
      : draw < 0.75
      ? "messageDuplication"
      : "messageReordering";
    faults.push({ type, at, for: span, ...way, probability: 0.3 });
  }
  return faults;
};

/** Copies on disks that fail in parts. */
export const failingReplicatedRegisters: Scenario = {
  ...smallCluster,
  name: "replicated registers on failing disks",
  setup: spawnSmall(true),
  faults: everything,
  source: source("failingReplicatedRegisters"),
};

/** One node is lost at a time, as often as a restarted one can have caught up; messages are lost too. */
const briefLosses: FaultPlan = (random, { nodes }) => {
  const faults: Fault[] = [];
  const between = (low: number, high: number) => low + random.next() * (high - low);
  const one = () => nodes[Math.floor(random.next() * nodes.length)]!;
  for (const at of [between(4_000, 6_000), between(24_000, 28_000)]) {
    const node = one();
    const span = between(300, 5_000);
    const draw = random.next();
    if (draw < 0.4) faults.push({ type: "crash", at, node, restartAfter: span });
    else if (draw < 0.55) faults.push({ type: "stop", at, node, restartAfter: span });
    else if (draw < 0.75) faults.push({ type: "pause", at, for: span, node, whole: true });
    else {
      const and = nodes.filter((other) => other !== node);
      faults.push({ type: "partition", at, for: span, between: [node], and });
    }
    const way = random.next() < 0.5 ? { from: [one()] } : { to: [one()] };
    const type = (["messageLoss", "messageDuplication", "messageReordering"] as const)[
      Math.floor(random.next() * 3)
    ]!;
    faults.push({ type, at: at - between(0, 2_000), for: 4_000, ...way, probability: 0.3 });
  }
  return faults;
};

/** Copies in the memory of three nodes, and little to do. */
export const smallReplicatedRegisters: Scenario = {
  ...smallCluster,
  name: "replicated registers of three nodes",
  setup: spawnSmall(false),
  faults: briefLosses,
  source: source("smallReplicatedRegisters"),
};

/** All of them, for many seeds. */
export const replicated: readonly Scenario[] = [
  replicatedRegisters,
  pairedReplicatedRegisters,
  storedReplicatedRegisters,
  failingReplicatedRegisters,
  smallReplicatedRegisters,
];
