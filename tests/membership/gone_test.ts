import { assert, assertEquals } from "@std/assert";
import type { MembershipConfig } from "../../lib/membership/machine/membership.ts";
import { allUp, formed, seen, within } from "./formed_cluster.ts";
import type { SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

const seeds = [1, 2, 3, 4, 5];

/** Nodes with stall responders that have been quiet for ten seconds. */
function scene(
  seed: number,
  count: number,
  config?: Partial<MembershipConfig>,
): { world: SimulatedMembers; nodes: SimulatedMember[] } {
  return formed(seed, count, config, { stallResponders: true });
}

/** The reason for which a node cannot reach another one. */
const reason = (node: SimulatedMember, other: SimulatedMember) =>
  node.view.unreachability.get(other.address)?.reason;

const without = (nodes: readonly SimulatedMember[], ...others: readonly SimulatedMember[]) =>
  nodes.filter((node) => !others.includes(node));

/** Milliseconds until all of `nodes` see a process as gone after it was killed. */
function untilGone(
  world: SimulatedMembers,
  nodes: readonly SimulatedMember[],
  ...victims: readonly SimulatedMember[]
): number {
  const isGone = (node: SimulatedMember) =>
    victims.every((victim) => reason(node, victim) === "gone");
  return within(world, "gone", 500, () => nodes.every(isGone));
}

for (const count of [2, 3, 5]) {
  Deno.test(`a killed process of ${count} nodes is gone for all within half a second`, () => {
    for (const seed of seeds) {
      const { world, nodes } = scene(seed, count);
      const victim = nodes[seed % count]!;
      world.kill(victim);
      untilGone(world, without(nodes, victim), victim);
    }
  });
}

Deno.test("two processes that are killed at once are gone within half a second", () => {
  for (const [seed, count] of [[1, 5], [2, 5], [3, 4], [4, 3]] as const) {
    const { world, nodes } = scene(seed, count);
    const [first, second] = [nodes[0]!, nodes[2]!];
    world.kill(first);
    world.kill(second);
    untilGone(world, without(nodes, first, second), first, second);
  }
});

Deno.test("the oldest of forty members know within half a second that another is gone", () => {
  for (const seed of [1, 2]) {
    const { world, nodes } = scene(seed, 40);
    const victim = nodes[20]!;
    const oldest = nodes[1]!.view.members.slice(0, 7).map(({ address }) => address);
    world.kill(victim);
    const told = nodes.filter((node) => node !== victim && oldest.includes(node.address));
    untilGone(world, told, victim);
  }
});

Deno.test("a refusal that comes only after a second probe is found within half a second", () => {
  const { world, nodes } = scene(1, 3);
  const [observer, other, victim] = nodes as [SimulatedMember, SimulatedMember, SimulatedMember];
  // Its connections end before its ports are closed; nothing is read any more.
  world.weather.loss = 1;
  for (const node of [observer, other]) world.cutOff(node, victim);
  world.later(50, () => {
    world.crash(victim);
    world.weather.loss = 0;
  });
  untilGone(world, [observer, other], victim);
});

Deno.test("a process that is killed right after its stall responder has started is gone", () => {
  for (const seed of seeds) {
    const { world, nodes } = formed(seed, 5);
    const victim = nodes[3]!;
    world.step(victim, { type: "stallResponder", port: 2 });
    world.run(50);
    world.kill(victim);
    untilGone(world, without(nodes, victim), victim);
  }
});

Deno.test("connections that are reset to a running process do not make it gone", () => {
  for (const seed of seeds) {
    const { world, nodes } = scene(seed, 5);
    const [victim, ...others] = nodes;
    // Its event loop is busy, so it does not answer at once.
    world.pause(victim!, 2_000);
    for (const node of others) world.cutOff(node, victim!);
    world.run(60_000);
    assertEquals(others.map((node) => seen(node, "unreachableMember")), others.map(() => []));
  }
});

Deno.test("refused ports alone do not make a silent member gone", () => {
  const { world, nodes } = scene(1, 3);
  const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
  // Its connections end in order, as those of a node that shuts down.
  world.crash(victim);
  for (const node of others) world.step(node, { type: "peerGone", address: victim.address });
  within(world, "unreachable", 10_000, () => others.every((node) => reason(node, victim)));
  assertEquals(others.map((node) => reason(node, victim)), ["silent", "silent"]);
});

Deno.test("connections of an earlier incarnation say nothing about a later one", () => {
  const { world, nodes } = scene(1, 3);
  const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
  const { address, incarnation } = victim.view.self;
  world.crash(victim);
  for (const node of others) {
    world.step(node, { type: "peerGone", address, cutOff: incarnation - 1 });
  }
  world.run(2_000);
  assertEquals(others.map((node) => reason(node, victim)), [undefined, undefined]);
});

Deno.test("one observer of several does not make a member gone", () => {
  for (const seed of seeds) {
    const { world, nodes } = scene(seed, 4);
    const [victim, first, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
    // A firewall answers for it at one of them; the others hear nothing.
    world.reject([first!], [victim]);
    const isCut = ([one, two]: string[]) =>
      one === victim.address && others.some(({ address }) => address === two);
    world.weather.cut = (from, to) => isCut([from, to]) || isCut([to, from]);
    within(world, "unreachable", 20_000, () => reason(first!, victim) !== undefined);
    assertEquals(reason(first!, victim), "silent");
  }
});

Deno.test("a member that others reach is not gone, not even for a moment", () => {
  for (const seed of seeds) {
    const { world, nodes } = scene(seed, 5);
    const [victim, first, second] = nodes as SimulatedMember[];
    world.reject([first!, second!], [victim!]);
    world.run(60_000);
    assertEquals(nodes.map((node) => seen(node, "unreachableMember")), nodes.map(() => []));
  }
});

Deno.test("a member that refutes that it is gone is then left alone", () => {
  for (const seed of seeds) {
    const { world, nodes } = scene(seed, 5);
    const [victim, first, second] = nodes as SimulatedMember[];
    world.reject([first!, second!], [victim!]);
    // The helpers answer too late to prevent the accusation.
    world.weather.latency = { min: 100, max: 110 };
    world.run(60_000);
    for (const node of nodes) {
      const times = seen(node, "unreachableMember").length;
      assert(times <= 1, `${node.address} lost it ${times} times (seed ${seed})`);
    }
    assertEquals(nodes.map((node) => node.view.unreachable.size), [0, 0, 0, 0, 0]);
    assertEquals(nodes.map(({ downed }) => downed), nodes.map(() => undefined));
  }
});

Deno.test("a member whose firewall rejects all for a while is reachable again, and not downed", () => {
  for (const seed of seeds) {
    const { world, nodes } = scene(seed, 5);
    const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
    world.reject([victim], others);
    untilGone(world, others, victim);
    // Silence alone makes it unreachable after 5 s, and then down after 7 s more.
    world.run(10_500);
    world.heal();
    within(world, "healed", 10_000, () => allUp(nodes));
    assertEquals(nodes.map(({ downed }) => downed), nodes.map(() => undefined));
  }
});

Deno.test("a member that is gone is downed as late as a silent one", () => {
  for (const seed of seeds) {
    const times = [true, false].map((leavesTrace) => {
      const { world, nodes } = scene(seed, 5);
      const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
      if (leavesTrace) world.kill(victim);
      else {
        victim.vanished = true;
        world.crash(victim);
      }
      const isDowned = (node: SimulatedMember) => seen(node, "memberDowned").length === 1;
      return within(world, "downed", 30_000, () => others.every(isDowned));
    });
    const [gone, silent] = times as [number, number];
    // A silent host answers no stall probe, which delays the accusation by up to 2.5 s.
    assert(gone > silent - 2_600, `gone: ${gone} ms, silent: ${silent} ms`);
    assert(gone > 11_000, `gone: ${gone} ms`);
  }
});

Deno.test("a member whose address is translated is never gone", () => {
  const { world, nodes } = scene(1, 3, { translated: true });
  const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
  world.kill(victim);
  within(world, "unreachable", 10_000, () => others.every((node) => reason(node, victim)));
  assertEquals(others.map((node) => reason(node, victim)), ["silent", "silent"]);
});

Deno.test("a member that one of two observers dials through a map is not gone", () => {
  const { world, nodes } = scene(1, 3);
  const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
  others[0]!.mapped.add(victim.address);
  world.kill(victim);
  within(world, "unreachable", 10_000, () => others.every((node) => reason(node, victim)));
  assertEquals(others.map((node) => reason(node, victim)), ["silent", "silent"]);
});

Deno.test("a host that vanishes is silent, not gone", () => {
  const { world, nodes } = scene(1, 3);
  const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
  victim.vanished = true;
  world.crash(victim);
  within(world, "unreachable", 10_000, () => others.every((node) => reason(node, victim)));
  assertEquals(others.map((node) => reason(node, victim)), ["silent", "silent"]);
});

Deno.test("a process that is gone and starts again replaces its earlier incarnation", () => {
  const { world, nodes } = scene(1, 5);
  const victim = nodes[3]!;
  world.kill(victim);
  untilGone(world, without(nodes, victim), victim);
  const next = world.start("n3", ["n0", "n1"]);
  const now = [...without(nodes, victim), next];
  within(world, "whole", 20_000, () => now.every(({ up }) => up.length === 5));
  within(world, "reachable", 5_000, () => now.every(({ view }) => view.unreachable.size === 0));
});
