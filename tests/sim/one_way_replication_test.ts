import { assert, assertEquals } from "@std/assert";
import { simulate, type Simulation } from "../../lib/testkit/mod.ts";
import { copies, diaries, isWhole, setup, Writers } from "./diaries.ts";

/** For how long each writer was told nothing at most during a time, milliseconds. */
async function silences(
  sim: Simulation,
  writers: Writers,
  duration: number,
): Promise<readonly number[]> {
  const seen = diaries.map((id) => ({
    count: writers.told.get(id)!.length,
    at: sim.now,
    worst: 0,
  }));
  const end = sim.now + duration;
  while (sim.now < end) {
    await sim.sleep(250);
    for (const [index, one] of seen.entries()) {
      const count = writers.told.get(diaries[index]!)!.length;
      one.worst = Math.max(one.worst, sim.now - one.at);
      if (count > one.count) Object.assign(one, { count, at: sim.now });
    }
  }
  return seen.map(({ worst }) => worst);
}

for (const seed of [2, 5]) {
  Deno.test(`an owner that hears all and is heard by none is replaced, seed ${seed}`, async () => {
    await simulate(
      { ...setup, seed, nodes: 5, duration: 200_000, setup: copies() },
      async (sim) => {
        const writers = await Writers.start(sim);
        await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
        const [mute, ...others] = sim.nodes.map(({ name }) => name);
        assert(sim.nodes[0]!.ownedShards().length > 0, "it owns a shard");
        const span = 40_000;
        sim.inject({
          type: "partition",
          at: 0,
          for: span,
          between: [mute!],
          and: others,
          oneWay: true,
        });
        const longest = Math.max(...await silences(sim, writers, span));
        assert(longest > 1_000, "the fault was felt");
        assert(longest < 7_000, `a writer was told nothing for ${longest} ms`);
        await sim.until(() => isWhole(sim), { what: "it is back", limit: 60_000 });
        await writers.end();
        await writers.check();
      },
    );
  });
}

for (const stored of [false, true]) {
  const where = stored ? "on disks" : "in memory";
  Deno.test(`an owner that its copies do not hear gives way to one of them, with copies ${where}`, async () => {
    const spawn = copies({}, { stored });
    await simulate(
      { ...setup, seed: 1, nodes: 5, duration: 200_000, setup: spawn },
      async (sim) => {
        const writers = await Writers.start(sim);
        await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
        // Not the one that coordinates: it has to hear of it.
        const owner = sim.nodes.findLast((node) => node.ownedShards().length > 0)!;
        const [shard] = owner.running!.replication.shards();
        const own = `${owner.name}:`;
        const away = shard!.copies.map(({ node }) => node).filter((node) => !node.startsWith(own))
          .map((node) => node.split(":")[0]!);
        assertEquals(away.length, 2);
        assert(!away.includes(sim.nodes[0]!.name), "the coordinator hears it");
        const span = 40_000;
        sim.inject({
          type: "partition",
          at: 0,
          for: span,
          between: [owner.name],
          and: away,
          oneWay: true,
        });
        const longest = Math.max(...await silences(sim, writers, span));
        // Twice ackTimeout, and what a hand-off and asks that fail take.
        assert(longest > 4_000, "the fault was felt");
        assert(longest < 12_000, `a writer was told nothing for ${longest} ms`);
        assert(owner.alive && owner.status === "up", "it is a member");
        await sim.until(() => isWhole(sim), {
          what: "all copies are in sync again",
          limit: 60_000,
        });
        await writers.end();
        await writers.check();
      },
    );
  });
}

// A limit that docs/replication.md names: the coordinator has to hear the owner.
for (const isEnded of [false, true]) {
  const ending = isEnded
    ? "is replaced when its process ends"
    : "confirms nothing, and goes on when they do";
  Deno.test(`an owner that neither its copies nor the coordinator hear ${ending}`, async () => {
    await simulate(
      { ...setup, seed: 1, nodes: 7, duration: 200_000, setup: copies() },
      async (sim) => {
        const writers = await Writers.start(sim);
        await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
        const owner = sim.nodes.findLast((node) => node.ownedShards().length > 0)!;
        const [shard] = owner.running!.replication.shards();
        const own = `${owner.name}:`;
        const away = shard!.copies.map(({ node }) => node).filter((node) => !node.startsWith(own));
        const span = 60_000;
        const begun = sim.now;
        sim.inject({
          type: "partition",
          at: 0,
          for: span,
          between: [owner.name],
          and: [...new Set([...away.map((node) => node.split(":")[0]!), sim.nodes[0]!.name])],
          oneWay: true,
        });
        const before = await silences(sim, writers, 30_000);
        const silent = diaries.filter((_id, index) => before[index]! > 20_000);
        assert(silent.length > 0, "a shard has gone on: then the limit is none any more");
        assert(silent.length < diaries.length, "other shards do not go on");
        // The first write was stored by the owner alone; those behind it wait.
        const errors = writers.errors.filter(({ id, at }) => silent.includes(id) && at >= begun);
        for (const id of silent) {
          const codes = errors.filter((error) => error.id === id).map(({ code }) => code);
          assertEquals(codes[0], "askNotPersisted", id);
          assertEquals(new Set(codes.slice(1)), new Set(["askTimeout"]), id);
        }
        const lines = owner.running!.cluster.explain("replication");
        const behind = away.filter((node) =>
          lines.some((line) => line.includes(`the copy at ${node} lacks`))
        );
        assertEquals(behind, away);
        if (isEnded) {
          sim.inject({ type: "crash", at: 0, node: owner.name });
          const worst = await silences(sim, writers, 20_000);
          const longest = Math.max(...worst);
          assert(longest < 6_000, `a writer was told nothing for ${longest} ms`);
        } else {
          await sim.sleep(begun + span - sim.now);
          await sim.until(() => isWhole(sim), {
            what: "all copies are in sync again",
            limit: 60_000,
          });
          const after = Math.max(...await silences(sim, writers, 15_000));
          assert(after < 6_000, `a writer was told nothing for ${after} ms`);
        }
        await writers.end();
        await writers.check();
      },
    );
  });
}
