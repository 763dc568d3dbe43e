import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Member } from "../../lib/membership/state/member.ts";
import { allUp, formed, seen, within } from "./formed_cluster.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

Deno.test("a crash is detected within 6 s; the member is downed once the unreachable set is stable", () => {
  const { world, nodes } = formed(7);
  const [victim, ...others] = nodes as [SimulatedMember, ...SimulatedMember[]];
  world.crash(victim);
  const everybody = (holds: (node: SimulatedMember) => boolean) => () => others.every(holds);
  within(world, "suspicion", 6_000, everybody(({ view }) => view.unreachable.has("n0:1")));
  assertEquals(others[0]!.view.members.length, 5);
  assertEquals(others.map(({ view }) => view.leader), Array(4).fill("n1:1"));
  const downing = within(
    world,
    "removal",
    9_000,
    everybody(({ view }) => view.members.length === 4),
  );
  assert(downing >= 6_500, `downed after ${downing} ms`);
  within(world, "calm", 2_000, () => allUp(others));
  for (const { events } of others) {
    const about = events.filter((event) => "member" in event && event.member.nodeId === "n0");
    assertEquals(about.map(({ type }) => type).slice(-3), [
      "unreachableMember",
      "memberDowned",
      "memberRemoved",
    ]);
    const downed = about.find((event) => event.type === "memberDowned");
    assertEquals(downed?.evidence.by, "n1:1");
    assertEquals(downed?.evidence.why, "unreachable; 4 of 5 members are reachable for 7000 ms");
    assert(downed!.evidence.observers.length >= 2);
  }
});

for (const seed of [1, 2, 3]) {
  Deno.test(`the majority side of a partition survives and the minority stops (seed ${seed})`, () => {
    const { world, nodes } = formed(seed);
    const majority = nodes.slice(0, 3);
    const minority = nodes.slice(3);
    world.partition(majority, minority);
    within(world, "downing", 20_000, () => minority.every(({ downed }) => downed !== undefined));
    for (const { downed, address } of minority) {
      assertEquals(downed!.by, address);
    }
    // The second is notified of the removal of the first.
    assertEquals(minority.map(({ downed }) => downed!.why).toSorted(), [
      "1 of 5 members are reachable for 7000 ms",
      "2 of 5 members are reachable for 7000 ms",
    ]);
    within(world, "removal", 5_000, () => allUp(majority));
  });

  Deno.test(`a partition that heals in time downs no member (seed ${seed})`, () => {
    const { world, nodes } = formed(seed);
    world.partition(nodes.slice(0, 3), nodes.slice(3));
    within(world, "suspicion", 10_000, () => nodes.every(({ view }) => view.unreachable.size > 0));
    world.run(2_000);
    world.heal();
    within(world, "healing", 5_000, () => allUp(nodes));
    assertEquals(seen(nodes[0]!, "memberDowned"), []);
    assertEquals(
      seen(nodes[0]!, "reachableMember").toSorted(),
      seen(nodes[0]!, "unreachableMember").toSorted(),
    );
  });
}

Deno.test("of thirty members split three and twenty-seven, the small side detects the split and stops", () => {
  const { world, nodes } = formed(1, 30);
  const minority = nodes.filter((_, index) => index % 10 === 0);
  const majority = nodes.filter((_, index) => index % 10 !== 0);
  world.partition(minority, majority);
  within(world, "downing", 90_000, () => minority.every(({ downed }) => downed !== undefined));
  within(world, "removal", 30_000, () => allUp(majority));
});

Deno.test("an isolated node downs itself, the others continue", () => {
  const { world, nodes } = formed(3);
  world.partition(nodes.slice(0, 1), nodes.slice(1));
  within(world, "downing", 20_000, () => nodes[0]!.downed !== undefined);
  within(world, "removal", 5_000, () => allUp(nodes.slice(1)));
});

Deno.test("a node that receives but cannot send is downed by the others and is notified", () => {
  const { world, nodes } = formed(3);
  world.weather.cut = (from) => from === "n2:1";
  within(world, "downing", 20_000, () => nodes[2]!.downed !== undefined);
  assertEquals(nodes[2]!.downed!.by, "n0:1");
  within(world, "removal", 5_000, () => allUp(nodes.filter((node) => node !== nodes[2])));
});

Deno.test("a broken link between two members downs neither", () => {
  const { world, nodes } = formed(3);
  world.weather.cut = (from, to) =>
    [["n1:1", "n2:1"], ["n2:1", "n1:1"]].some(([a, b]) => a === from && b === to);
  world.run(60_000);
  assert(nodes.every(({ view, downed }) => view.members.length === 5 && downed === undefined));
  assertEquals(nodes.map((node) => seen(node, "unreachableMember")), [[], [], [], [], []]);
});

Deno.test("a leaving member passes through all statuses, and no member is downed", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { world, nodes } = formed(seed);
    const leaver = nodes[seed - 1]!;
    const others = nodes.filter((node) => node !== leaver);
    world.step(leaver, { type: "leave" });
    within(world, "leaving", 1_500, () => leaver.left);
    within(world, "removal", 1_500, () => allUp(others));
    for (const node of others) {
      assertEquals(seen(node, "memberLeft"), [leaver.config.self.nodeId]);
      assertEquals(seen(node, "memberRemoved"), [leaver.config.self.nodeId]);
      assertEquals(seen(node, "memberDowned"), []);
    }
  }
});

Deno.test("when the leader leaves, the next oldest member leads", () => {
  const { world, nodes } = formed(2);
  const byAge = nodes[0]!.view.members.map(({ address }) => address);
  const leader = world.nodes.get(byAge[0]!)!;
  world.step(leader, { type: "leave" });
  const others = nodes.filter((node) => node !== leader);
  within(world, "removal", 3_000, () => allUp(others));
  for (const node of others) assertEquals(node.view.leader, byAge[1]);
});

Deno.test("a member that leaves as soon as it is up has left once the others have seen it", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { world, nodes } = formed(seed, 2);
    const late = world.start("late", ["n0", "n1"]);
    within(world, "joining", 10_000, () => late.view.self.status === "up");
    // The other member may hear in one message that it is full, and that it leaves.
    world.step(late, { type: "leave" });
    within(world, `leaving, seed ${seed}`, 2_500, () => late.left && allUp(nodes));
    const statuses = nodes.map((node) => node.view.members.map(({ nodeId }) => nodeId));
    assertEquals(statuses, [["n0", "n1"], ["n0", "n1"]]);
    assertEquals(late.log.filter((line) => line.includes("leave timed out")), []);
  }
});

Deno.test("all members can leave concurrently", () => {
  const { world, nodes } = formed(2);
  for (const node of nodes) world.step(node, { type: "leave" });
  within(world, "leaving", 5_000, () => nodes.every(({ left }) => left));
  assert(nodes.every(({ downed }) => downed === undefined));
});

Deno.test("a lone member, or a node that never joined, leaves at once", () => {
  const world = new SimulatedMembers(1);
  const lone = world.start("a", []);
  const outside = world.start("b", ["z"]);
  for (const node of [lone, outside]) {
    world.step(node, { type: "leave" });
    assert(node.left);
    assertEquals(node.view.leader, undefined);
  }
});

Deno.test("a member without answers stops after leaveTimeout, and the others do not wait for it", () => {
  const { world, nodes } = formed(4, 5, { leaveTimeout: 2_000 });
  world.weather.cut = (_, to) => to === "n4:1";
  world.step(nodes[4]!, { type: "leave" });
  const took = within(world, "leaving", 3_000, () => nodes[4]!.left);
  assert(took >= 2_000);
  within(world, "removal", 3_000, () => allUp(nodes.slice(0, 4)));
  assertEquals(seen(nodes[0]!, "memberDowned"), []);
});

Deno.test("a member can leave while another is unreachable", () => {
  const { world, nodes } = formed(4);
  world.crash(nodes[4]!);
  within(world, "suspicion", 6_000, () => nodes[0]!.view.unreachable.size === 1);
  world.step(nodes[3]!, { type: "leave" });
  within(world, "leaving", 2_000, () => nodes[3]!.left);
  within(world, "removal", 12_000, () => allUp(nodes.slice(0, 3)));
});

Deno.test("a node that restarts with a later incarnation replaces the earlier one at once", () => {
  const { world, nodes } = formed(5);
  world.crash(nodes[3]!);
  world.run(500);
  const reborn = world.start("n3", ["n0", "n1"]);
  const now = [...nodes.slice(0, 3), reborn, nodes[4]!];
  within(world, "joining", 2_000, () => allUp(now));
  const about = nodes[0]!.events.filter((e) => "member" in e && e.member.nodeId === "n3");
  assertEquals(about.map(({ type }) => type), [
    "memberJoined",
    "memberUp",
    "memberDowned",
    "memberRemoved",
    "memberJoined",
    "memberUp",
  ]);
  world.run(20_000);
  assert(allUp(now));
});

Deno.test("a node that leaves and restarts at once is declared down by nobody", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { world, nodes } = formed(seed);
    world.step(nodes[3]!, { type: "leave" });
    within(world, "leaving", 5_000, () => nodes[3]!.left);
    const reborn = world.start("n3", ["n0", "n1"]);
    const now = [...nodes.slice(0, 3), reborn, nodes[4]!];
    within(world, "joining", 5_000, () => allUp(now));
    for (const node of now) {
      assertEquals(seen(node, "memberDowned"), [], `${node.config.self.nodeId}, seed ${seed}`);
    }
  }
});

Deno.test("the first seed rejoins its cluster although the other seeds are down", () => {
  const { world, nodes } = formed(5);
  world.crash(nodes[0]!);
  world.crash(nodes[1]!);
  world.run(300);
  const reborn = world.start("n0", ["n0", "n1"]);
  within(world, "joining", 4_000, () => reborn.view.clusterId === nodes[2]!.view.clusterId);
  within(world, "calm", 20_000, () => allUp([reborn, ...nodes.slice(2)]));
});

Deno.test("a node whose clock went back raises its incarnation and joins", () => {
  const { world, nodes } = formed(6);
  world.crash(nodes[4]!);
  const self = { ...nodes[4]!.config.self, incarnation: 0 };
  const reborn = world.start("n4", ["n0"], { self });
  within(world, "joining", 3_000, () => allUp([...nodes.slice(0, 4), reborn]));
  assertEquals(reborn.view.self.incarnation, nodes[4]!.config.self.incarnation + 1);
});

Deno.test("a replaced incarnation is notified and stops", () => {
  const { world, nodes } = formed(6);
  const zombie = nodes[4]!;
  const { self } = zombie.config;
  const newer: Member = {
    ...self,
    incarnation: self.incarnation + 1,
    status: "joining",
    upNumber: 0,
  };
  const message = { type: "join" as const, member: newer, clusterConfig: {} };
  // A node asks several seeds at once.
  for (const seed of [nodes[0]!, nodes[1]!]) {
    world.step(seed, { type: "received", from: self.address, message });
  }
  within(world, "learning", 3_000, () => zombie.downed !== undefined);
  assert(zombie.downed!.why.startsWith("a later incarnation of this node has joined"));
});

for (const seed of [1, 2, 3]) {
  Deno.test(`20 % message loss downs no healthy member in 60 s (seed ${seed})`, () => {
    const { world, nodes } = formed(seed);
    world.weather.loss = 0.2;
    world.weather.latency = { min: 20, max: 200 };
    world.run(60_000);
    world.weather.loss = 0;
    within(world, "calm", 5_000, () => allUp(nodes));
    assert(nodes.every((node) => seen(node, "memberDowned").length === 0));
  });

  Deno.test(`five nodes form under 20 % message loss (seed ${seed})`, () => {
    const world = new SimulatedMembers(seed);
    world.weather.loss = 0.2;
    const nodes = ["n0", "n1", "n2", "n3", "n4"].map((name) => world.start(name, ["n0"]));
    within(world, "forming", 6_000, () => allUp(nodes));
  });

  Deno.test(`a node that stalls for 3.5 s is not suspected (seed ${seed})`, () => {
    const { world, nodes } = formed(seed);
    for (const node of nodes) {
      world.pause(node, 3_500);
      world.run(10_000);
    }
    assert(allUp(nodes));
    for (const node of nodes) assertEquals(seen(node, "unreachableMember"), []);
  });

  Deno.test(`a node that stalls for 9 s accuses no member and becomes reachable again (seed ${seed})`, () => {
    const { world, nodes } = formed(seed);
    world.pause(nodes[1]!, 9_000);
    world.run(9_500);
    assert(seen(nodes[0]!, "unreachableMember").includes("n1"));
    within(world, "return", 3_000, () => allUp(nodes));
    assertEquals(seen(nodes[1]!, "unreachableMember").filter((name) => name !== "n1"), []);
  });
}

Deno.test("a node that stalls until it is downed is notified when it resumes", () => {
  const { world, nodes } = formed(1);
  world.pause(nodes[1]!, 60_000);
  world.run(59_000);
  assert(nodes[0]!.view.members.length === 4);
  within(world, "learning", 3_000, () => nodes[1]!.downed !== undefined);
  assertEquals(nodes[1]!.downed!.by, "n0:1");
  world.run(5_000);
  assert(allUp(nodes.filter((node) => node !== nodes[1])));
});

Deno.test("tombstones expire after their lifetime, and removed members do not reappear", () => {
  const { world, nodes } = formed(1, 3, { tombstoneLifetime: 60_000 });
  world.step(nodes[2]!, { type: "leave" });
  world.run(200_000);
  assert(allUp(nodes.slice(0, 2)));
  assertEquals(seen(nodes[0]!, "memberJoined").length, 3);
});

Deno.test("equal seeds give equal histories", () => {
  const history = (seed: number) => {
    const { world, nodes } = formed(seed);
    world.weather.loss = 0.1;
    world.pause(nodes[1]!, 2_000);
    world.partition(nodes.slice(0, 3), nodes.slice(3));
    world.run(20_000);
    return world.trace;
  };
  const first = history(11);
  assert(first.length > 1_000);
  assertEquals(history(11), first);
  assertNotEquals(history(12), first);
});

Deno.test("a hundred members form, and then exchange digests only", () => {
  const { world, nodes } = formed(1, 100);
  const before = world.messages;
  world.run(10_000);
  const perMemberPerSecond = (world.messages - before) / 100 / 10;
  // Five heartbeats, five answers, three digests.
  assert(perMemberPerSecond < 14, `${perMemberPerSecond} messages per member and second`);
  world.crash(nodes[50]!);
  const others = nodes.filter((_, index) => index !== 50);
  within(world, "removal", 40_000, () => allUp(others));
});
