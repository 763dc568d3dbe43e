/**
 * Asks of entities whose shard moves again before it has opened at the node that was granted it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { simulate, type SimulatedNode, type Simulation } from "../../lib/testkit/mod.ts";
import { copies, Diaries, diaries, isWhole, setup } from "./diaries.ts";

/** Values of one diary, which are stored one after the other. */
async function write(
  ask: (value: number) => Promise<unknown>,
  sim: Simulation,
  isOver: () => boolean,
): Promise<string[]> {
  const failures: string[] = [];
  for (let value = 1; !isOver(); value++) {
    await ask(value).catch((error) => failures.push(String(error)));
    await sim.sleep(20 + sim.random.next() * 20);
  }
  return failures;
}

for (const stored of [false, true]) {
  for (const by of ["client", "node"] as const) {
    const where = stored ? "on disks" : "in memory";
    Deno.test(`no ask of a ${by} fails when the next owner has less than another copy, ${where}`, async () => {
      let moves = 0;
      const spawn = copies({ ackTimeout: 5_000 }, { stored });
      const noting = (node: SimulatedNode) => {
        node.system.eventStream.subscribe("shardHandOffStarted", () => moves++);
        spawn(node);
      };
      const options = { ...setup, seed: 5, nodes: 4, duration: 100_000, setup: noting };
      await simulate(options, async (sim) => {
        const [, leaves, stays, lags] = sim.nodes;
        const asker = by === "client" ? await sim.connect() : stays!.system;
        await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
        let isOver = false;
        const working = diaries.map((id) => {
          const ref = asker.entity(Diaries, id);
          const ask = (value: number) =>
            ref.ask((replyTo) => ({ type: "add", value, replyTo }), { timeout: 30_000 });
          return write(ask, sim, () => isOver);
        });
        await sim.sleep(1_000);
        assert(leaves!.ownedShards().length > 0, "it owns shards");
        const late = { from: [leaves!.name], to: [lags!.name], min: 600, max: 600 };
        sim.inject({ type: "latency", at: 0, for: 4_000, ...late });
        await sim.sleep(1_000);
        const before = moves;
        sim.inject({ type: "stop", at: 0, node: leaves!.name });
        await sim.until(() => !leaves!.alive);
        await sim.sleep(5_000);
        assert(moves > before, "no shard has moved again");
        isOver = true;
        assertEquals((await Promise.all(working)).flat(), []);
      });
    });
  }
}
