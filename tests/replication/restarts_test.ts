import { assert, assertEquals } from "@std/assert";
import { type ReplicationOptions, ReplicationWorld } from "./replication_world.ts";

/** A cluster without faults of the network. */
function quiet(seed: number, options: Partial<ReplicationOptions> = {}): ReplicationWorld {
  const world = new ReplicationWorld(seed, {
    nodes: 5,
    replicas: 2,
    minAcks: 1,
    inMemory: false,
    leases: true,
    zones: false,
    loss: 0,
    repeats: 0,
    late: 0,
    delay: 2,
    retires: false,
    timing: { retain: 10, maxBatchEntries: 20 },
    ...options,
  });
  world.calm = true;
  const write = () => {
    for (const node of world.nodes) {
      if (node.machine?.primary?.phase === "open") node.propose(2);
    }
    world.later(20, write);
  };
  write();
  return world;
}

/** Until all copies are there and something new was acknowledged. */
function settle(world: ReplicationWorld): number {
  const before = world.highest;
  // Entries are always on their way, so that copies are never quite equal.
  const isWhole = () => {
    const missing = world.unhealthy();
    return (missing === undefined || missing.startsWith("copies lag")) && world.highest > before;
  };
  const took = world.runUntil(isWhole, 60_000);
  if (took === undefined) world.fail(world.unhealthy() ?? "nothing is acknowledged");
  return took;
}

Deno.test("copies in memory outlive nodes that end one after the other", () => {
  for (let seed = 0; seed < 10; seed++) {
    const world = quiet(seed, { inMemory: true });
    settle(world);
    for (let round = 0; round < 10; round++) {
      const owner = world.nodes.find(({ machine }) => machine?.primary?.phase === "open")!;
      const node = round % 2 === 0 ? owner : world.nodes[round % 5]!;
      world.crash(node);
      world.run(3_000);
      settle(world);
      world.start(node);
      settle(world);
    }
    world.checkJournals();
    assertEquals(world.lostStores.length, 10);
  }
});

Deno.test("of five nodes any two may end one after the other and stay away", () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = quiet(seed, { inMemory: true });
    settle(world);
    for (const index of [seed % 5, (seed + 1 + seed % 4) % 5]) {
      world.crash(world.nodes[index]!);
      world.run(2_500);
      settle(world);
    }
    world.checkJournals();
  }
});

Deno.test("half of a cluster that restarts does not take its shards for new ones", () => {
  for (let seed = 0; seed < 10; seed++) {
    const world = quiet(seed);
    settle(world);
    const before = world.highest;
    const owner = world.nodes.find(({ machine }) => machine?.primary?.phase === "open")!;
    const copies = new Set(owner.machine!.primary!.config!.inSync.map(({ address }) => address));
    for (const node of world.nodes) world.crash(node);
    world.run(5_000);
    const others = world.nodes.filter(({ address }) => !copies.has(address));
    assertEquals(others.length, 2);
    const openings = world.counts.openings;
    for (const node of others) world.start(node);
    world.run(10_000);
    assertEquals(world.counts.openings, openings, "they wait for the others");
    const waiting = world.nodes.find(({ machine }) => machine?.primary !== undefined);
    assertEquals(waiting?.machine?.primary?.status(world.now).wait?.reason, "bootstrap");
    for (const node of world.nodes) world.start(node);
    settle(world);
    assert(world.highest > before);
    world.checkJournals();
  }
});

Deno.test("a node that comes back with old files offers what it has", () => {
  const world = quiet(1, { nodes: 3, timing: { retain: 100_000, maxBatchEntries: 20 } });
  settle(world);
  world.run(2_000);
  const away = world.nodes.find(({ machine }) => machine?.primary === undefined)!;
  world.crash(away);
  world.run(20_000);
  const had = away.disk.record.entries.length;
  assert(had > 100);
  world.start(away);
  settle(world);
  assertEquals(away.machine!.copy.state.generation, 0, "nothing was dropped");
  world.checkJournals();
});

Deno.test("a node whose disk was replaced is filled anew", () => {
  const world = quiet(2, { nodes: 3 });
  settle(world);
  world.run(2_000);
  const owner = world.nodes.find(({ machine }) => machine?.primary !== undefined)!;
  world.crash(owner, true);
  world.run(500);
  world.start(owner);
  settle(world);
  world.run(2_000);
  assert(owner.disk.applied > 100);
  world.checkJournals();
});
