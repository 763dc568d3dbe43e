import { assert, assertEquals } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { MessageBatch } from "../../lib/replication/message_form.ts";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
import { replicationPath } from "../../lib/transport/base/peer.ts";
import { copies, Diaries, diaries, explained, isWhole, setup, Writers } from "./diaries.ts";

Deno.test("a rolling restart of all nodes loses no event that is in memory only", async () => {
  await simulate(
    { ...setup, seed: 1, nodes: 4, duration: 200_000, setup: copies() },
    async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      for (const node of sim.nodes) {
        sim.inject({ type: "stop", at: 0, node: node.name, restartAfter: 500 });
        await sim.until(() => node.status !== "up");
        await sim.until(() => node.status === "up" && isWhole(sim), {
          what: "copies are made anew",
        });
      }
      await writers.end();
      await writers.check();
      assert(writers.count > 300, `${writers.count} values`);
      assertEquals(writers.failed, 0, "asks that failed");
      assert(writers.longest < 3_000, `an ask has taken ${writers.longest} ms`);
    },
  );
});

Deno.test("all nodes lose power at once: what is on their disks is all that was confirmed", async () => {
  const stored = copies({}, { stored: true });
  await simulate({ ...setup, seed: 2, nodes: 3, duration: 200_000, setup: stored }, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.sleep(20_000);
    for (const { name: node } of sim.nodes) {
      sim.inject({ type: "crash", at: 0, node, restartAfter: 3_000 });
    }
    await sim.until(() => sim.nodes.every(({ alive }) => !alive));
    await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 90_000 });
    await sim.sleep(5_000);
    await writers.end();
    await writers.check();
    assert(writers.count > 300, `${writers.count} values`);
  });
});

Deno.test("all nodes are stopped and started: what is on their disks is all that was confirmed", async () => {
  const stored = copies({}, { stored: true });
  await simulate({ ...setup, seed: 3, nodes: 3, duration: 200_000, setup: stored }, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.sleep(20_000);
    for (const { name: node } of sim.nodes) {
      sim.inject({ type: "stop", at: 0, node, restartAfter: 8_000 });
    }
    await sim.until(() => sim.nodes.every(({ alive }) => !alive));
    await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 90_000 });
    await writers.end();
    await writers.check();
  });
});

Deno.test("a node that comes back with old files gets what it has missed", async () => {
  const stored = copies({}, { stored: true });
  await simulate({ ...setup, seed: 4, nodes: 4, duration: 400_000, setup: stored }, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    const [away] = sim.nodes;
    sim.inject({ type: "crash", at: 0, node: away!.name, restartAfter: 50_000 });
    await sim.until(() => !away!.alive);
    await sim.sleep(49_000);
    await sim.until(() => away!.status === "up" && isWhole(sim), { what: "it is back" });
    // Now it is needed: two others are lost, one after the other.
    for (const node of sim.nodes.slice(1, 3)) {
      sim.inject({ type: "crash", at: 0, node: node.name, restartAfter: 40_000 });
      await sim.until(() => !node.alive);
      await sim.sleep(15_000);
    }
    await writers.end();
    await sim.until(() => sim.nodes.every(({ status }) => status === "up"), { limit: 120_000 });
    await writers.check();
  });
});

Deno.test("a shard whose copies are lost at once waits, and names what it waits for", async () => {
  await simulate(
    { ...setup, seed: 5, nodes: 3, duration: 120_000, setup: copies() },
    async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      await writers.end();
      // What the node that is left owns goes on, since it knows that it has all.
      const left = sim.nodes[0]!.ownedShards().length;
      for (const { name: node } of sim.nodes.slice(1)) {
        sim.inject({ type: "crash", at: 0, node, restartAfter: 2_000 });
      }
      await sim.sleep(40_000);
      const waits = explained(sim).filter((line) => line.includes("it waits for the copies at"));
      assertEquals(waits.length, Diaries.numShards - left, explained(sim).join("\n"));
      for (const line of waits) assert(/node-[23]:25520/.test(line), line);
      const client = await sim.connect();
      const errors = await Promise.all(diaries.map(async (id) => {
        const ask = client.entity(Diaries, id).ask((replyTo) => ({ type: "all", replyTo }), {
          timeout: 20_000,
        });
        return await ask.then(() => undefined, (error: unknown) => error);
      }));
      const refused = errors.filter((error) => error !== undefined);
      assert(refused.length > 0 && refused.length < diaries.length, errors.join("\n"));
      for (const error of refused) {
        assert(error instanceof AskError && error.reason === "storeUnavailable", `${error}`);
        assert(error.message.includes("cannot be reached, and nothing was stored"), `${error}`);
      }
    },
  );
});

Deno.test("with allowDataLoss a shard goes on without what is lost", async () => {
  const lossy = copies({ allowDataLoss: true });
  await simulate({ ...setup, seed: 5, nodes: 3, duration: 120_000, setup: lossy }, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    await writers.end();
    for (const { name: node } of sim.nodes.slice(1)) {
      sim.inject({ type: "crash", at: 0, node, restartAfter: 2_000 });
    }
    await sim.until(() => sim.nodes.some(({ alive }) => !alive));
    await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 90_000 });
    // The copy at the node that was left had everything.
    await writers.check();
  });
});

Deno.test("a node that joins gets shards, after it has their events", async () => {
  await simulate(
    { ...setup, seed: 6, nodes: 4, duration: 200_000, setup: copies() },
    async (sim) => {
      const late = sim.nodes[3]!;
      sim.inject({ type: "stop", at: 0, node: late.name });
      await sim.until(() => !late.alive);
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      await sim.sleep(5_000);
      sim.start(late);
      await sim.until(() => late.ownedShards().length > 0 && isWhole(sim), {
        what: "it owns shards",
        limit: 120_000,
      });
      await sim.sleep(5_000);
      await writers.end();
      await writers.check();
      assertEquals(writers.failed, 0, "asks that failed");
    },
  );
});

Deno.test("a member cannot lock a shard with an epoch that no grant reaches", async () => {
  await simulate(
    { ...setup, seed: 8, nodes: 3, duration: 60_000, setup: copies() },
    async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      const [hostile, ...others] = sim.nodes;
      const { remoting } = nodeInternalsOf(hostile!.system)!;
      for (const { address } of others) {
        const batch = new MessageBatch();
        for (let shard = 0; shard < Diaries.numShards; shard++) {
          batch.add(shard, {
            type: "promiseEpoch",
            epoch: Number.MAX_SAFE_INTEGER,
            bootstrap: { stores: [], closed: false },
          });
        }
        remoting.send(address, replicationPath, 0, batch.take(Diaries.name));
      }
      await sim.sleep(10_000);
      await writers.end();
      await writers.check();
      assertEquals(writers.failed, 0, "asks that failed");
    },
  );
});

const zoned = ({ name }: SimulatedNode) => ({ zone: Number(name.at(-1)) <= 2 ? "a" : "b" });

Deno.test("a whole zone is lost for good: its shards open with new copies in the zone that is left", async () => {
  const pairs = copies({ replicas: 1, minAcks: 1 });
  const options = { ...setup, seed: 9, nodes: 4, duration: 100_000, cluster: zoned, setup: pairs };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    await writers.end();
    const lost = sim.nodes.slice(2);
    for (const { name: node } of lost) sim.inject({ type: "crash", at: 0, node });
    await sim.until(() => lost.every(({ alive }) => !alive));
    await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 30_000 });
    await writers.check();
  });
});

Deno.test("a zone with disks is lost: shards that need its copies name them, and wait for it", async () => {
  const pairs = copies({ replicas: 1, minAcks: 1 }, { stored: true });
  const options = { ...setup, seed: 9, nodes: 4, duration: 120_000, cluster: zoned, setup: pairs };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    await writers.end();
    const lost = sim.nodes.slice(2);
    for (const { name: node } of lost) {
      sim.inject({ type: "crash", at: 0, node, restartAfter: 45_000 });
    }
    await sim.until(() => lost.every(({ alive }) => !alive));
    await sim.sleep(40_000);
    const waits = explained(sim).filter((line) => line.includes("to store its first entry"));
    assert(waits.length > 0, explained(sim).join("\n"));
    for (const line of waits) assert(/: node-[34]:25520$/.test(line), line);
    await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 60_000 });
    await writers.check();
  });
});

for (const [nodes, replicas] of [[4, 1], [5, 2]] as const) {
  Deno.test(`two of ${nodes} nodes are lost for good, one after the other, with all ${replicas + 1} copies needed`, async () => {
    const all = copies({ replicas, minAcks: replicas });
    await simulate({ ...setup, seed: 10, nodes, duration: 120_000, setup: all }, async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      for (const lost of sim.nodes.slice(-2)) {
        sim.inject({ type: "crash", at: 0, node: lost.name });
        await sim.until(() => !lost.alive);
        await sim.until(() => isWhole(sim), { what: "all shards are whole again", limit: 30_000 });
      }
      await writers.end();
      await writers.check();
    });
  });
}
