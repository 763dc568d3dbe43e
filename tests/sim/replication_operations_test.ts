/**
 * What a person can do about lost copies, what is told about copies, and stores that fail for a while.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { PersistenceError } from "../../lib/persistence/mod.ts";
import type { ShardCopiesEvent } from "../../lib/replication/copies_event.ts";
import { ShardingError } from "../../lib/sharding/errors.ts";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
import { CountingJournal } from "./counting_journal.ts";
import { copies, Diaries, explained, isWhole, setup, Writers } from "./diaries.ts";

const types = [
  "shardOpened",
  "shardWaiting",
  "shardCopiesChanged",
  "shardCopyFilled",
  "shardLossAccepted",
  "shardCopyFailed",
  "shardCopyRecovered",
] as const;

/** Spawns the type, and writes down the events of each node that starts. */
const noting =
  (events: ShardCopiesEvent[], spawn: (node: SimulatedNode) => void) => (node: SimulatedNode) => {
    for (const type of types) {
      node.system.eventStream.subscribe<ShardCopiesEvent>(type, (event) => events.push(event));
    }
    spawn(node);
  };

const count = (events: readonly ShardCopiesEvent[], type: ShardCopiesEvent["type"]) =>
  events.filter((event) => event.type === type).length;

Deno.test("a person lets shards go on whose copies are lost, at the nodes that own them", async () => {
  const events: ShardCopiesEvent[] = [];
  const options = { ...setup, seed: 5, nodes: 3, duration: 120_000 };
  await simulate({ ...options, setup: noting(events, copies()) }, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    await writers.end();
    assertEquals(count(events, "shardOpened"), Diaries.numShards);
    const left = sim.nodes[0]!.ownedShards().length;
    for (const { name: node } of sim.nodes.slice(1)) {
      sim.inject({ type: "crash", at: 0, node, restartAfter: 2_000 });
    }
    await sim.until(() => sim.nodes.some(({ alive }) => !alive));
    await sim.sleep(40_000);
    const waiting = () =>
      sim.nodes.flatMap((node) => node.running?.replication.shards() ?? [])
        .filter(({ open }) => !open);
    assertEquals(waiting().length, Diaries.numShards - left, explained(sim).join("\n"));
    for (const { waitsFor } of waiting()) assert(/copies at node-[23]/.test(waitsFor!), waitsFor);
    const told = new Set(
      events.flatMap((event) => event.type === "shardWaiting" ? event.shard : []),
    );
    for (const { shard } of waiting()) assert(told.has(shard), `shard ${shard} is not told`);
    assertEquals(count(events, "shardLossAccepted"), 0);
    const accepted = sim.nodes.flatMap(({ system }) => system.replication.acceptLoss(Diaries.name));
    assertEquals(accepted.length, Diaries.numShards - left);
    await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 20_000 });
    assertEquals(count(events, "shardLossAccepted"), accepted.length);
    assert(count(events, "shardCopyFilled") + count(events, "shardCopiesChanged") > 0);
    // The copy at the node that was left had everything.
    await writers.check();
    assertThrows(() => sim.nodes[0]!.system.replication.acceptLoss("other"), ShardingError);
  });
});

Deno.test("a node is lost with its disk: its shards wait until it is retired, and lose nothing", async () => {
  const pairs = copies({ replicas: 1, minAcks: 1 }, { stored: true });
  const options = { ...setup, seed: 9, nodes: 4, duration: 200_000, setup: pairs };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    const lost = sim.nodes.at(-1)!;
    const { address } = lost;
    const rest = sim.nodes.slice(0, -1);
    assertThrows(
      () => rest[0]!.system.replication.retire(address),
      ShardingError,
      "is a member",
    );
    await writers.end();
    sim.inject({ type: "crash", at: 0, node: lost.name });
    await sim.until(() => !lost.alive);
    await sim.sleep(60_000);
    const waits = () => explained(sim).filter((line) => line.includes(address));
    assert(waits().length > 0, explained(sim).join("\n"));
    const counted = rest.map(({ system }) => system.replication.retire(address));
    assert(counted.reduce((sum, one) => sum + one) > 0, `${counted}`);
    await sim.until(() => isWhole(sim), { what: "all shards have new copies", limit: 30_000 });
    await writers.check();
    // And another one, later: what was retired is not forgotten, and costs nothing.
    const again = await Writers.start(sim);
    await sim.sleep(5_000);
    await again.end();
    assertEquals(again.failed, 0);
  });
});

Deno.test("what was retired is known after a restart of all nodes", async () => {
  const pairs = copies({ replicas: 1, minAcks: 1 }, { stored: true });
  const options = { ...setup, seed: 9, nodes: 4, duration: 200_000, setup: pairs };
  await simulate(options, async (sim) => {
    const writers = await Writers.start(sim);
    await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
    await writers.end();
    const lost = sim.nodes.at(-1)!;
    const rest = sim.nodes.slice(0, -1);
    const [a, b, c] = rest.map(({ name }) => name);
    sim.inject({ type: "crash", at: 0, node: lost.name });
    await sim.until(() => !lost.alive);
    await sim.sleep(15_000);
    // No copy can be changed before all nodes are stopped.
    for (const [one, others] of [[a!, [b!, c!]], [b!, [c!]]] as const) {
      sim.inject({ type: "partition", at: 0, for: 3_000, between: [one], and: others });
    }
    await sim.sleep(10);
    const counted = rest.map(({ system }) => system.replication.retire(lost.address));
    assert(counted.reduce((sum, one) => sum + one) > 0, `${counted}`);
    await sim.sleep(200);
    for (const { name: node } of rest) {
      sim.inject({ type: "crash", at: 0, node, restartAfter: 5_000 });
    }
    await sim.until(() => rest.every(({ alive }) => !alive));
    await sim.until(() => isWhole(sim), { what: "all shards have new copies", limit: 60_000 });
    await writers.check();
  });
});

Deno.test("a store of one node that cannot be copied is refused at spawn", async () => {
  const started: SimulatedNode[] = [];
  const spawn = (node: SimulatedNode) => void started.push(node);
  await simulate({ ...setup, seed: 13, nodes: 1, duration: 10_000, setup: spawn }, async (sim) => {
    await sim.until(() => started.length === 1);
    const { system, diskJournal } = started[0]!;
    const journal = new CountingJournal(diskJournal, () => {});
    const error = assertThrows(
      () =>
        system.spawn(Behaviors.sharded(Diaries, () => Behaviors.receive(() => Behaviors.same()), {
          replication: {},
          journal,
        })),
      PersistenceError,
    );
    assertEquals(error.code, "notCopyable");
    assert(/sqliteJournal/.test(error.message), error.message);
  });
});

for (const type of ["diskFull", "diskError"] as const) {
  Deno.test(`a copy whose store fails for a while (${type}) takes part again, without a restart`, async () => {
    const events: ShardCopiesEvent[] = [];
    const stored = noting(events, copies({}, { stored: true }));
    const options = { ...setup, seed: 12, nodes: 4, duration: 200_000, setup: stored };
    await simulate(options, async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      const [bad] = sim.nodes;
      const fault = { at: 0, for: 15_000, node: bad!.name };
      sim.inject(
        type === "diskFull"
          ? { type, ...fault }
          : { type, ...fault, operation: "write", probability: 0.5 },
      );
      await sim.until(() => events.some((event) => event.type === "shardCopyFailed"));
      await sim.until(() => events.some((event) => event.type === "shardCopyRecovered"), {
        what: "the copy takes part again",
        limit: 100_000,
      });
      await sim.until(() => isWhole(sim), { what: "all copies are in sync", limit: 90_000 });
      assertEquals(bad!.starts, 1, "starts of the node");
      await writers.end();
      await writers.check();
    });
  });
}

Deno.test("allowDataLoss waits for copies at members that do not answer, and loses nothing of them", async () => {
  const events: ShardCopiesEvent[] = [];
  const spawn = copies({ allowDataLoss: true, ackTimeout: 5_000 });
  await simulate(
    // With about half of the seeds the copy that hears the coordinator is in sync, and nothing waits.
    { ...setup, seed: 1, nodes: 5, duration: 200_000, setup: noting(events, spawn) },
    async (sim) => {
      const writers = await Writers.start(sim);
      await sim.until(() => isWhole(sim), { what: "all copies are in sync" });
      const owner = sim.nodes.find((node, at) => at > 0 && node.ownedShards().length > 0)!;
      const [first] = owner.running!.replication.shards();
      const nameOf = (address: string) => address.split(":")[0]!;
      const [one, other] = first!.copies.map(({ node }) => nameOf(node))
        .filter((name) => name !== owner.name);
      // The two that are left are members, and do not hear each other. One of them may lack the last events.
      const span = 45_000;
      const cut = (between: string, and: string) =>
        sim.inject({ type: "partition", at: 0, for: span, between: [between], and: [and] });
      cut(one!, other!);
      cut(owner.name, other!);
      await sim.sleep(1_000);
      sim.inject({ type: "crash", at: 0, node: owner.name, restartAfter: 5_000 });
      await sim.sleep(span - 5_000);
      const waits = explained(sim).filter((line) => line.includes("it waits for the copies at"));
      assert(waits.length > 0, "the shard that has lost its owner does not wait");
      assertEquals(count(events, "shardLossAccepted"), 0, "a loss was accepted");
      await sim.until(() => isWhole(sim), { what: "all shards are open again", limit: 60_000 });
      await writers.end();
      await writers.check();
      assertEquals(count(events, "shardLossAccepted"), 0, "a loss was accepted");
    },
  );
});
