import { assert, assertEquals } from "@std/assert";
import { keepMajority } from "../../lib/membership/downing/keep_majority.ts";
import type { MemberStatus } from "../../lib/membership/state/member.ts";
import { allUp, formed, seen, within } from "./formed_cluster.ts";
import type { SimulatedMember } from "./simulated_members.ts";

const patient = { stableAfter: 60_000 };

const statusOf = (seer: SimulatedMember, node: SimulatedMember): MemberStatus | undefined =>
  seer.view.members.find(({ address }) => address === node.address)?.status;

Deno.test("a node that joins while a member is unreachable is weakly up after 7 s, and up on convergence", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { world, nodes } = formed(seed, 5, patient);
    world.crash(nodes[4]!);
    within(world, "detection", 30_000, () => nodes[0]!.view.unreachable.size === 1);
    const late = world.start("late", ["n0", "n1"], patient);
    const took = within(world, "weakly up", 20_000, () => late.view.self.status === "weaklyUp");
    assert(took >= 7_000 && took < 12_000, `after ${took} ms`);
    world.run(2_000);
    for (const node of nodes.slice(0, 4)) {
      assertEquals(statusOf(node, late), "weaklyUp");
      assertEquals(seen(node, "memberWeaklyUp"), ["late"]);
      assert(!seen(node, "memberUp").includes("late"));
    }
    assertEquals(late.view.self.upNumber, 0);
    assertEquals(late.view.leader, nodes[0]!.address);
    within(world, "up", 70_000, () => allUp([...nodes.slice(0, 4), late]));
    assertEquals(late.view.self.upNumber, 6);
    assert(seen(nodes[0]!, "memberUp").includes("late"));
  }
});

Deno.test("with weaklyUpAfter: Infinity a joining node waits until no member is unreachable", () => {
  const config = { ...patient, weaklyUpAfter: Infinity };
  const { world, nodes } = formed(1, 5, config);
  world.crash(nodes[4]!);
  within(world, "detection", 30_000, () => nodes[0]!.view.unreachable.size === 1);
  const late = world.start("late", ["n0", "n1"], config);
  world.run(40_000);
  assertEquals(statusOf(nodes[0]!, late), "joining");
  within(world, "up", 40_000, () => allUp([...nodes.slice(0, 4), late]));
});

Deno.test("no node is weakly up if no member, or only a joining one, is unreachable", () => {
  const { world, nodes } = formed(1, 3);
  const late = world.start("late", ["n0", "n1"]);
  within(world, "up", 5_000, () => allUp([...nodes, late]));
  assertEquals(seen(nodes[0]!, "memberWeaklyUp"), []);
});

Deno.test("weakly up members have no vote: they do not make a minority a majority", () => {
  const { world, nodes } = formed(1, 5, patient);
  world.partition(nodes.slice(0, 2), nodes.slice(2));
  within(world, "detection", 30_000, () => nodes[0]!.view.unreachable.size === 3);
  world.weather.cut = ((side) => (from: string, to: string) => side(from) !== side(to))(
    (address: string) => ["n0:1", "n1:1", "w0:1", "w1:1"].includes(address),
  );
  const weak = ["w0", "w1"].map((name) => world.start(name, ["n0", "n1"], patient));
  within(
    world,
    "weakly up",
    20_000,
    () => weak.every(({ view }) => view.self.status === "weaklyUp"),
  );
  const { members, unreachable, self } = nodes[0]!.view;
  const verdict = keepMajority().decide({ members, unreachable, self: self.address });
  assertEquals(verdict.outcome, "downSelf");
  within(
    world,
    "downing",
    80_000,
    () => [...nodes.slice(0, 2), ...weak].every((one) => one.downed),
  );
  for (const node of nodes.slice(2)) assertEquals(node.downed, undefined);
});

Deno.test("all members know the application version and zone of each latest incarnation", () => {
  const { world, nodes } = formed(1, 3);
  const labels = (name: string, appVersion: string, zone: string) => ({
    self: {
      address: `${name}:1`,
      nodeId: name,
      incarnation: 1 + Math.floor(world.now),
      roles: [],
      appVersion,
      zone,
    },
  });
  const known = (seer: SimulatedMember) => {
    const member = seer.view.members.find(({ address }) => address === "x:1");
    return [member?.status, member?.appVersion, member?.zone];
  };
  const first = world.start("x", ["n0", "n1"], labels("x", "1.0", "a"));
  within(world, "up", 5_000, () => allUp([...nodes, first]));
  for (const node of nodes) assertEquals(known(node), ["up", "1.0", "a"]);
  world.crash(first);
  const second = world.start("x", ["n0", "n1"], labels("x", "2.0", "b"));
  within(world, "the next incarnation", 5_000, () => allUp([...nodes, second]));
  for (const node of nodes) assertEquals(known(node), ["up", "2.0", "b"]);
});
