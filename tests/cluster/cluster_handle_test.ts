import { assert, assertEquals, assertThrows } from "@std/assert";
import { ClusterHandle } from "../../lib/cluster/node/cluster_handle.ts";
import type { SimulatedMember, SimulatedMembers } from "../membership/simulated_members.ts";
import { formed, within } from "../membership/formed_cluster.ts";

function handleOf(world: SimulatedMembers, { machine }: SimulatedMember): ClusterHandle {
  return new ClusterHandle(() => ({
    view: machine.view,
    health: machine.health(world.now),
    missing: machine.missing,
    waiting: machine.waiting(world.now),
    outlook: machine.outlook(world.now),
    seeds: ["n0:1"],
    lastRefusal: "",
  }));
}

Deno.test("state() contains members, leader and the health of monitored members", () => {
  const { world, nodes } = formed(1, 3);
  const cluster = handleOf(world, nodes[1]!);
  const state = cluster.state();
  assertEquals(state.members.map(({ address }) => address), ["n0:1", "n1:1", "n2:1"]);
  assertEquals([state.self.address, state.leader, state.converged], ["n1:1", "n0:1", true]);
  assertEquals([state.unreachable, state.missing], [[], []]);
  for (const { address, status, reachable, health } of state.members) {
    assertEquals([status, reachable], ["up", true]);
    assertEquals(health === undefined, address === "n1:1", "a node does not watch itself");
    assert(health === undefined || health.phi < 1, address);
  }
  assertEquals(state.clusterId, nodes[0]!.view.clusterId);
});

Deno.test("state() is deeply frozen and a snapshot", () => {
  const { world, nodes } = formed(2, 3);
  const cluster = handleOf(world, nodes[0]!);
  const before = cluster.state();
  const member = before.members[1]!;
  for (const part of [before, before.members, before.unreachable, member, member.roles]) {
    assert(Object.isFrozen(part));
  }
  assertThrows(() => (before.members as unknown[]).pop(), TypeError);
  world.crash(nodes[1]!);
  within(world, "suspicion", 10_000, () => nodes[0]!.view.unreachable.size > 0);
  assert(before.members[1]!.reachable);
  const { reachable, unreachable, health } = cluster.state().members[1]!;
  assertEquals([reachable, unreachable!.reason], [false, "silent"]);
  assertEquals(unreachable!.observers, ["n0:1", "n2:1"]);
  assert(health!.phi >= 8 && health!.accused, String(health!.phi));
  assertEquals(cluster.state().unreachable, ["n1:1"]);
});

Deno.test("explain contains the pending decision, its reason and the remaining time", () => {
  const { world, nodes } = formed(3, 5);
  world.partition(nodes.slice(0, 3), nodes.slice(3));
  const both = [nodes[0]!, nodes[4]!];
  within(world, "suspicion", 10_000, () => nodes[4]!.view.unreachable.size === 3);
  within(world, "suspicion", 10_000, () => nodes[0]!.view.unreachable.size === 2);
  world.run(1_000);
  const [winner, loser] = both.map((node) => handleOf(world, node).explain("downing").at(-1)!);
  const time = / in (\d\.\d) s if reachability does not change/;
  assert(winner!.startsWith("keepMajority decides: the unreachable members are downed"), winner);
  assert(loser!.startsWith("keepMajority decides: this side stops (2 of 5 members are"), loser);
  for (const line of [winner!, loser!]) {
    const left = Number(time.exec(line)?.[1]);
    assert(left > 4 && left <= 6, line);
    assert(line.endsWith("is stable for 7000 ms"), line);
  }
  // The announced time is exact.
  const { remaining } = nodes[4]!.machine.outlook(world.now)!;
  world.run(remaining - 100);
  assertEquals(nodes[4]!.downed, undefined);
  world.run(300);
  assert(nodes[4]!.downed !== undefined);
});

Deno.test("there is no pending decision while all members are reachable", () => {
  const { world, nodes } = formed(4, 3);
  assertEquals(nodes[0]!.machine.outlook(world.now), undefined);
  assertEquals(handleOf(world, nodes[0]!).explain("downing"), [
    "no downing is pending",
  ]);
});
