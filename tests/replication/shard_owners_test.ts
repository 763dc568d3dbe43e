import { assertEquals } from "@std/assert";
import type { ShardStatus } from "../../lib/replication/control_form.ts";
import { OwnerReports } from "../../lib/replication/owner_reports.ts";
import type { PromiseEpochMessage } from "../../lib/replication/replication_protocol.ts";
import { grantsOf, ShardOwners } from "../../lib/replication/shard_owners.ts";
import type { ShardGrant } from "../../lib/sharding/routing/shard_grant.ts";

const promise = (epoch: number): PromiseEpochMessage => ({
  type: "promiseEpoch",
  epoch,
  bootstrap: { stores: [], closed: false },
});

Deno.test("a copy waits for the coordinator's word before it obeys a new owner", () => {
  const owners = new ShardOwners();
  assertEquals(owners.judge(1, "a:1", 5, 3), "unknown");
  owners.hold(1, "x:1", promise(5), 0);
  owners.hold(1, "a:1", promise(5), 0);
  assertEquals(owners.told(1, { owner: "a:1", epoch: 5 }), [{ from: "a:1", message: promise(5) }]);
  assertEquals(owners.judge(1, "a:1", 5, 3), "owner");
  assertEquals(owners.judge(1, "x:1", 5, 3), "other");
  assertEquals(owners.judge(1, "x:1", 4, 3), "other");
  assertEquals(owners.judge(1, "x:1", 6, 3), "unknown");
  // A replaced owner is let through: the copy refuses it, and so it learns that it is one.
  assertEquals(owners.judge(1, "x:1", 4, 5), "owner");
});

Deno.test("what the coordinator says late takes nothing back", () => {
  const owners = new ShardOwners();
  owners.told(1, { owner: "a:1", epoch: 5 });
  owners.told(1, { owner: "b:1", epoch: 4 });
  assertEquals(owners.judge(1, "a:1", 5, 5), "owner");
});

Deno.test("the coordinator is asked again about what waits still, and no more often", () => {
  const owners = new ShardOwners();
  assertEquals(owners.shallAsk(1, 0), true);
  for (let sender = 0; sender < 100; sender++) owners.hold(1, `x${sender}:1`, promise(5), 0);
  // A grant may follow another one at once.
  assertEquals(owners.shallAsk(1, 10), true);
  assertEquals(owners.unanswered(20), [1]);
  assertEquals(owners.shallAsk(1, 50), false);
  assertEquals(owners.unanswered(50), []);
  assertEquals(owners.unanswered(100), [1]);
  // Its sender repeats a promise that has waited for too long.
  assertEquals(owners.unanswered(1_200), []);
});

Deno.test("the coordinator tells only of shards that have an owner", () => {
  const grant = { owner: "a:1", epoch: 5 };
  assertEquals(grantsOf([1, 2, 1], (shard) => shard === 1 ? grant : undefined), [[1, 5, "a:1"]]);
});

Deno.test("a report of an owner waits until the coordinator knows of its grant", () => {
  const grants = new Map<number, ShardGrant>([[1, { owner: "a:1", epoch: 5 }]]);
  const reports = new OwnerReports((shard) => grants.get(shard));
  const status = (epoch: number): ShardStatus => ({
    shard: 1,
    epoch,
    phase: "open",
    replicas: [],
    lagging: [],
  });
  assertEquals(reports.take("a:1", status(5), 0), true);
  assertEquals(reports.take("x:1", status(5), 0), false);
  assertEquals(reports.take("b:1", status(7), 0), false);
  assertEquals(reports.take("x:1", status(7), 0), false);
  assertEquals(reports.ready(100), []);
  grants.set(1, { owner: "b:1", epoch: 7 });
  assertEquals(reports.ready(200).map(({ from }) => from), ["b:1"]);
  assertEquals(reports.ready(300), []);
});

Deno.test("a report whose grant nobody knows is forgotten", () => {
  const reports = new OwnerReports(() => undefined);
  const status = { shard: 1, epoch: 5, phase: "open", replicas: [], lagging: [] } as const;
  reports.take("a:1", status, 0);
  assertEquals(reports.ready(6_000), []);
  assertEquals(reports.isOwner(1, "a:1", 5), undefined);
});
