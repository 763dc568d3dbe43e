import { assertEquals } from "@std/assert";
import {
  type AllocationNode,
  externalAllocation,
  leastShards,
  preferRole,
  zoneAware,
} from "../../lib/sharding/coordinator/allocation.ts";

function node(
  address: string,
  shards: readonly number[],
  roles: readonly string[] = [],
): AllocationNode {
  return { address, roles, shards: new Set(shards) };
}

Deno.test("leastShards grants to the node with the fewest, and moves shards when two nodes differ by two", () => {
  const nodes = [node("a", [0, 1, 2, 3]), node("b", [4]), node("c", [5, 6])];
  const strategy = leastShards();
  assertEquals(strategy.allocate(9, nodes), "b");
  assertEquals(strategy.rebalance!(nodes, 10), [{ shard: 3, to: "b" }]);
  const worse = [node("a", [0, 1, 2, 3, 4, 5]), node("b", [])];
  assertEquals(strategy.rebalance!(worse, 2), [{ shard: 5, to: "b" }, { shard: 4, to: "b" }]);
});

Deno.test("externalAllocation follows the function for grants and moves", () => {
  const nodes = [node("a", [0, 1]), node("b", [])];
  const strategy = externalAllocation((shard) => shard === 1 ? "b" : undefined);
  assertEquals(strategy.allocate(0, nodes), undefined);
  assertEquals(strategy.rebalance!(nodes, 10), [{ shard: 1, to: "b" }]);
});

Deno.test("preferRole grants only to nodes with the role while there is one", () => {
  const nodes = [node("a", [0]), node("b", [1, 2], ["fast"])];
  const strategy = preferRole("fast");
  assertEquals(strategy.allocate(9, nodes), "b");
  assertEquals(strategy.rebalance!(nodes, 10), [{ shard: 0, to: "b" }]);
  assertEquals(strategy.allocate(9, nodes.slice(0, 1)), "a");
});

Deno.test("zoneAware spreads shards over zones first, then over the nodes of each", () => {
  const nodes = [
    node("a", [0, 1], ["zone-x"]),
    node("b", [2], ["zone-x"]),
    node("c", [3], ["zone-y"]),
  ];
  const strategy = zoneAware();
  assertEquals(strategy.allocate(9, nodes), "c");
  const [move] = strategy.rebalance!(nodes, 10);
  assertEquals(move!.to, "c");
});

Deno.test("zoneAware takes the option zone, and a role only where that is missing", () => {
  const zoned = (
    address: string,
    shards: readonly number[],
    zone?: string,
    roles = ["zone-x"],
  ) => ({
    ...node(address, shards, roles),
    ...(zone !== undefined && { zone }),
  });
  const nodes = [zoned("a", [0, 1, 2], "one"), zoned("b", [], "one"), zoned("c", [3], "two")];
  const strategy = zoneAware();
  assertEquals(strategy.allocate(9, nodes), "c");
  assertEquals(strategy.rebalance!(nodes, 10), [{ shard: 2, to: "c" }]);
  // A role names the same zone as the option.
  const mixed = [zoned("a", [0], "zone-x", []), zoned("b", [1]), zoned("c", [], "zone-y")];
  assertEquals(strategy.allocate(9, mixed), "c");
  assertEquals(strategy.allocate(9, [zoned("a", [0], "zone-x", []), zoned("b", [])]), "b");
});
