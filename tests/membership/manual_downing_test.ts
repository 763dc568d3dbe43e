/** A person declares a member down. */
import { assert, assertEquals } from "@std/assert";
import { formed, seen, within } from "./formed_cluster.ts";
import type { SimulatedMember } from "./simulated_members.ts";

const why = "declared down by admin alice";

const isGone = (victim: SimulatedMember) => (node: SimulatedMember) =>
  !node.view.members.some(({ address }) => address === victim.address);

Deno.test("a member that two members are told to declare down ends for all", () => {
  for (const seed of [1, 2, 3]) {
    const { world, nodes } = formed(seed);
    const victim = nodes[4]!;
    const others = nodes.slice(0, 4);
    for (const node of nodes.slice(1, 3)) {
      world.step(node, { type: "declareDown", address: victim.address, why });
    }
    within(world, "removed", 10_000, () => others.every(isGone(victim)));
    assert(seen(others[0]!, "memberDowned").includes(victim.address.split(":")[0]!));
    assertEquals(victim.view.self.status, "down");
    assertEquals(victim.view.self.evidence?.why, why);
  }
});

Deno.test("one member alone does not end a healthy one, as no liar could", () => {
  const { world, nodes } = formed(4);
  const victim = nodes[4]!;
  world.step(nodes[2]!, { type: "declareDown", address: victim.address, why });
  world.run(20_000);
  assertEquals(victim.view.self.status, "up");
  assert(nodes.slice(0, 2).every((node) => !isGone(victim)(node)));
});

Deno.test("an unreachable member is removed at once, before the strategy would", () => {
  const { world, nodes } = formed(5);
  const victim = nodes[4]!;
  const others = nodes.slice(0, 4);
  world.kill(victim);
  within(
    world,
    "unreachable",
    10_000,
    () => others.every(({ view }) => view.unreachable.has(victim.address)),
  );
  for (const node of others) {
    world.step(node, { type: "declareDown", address: victim.address, why });
  }
  const took = within(world, "removed", 10_000, () => others.every(isGone(victim)));
  assert(took < 3_000, `${took} ms`);
});
