import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { allUp, seen, within } from "./formed_cluster.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

for (const seed of [1, 2, 3, 4, 5]) {
  Deno.test(`five nodes form in under 2 s and agree on all (seed ${seed})`, () => {
    const world = new SimulatedMembers(seed);
    const nodes = ["n0", "n1", "n2", "n3", "n4"].map((name) => world.start(name, ["n0"]));
    within(world, "forming", 2_000, () => allUp(nodes));
    assertEquals(nodes[4]!.view.leader, "n0:1");
    assertEquals(nodes[4]!.view.members[0]!.upNumber, 1);
    for (const node of nodes) {
      assertEquals(seen(node, "memberUp").toSorted(), ["n0", "n1", "n2", "n3", "n4"]);
    }
  });

  Deno.test(`five nodes form in any start order (seed ${seed})`, () => {
    const world = new SimulatedMembers(seed);
    const order = ["n0", "n1", "n2", "n3", "n4"];
    for (let i = 0; i < seed; i++) order.push(order.shift()!);
    const nodes: SimulatedMember[] = [];
    for (const name of order.toReversed()) {
      nodes.push(world.start(name, ["n0", "n1", "n2"]));
      world.run(seed * 300);
    }
    within(world, "forming", 2_000, () => allUp(nodes));
    const bootstrapped = nodes.filter(({ log }) =>
      log.some((line) => line.includes("bootstrapped a new cluster"))
    );
    assertEquals(bootstrapped.map(({ address }) => address), ["n0:1"]);
  });
}

Deno.test("a node without other seeds bootstraps a cluster at once", () => {
  const world = new SimulatedMembers(1);
  for (const seeds of [[], ["alone"], ["alone", "alone"]]) {
    const node = world.start("alone", seeds);
    assertEquals(node.up, ["alone:1"]);
    assert(node.view.converged);
    assertEquals(seen(node, "leaderChanged"), ["alone:1"]);
    assertEquals(seen(node, "memberUp"), ["alone"]);
  }
});

Deno.test("of two seeds the first waits for the second before it bootstraps; other nodes never bootstrap", () => {
  const world = new SimulatedMembers(1);
  const first = world.start("n0", ["n0", "n1"]);
  const third = world.start("n2", ["n0", "n1"]);
  world.run(60_000);
  assertEquals([first.view.clusterId, third.view.clusterId], [undefined, undefined]);
  assertEquals(first.machine.waiting(world.now), [
    "this node has tried to join for 60 s; to bootstrap a cluster it needs the votes of 1 more of " +
    "2 seeds, so that there are never two clusters (allowSelfBootstrap: true bootstraps without " +
    "them)",
    "n1:1 has not answered",
  ]);
  assertEquals(third.machine.waiting(world.now), [
    "this node has tried to join for 60 s; only the first seed (n0:1) may bootstrap a cluster",
    "n0:1 has no cluster and may bootstrap one",
    "n1:1 has not answered",
  ]);
  assert(first.log.some((line) => line.includes("needs the votes of 1 more of 2 seeds")));
  const second = world.start("n1", ["n0", "n1"]);
  within(world, "forming", 3_000, () => allUp([first, second, third]));
  assertEquals(first.machine.waiting(world.now), []);
});

Deno.test("two of three seeds form a cluster once the third has not answered for 5 s", () => {
  const world = new SimulatedMembers(1);
  const seeds = ["n0", "n1", "n2"];
  const nodes = [world.start("n0", seeds), world.start("n1", seeds)];
  world.run(4_900);
  assertEquals(nodes[0]!.view.clusterId, undefined);
  within(world, "forming", 2_000, () => allUp(nodes));
  nodes.push(world.start("n2", seeds));
  within(world, "joining", 2_000, () => allUp(nodes));
});

Deno.test("allowSelfBootstrap lets one node bootstrap alone, whether or not it is the first seed", () => {
  for (const seeds of [["n0", "n1", "n2"], ["n1", "n0", "n2"]]) {
    const world = new SimulatedMembers(1);
    const node = world.start("n0", seeds, { allowSelfBootstrap: true });
    world.run(4_900);
    assertEquals(node.view.clusterId, undefined);
    within(world, "bootstrap", 400, () => allUp([node]));
  }
});

Deno.test("a first seed that was downed and restarts alone bootstraps no second cluster", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimulatedMembers(seed);
    const seeds = ["n0", "n1", "n2"];
    const start = (name: string) => world.start(name, seeds);
    const nodes = ["n0", "n1", "n2", "n3", "n4"].map(start);
    within(world, "forming", 5_000, () => allUp(nodes));
    const { clusterId } = nodes[1]!.view;
    world.partition(nodes.slice(0, 1), nodes.slice(1));
    within(world, "downing", 60_000, () => nodes[0]!.downed !== undefined);
    nodes[0] = start("n0");
    world.run(30_000);
    assertEquals(nodes[0].view.clusterId, undefined);
    world.heal();
    within(world, "healing", 10_000, () => allUp(nodes));
    assertEquals(nodes[0].view.clusterId, clusterId);
  }
});

Deno.test("a seed votes for one bootstrap node, so two that cannot reach each other make one cluster", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new SimulatedMembers(seed);
    world.weather.cut = (from, to) => [from, to].sort().join() === "a:1,b:1";
    const ids = () => [...world.nodes.values()].map(({ view }) => view.clusterId);
    world.start("a", ["a", "b", "c"]);
    world.start("b", ["b", "a", "c"]);
    world.start("c", ["a", "b", "c"]);
    world.run(30_000);
    assertEquals(new Set(ids().filter((id) => id !== undefined)).size, 1, ids().join());
  }
});

Deno.test("a node that rejoins its cluster votes for no bootstrap", () => {
  const world = new SimulatedMembers(1);
  const seeds = ["n0", "n1", "n2"];
  world.start("n1", seeds, { bootstraps: false });
  const first = world.start("n0", seeds);
  world.run(60_000);
  assertEquals(first.view.clusterId, undefined);
});

Deno.test("two nodes with different first seeds make one cluster", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new SimulatedMembers(seed);
    const nodes = [world.start("b", ["b", "a"]), world.start("a", ["a", "b"])];
    within(world, "forming", 3_000, () => allUp(nodes));
  }
});

Deno.test("two clusters that exchange messages do not merge", () => {
  const world = new SimulatedMembers(1);
  const ours = [world.start("a", []), world.start("b", ["a"])];
  const theirs = [world.start("c", []), world.start("d", ["c"])];
  world.run(3_000);
  // "b" is started again, this time for the other cluster, while the first still counts on it.
  const turncoat = world.start("b", ["c"]);
  within(world, "joining", 3_000, () => allUp([...theirs, turncoat]));
  within(world, "giving up", 3_000, () => allUp(ours.slice(0, 1)));
  assertNotEquals(ours[0]!.view.clusterId, theirs[0]!.view.clusterId);
  const warning = turncoat.log.find((line) => line.includes("clusters never merge"))!;
  assert(warning.includes(ours[0]!.view.clusterId!) && warning.includes("stop the nodes of one"));
});

Deno.test("a node with a conflicting configuration is rejected with the key, and does not bootstrap", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", [], { clusterConfig: { "shards.counters": "20", only: "here" } });
  const config = { clusterConfig: { "shards.counters": "30", other: "x" } };
  const refused = world.start("b", ["b", "a"], config);
  const welcome = world.start("c", ["a"], { clusterConfig: { "shards.counters": "20" } });
  world.run(10_000);
  assert(allUp([node, welcome]));
  assertEquals(refused.view.clusterId, undefined);
  assertEquals(refused.refusals, [
    'configConflict: shards.counters is "30" on the node and "20" in the cluster',
  ]);
});

Deno.test("a full cluster rejects joins", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", [], { maxMembers: 2 });
  world.start("b", ["a"]);
  world.run(1_000);
  const third = world.start("c", ["a"]);
  world.run(2_000);
  assertEquals(node.view.members.length, 2);
  assertEquals(third.refusals, ["clusterFull: maxMembers 2 is reached"]);
});

Deno.test("answers about the seeds that never agree lead to one cluster by a majority of all", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new SimulatedMembers(seed);
    const names = ["a", "b", "c", "d", "e", "f"];
    const nodes = names.map((name) => world.start(name, [], { dynamicSeeds: true }));
    // Each answer to each node is another half of them.
    const resolve = () => {
      for (const node of nodes) {
        const some = names.toSorted(() => world.random.next() - 0.5).slice(0, 3);
        world.step(node, { type: "seeds", seeds: some.map((name) => `${name}:1`).sort() });
      }
      world.later(1_000, resolve);
    };
    resolve();
    world.run(4_900);
    assertEquals(nodes.filter(({ view }) => view.clusterId !== undefined), [], "collecting");
    const told = nodes.some(({ machine }) =>
      machine.waiting(world.now).some((line) => line.includes("keep changing"))
    );
    assert(told, "what was seen is told");
    within(world, `seed ${seed}`, 20_000, () => allUp(nodes));
  }
});

Deno.test("a part of the seeds bootstraps nothing while answers have named a majority elsewhere", () => {
  const world = new SimulatedMembers(1);
  const seeds = ["a:1", "b:1", "x:1", "y:1", "z:1"];
  const nodes = ["a", "b"].map((name) => world.start(name, [], { dynamicSeeds: true }));
  const resolve = () => {
    // In turns: those that run, and all.
    const now = Math.round(world.now / 1_000) % 2 === 0 ? seeds.slice(0, 2) : seeds;
    for (const node of nodes) world.step(node, { type: "seeds", seeds: now });
    world.later(1_000, resolve);
  };
  resolve();
  world.run(30_000);
  assertEquals(nodes.map(({ view }) => view.clusterId), [undefined, undefined]);
});

Deno.test("a seed that is this node in another spelling counts as this node", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", ["A"]);
  world.run(2_000);
  assertEquals(node.view.clusterId, undefined);
  world.step(node, { type: "alias", of: "A:1", address: "a:1" });
  assertEquals(node.up, ["a:1"]);
  assertEquals(node.log.filter((line) => line.includes("written in another way")).length, 1);
});

Deno.test("of two seeds the one in another spelling needs the vote of the other", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", ["A", "b"]);
  world.step(node, { type: "alias", of: "A:1", address: "a:1" });
  world.run(30_000);
  assertEquals(node.view.clusterId, undefined);
  const other = world.start("b", ["A", "b"]);
  world.step(other, { type: "alias", of: "A:1", address: "a:1" });
  within(world, "forming", 12_000, () => allUp([node, other]));
});

Deno.test("an answer from a seed under its own address counts for the spelling in the list", () => {
  const world = new SimulatedMembers(1);
  const first = world.start("a", []);
  const second = world.start("b", ["A"]);
  world.run(3_000);
  assertEquals(second.view.clusterId, undefined);
  world.step(second, { type: "alias", of: "A:1", address: "a:1" });
  within(world, "joining", 3_000, () => allUp([first, second]));
});

Deno.test("an address that is not in the list is no alias of a seed", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", ["b"]);
  world.step(node, { type: "alias", of: "x:1", address: "a:1" });
  world.run(10_000);
  assertEquals(node.view.clusterId, undefined);
});

const failure = (address: string, isDefinite = true) =>
  ({ type: "unreachable", address, reason: `no way to ${address}`, isDefinite }) as const;

Deno.test("a node fails once no seed can ever be used, and names the reason of each", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", ["b", "c"]);
  world.step(node, failure("b:1"));
  world.run(10_000);
  assertEquals(node.failed, []);
  world.step(node, failure("c:1"));
  world.run(200);
  assertEquals(node.failed, ["seedsUnusable: b:1: no way to b:1; c:1: no way to c:1"]);
  assertEquals(node.machine.waiting(world.now).slice(1), [
    "b:1 cannot be used: no way to b:1",
    "c:1 cannot be used: no way to c:1",
  ]);
});

Deno.test("a node waits while a seed may come up, has answered, or a cluster is heard", () => {
  const world = new SimulatedMembers(1);
  const down = world.start("a", ["b", "c"]);
  world.step(down, failure("b:1"));
  world.step(down, failure("c:1", false));
  const answered = world.start("d", ["e", "f"]);
  const other = world.start("e", ["d", "e", "f"]);
  world.run(2_000);
  world.step(answered, failure("f:1"));
  // Seeds that are no seeds of this node say nothing.
  world.step(answered, failure("x:1"));
  const alone = world.start("g", ["h"], { allowSelfBootstrap: true });
  world.step(alone, failure("h:1"));
  world.run(3_000);
  for (const node of [down, answered, other, alone]) assertEquals(node.failed, []);
  assertEquals(down.machine.waiting(world.now).slice(1), [
    "b:1 cannot be used: no way to b:1",
    "c:1 has not answered: no way to c:1",
  ]);
  within(world, "bootstrap", 4_000, () => allUp([alone]));
});

Deno.test("an answer ends a failure of the connection before it", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("a", ["b", "c"]);
  world.step(node, failure("b:1"));
  const other = world.start("b", ["b", "c"]);
  world.run(1_000);
  world.step(node, failure("c:1"));
  world.run(3_000);
  assertEquals([node.failed, other.failed], [[], []]);
});
