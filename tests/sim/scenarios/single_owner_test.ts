import { assertRejects } from "@std/assert";
import { type Fault, simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { splitShards } from "./sharding.ts";

/** Two of five are declared down, and start again while they reach no other node. */
const cut: Fault = {
  type: "partition",
  at: 1_000,
  for: 45_000,
  between: ["node-1", "node-3"],
  and: ["node-2", "node-4", "node-5"],
};
const options = { seed: 1, faults: [cut], shrink: 0, failures: false } as const;

Deno.test("an entity that runs at two nodes is found: two of three seeds bootstrap a second cluster", async () => {
  const seedNodes = ["node-1:25520", "node-2:25520", "node-3:25520"];
  await assertRejects(
    () => simulate({ ...options, cluster: { seedNodes } }, splitShards),
    SimulationError,
    "oneOwnerAtEveryInstant failed",
  );
});

Deno.test("with all nodes as seeds, nodes that are cut off bootstrap no cluster", async () => {
  await simulate(options, splitShards);
});
