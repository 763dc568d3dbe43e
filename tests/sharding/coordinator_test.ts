import { assertEquals } from "@std/assert";
import { Coordinator, type CoordinatorEffect } from "../../lib/sharding/coordinator.ts";
import type { RegionReport } from "../../lib/sharding/protocol.ts";

const shardType = "counters";
const numShards = 20;

function report(shards: [number, number][] = [], lastEpoch = 0): RegionReport[] {
  return [{ shardType, numShards, shards, lastEpoch }];
}

function view(self: string, leader: string, members: string[], candidates = members) {
  return { type: "view", view: { self, leader, members, candidates } } as const;
}

function locate(from: string, shard: number) {
  return { type: "locate", from, shardType, numShards, shard } as const;
}

function hosts(effects: readonly CoordinatorEffect[]) {
  return effects.flatMap((effect) =>
    effect.type === "host" ? [[effect.to, effect.shard, effect.epoch]] : []
  );
}

/** A coordinator at "a" that leads a, b and c, all of which have a region and run nothing. */
function active(): Coordinator {
  const coordinator = new Coordinator();
  coordinator.step(view("a", "a", ["a", "b", "c"]));
  for (const from of ["a", "b", "c"]) coordinator.step({ type: "report", from, regions: report() });
  return coordinator;
}

Deno.test("a coordinator of a node that does not lead stays asleep", () => {
  const coordinator = new Coordinator();
  coordinator.step(view("a", "b", ["a", "b"]));
  assertEquals(coordinator.phase, "asleep");
  assertEquals(coordinator.step({ type: "report", from: "b", regions: report() }), []);
  assertEquals(coordinator.step(locate("b", 1)), []);
});

Deno.test("a new leader asks every member and grants nothing before all have answered", () => {
  const coordinator = new Coordinator();
  const effects = coordinator.step(view("a", "a", ["a", "b", "c"]));
  assertEquals(effects, [
    { type: "askReport", to: "a" },
    { type: "askReport", to: "b" },
    { type: "askReport", to: "c" },
  ]);
  coordinator.step({ type: "report", from: "a", regions: report() });
  coordinator.step({ type: "report", from: "b", regions: report() });
  assertEquals(coordinator.step(locate("a", 3)), []);
  assertEquals(coordinator.phase, "recovering");
  // The last answer tells that the wanted shard runs at c already.
  const answer = coordinator.step({ type: "report", from: "c", regions: report([[3, 7]], 7) });
  assertEquals(answer, [
    { type: "location", to: "a", shardType, shard: 3, owner: "c", epoch: 7 },
  ]);
  assertEquals(coordinator.phase, "active");
});

Deno.test("a member that is gone is not waited for", () => {
  const coordinator = new Coordinator();
  coordinator.step(view("a", "a", ["a", "b"]));
  coordinator.step({ type: "report", from: "a", regions: report() });
  coordinator.step(locate("a", 0));
  assertEquals(hosts(coordinator.step(view("a", "a", ["a"]))), [["a", 0, 1]]);
});

Deno.test("shards go to the node with the fewest, each with an epoch of its own", () => {
  const coordinator = active();
  const granted = [0, 1, 2, 3, 4, 5].flatMap((shard) =>
    hosts(coordinator.step(locate("a", shard)))
  );
  assertEquals(granted, [
    ["a", 0, 1],
    ["b", 1, 2],
    ["c", 2, 3],
    ["a", 3, 4],
    ["b", 4, 5],
    ["c", 5, 6],
  ]);
});

Deno.test("who asks hears the place only when the owner has confirmed", () => {
  const coordinator = active();
  assertEquals(hosts(coordinator.step(locate("c", 9))), [["a", 9, 1]]);
  assertEquals(coordinator.step(locate("b", 9)), []);
  const stale = { type: "hosting", from: "b", shardType, shard: 9, epoch: 1 } as const;
  assertEquals(coordinator.step(stale), []);
  const answers = coordinator.step({ type: "hosting", from: "a", shardType, shard: 9, epoch: 1 });
  assertEquals(answers.map((effect) => effect.to), ["c", "b"]);
  assertEquals(coordinator.step(locate("b", 9)).length, 1);
});

Deno.test("an unconfirmed grant is repeated", () => {
  const coordinator = active();
  coordinator.step(locate("c", 9));
  assertEquals(hosts(coordinator.step({ type: "tick" })), [["a", 9, 1]]);
});

Deno.test("shards of a node that is gone are granted anew, with a higher epoch", () => {
  const coordinator = active();
  coordinator.step(locate("c", 9));
  coordinator.step({ type: "hosting", from: "a", shardType, shard: 9, epoch: 1 });
  coordinator.step({
    type: "report",
    from: "b",
    regions: report([[4, 5]], 5),
  });
  coordinator.step(view("a", "a", ["a", "c"]));
  assertEquals(hosts(coordinator.step(locate("c", 4))), [["c", 4, 6]]);
});

Deno.test("an unreachable owner keeps its shards, and gets no new ones", () => {
  const coordinator = active();
  coordinator.step({ type: "report", from: "b", regions: report([[4, 5]], 5) });
  coordinator.step(view("a", "a", ["a", "b", "c"], ["a", "c"]));
  assertEquals(coordinator.step(locate("c", 4)), [
    { type: "location", to: "c", shardType, shard: 4, owner: "b", epoch: 5 },
  ]);
  const granted = [10, 11, 12].flatMap((shard) => hosts(coordinator.step(locate("a", shard))));
  assertEquals(granted.map(([to]) => to), ["a", "c", "a"]);
});

Deno.test("of two claims the one with the higher epoch wins, and the other is told", () => {
  const coordinator = active();
  coordinator.step({ type: "report", from: "b", regions: report([[4, 5]], 5) });
  const told = coordinator.step({ type: "report", from: "c", regions: report([[4, 3]], 5) });
  assertEquals(told, [{ type: "location", to: "c", shardType, shard: 4, owner: "b", epoch: 5 }]);
});

Deno.test("a report is the whole truth: what it no longer names is free", () => {
  const coordinator = active();
  coordinator.step({ type: "report", from: "b", regions: report([[4, 5]], 5) });
  coordinator.step({ type: "report", from: "b", regions: [] });
  assertEquals(hosts(coordinator.step(locate("c", 4))), [["a", 4, 6]]);
});

Deno.test("another number of shards is refused, with both numbers", () => {
  const coordinator = active();
  const effects = coordinator.step({ ...locate("c", 4), numShards: 10 });
  assertEquals(effects.length, 1);
  const refused = effects[0]!;
  assertEquals(refused.type, "refused");
  assertEquals(
    refused.type === "refused" && /has 20 shards in this cluster, not 10/.test(refused.reason),
    true,
  );
});

Deno.test("many types do not disturb each other", () => {
  const coordinator = new Coordinator();
  coordinator.step(view("a", "a", ["a"]));
  const types = Array.from({ length: 30 }, (_, index) => `type-${index}`);
  coordinator.step({
    type: "report",
    from: "a",
    regions: types.map((shardType) => ({ shardType, numShards, shards: [], lastEpoch: 0 })),
  });
  for (let shard = 0; shard < numShards; shard++) {
    for (const shardType of types) {
      const [host] = coordinator.step({ type: "locate", from: "a", shardType, numShards, shard });
      assertEquals(host, { type: "host", to: "a", shardType, shard, epoch: shard + 1 });
    }
  }
});
