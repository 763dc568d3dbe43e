/**
 * Registers as event-sourced entities on one database, which is slow, full, fails before and after
 * commits, and is gone for a while; nodes crash, stand still for longer than their leases, and are cut off. What
 * the clients saw must be linearizable, and everything that was confirmed is stored once.
 *
 * @module
 */
import { Behaviors } from "../../../lib/behaviors.ts";
import { persistenceId } from "../../../lib/persistence/mod.ts";
import {
  type Fault,
  type FaultPlan,
  type Operation,
  randomFaults,
  type Scenario,
  type SimulatedDatabase,
  type SimulatedNode,
  type Simulation,
  storeFaultKinds,
} from "../../../lib/testkit/mod.ts";
import { eventSourcedRegister } from "./event_sourced_register.ts";
import { StoredForm } from "../../../lib/persistence/schema.ts";
import { base, type Input, keys, options, type Output, useRegisters } from "./register.ts";

type Done = Operation<Input, Output>;

const source = (name: string) => ({ module: import.meta.url, export: name });

const register = (node: SimulatedNode, key: string) =>
  eventSourcedRegister({ id: persistenceId("register", key), journal: node.journal });

function spawnRegisters(node: SimulatedNode): void {
  node.system.spawn(Behaviors.sharded((key: string) => register(node, key), options), "registers");
}

/** Each confirmed change is stored once, and no owner has written after a later one. */
async function checkStore(
  { contents }: SimulatedDatabase,
  operations: readonly Done[],
  kind: string,
): Promise<void> {
  for (const key of keys) {
    const times = new Map<number, number>();
    let [seq, epoch] = [0, 0];
    for await (const event of contents.read(persistenceId(kind, key))) {
      if (event.seq !== ++seq) throw new Error(`register ${key}: ${event.seq} instead of ${seq}`);
      if (event.epoch < epoch) {
        throw new Error(`register ${key}: epoch ${event.epoch} has written after ${epoch}`);
      }
      epoch = event.epoch;
      const value = decodeNumber(event.payload);
      times.set(value, (times.get(value) ?? 0) + 1);
    }
    const twice = [...times].filter(([, count]) => count > 1);
    if (twice.length > 0) throw new Error(`register ${key}: stored twice: ${twice}`);
    for (const { input, output, key: at, returned } of operations) {
      if (at !== key || returned === undefined || input.type === "read" || output === false) {
        continue;
      }
      if (!times.has(input.value)) throw new Error(`register ${key} has lost ${input.value}`);
    }
  }
}

const form = new StoredForm<number, number>();
const decodeNumber = (payload: Uint8Array) => form.readEvent(payload, 0);

/** Clients use registers that are stored under ids of this kind. */
export async function useDurableRegisters(sim: Simulation, kind: string): Promise<void> {
  const history = await useRegisters(sim, undefined, 100);
  const { database } = sim;
  await checkStore(database, history.operations(), kind);
  const { appended, unknown, refused, fenced } = database.counts;
  // A part of the operations reads or compares in vain; a call may fail that appends nothing.
  if (appended < 50) throw new Error(`only ${appended} appends`);
  sim.note(`appended ${appended}, unknown ${unknown}, refused ${refused}, fenced ${fenced}`);
}

/** Single calls that are late by up to 22 s: longer than the takeover of an owner lasts. */
const lateCalls: readonly Fault[] = [1_500, 3_000, 6_000, 12_000].map((delay) => ({
  type: "storeSlow",
  at: 0,
  for: 60_000,
  delay,
  probability: 0.005,
}));

/** The database fails now and then, and for a while in other ways. */
export const failingDatabase: FaultPlan = (random, scene) => [
  ...lateCalls,
  { type: "storeError", at: 0, for: 50_000, when: "before", probability: 0.01 },
  { type: "storeError", at: 0, for: 50_000, when: "after", probability: 0.01 },
  ...randomFaults({ kinds: storeFaultKinds, every: 15_000, longest: 12_000, quiet: 190_000 })(
    random,
    scene,
  ),
];

const crashes = randomFaults({
  kinds: ["crash", "stop"],
  every: 8_000,
  longest: 10_000,
  quiet: 190_000,
});

/** Nodes crash and are restarted while the database fails. */
export const durableRegisters: Scenario = {
  ...base,
  name: "durable registers",
  setup: spawnRegisters,
  run: (sim) => useDurableRegisters(sim, "register"),
  faults: (random, scene) => [...crashes(random, scene), ...failingDatabase(random, scene)],
  source: source("durableRegisters"),
};

/** Owners stand still for longer than their leases, and wake up while others own their registers. */
export const durableRegistersInPauses: Scenario = {
  ...durableRegisters,
  name: "durable registers in pauses",
  restartEnded: 10_000,
  faults: (random, scene) => {
    const { nodes } = scene;
    const faults: Fault[] = [...failingDatabase(random, scene)];
    for (let at = 5_000; at < 60_000; at += 12_000) {
      const node = nodes[Math.floor(random.next() * nodes.length)]!;
      const span = 1_000 + random.next() * 9_000;
      if (random.next() < 0.4) {
        faults.push({ type: "pause", at, for: span, node, whole: random.next() < 0.5 });
        continue;
      }
      // What it has just sent arrives when another node owns its registers.
      faults.push(
        { type: "pause", at, for: 10_000, node, whole: true },
        { type: "storeSlow", at: at - 500, for: 520, delay: 5_000 + random.next() * 4_000 },
      );
    }
    return faults;
  },
  source: source("durableRegistersInPauses"),
};
