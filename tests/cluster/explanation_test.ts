import { assert, assertEquals } from "@std/assert";
import { explain, type ExplainFacts } from "../../lib/cluster/node/explanation.ts";
import type { SimulatedMember } from "../membership/simulated_members.ts";
import { SimulatedMembers } from "../membership/simulated_members.ts";
import { formed, within } from "../membership/formed_cluster.ts";

function factsOf(node: SimulatedMember, now: number, lastRefusal = ""): ExplainFacts {
  const { view, missing } = node.machine;
  const health = node.machine.health(now);
  const outlook = node.machine.outlook(now);
  return { view, missing, health, seeds: ["n0:1", "n1:1"], lastRefusal, outlook };
}

Deno.test("a healthy cluster is explained in one sentence per topic", () => {
  const { world, nodes } = formed(1);
  const facts = factsOf(nodes[1]!, world.now);
  assertEquals(explain(facts), [
    `n1:1 is up in cluster ${facts.view.clusterId}`,
    "converged: all reachable members have seen the current state",
    "all members are reachable",
    "no downing is pending",
  ]);
});

Deno.test("a node that has not joined names its seeds and the last failure", () => {
  const world = new SimulatedMembers(1);
  const node = world.start("n1", ["n0", "n1"]);
  world.run(10_000);
  assertEquals(explain(factsOf(node, world.now, "n0:1: no route"), "joining"), [
    "n1:1 is not a member of a cluster yet; it contacts n0:1",
    "last failure: n0:1: no route",
  ]);
});

Deno.test("a weakly up node names the unreachable members, a waiting one the answer of each seed", () => {
  const { world, nodes } = formed(1, 5, { stableAfter: 60_000 });
  world.crash(nodes[4]!);
  within(world, "detection", 30_000, () => nodes[0]!.view.unreachable.size === 1);
  const late = world.start("late", ["n0", "n1"]);
  within(world, "weakly up", 20_000, () => late.view.self.status === "weaklyUp");
  const { clusterId } = late.view;
  assertEquals(explain(factsOf(late, world.now), "joining"), [
    `late:1 is weaklyUp in cluster ${clusterId}: no member becomes up while members are ` +
    "unreachable: n4:1",
  ]);
  const lost = world.start("lost", ["nowhere"]);
  world.run(2_000);
  const waiting = lost.machine.waiting(world.now);
  assertEquals(explain({ ...factsOf(lost, world.now), waiting }, "joining"), [
    "lost:1 is not a member of a cluster yet; it contacts n0:1, n1:1",
    "this node has tried to join for 2 s; only the first seed (nowhere:1) may bootstrap a cluster",
    "nowhere:1 has not answered",
  ]);
});

Deno.test("unreachable members, their observers and the pending downing decision are explained", () => {
  const { world, nodes } = formed(1);
  const [victim, leader, other] = nodes as [SimulatedMember, SimulatedMember, SimulatedMember];
  world.crash(victim);
  within(world, "suspicion", 10_000, () => other.view.unreachable.has("n0:1"));
  within(world, "agreement", 5_000, () => other.view.converged);
  const { observers } = other.view.unreachability.get("n0:1")!;
  assertEquals(explain(factsOf(other, world.now), "reachability"), [
    `n0:1 is unreachable (silent); observers: ${observers.join(", ")}`,
  ]);
  const [who, verdict, ...rest] = explain(factsOf(other, world.now), "downing");
  assertEquals(who, `the leader ${leader.address} declares members down, not this node`);
  const grounds = "(4 of 5 members are reachable); effective in ";
  assert(
    verdict!.startsWith(`keepMajority decides: the unreachable members are downed ${grounds}`),
  );
  assertEquals(rest, []);
});

Deno.test("members that block convergence are named", () => {
  const { world, nodes } = formed(1);
  world.start("n9", ["n0"]);
  const first = nodes[0]!;
  within(world, "news", 5_000, () => first.view.members.length === 6 && !first.view.converged);
  assertEquals(explain(factsOf(nodes[0]!, world.now), "convergence"), [
    `not converged: ${nodes[0]!.machine.missing.length} of 6 members have not confirmed the ` +
    `current state: ${nodes[0]!.machine.missing.join(", ")}`,
  ]);
});

Deno.test("a downed node names the deciding member and the reason", () => {
  const { world, nodes } = formed(1);
  world.partition(nodes.slice(0, 3), nodes.slice(3));
  const lost = nodes[4]!;
  within(world, "downing", 30_000, () => lost.downed !== undefined);
  const { by, why } = lost.downed!;
  assertEquals(explain(factsOf(lost, world.now), "joining"), [
    `n4:1 was declared down by ${by}: ${why}`,
  ]);
});
