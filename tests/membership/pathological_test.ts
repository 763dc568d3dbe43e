/**
 * Cases that other systems are known to fail in, on machines in virtual time. Each names the rule
 * that cures it; without that rule the test fails (tried once for each, by taking the rule out), unless noted otherwise.
 */
import { assert, assertEquals } from "@std/assert";
import { monitoredMembers, monitoringRing } from "../../lib/membership/detector/monitoring.ts";
import { allUp, formed, seen, within } from "./formed_cluster.ts";
import type { SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

/** They receive from n0 only, but can send to all. */
function blockInbound(world: SimulatedMembers, ...faulty: readonly SimulatedMember[]): void {
  const addresses = new Set(faulty.map(({ address }) => address));
  world.weather.cut = (from, to) => addresses.has(to) && from !== "n0:1";
}

/** Nothing passes between these pairs, in neither direction. */
function cutPairs(world: SimulatedMembers, pairs: readonly (readonly [string, string])[]): void {
  const broken = new Set(pairs.flatMap(([a, b]) => [`${a}:1>${b}:1`, `${b}:1>${a}:1`]));
  world.weather.cut = (from, to) => broken.has(`${from}>${to}`);
}

const untouched = (nodes: readonly SimulatedMember[]) => {
  for (const node of nodes) {
    assertEquals(node.downed, undefined, node.address);
    assert(node.alive, node.address);
  }
};

// Rule: one observer is not enough while a second may accuse (reachability.ts,
// observersNeeded).
Deno.test("one faulty member that accuses all others affects none of them (pekko#578)", () => {
  const { world, nodes } = formed(1, 20);
  const sick = nodes[7]!;
  const others = nodes.filter((node) => node !== sick);
  blockInbound(world, sick);
  world.run(60_000);
  assert(sick.log.some((line) => line.includes(" member does not respond")));
  untouched(others);
  for (const node of others) {
    assertEquals(seen(node, "unreachableMember").filter((name) => name !== "n7"), []);
  }
});

// Rule: who leaves has no vote (reachability.ts, mayAccuse). Other rules cover this case as well:
// without this one, "members that leave ... have no say on others" of leadership_test.ts fails.
Deno.test("a leaving faulty observer does not complete the accusation of another one", () => {
  const { world, nodes } = formed(2, 20, { leaveTimeout: 30_000, stableAfter: 3_000 });
  const ring = monitoringRing(nodes.map(({ address }) => address));
  // Neighbours watch nearly the same members.
  const start = ring.indexOf("n0:1") + 1;
  const faulty = [0, 1].map((step) => world.nodes.get(ring[(start + step) % ring.length]!)!);
  world.step(faulty[0]!, { type: "leave" });
  blockInbound(world, ...faulty);
  const others = nodes.filter((node) => !faulty.includes(node));
  const names = faulty.map(({ config }) => config.self.nodeId);
  world.run(8_000);
  for (const node of others) {
    const wrongly = seen(node, "unreachableMember").filter((name) => !names.includes(name!));
    assertEquals(wrongly, [], node.address);
  }
  world.run(30_000);
  untouched(others);
});

// Rule: others are asked before anybody is accused (probing.ts, a good answer vouches).
Deno.test("a member that two observers cannot reach but helpers can is not unreachable", () => {
  const { world, nodes } = formed(3, 7);
  const [first, second] = watchersOf(nodes, "n3:1");
  cutPairs(world, [[first!, "n3"], [second!, "n3"]]);
  world.run(60_000);
  untouched(nodes);
  for (const node of nodes) assertEquals(seen(node, "unreachableMember"), []);
});

// Rule: the accused refutes by raising its own number (reachability.ts, refutation).
Deno.test("a member that few others can reach refutes accusations by gossip", () => {
  const { world, nodes } = formed(4, 12);
  const names = nodes.map(({ config }) => config.self.nodeId);
  cutPairs(
    world,
    names.filter((name) => name !== "n3" && name !== "n8").map((name) => [name, "n3"]),
  );
  world.run(120_000);
  untouched(nodes);
  assert(nodes.every(({ view }) => view.members.length === 12));
});

// Rule: silence during a local stall is excused (heartbeating.ts, onLag).
Deno.test("a starved member that runs now and then makes no accusations (protoactor#1524)", () => {
  // With two members there are no helpers.
  const { world, nodes } = formed(5, 2, { stableAfter: 60_000 });
  for (let round = 0; round < 12; round++) {
    world.pause(nodes[1]!, 8_000);
    world.run(8_400);
  }
  assertEquals(seen(nodes[1]!, "unreachableMember").filter((name) => name !== "n1"), []);
  within(world, "calm", 5_000, () => allUp(nodes));
});

// Rule: 3 s of pause besides the usual interval (phi_accrual.ts, acceptablePause).
Deno.test("stalls of 3 s under message loss make no member unreachable (akka.net#4849, W40)", () => {
  for (const seed of [1, 2, 3]) {
    const { world, nodes } = formed(seed, 10);
    world.weather.loss = 0.02;
    for (const node of nodes) {
      world.pause(node, 3_000);
      world.run(4_000);
    }
    untouched(nodes);
    for (const node of nodes) assertEquals(seen(node, "unreachableMember"), [], `seed ${seed}`);
  }
});

// Rule: who watches begins to count at once, with an assumed interval (phi_accrual.ts: silence
// counts from the start).
Deno.test("a crash right after joining is detected (W10, W40)", () => {
  const { world, nodes } = formed(6, 4);
  const late = world.start("late", ["n0"]);
  within(world, "joining", 5_000, () => nodes.every(({ up }) => up.includes("late:1")));
  world.crash(late);
  within(world, "removal", 20_000, () => allUp(nodes));
});

// Rule: only members that cannot be reached by a majority are downed, and only by it (W4).
Deno.test("two sides of a partition never down each other and survive (Akka.Management#2494)", () => {
  for (let size = 1; size <= 3; size++) {
    const { world, nodes } = formed(size, 6);
    world.partition(nodes.slice(0, size), nodes.slice(size));
    world.run(60_000);
    const alive = [nodes.slice(0, size), nodes.slice(size)]
      .filter((side) => side.some(({ downed }) => downed === undefined));
    assertEquals(alive.length, 1, `${size} of 6`);
    const losers = nodes.filter(({ downed }) => downed !== undefined);
    for (const { downed } of losers) assert(downed!.why.includes("of 6 members"), downed!.why);
  }
});

// Rule: no member is downed before the unreachable set is stable (resolving.ts).
Deno.test("a partition that heals before the set is stable downs no member (W4)", () => {
  const { world, nodes } = formed(8, 6);
  world.partition(nodes.slice(0, 3), nodes.slice(3));
  world.run(10_000);
  assert(nodes.every(({ view }) => view.unreachable.size === 3));
  world.heal();
  within(world, "healing", 6_000, () => allUp(nodes));
  untouched(nodes);
});

// Rule: each is watched by five (monitoring.ts), so heartbeats grow with members, not their square.
Deno.test("heartbeats per member do not grow with the cluster (W38)", () => {
  for (const count of [10, 100, 1_000]) {
    const ring = monitoringRing(Array.from({ length: count }, (_, index) => `n${index}:1`));
    for (const self of ring.slice(0, 20)) {
      assertEquals(monitoredMembers(ring, self, 5, new Set()).length, 5);
    }
  }
});

// Rule: a downed member learns the deciding member, the reason and the observers (resolving.ts, declareDown).
Deno.test("a downed member learns the deciding member, the reason and the observers (orleans#7505)", () => {
  const { world, nodes } = formed(9, 5);
  world.pause(nodes[3]!, 25_000);
  within(world, "downing", 40_000, () => nodes[3]!.downed !== undefined);
  const { by, why, observers, phi } = nodes[3]!.downed!;
  assertEquals(by, "n0:1");
  assertEquals(why, "unreachable; 4 of 5 members are reachable for 7000 ms");
  assert(observers.length >= 2 && !observers.includes("n3:1"), String(observers));
  assert(
    phi?.length === observers.length && phi.every((one) => one >= 8 && one <= 1_000),
    `${phi}`,
  );
});

// Rule: members that stand still are not downed before the stall limit (downing.ts, decideAround).
Deno.test("an event loop stall of 50 s makes a member stalled, not down", () => {
  const { world, nodes } = formed(10, 5, {}, { stallResponders: true });
  world.pause(nodes[2]!, 50_000);
  within(world, "suspicion", 8_000, () => nodes[0]!.view.unreachable.has("n2:1"));
  assertEquals(nodes[0]!.view.unreachability.get("n2:1")?.reason, "stalled");
  world.run(41_000);
  assert(nodes[0]!.view.unreachable.has("n2:1"));
  within(world, "return", 6_000, () => allUp(nodes));
  untouched(nodes);
  const event = nodes[0]!.events.find(({ type }) => type === "unreachableMember");
  assert(event?.type === "unreachableMember" && event.reason === "stalled");
});

// Rule: the stall limit (watched.ts, silenceReason).
Deno.test("a member whose event loop never resumes is downed after the stall limit", () => {
  const { world, nodes } = formed(11, 5, { stallLimit: 20_000 }, { stallResponders: true });
  world.pause(nodes[2]!, 300_000);
  world.run(19_000);
  assertEquals(nodes[0]!.view.members.length, 5);
  const others = nodes.filter((node) => node !== nodes[2]);
  within(world, "removal", 25_000, () => allUp(others));
});

// Rule: a side that would win with the members that stand still waits for them (decideAround).
Deno.test("two crashes while a third member is stalled do not stop the remaining two", () => {
  const { world, nodes } = formed(12, 5, {}, { stallResponders: true });
  world.pause(nodes[2]!, 40_000);
  world.run(3_000);
  world.crash(nodes[3]!);
  world.crash(nodes[4]!);
  world.run(30_000);
  untouched(nodes.slice(0, 3));
  within(world, "removal", 40_000, () => allUp(nodes.slice(0, 3)));
});

// Rule: a responder that does not answer is no excuse (watched.ts).
Deno.test("a process that is frozen as a whole is silent, and downed", () => {
  const { world, nodes } = formed(13, 5, {}, { stallResponders: true });
  nodes[2]!.frozen = true;
  world.pause(nodes[2]!, 300_000);
  const others = nodes.filter((node) => node !== nodes[2]);
  within(world, "removal", 20_000, () => allUp(others));
  const event = nodes[0]!.events.find(({ type }) => type === "unreachableMember");
  assert(event?.type === "unreachableMember" && event.reason === "silent");
});

/** Names of those who watch a member. */
function watchersOf(nodes: readonly SimulatedMember[], target: string): string[] {
  const ring = monitoringRing(nodes.map(({ address }) => address));
  return ring.filter((address) => monitoredMembers(ring, address, 5, new Set()).includes(target))
    .map((address) => address.slice(0, -2));
}
