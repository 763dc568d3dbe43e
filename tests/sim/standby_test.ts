/**
 * Types in a database whose nodes stand by for each other: what is ready is used, never written, and never
 * believed before the database has confirmed it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { memoryJournal } from "../../lib/persistence/mod.ts";
import { partsOfId } from "../../lib/persistence/persistence_id.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import type { ReplicationOptions } from "../../lib/sharding/sharded_behavior.ts";
import { simulate, type SimulatedNode, type Simulation } from "../../lib/testkit/mod.ts";
import { CountingJournal, type JournalCall } from "./counting_journal.ts";
import { Diaries, diaries, diary, explained, setup, Writers } from "./diaries.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";

type Call = JournalCall & { readonly node: SimulatedNode };

/** Spawns the type in the database of the simulation. */
const standbys =
  (onCall: (call: Call) => void = () => {}, replication: ReplicationOptions = {}) =>
  (node: SimulatedNode) => {
    const journal = new CountingJournal(node.journal, (call) => onCall({ ...call, node }));
    node.system.spawn(Behaviors.sharded(Diaries, diary, { replication, journal }));
  };

/** A sum over what all nodes say. */
const sum = (sim: Simulation, pattern: RegExp) =>
  explained(sim).reduce((all, line) => all + Number(pattern.exec(line)?.[1] ?? 0), 0);
const ready = (sim: Simulation) => sum(sim, /with (\d+) entities ready/);
const used = (sim: Simulation) => sum(sim, /(\d+) entities have started from what was ready/);
const refused = (sim: Simulation) => sum(sim, /and (\d+) from the store since/);

/** Every entity is ready at `replicas` nodes. */
const areReady = (sim: Simulation, replicas = 2) => ready(sim) >= replicas * diaries.length;

const shardOfId = (id: string) => shardOf(partsOfId(id)!.name, Diaries.numShards);

for (const how of ["crash", "stop"] as const) {
  Deno.test(`shards of a node that is lost (${how}) go to nodes that have their entities ready`, async () => {
    const calls: Call[] = [];
    // One node of the four that are left has the entities of a shard.
    const options = { ...setup, seed: 1, nodes: 5, duration: 120_000 };
    const spawn = standbys((call) => calls.push(call), { replicas: 1 });
    await simulate({ ...options, setup: spawn }, async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => areReady(sim, 1), { what: "all entities are ready", limit: 30_000 });
      await sim.sleep(10_000);
      // One that coordinates as well: the next coordinator has to know.
      const [lost] = sim.nodes;
      const shards = new Set(lost!.ownedShards().map(({ shard }) => shard));
      assert(shards.size > 0, "it owns no shard");
      const moved = diaries.filter((id) => shards.has(shardOf(id, Diaries.numShards)));
      calls.length = 0;
      sim.inject({ type: how, at: 0, node: lost!.name });
      await sim.until(() => !lost!.alive);
      await sim.until(() => used(sim) >= moved.length, {
        what: `${moved} start from what was ready`,
        limit: 30_000,
      });
      await writers.end();
      await writers.check();
      assertEquals(refused(sim), 0);
      for (const id of moved) {
        const own = calls.filter((call) =>
          call.id === `${Diaries.name}|${id}` && call.node !== lost
        );
        const opened = own.findIndex(({ method }) => method === "open");
        const at = own[opened]!.node;
        const after = own.slice(opened).filter(({ node }) => node === at);
        assertEquals(after.filter(({ method }) => method === "loadSnapshot").length, 0, id);
        assert(after.findIndex(({ method }) => method === "event") > 0, id);
      }
    });
  });
}

Deno.test("only owners write, and standbys only read", async () => {
  const foreign: string[] = [];
  let writes = 0;
  const note = ({ node, method, id }: Call) => {
    if (method === "read" || method === "event" || method === "loadSnapshot") return;
    writes++;
    if (!node.ownedShards().some(({ shard }) => shard === shardOfId(id))) {
      foreign.push(`${node.name} ${method} ${id}`);
    }
  };
  const options = { ...setup, seed: 2, nodes: 4, duration: 120_000, setup: standbys(note) };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => areReady(sim), { what: "all entities are ready", limit: 30_000 });
    sim.inject({ type: "crash", at: 0, node: sim.nodes[2]!.name, restartAfter: 3_000 });
    await sim.sleep(20_000);
    await writers.end();
    await writers.check();
    assert(writes > 500, `${writes} writes`);
    assertEquals(foreign, []);
  });
});

Deno.test("a node that joins late reads what it lacks, and can then take over", async () => {
  const options = { ...setup, seed: 3, nodes: 3, duration: 200_000, setup: standbys() };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    const [late, second, third] = sim.nodes;
    sim.inject({ type: "crash", at: 0, node: late!.name, restartAfter: 15_000 });
    await sim.until(() => !late!.alive);
    await sim.until(() => late!.status === "up", { limit: 60_000 });
    await sim.until(() => areReady(sim), { what: "it is ready", limit: 30_000 });
    for (const node of [second!, third!]) {
      const before = used(sim);
      sim.inject({ type: "crash", at: 0, node: node.name, restartAfter: 8_000 });
      await sim.until(() => !node.alive);
      await sim.until(() => used(sim) > before, { what: "it is used", limit: 30_000 });
      await sim.until(() => node.status === "up" && areReady(sim), { limit: 60_000 });
    }
    await writers.end();
    await writers.check();
    assertEquals(refused(sim), 0);
  });
});

Deno.test("a node that joins late reads entities that nobody writes to any more", async () => {
  const options = { ...setup, seed: 4, nodes: 3, duration: 120_000, setup: standbys() };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    const late = sim.nodes.at(-1)!;
    sim.inject({ type: "crash", at: 0, node: late.name, restartAfter: 20_000 });
    await sim.until(() => !late.alive);
    await sim.sleep(15_000);
    await writers.end();
    await sim.until(() => late.status === "up", { limit: 60_000 });
    await sim.until(() => areReady(sim), { what: "it is ready", limit: 30_000 });
    await writers.check();
  });
});

Deno.test("a database that fails for a while costs standbys a reading, and no entity its state", async () => {
  const options = { ...setup, seed: 5, nodes: 4, duration: 200_000, setup: standbys() };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => areReady(sim), { what: "all entities are ready", limit: 30_000 });
    const unsure = { type: "storeError", for: 15_000, when: "after", probability: 0.2 } as const;
    sim.inject({ ...unsure, at: 0 });
    for (const { name: node } of sim.nodes.slice(0, 2)) {
      sim.inject({ type: "crash", at: 5_000, node, restartAfter: 6_000 });
    }
    await sim.sleep(30_000);
    await sim.until(() => areReady(sim), { what: "all are ready again", limit: 60_000 });
    await writers.end();
    await writers.check();
  });
});

Deno.test("standbys are switched on by a rolling restart, and off by another one", async () => {
  let replicas = 0;
  const spawn = (node: SimulatedNode) =>
    void node.system.spawn(Behaviors.sharded(Diaries, diary, {
      journal: node.journal,
      ...(replicas > 0 && { replication: { replicas } }),
    }));
  const options = { ...setup, seed: 6, nodes: 4, duration: 300_000, setup: spawn };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    const restartAll = async () => {
      for (const node of sim.nodes) {
        sim.inject({ type: "stop", at: 0, node: node.name, restartAfter: 500 });
        await sim.until(() => node.status !== "up");
        await sim.until(() => node.status === "up", { limit: 60_000 });
        await sim.sleep(3_000);
      }
    };
    await sim.sleep(5_000);
    assertEquals(ready(sim), 0);
    replicas = 2;
    await restartAll();
    await sim.until(() => areReady(sim), { what: "all entities are ready", limit: 30_000 });
    replicas = 0;
    await restartAll();
    assertEquals(ready(sim), 0);
    await writers.end();
    await writers.check();
    assertEquals(writers.failed, 0, "asks that failed");
  });
});

Deno.test("a type in a database at one node and in copies at another is an error in the logs of both", async () => {
  const lines: string[] = [];
  const log: Logger["log"] = (level, _source, message, fields) => {
    if (message.includes("in copies at another")) lines.push(`${level} ${fields?.node}`);
  };
  const cluster = new SimulatedCluster(9);
  const nodes = await cluster.start(2, { logger: { log } });
  const journal = Object.assign(memoryJournal(), { isShared: true });
  nodes[0]!.spawn(Behaviors.sharded(Diaries, diary, { replication: {} }));
  nodes[1]!.spawn(Behaviors.sharded(Diaries, diary, { replication: {}, journal }));
  await cluster.clock.runUntil(() => lines.length >= 2, 60_000);
  assertEquals(new Set(lines), new Set(["error node-1:25520", "error node-2:25520"]));
  await cluster.stop(nodes);
});

Deno.test("what standbys keep, what they lack, and what has started from it is measured", async () => {
  const cluster = new SimulatedCluster(11);
  const telemetry = new RecordedTelemetry();
  cluster.telemetryOf = () => telemetry;
  const { clock } = cluster;
  const nodes = await cluster.start(3);
  const journal = Object.assign(memoryJournal(), { isShared: true });
  const spawn = Behaviors.sharded(Diaries, diary, { replication: {}, journal });
  for (const node of nodes) node.spawn(spawn);
  const type = Diaries.name;
  const { standbyEntities, standbyBytes, standbyLag, standbyStarts } = instruments;
  const of = ({ name }: { readonly name: string }, attributes = {}) =>
    telemetry.sum(name, { type, ...attributes });
  const [asker, , leaver] = nodes;
  const add = (id: string) =>
    clock.resolve(
      asker!.entity(Diaries, id).ask((replyTo) => ({ type: "add", value: 1, replyTo })),
    );
  for (const id of diaries) await add(id);
  await clock.runUntil(
    () => of(standbyEntities, { state: "ready" }) === 2 * diaries.length,
    60_000,
  );
  assertEquals([of(standbyEntities, { state: "reading" }), of(standbyLag)], [0, 0]);
  assert(of(standbyBytes) > 2 * diaries.length * 100);
  assertEquals(of(standbyStarts), 0);
  const shards = new Set(
    diaries.filter((id) => leaver!.sharding.shardOwner(type, id) === leaver!.address),
  );
  assert(shards.size > 0, "it owns no entity");
  await cluster.stop([leaver!]);
  for (const id of shards) await add(id);
  assertEquals(of(standbyStarts, { outcome: "used" }), shards.size);
  assertEquals(of(standbyStarts, { outcome: "refused" }), 0);
  await cluster.stop(nodes.slice(0, 2));
});
