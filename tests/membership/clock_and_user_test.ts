/** What clocks and people do to a cluster. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { allUp, formed, seen, within } from "./formed_cluster.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

const names = (nodes: readonly SimulatedMember[]) => nodes.map(({ config }) => config.self.nodeId);

const clusters = (nodes: readonly SimulatedMember[]) =>
  new Set(nodes.map(({ view }) => view.clusterId)).size;

Deno.test("all hosts suspend for an hour and no member is downed", () => {
  const { world, nodes } = formed(1, 5);
  for (const node of nodes) world.pause(node, 3_600_000);
  world.run(3_600_000);
  within(world, "waking", 30_000, () => allUp(nodes));
  for (const node of nodes) assertEquals(node.downed, undefined);
});

Deno.test("nodes that resume one by one within 3 s after an hour of suspension continue", () => {
  const { world, nodes } = formed(2, 5);
  nodes.forEach((node, index) => world.pause(node, 3_600_000 + index * 600));
  world.run(3_602_400);
  within(world, "waking", 60_000, () => allUp(nodes));
  for (const node of nodes) assertEquals(node.downed, undefined);
});

Deno.test("a node that restarts twenty times in a row becomes a member, and no other is affected", () => {
  const { world, nodes } = formed(3, 4);
  const others = nodes.slice(0, 3);
  let last = nodes[3]!;
  for (let restart = 0; restart < 20; restart++) {
    world.crash(last);
    world.run(300);
    last = world.start("n3", ["n0", "n1"]);
    world.run(restart % 2 === 0 ? 50 : 900);
  }
  within(world, "its return", 30_000, () => allUp([...others, last]));
  for (const node of others) {
    assertEquals(node.downed, undefined);
    assertEquals(seen(node, "memberDowned").filter((name) => name !== "n3"), []);
  }
});

Deno.test("a node whose clock jumps between restarts joins with each incarnation", () => {
  const { world, nodes } = formed(4, 3);
  let last = nodes[2]!;
  for (const incarnation of [9e12, 5, 8e15, 1, 0]) {
    world.crash(last);
    last = world.start("n2", ["n0"], {
      self: { address: "n2:1", nodeId: "n2", incarnation, roles: [] },
    });
    within(world, `joining with ${incarnation}`, 20_000, () => allUp([nodes[0]!, nodes[1]!, last]));
  }
});

Deno.test("seeds in different orders make one cluster", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimulatedMembers(seed);
    const lists = [["n0", "n1", "n2"], ["n1", "n2", "n0"], ["n2", "n0", "n1"]];
    const nodes = lists.map((list, index) => world.start(`n${index}`, list));
    within(world, `formation with seed ${seed}`, 30_000, () => allUp(nodes));
    assertEquals(clusters(nodes), 1);
  }
});

Deno.test("a node with only wrong seeds does not bootstrap, and names the seeds", () => {
  const world = new SimulatedMembers(5);
  const lost = world.start("lost", ["nowhere", "elsewhere"]);
  world.run(60_000);
  assertEquals([lost.view.clusterId, lost.view.members.length], [undefined, 0]);
  const lines = lost.machine.waiting(world.now);
  assert(lines.includes("nowhere:1 has not answered"), lines.join("\n"));
  assert(lost.log.length >= 3 && lost.log.length < 10, "logged, but rate limited");
});

Deno.test("two nodes with the same nodeId are two members", () => {
  const world = new SimulatedMembers(6);
  const nodes = ["n0", "n1", "n2"].map((name) =>
    world.start(name, ["n0"], {
      self: { address: `${name}:1`, nodeId: "same", incarnation: 1, roles: [] },
    })
  );
  within(world, "formation", 10_000, () => allUp(nodes));
  assertEquals(nodes[0]!.up.length, 3);
});

Deno.test("of two processes at one address the later incarnation is the member, the other stops", () => {
  const { world, nodes } = formed(7, 4);
  const first = nodes[3]!;
  // The second takes over the address, while the first keeps running and can still send.
  const second = world.start("n3", ["n0"]);
  first.alive = true;
  within(world, "the later incarnation", 10_000, () => allUp([...nodes.slice(0, 3), second]));
  assertNotEquals(second.view.self.incarnation, first.view.self.incarnation);
  const { clusterId, self } = first.view;
  // It believes two members, as it sends heartbeats to all.
  for (const node of nodes.slice(0, 2)) {
    assert(first.downed === undefined, "not one alone");
    const effects = node.machine.step({
      type: "received",
      from: "n3:1",
      message: { type: "heartbeat", clusterId: clusterId!, incarnation: self.incarnation },
    }, world.now);
    const notice = effects.find((effect) => effect.type === "send");
    assert(notice?.type === "send" && notice.message.type === "removed", JSON.stringify(effects));
    world.step(first, { type: "received", from: node.address, message: notice.message });
  }
  assert(first.downed?.why.includes("later incarnation"), first.downed?.why);
});

Deno.test("a node that leaves while it joins is no member afterwards", () => {
  for (let after = 0; after <= 400; after += 40) {
    const { world, nodes } = formed(8, 3);
    const late = world.start("late", ["n0"]);
    world.run(after);
    world.step(late, { type: "leave" });
    within(world, `leaving after ${after} ms`, 10_000, () => late.left);
    within(world, `removal after ${after} ms`, 40_000, () => allUp(nodes));
    assertEquals(seen(nodes[0]!, "memberDowned"), [], `after ${after} ms`);
  }
});

Deno.test("leaving twice equals leaving once", () => {
  const { world, nodes } = formed(9, 3);
  world.step(nodes[2]!, { type: "leave" });
  world.step(nodes[2]!, { type: "leave" });
  within(world, "leaving", 10_000, () => nodes[2]!.left);
  within(world, "removal", 10_000, () => allUp(nodes.slice(0, 2)));
  assertEquals(seen(nodes[0]!, "memberLeft"), ["n2"]);
});

Deno.test("a minority member leaves within leaveTimeout, and no member is downed for it", () => {
  const { world, nodes } = formed(10, 5, { leaveTimeout: 3_000 });
  world.partition(nodes.slice(0, 3), nodes.slice(3));
  world.run(1_000);
  world.step(nodes[4]!, { type: "leave" });
  const took = within(world, "leaving", 3_200, () => nodes[4]!.left);
  assert(took <= 3_100, `${took} ms`);
  world.heal();
  within(world, "the rest", 60_000, () => allUp(nodes.slice(0, 4)));
  assertEquals(names(nodes.filter(({ downed }) => downed !== undefined)), []);
});
