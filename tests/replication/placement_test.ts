import { assert, assertEquals } from "@std/assert";
import type { ReplicaStatus } from "../../lib/replication/primary.ts";
import { chooseReplicas } from "../../lib/replication/replica_choice.ts";
import { lagPenalty, ReplicaPlacement } from "../../lib/replication/replica_placement.ts";

const nodes = (zones: Readonly<Record<string, string | undefined>>) =>
  Object.entries(zones).map(([address, zone]) => ({
    address,
    ...(zone !== undefined && { zone }),
    copies: 0,
  }));

const choose = (
  zones: Readonly<Record<string, string | undefined>>,
  { count = 2, current = [], shard = 0 }: {
    readonly count?: number;
    readonly current?: readonly string[];
    readonly shard?: number;
  } = {},
) => chooseReplicas({ shardType: "t", shard, owner: "a", count, nodes: nodes(zones), current });

Deno.test("copies are in other zones than the owner's, and than each other's, as far as there are", () => {
  const zones = { a: "x", b: "x", c: "y", d: "y", e: "z" };
  for (let shard = 0; shard < 50; shard++) {
    const chosen = choose(zones, { shard });
    assert(chosen.includes("e"));
    assert(chosen.includes("c") || chosen.includes("d"));
  }
  assertEquals(choose({ a: "x", b: "x", c: "x" }), ["b", "c"], "one zone is better than no copy");
});

Deno.test("copies stay where they are while zones permit it", () => {
  const zones = { a: undefined, b: undefined, c: undefined, d: undefined, e: undefined };
  for (let shard = 0; shard < 50; shard++) {
    assertEquals(choose(zones, { shard, current: ["b", "d"] }), ["b", "d"]);
    const { d: _, ...rest } = zones;
    assert(choose(rest, { shard, current: ["b", "d"] }).includes("b"));
  }
});

Deno.test("the copies of one node's shards are spread over all others", () => {
  const zones = Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((node) => [node, undefined]));
  const counts = new Map<string, number>();
  for (let shard = 0; shard < 500; shard++) {
    for (const address of choose(zones, { shard })) {
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
  }
  assertEquals(counts.size, 5);
  for (const count of counts.values()) assert(count > 140 && count < 260, `${count}`);
});

Deno.test("there are fewer copies where there are fewer nodes", () => {
  assertEquals(choose({ a: undefined }), []);
  assertEquals(choose({ a: undefined, b: undefined }), ["b"]);
});

const status = (epoch: number, more: Partial<ReplicaStatus> = {}): ReplicaStatus => ({
  epoch,
  phase: "open",
  replicas: [],
  copies: [],
  lagging: [],
  ...more,
});

const config = (epoch: number, ...addresses: string[]) => ({
  version: [epoch, 0] as const,
  inSync: addresses.map((address) => ({ address, store: 1 })),
  minAcks: 1,
});

const named = (...addresses: string[]) => addresses.map((address) => ({ address }));

Deno.test("an order is repeated until the owner's status shows it", () => {
  const placement = new ReplicaPlacement("t", 1, 1);
  placement.nodes(named("a", "b", "c"), 0);
  const [first] = placement.granted(0, "a", 5, 0);
  const others = ["b", "c"].filter((address) => address !== first);
  placement.status(0, "a", status(5, { replicas: [first!] }), 100);
  assertEquals(placement.tick(2_000), []);
  const orders = placement.nodes(named("a", ...others), 2_100);
  assertEquals(orders, [{ shard: 0, to: "a", epoch: 5, addresses: others }]);
  assertEquals(placement.tick(2_200), []);
  assertEquals(placement.tick(3_200), orders);
  placement.status(0, "a", status(5, { replicas: others }), 3_300);
  assertEquals(placement.tick(9_000), []);
});

Deno.test("a copy that lags is replaced, and its node is trusted again after a while", () => {
  const placement = new ReplicaPlacement("t", 1, 1);
  placement.nodes(named("a", "b", "c"), 0);
  const [lagging] = placement.granted(0, "a", 5, 0);
  const [other] = ["b", "c"].filter((address) => address !== lagging);
  const orders = placement.status(0, "a", status(5, { lagging: [lagging!] }), 100);
  assertEquals(orders.map(({ addresses }) => addresses), [[other]]);
  placement.nodes(named("a", lagging!), 200);
  const late = placement.tick(200 + lagPenalty);
  assertEquals(late.at(-1)?.addresses, [lagging]);
});

Deno.test("a copy that lags stays where too few others could write", () => {
  const placement = new ReplicaPlacement("t", 2, 2);
  placement.nodes(named("a", "b", "c"), 0);
  assertEquals(placement.granted(0, "a", 5, 0), ["b", "c"]);
  assertEquals(placement.status(0, "a", status(5, { lagging: ["c"] }), 100), []);
});

Deno.test("a shard goes to a node with an in-sync copy, first to one that is said to have more", () => {
  const placement = new ReplicaPlacement("t", 2, 1);
  placement.nodes(named("a", "b", "c", "d"), 0);
  assertEquals(placement.ownerOf(0, ["a", "d"]), undefined, "nothing is known");
  placement.granted(0, "a", 5, 0);
  placement.status(0, "a", status(5, { config: config(5, "a", "c") }), 1);
  assertEquals(placement.ownerOf(0, ["b", "c", "d"]), "c");
  assertEquals(placement.ownerOf(0, ["b", "d"]), undefined);
  placement.preferOwner(0, 5, "d");
  assertEquals(placement.ownerOf(0, ["b", "c", "d"]), "d");
  placement.granted(0, "d", 6, 2);
  placement.preferOwner(0, 5, "b");
  assertEquals(placement.ownerOf(0, ["b", "c", "d"]), "c", "an earlier owner's word is over");
});

Deno.test("a new coordinator takes over what owners tell, and nothing older", () => {
  const placement = new ReplicaPlacement("t", 1, 1);
  placement.nodes(named("a", "b", "c"), 0);
  placement.status(0, "b", status(7, { config: config(7, "b", "c") }), 0);
  assertEquals(placement.status(0, "a", status(6, { config: config(6, "a", "c") }), 1), []);
  const orders = placement.nodes(named("b", "a"), 2);
  assertEquals(orders, [{ shard: 0, to: "b", epoch: 7, addresses: ["a"] }]);
});
