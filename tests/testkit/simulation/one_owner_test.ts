import { assert, assertEquals } from "@std/assert";
import {
  randomFaults,
  type Scenario,
  simulate,
  standardInvariants,
} from "../../../lib/testkit/mod.ts";
import { leaveStorm, ownerDies } from "../../sim/scenarios/sharding.ts";
import {
  oneLiveEntity,
  pingEntities,
  spawnRegistered,
  workOnEntities,
} from "../../sim/scenarios/single_owner.ts";

const quietly = { shrink: 0, failures: false } as const;
const invariants = [...standardInvariants, oneLiveEntity()];

/** Some of the nodes are cut off, and nothing else goes wrong. Both sides get messages. */
function cleanPartition(count: number, cutOff: number): Scenario {
  const nodes = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
  const between = nodes.slice(count - cutOff);
  const and = nodes.slice(0, count - cutOff);
  return {
    name: "a clean partition",
    nodes: count,
    duration: 60_000,
    linger: 0,
    restartEnded: false,
    cluster: { seedNodes: nodes.map((node) => `${node}:25520`) },
    setup: spawnRegistered,
    faults: [{ type: "partition", at: 10_000, for: 60_000, between, and }],
    run: (sim) => pingEntities(sim, () => sim.now > 50_000),
  };
}

/** Runs seeds of a clean partition, in which the majority must take over all that is cut off. */
async function takeOver(nodes: number, cutOff: number): Promise<void> {
  const scenario = cleanPartition(nodes, cutOff);
  let taken = 0;
  const run: Scenario["run"] = async (sim) => {
    const work = scenario.run!(sim);
    const ownedBy = (some: typeof sim.nodes) =>
      some.reduce((sum, node) => sum + node.ownedShards().length, 0);
    await sim.sleep(9_500);
    taken += ownedBy(sim.nodes.slice(nodes - cutOff));
    // Cut off at 10 s, silent at 13 to 15 s, without an acknowledgement for 5 s.
    await sim.sleep(10_500);
    assertEquals(ownedBy(sim.nodes.slice(0, nodes - cutOff)), 40);
    await work;
  };
  for (let seed = 1; seed <= 8; seed++) {
    await simulate({ seed, ...quietly, invariants }, { ...scenario, run });
  }
  assert(taken > 0, "none had an owner that was cut off");
}

Deno.test("a clean partition of five nodes has no two owners, and the majority takes all over", () => {
  return takeOver(5, 1);
});

Deno.test("a clean partition of nine nodes has no two owners, and the majority takes all over", () => {
  return takeOver(9, 2);
});

/** Nodes crash and are stopped, always less than half of them, and start again. */
const crashesAndStops: Scenario = {
  ...ownerDies,
  name: "crashes and hand-offs",
  faults: randomFaults({ kinds: ["crash", "stop"], every: 8_000, quiet: 140_000 }),
  run: workOnEntities,
};

Deno.test("no entity has two owners in hand-offs and crashes without a partition: 50 seeds", async () => {
  let count = 0;
  for (const scenario of [leaveStorm, crashesAndStops]) {
    for (let seed = 1; seed <= 25; seed++) {
      const { faults } = await simulate({ seed, ...quietly, invariants }, scenario);
      count += faults.length;
    }
  }
  assert(count > 200, `only ${count} faults`);
});
