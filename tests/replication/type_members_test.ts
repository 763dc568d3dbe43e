import { assertEquals } from "@std/assert";
import type { ShardStatus } from "../../lib/replication/control_form.ts";
import { TypeMembers } from "../../lib/replication/type_members.ts";
import { TypePlacement } from "../../lib/replication/type_placement.ts";

const member = (name: string, incarnation = 1) => ({
  address: `${name}:1`,
  incarnation,
  status: "up" as const,
});
const runs = { runs: true, retiring: false, isAnswer: true };
const running = { runs: true, retiring: false };

Deno.test("a node owns no shard of a type before every member has answered", () => {
  const members = new TypeMembers("a:1", () => true);
  members.onView(["a", "b", "c"].map((name) => member(name)));
  assertEquals(members.unanswered, ["b:1", "c:1"]);
  // What b tells by itself is no answer: it may not know yet what this node has told.
  members.heard("b:1", 1, { ...runs, isAnswer: false });
  assertEquals(members.unanswered, ["b:1", "c:1"]);
  members.heard("b:1", 1, runs);
  members.heard("c:1", 1, { ...runs, runs: false });
  assertEquals(members.unanswered, []);
  assertEquals(members.running, ["b:1"]);
});

Deno.test("a member that has not answered may run the type, and one that has restarted may again", () => {
  const members = new TypeMembers("a:1", () => true);
  members.onView([member("a"), member("b"), member("c")]);
  members.heard("b:1", 1, { ...runs, runs: false });
  assertEquals(members.running, ["c:1"]);
  members.onView([member("a"), member("b", 2), member("c")]);
  assertEquals(members.running, ["b:1", "c:1"]);
  assertEquals(members.unanswered, ["b:1", "c:1"]);
  // What the earlier incarnation has sent comes late.
  members.heard("b:1", 2, runs);
  members.heard("b:1", 1, { ...runs, runs: false });
  assertEquals(members.running, ["b:1", "c:1"]);
});

Deno.test("a node of a version without replication is not waited for, and gets no copies", () => {
  const members = new TypeMembers("a:1", (address) => address !== "old:1");
  members.onView([member("a"), member("b"), member("old")]);
  members.heard("b:1", 1, runs);
  assertEquals(members.unanswered, []);
  assertEquals(members.running, ["b:1"]);
  assertEquals(members.able(running).map(({ address }) => address), ["a:1", "b:1"]);
});

Deno.test("a node that leaves is given no copies, and keeps those that it has", () => {
  const members = new TypeMembers("a:1", () => true);
  members.onView([member("a"), member("b"), { ...member("c"), status: "leaving" }]);
  members.heard("b:1", 1, { ...runs, retiring: true });
  members.heard("c:1", 1, runs);
  assertEquals(members.running, ["b:1", "c:1"]);
  assertEquals(members.able(running).map(({ address }) => address), ["a:1"]);
});

const epoch = 5;
const stores = (...names: string[]) => names.map((name) => ({ address: `${name}:1`, store: 1 }));
const status = (more: Partial<ShardStatus> = {}): ShardStatus => ({
  shard: 0,
  epoch,
  phase: "open",
  replicas: ["b:1"],
  lagging: [],
  config: { version: [epoch, 0], inSync: stores("a", "b"), minAcks: 1 },
  ...more,
});
const nodes = (...owned: number[]) =>
  ["a", "b", "c"].map((name, index) => ({
    address: `${name}:1`,
    roles: [],
    shards: new Set(Array.from({ length: owned[index]! }, (_, shard) => 10 * index + shard)),
  }));

function placed(said: ShardStatus = status()): TypePlacement {
  const strategy = {
    allocate: () => "c:1",
    rebalance: () => [{ shard: 0, to: "c:1" }],
  };
  const placement = new TypePlacement({
    shardType: "carts",
    numShards: 1,
    replicas: 1,
    minAcks: 1,
    strategy,
  });
  placement.nodes(["a", "b", "c"].map((name) => member(name)), 0);
  placement.status("a:1", said, 0);
  return placement;
}

Deno.test("a shard is granted to a node that has its events, the one with the fewest shards", () => {
  assertEquals(placed().strategy.allocate(0, nodes(3, 2, 0)), "b:1");
  assertEquals(placed().strategy.allocate(0, nodes(1, 2, 0).slice(1)), "b:1");
  // Nobody that has them is there: any node may find out what it has to wait for.
  assertEquals(placed().strategy.allocate(0, nodes(1, 2, 0).slice(2)), "c:1");
});

Deno.test("a shard moves to a node only when that has its events, which it is given first", () => {
  const placement = placed();
  const moves = () => placement.strategy.rebalance!(nodes(3, 2, 0), 1);
  assertEquals(moves(), []);
  const [order] = placement.tick(1_000);
  assertEquals(order?.addresses, ["c:1"]);
  const config = { version: [epoch, 2] as const, inSync: stores("a", "c"), minAcks: 1 };
  placement.status("a:1", status({ config, replicas: ["c:1"] }), 2_000);
  assertEquals(moves(), [{ shard: 0, to: "c:1" }]);
});

Deno.test("a shard that waits for copies is not moved", () => {
  const config = { version: [epoch, 0] as const, inSync: stores("a", "c"), minAcks: 1 };
  const placement = placed(status({ phase: "fencing", config }));
  assertEquals(placement.strategy.rebalance!(nodes(3, 2, 0), 1), []);
});
