import { assert, assertEquals } from "@std/assert";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
import type { Fault } from "../../lib/testkit/mod.ts";

const isUp = (node: SimulatedNode) => node.view?.self.status === "up";

Deno.test("a node whose cluster is lost while it joins joins anew without a restart", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const faults: Fault[] = [
      { type: "crash", at: 1_000, node: "node-3", silently: true },
      // It joins, and waits: a member is unreachable.
      { type: "crash", at: 8_000, node: "node-1", silently: true, restartAfter: 500 },
      // The last full member; it comes back, but node-3 does not.
      { type: "crash", at: 10_000, node: "node-2", silently: true, restartAfter: 3_000 },
    ];
    const seedNodes = ["node-1:25520", "node-2:25520", "node-3:25520"];
    const setup = { seed, nodes: 3, duration: 120_000, failures: false, shrink: 0 } as const;
    const report = await simulate({ ...setup, faults, cluster: { seedNodes } }, async (sim) => {
      const [first, second] = sim.nodes as [SimulatedNode, SimulatedNode];
      const before = first.view!.clusterId;
      await sim.until(() => second.starts === 2);
      await sim.until(() => isUp(first) && isUp(second), { limit: 30_000 });
      assertEquals([first.starts, second.starts], [2, 2]);
      assertEquals(first.view!.clusterId, second.view!.clusterId);
      assert(first.view!.clusterId !== before);
    });
    // Only node-1, by its own restart.
    assertEquals(report.downings.map(({ address, by }) => [address, by]), [
      ["node-1:25520", "node-1:25520"],
    ]);
    assert(report.log.some((line) => line.includes("no full member of the cluster is left")));
  }
});
