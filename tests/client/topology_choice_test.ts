import { assertEquals } from "@std/assert";
import { chooseTopology } from "../../lib/client/topology_choice.ts";
import type { Topology } from "../../lib/cluster/gateway/topology.ts";

function topology(members: string, leaving = ""): Topology {
  return {
    members: [...members].map((address) => ({
      address,
      nodeId: address,
      incarnation: 1,
      roles: [],
    })),
    leaving: [...leaving],
    others: [],
    leader: members[0],
    services: [],
  };
}

function choice(...told: readonly (readonly [from: string, members: string, leaving?: string])[]) {
  const choice = chooseTopology(
    told.map(([from, members, leaving]) => ({ from, topology: topology(members, leaving) })),
  );
  return choice?.from;
}

Deno.test("nobody has told anything", () => assertEquals(choice(), undefined));

Deno.test("of two that agree, the first", () =>
  assertEquals(choice(["a", "ab"], ["b", "ab"]), "a"));

Deno.test("a node that hangs is not believed: the others do not call it reachable", () => {
  assertEquals(choice(["a", "abc"], ["b", "bc"]), "b");
});

Deno.test("of two sides of a partition, the larger one", () => {
  assertEquals(choice(["a", "a"], ["b", "bc"]), "b");
  assertEquals(choice(["b", "bc"], ["a", "a"]), "b");
});

Deno.test("a node that leaves is believed still", () => {
  assertEquals(choice(["a", "b", "a"], ["b", "b", "a"]), "a");
});
