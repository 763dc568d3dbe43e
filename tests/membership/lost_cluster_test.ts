import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { allUp, formed, seen, within } from "./formed_cluster.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

const patient = { stableAfter: 60_000 };

const has = (node: SimulatedMember, text: string) => node.log.some((line) => line.includes(text));

/** Three seeds that have formed, with the options of later starts. */
function three(seed: number) {
  const world = new SimulatedMembers(seed);
  const seeds = ["n0", "n1", "n2"];
  const start = (name: string) => world.start(name, seeds);
  const nodes = seeds.map(start);
  within(world, "forming", 10_000, () => allUp(nodes));
  world.run(10_000);
  return { world, start, nodes };
}

/**
 * The same after the third has crashed for good, and the first has restarted: it is joining, because
 * the third is unreachable.
 */
function oneRestarted(seed: number) {
  const { world, start, nodes } = three(seed);
  const [first, second, third] = nodes as [SimulatedMember, SimulatedMember, SimulatedMember];
  world.crash(third);
  within(world, "detection", 10_000, () => second.view.unreachable.has(third.address));
  world.crash(first);
  const again = start("n0");
  within(world, "joining", 2_000, () => again.view.clusterId !== undefined);
  assertEquals(again.view.self.status, "joining");
  return { world, start, again, second, clusterId: again.view.clusterId };
}

Deno.test("a joining member admits no node, but names the full members that do", () => {
  const { world, nodes } = formed(1, 5, patient);
  world.crash(nodes[4]!);
  within(world, "detection", 30_000, () => nodes[0]!.view.unreachable.size === 1);
  const joining = world.start("early", ["n0", "n1"], patient);
  within(world, "joining", 2_000, () => joining.view.clusterId !== undefined);
  // It knows of one member alone, which is not full.
  const late = world.start("late", ["early"], patient);
  within(world, "joining through a full member", 2_000, () => late.view.clusterId !== undefined);
  assert(!has(joining, "admitted a joining node"));
  assert(nodes.slice(0, 4).some((node) => node.log.some((line) => line.includes('"late:1"'))));
});

Deno.test("a joining member that reaches no full member names none, and a bootstrap waits for its vote", () => {
  const { world, again, second } = oneRestarted(1);
  world.crash(second);
  const lost = world.start("n3", ["n0"]);
  within(world, "the answer", 10_000, () => {
    return lost.machine.waiting(world.now).includes(
      "n0:1 is a member, but not a full one that admits nodes",
    );
  });
  assert(again.view.clusterId !== undefined);
  assertEquals(lost.view.clusterId, undefined);
});

Deno.test("a joining node whose full members are lost gives its cluster up and bootstraps another", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world, start, again, second, clusterId } = oneRestarted(seed);
    world.crash(second);
    const next = start("n1");
    const took = within(world, "another cluster", 30_000, () => allUp([again, next]));
    assertEquals([again.downed, again.lost], [undefined, 1]);
    assertNotEquals(again.view.clusterId, clusterId);
    // As long as downing waits, then the 5 s in which the third seed may still come.
    assert(took > 7_000 && took < 20_000, `after ${took} ms`);
  }
});

Deno.test("a joining node whose full members have all restarted gives its cluster up at once", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world, start, again, second } = oneRestarted(seed);
    world.crash(second);
    const next = [start("n1"), start("n2")];
    within(world, "another cluster", 5_000, () => allUp([again, ...next]));
    assertEquals([again.downed, again.lost], [undefined, 1]);
  }
});

Deno.test("a joining node does not make itself full when its last full member is gone", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimulatedMembers(seed);
    const seeds = ["a", "b"];
    const config = { leaveTimeout: 1_000 };
    const full = world.start("a", seeds, { ...config, allowSelfBootstrap: true });
    within(world, "bootstrap", 10_000, () => full.up.length === 1);
    const { clusterId } = full.view;
    // It never sees anything, so nothing converges until it is unreachable.
    const silent = world.start("silent", seeds, config);
    within(world, "admission", 2_000, () => full.view.members.length === 2);
    world.crash(silent);
    const joining = world.start("c", seeds, config);
    within(world, "joining", 2_000, () => joining.view.clusterId === clusterId);
    world.step(full, { type: "leave" });
    const isUp = () => joining.view.self.status === "up";
    within(world, "giving up", 20_000, () => joining.lost > 0 || isUp());
    assertEquals([joining.lost, isUp()], [1, false]);
  }
});

Deno.test("a joining node that is cut off from its cluster finds it again", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world, nodes } = formed(seed, 5);
    world.crash(nodes[4]!);
    within(world, "detection", 30_000, () => nodes[0]!.view.unreachable.size === 1);
    const late = world.start("late", ["n0", "n1"]);
    within(world, "joining", 2_000, () => late.view.clusterId !== undefined);
    const { clusterId } = late.view;
    world.partition([late], nodes);
    within(world, "giving up", 30_000, () => late.lost === 1);
    world.run(20_000);
    assertEquals([late.downed, late.view.clusterId], [undefined, undefined]);
    world.heal();
    within(world, "joining again", 10_000, () => allUp([...nodes.slice(0, 4), late]));
    assertEquals(late.view.clusterId, clusterId);
    for (const node of nodes.slice(0, 4)) assertEquals(node.downed, undefined);
  }
});

Deno.test("a majority of which some have restarted is still one", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world, nodes } = formed(seed, 5);
    const { clusterId } = nodes[0]!.view;
    const gone = nodes.slice(3);
    for (const node of gone) world.crash(node);
    within(world, "detection", 10_000, () => nodes[0]!.view.unreachable.size === 2);
    // While members are unreachable, restarted ones do not become up. Three of five are connected.
    for (const node of nodes.slice(1, 3)) world.crash(node);
    const again = ["n1", "n2"].map((name) => world.start(name, ["n0", "n1"]));
    const side = [nodes[0]!, ...again];
    within(world, "downing the others", 20_000, () => allUp(side));
    for (const { downed, view } of side) {
      assertEquals(downed, undefined);
      assertEquals(view.clusterId, clusterId);
    }
    // The votes are those of five: the next crash of one leaves two of three.
    assertEquals(side.map(({ view }) => view.self.inheritedNumber !== undefined), [
      false,
      true,
      true,
    ]);
    world.crash(nodes[0]!);
    within(world, "downing the first", 30_000, () => allUp(again));
  }
});

Deno.test("restarted members with a majority of the votes do not down the last full member", () => {
  const { world, nodes } = formed(1, 5, patient);
  const [full, , , , gone] = nodes as [SimulatedMember, ...SimulatedMember[]];
  world.crash(gone!);
  within(world, "detection", 10_000, () => full.view.unreachable.size === 1);
  for (const node of nodes.slice(1, 4)) world.crash(node);
  // They notice late that others have given the cluster up: else a decision waits for that.
  const slow = { detector: { acceptablePause: 10_000 } };
  const again = ["n1", "n2", "n3"].map((name) => world.start(name, ["n0", "n1"], slow));
  // The full member is patient, so that it does not down itself first.
  const knows = ({ view }: SimulatedMember) =>
    view.members.filter(({ status }) => status === "joining").length === 3;
  within(world, "joining", 5_000, () => again.every(knows));
  // Two of them lose it first, and give the cluster up before the third does, which leads.
  const lost = (count: number) => {
    const losing = new Set(again.slice(-count).map(({ address }) => address));
    world.weather.cut = (from, to) =>
      (from === full.address && losing.has(to)) || (to === full.address && losing.has(from));
  };
  lost(2);
  world.run(5_000);
  lost(3);
  within(world, "giving up", 30_000, () => again[0]!.lost === 1);
  for (const node of again) assert(!has(node, "member declared down"), node.log.at(-1));
  assertEquals(full.downed, undefined);
});

Deno.test("a node that restarts after it was declared down inherits no vote", () => {
  const { world, nodes } = formed(1, 5);
  world.crash(nodes[4]!);
  const isDown = ({ view: { members } }: SimulatedMember) =>
    members.every(({ address, status }) => address !== "n4:1" || status === "down");
  within(world, "downing", 30_000, () => nodes.slice(0, 4).every(isDown));
  const again = world.start("n4", ["n0", "n1"]);
  within(world, "joining", 5_000, () => allUp([...nodes.slice(0, 4), again]));
  assertEquals(again.view.self.inheritedNumber, undefined);
});

Deno.test("a cluster of nine crashes and restarts in any order, at old and new addresses: whole in 30 s", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const world = new SimulatedMembers(seed);
    const seeds = Array.from({ length: 9 }, (_, index) => `n${index}`);
    const current = new Map(seeds.map((name) => [name, world.start(name, seeds)]));
    within(world, "forming", 10_000, () => allUp([...current.values()]));
    world.run(5_000);
    // The first seed keeps its address: it is the one that may bootstrap a cluster.
    const order = seeds.map((name) => [name === "n0" ? 0.5 : world.random.next(), name] as const)
      .toSorted(([a], [b]) => a - b).map(([, name]) => name);
    const moved = new Set(order.filter((name) => name !== "n0").slice(seed % 4, seed % 4 + 3));
    let latest = 0;
    order.forEach((name, index) => {
      const at = index * 1_300 + world.random.next() * 500;
      const back = at + 3_000 + world.random.next() * 6_000;
      latest = Math.max(latest, back);
      world.later(at, () => world.crash(current.get(name)!));
      world.later(back, () => {
        current.set(name, world.start(moved.has(name) ? `${name}-new` : name, seeds));
      });
    });
    // A supervisor starts nodes again that were declared down.
    const supervise = () => {
      for (const [name, node] of current) {
        if (node.downed === undefined) continue;
        current.set(name, world.start(node.address.slice(0, -2), seeds));
      }
      world.later(5_000, supervise);
    };
    supervise();
    world.run(latest + 1);
    within(world, `seed ${seed}`, 30_000, () => allUp([...current.values()]));
  }
});

Deno.test("all nodes come back at new addresses that their seed source lists: whole in 30 s", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimulatedMembers(seed);
    let current: SimulatedMember[] = [];
    // Every second each node asks the source, which lists the nodes that run.
    const resolve = () => {
      const seeds = current.filter(({ alive }) => alive).map(({ address }) => address);
      for (const node of current) world.step(node, { type: "seeds", seeds });
      world.later(1_000, resolve);
    };
    const dynamic = { dynamicSeeds: true };
    current = ["a", "b", "c", "d", "e"].map((name) => world.start(name, [], dynamic));
    resolve();
    within(world, "forming", 15_000, () => allUp(current));
    world.run(5_000);
    const old = current.toSorted(() => world.random.next() - 0.5);
    let latest = 0;
    old.forEach((node, index) => {
      const at = index * 2_400 + world.random.next() * 500;
      const back = at + 3_000 + world.random.next() * 6_000;
      latest = Math.max(latest, back);
      world.later(at, () => world.crash(node));
      world.later(back, () => {
        const name = `${"vwxyz"[index]}${seed}`;
        current = [...current.filter((one) => one !== node), world.start(name, [], dynamic)];
      });
    });
    world.run(latest + 1);
    within(world, `seed ${seed}`, 30_000, () => allUp(current));
    assertEquals(current.length, 5);
  }
});

Deno.test("seeds that have all moved find their cluster, if its members resolve the seeds again", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimulatedMembers(seed);
    const dynamic = { dynamicSeeds: true };
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const nodes = names.map((name) => world.start(name, [], dynamic));
    const list = (seeds: readonly string[], to: readonly SimulatedMember[]) => {
      for (const node of to) world.step(node, { type: "seeds", seeds });
    };
    list(["a:1", "b:1", "c:1"], nodes);
    within(world, "forming", 15_000, () => allUp(nodes));
    const { clusterId } = nodes[0]!.view;
    for (const node of nodes.slice(0, 3)) world.crash(node);
    world.run(2_000);
    // The source lists three new nodes, none of which is a member.
    const moved = ["x", "y", "z"].map((name) => world.start(name, [], dynamic));
    list(["x:1", "y:1", "z:1"], moved);
    world.run(3_000);
    list(["x:1", "y:1", "z:1"], nodes.slice(3));
    const all = [...nodes.slice(3), ...moved];
    within(world, "joining", 40_000, () => allUp(all));
    assertEquals(all.map(({ view }) => view.clusterId), all.map(() => clusterId));
    for (const { downed } of all) assertEquals(downed, undefined);
  }
});

Deno.test("a node that was down asks the members that it knew, if no seed answers", () => {
  const { world, nodes } = formed(1, 5);
  const [, , , , fifth] = nodes as SimulatedMember[];
  // Both seeds have left and do not return; the node rejoins with the members of its last view.
  for (const node of nodes.slice(0, 2)) world.step(node, { type: "leave" });
  within(world, "leaving", 10_000, () => allUp(nodes.slice(2)));
  world.crash(fifth!);
  const contacts = ["n2:1", "n3:1"];
  const again = world.start("n4", ["n0", "n1"], { contacts, bootstraps: false });
  within(world, "joining", 5_000, () => allUp([nodes[2]!, nodes[3]!, again]));
  assertEquals(seen(again, "memberUp").length, 3);
});
