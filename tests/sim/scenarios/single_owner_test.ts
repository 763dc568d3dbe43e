import { assertRejects } from "@std/assert";
import { type Fault, simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { splitShards } from "./sharding.ts";

/** Two of five are declared down, and start again while they reach nobody else. */
const cut: Fault = {
  type: "partition",
  at: 1_000,
  for: 45_000,
  between: ["node-1", "node-3"],
  and: ["node-2", "node-4", "node-5"],
};
const options = { seed: 1, faults: [cut], shrink: 0, failures: false } as const;

Deno.test("an entity that lives at two nodes is seen: two of three seeds found a second cluster", async () => {
  const seedNodes = ["node-1:25520", "node-2:25520", "node-3:25520"];
  await assertRejects(
    () => simulate({ ...options, cluster: { seedNodes } }, splitShards),
    SimulationError,
    "oneLiveEntity failed",
  );
});

Deno.test("with all nodes as seeds, those who are cut off found no cluster", async () => {
  await simulate(options, splitShards);
});
