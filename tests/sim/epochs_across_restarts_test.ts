import { assert } from "@std/assert";
import { simulate } from "../../lib/testkit/mod.ts";
import { pingEntities, spawnRegistered } from "./scenarios/single_owner.ts";

Deno.test("epochs grow although all nodes have crashed and remember nothing", async () => {
  await simulate({
    seed: 7,
    duration: 90_000,
    linger: 0,
    shrink: 0,
    failures: false,
    setup: spawnRegistered,
    faults: ["node-1", "node-2", "node-3"].map((node) => ({
      type: "crash",
      at: 20_000,
      node,
      restartAfter: 2_000,
    })),
  }, async (sim) => {
    const epochs = () => sim.nodes.flatMap((node) => node.ownedShards().map(({ epoch }) => epoch));
    let over = false;
    const pings = pingEntities(sim, () => over);
    await sim.until(() => epochs().length === 40);
    const before = Math.max(...epochs());
    await sim.until(() => sim.nodes.every(({ alive }) => !alive));
    await sim.faultsOver();
    await sim.until(() => epochs().length === 40, { limit: 60_000 });
    const after = Math.min(...epochs());
    over = true;
    await pings;
    assert(after > before, `epoch ${after} was granted after ${before}`);
  });
});
