import { assertEquals } from "@std/assert";
import { formed, seen } from "./formed_cluster.ts";
import type { SimulatedMember } from "./simulated_members.ts";

/**
 * Cuts two of seven nodes off, on a network that loses this share of the messages. Returns which
 * members of the majority the two have declared down.
 */
function wronglyDowned(seed: number, loss: number): string[] {
  const { world, nodes } = formed(seed, 7);
  const label = (node: SimulatedMember) => node.config.self.nodeId;
  const turn = (node: SimulatedMember) => (label(node).charCodeAt(1) * (seed + 3)) % 11;
  const first = seed % nodes.length;
  const mixed = [...nodes.slice(first), ...nodes.slice(0, first)].sort((a, b) => turn(a) - turn(b));
  const [small, big] = [mixed.slice(0, 2), mixed.slice(2)];
  world.weather.loss = loss;
  world.partition(small, big);
  world.run(40_000);
  assertEquals(big.map(({ view }) => view.members.length), [5, 5, 5, 5, 5], `seed ${seed}`);
  const majority = big.map(label);
  return small.flatMap((node) =>
    seen(node, "memberDowned").filter((name) => name !== undefined && majority.includes(name))
  ) as string[];
}

Deno.test("two of seven nodes that are cut off declare no member of the majority down", () => {
  for (const loss of [0, 0.1, 0.2]) {
    for (let seed = 100; seed < 140; seed++) {
      assertEquals(wronglyDowned(seed, loss), [], `seed ${seed}, ${loss * 100} % loss`);
    }
  }
});
