import { assert, assertEquals } from "@std/assert";
import { lagPenalty, LocalHealth } from "../../lib/membership/detector/local_health.ts";
import { formed, within } from "./formed_cluster.ts";
import type { SimulatedMember } from "./simulated_members.ts";

Deno.test("the local health score ranges from 0 to 8 and improves one step at a time", () => {
  const localHealth = new LocalHealth();
  assertEquals([localHealth.score, localHealth.degradation], [0, 0]);
  localHealth.improve();
  assertEquals(localHealth.score, 0);
  localHealth.degrade(3);
  localHealth.degrade(20);
  assertEquals([localHealth.score, localHealth.degradation], [8, 1]);
  localHealth.improve();
  assertEquals(localHealth.score, 7);
});

Deno.test("a stall costs one point per started second, a short one none", () => {
  assertEquals([0, 499, 500, 1_000, 1_001, 60_000].map(lagPenalty), [0, 0, 1, 1, 2, 8]);
});

Deno.test("stalls and missing helper answers raise the local health score", () => {
  const { world, nodes } = formed(1, 5);
  const score = (index: number) => nodes[index]!.machine.health(world.now).localHealth;
  assertEquals(score(1), 0);
  world.pause(nodes[1]!, 6_000);
  world.run(6_200);
  assert(score(1) >= 4, String(score(1)));
  world.run(12_000);
  assertEquals(score(1), 0);
  // Cut off alone: it asks, and not even a "no" comes back.
  world.partition([nodes[2]!], nodes.filter((node) => node !== nodes[2]));
  within(world, "doubt", 8_000, () => score(2) > 0);
});

Deno.test("a node without helper answers accuses later than connected nodes", () => {
  let alone = 0;
  let together = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { world, nodes } = formed(seed, 5);
    const [first, ...others] = nodes;
    world.partition([first!], others);
    const start = world.now;
    const accuses = (node: SimulatedMember) =>
      node.log.some((line) => line.includes(" member does not respond"));
    within(world, "one accuses", 20_000, () => others.some(accuses));
    together += world.now - start;
    within(world, "the other accuses", 20_000, () => accuses(first!));
    alone += world.now - start;
  }
  assert(alone > together + 20 * 400, `${alone / 20} ms alone, ${together / 20} ms together`);
});

Deno.test("health() reports the state of each monitored peer", () => {
  const { world, nodes } = formed(3, 3, {}, { stallResponders: true });
  const peer = () =>
    nodes[0]!.machine.health(world.now).peers
      .find(({ address }) => address === "n2:1")!;
  const { phi, accused, vouchedFor, hasStallResponder } = peer();
  assertEquals([accused, vouchedFor, hasStallResponder], [false, false, true]);
  assert(phi < 1);
  world.pause(nodes[2]!, 30_000);
  within(world, "accusation", 10_000, () => peer().accused);
  assertEquals(peer().reason, "stalled");
  assert(peer().phi >= 8 && peer().stalledFor! > 4_000 && peer().silentFor > 4_000);
});
