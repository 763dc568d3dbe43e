import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ClientContext } from "../../lib/client/client_extension.ts";
import { ClientSharding } from "../../lib/client/client_sharding.ts";
import { clientShardsPath } from "../../lib/sharding/routing/protocol.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { shardTablePath } from "../../lib/sharding/routing/shard_table_push.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

const shard = shardOf("x", 10);

/** Sharding of a client that is connected to all nodes, whose incarnations the test sets. */
async function scene(
  run: (parts: {
    readonly sharding: ClientSharding;
    readonly incarnations: Map<string, number>;
    readonly clock: ManualClock;
    readonly owner: () => string | undefined;
    readonly tell: (message: string) => void;
    /** Takes the deliveries that were sent, as `"<to> <message>"`. */
    readonly sent: () => string[];
    readonly location: (owner: string, epoch: number, incarnation: number) => void;
    readonly table: (owner: string, epoch: number, incarnation: number) => void;
    readonly undelivered: (to: string, value: unknown) => boolean;
    /** A message about entities that a node has sent. */
    readonly receive: (message: Record<string, unknown>) => void;
    /** Dead letters, as `"<reason> <target> <message>"`. */
    readonly lost: readonly string[];
  }) => void,
): Promise<void> {
  const clock = new ManualClock();
  const system = new ActorSystem({ name: "client" });
  const incarnations = new Map([["a", 1], ["b", 1]]);
  const handlers = new Map<string, (from: string, message: unknown) => void>();
  let undelivered: (to: string, value: unknown, path: string) => boolean = () => false;
  const deliveries: string[] = [];
  const lost: string[] = [];
  const client = {
    address: "client:1",
    system,
    runtime: { ...system.runtime, clock },
    members: () => [],
    contacts: () => ["a"],
    leader: () => "a",
    isPresent: (address) => incarnations.has(address),
    isUsable: (address) => incarnations.has(address),
    incarnationOf: (address) => incarnations.get(address) ?? 0,
    handle: (path, handler) => void handlers.set(path, handler),
    handleUndelivered: (_prefix, handler) => {
      undelivered = handler;
    },
    reserve: () => {},
    resolveRefs: () => {},
    handleMissing: () => {},
    send: (to, path, message) => {
      if (path === "/_region-lists") deliveries.push(`${to} ${(message as unknown[])[1]}`);
    },
    deadLetter: (reason, target, message) => void lost.push(`${reason} ${target} ${message}`),
  } satisfies ClientContext;
  const sharding = new ClientSharding();
  sharding.install(client);
  const lists = sharding.ref<string>("lists", 10);
  const about = { shardType: "lists", shard };
  await run({
    sharding,
    incarnations,
    clock,
    owner: () => sharding.shardOwner("lists", "x"),
    tell: (message) => lists.tell(shardEnvelope("x", message)),
    sent: () => deliveries.splice(0),
    location: (owner, epoch, incarnation) => {
      const message = { type: "location", ...about, owner, epoch, incarnation };
      handlers.get(clientShardsPath)!("a", message);
    },
    table: (owner, epoch, incarnation) => {
      const [owners, shards] = [[owner], [[shard, 0, epoch]]];
      const push = { numShards: 10, version: epoch, owners, incarnations: [incarnation], shards };
      handlers.get(shardTablePath)!("a", { shardType: "lists", ...push });
    },
    undelivered: (to, value) => undelivered(to, value, "/_region-lists"),
    receive: (message) => handlers.get(clientShardsPath)!("a", message),
    lost,
  });
  await system.shutdown();
}

Deno.test("a client does not take a restarted node for the owner of what it owned before", async () => {
  await scene(({ sharding, incarnations, owner, tell, sent, location, table }) => {
    location("a", 5, 1);
    assertEquals(owner(), "a");
    // The node is connected again before a topology has said that it has restarted.
    incarnations.set("a", 2);
    sharding.onNodeGone("a");
    sharding.onNodesChanged();
    assertEquals(owner(), undefined);
    tell("one");
    // Of nodes that have not heard of it yet.
    location("a", 5, 1);
    table("a", 6, 1);
    assertEquals([owner(), sent()], [undefined, []]);
    table("a", 7, 2);
    assertEquals([owner(), sent()], ["a", ["a one"]]);
  });
});

Deno.test("what comes back for a type that a client does not know is a dead letter", async () => {
  await scene(({ receive, lost }) => {
    const about = { shardType: "carts", shard, epoch: 5, entityId: "x" };
    receive({ type: "returned", ...about, owner: "b", incarnation: 1, message: "one" });
    receive({ type: "noRegion", ...about, message: "two" });
    assertEquals(lost, [
      "noShardOwner /_region-carts/x one",
      "noShardOwner /_region-carts/x two",
    ]);
  });
});

Deno.test("a client goes back to no earlier grant, unless the cluster is another", async () => {
  await scene(async ({ sharding, incarnations, clock, owner, location }) => {
    location("b", 9, 1);
    incarnations.delete("b");
    sharding.onNodeGone("b");
    sharding.onNodesChanged();
    location("a", 8, 1);
    assertEquals(owner(), undefined);
    await clock.advance(9_000);
    location("a", 8, 1);
    assertEquals(owner(), undefined);
    incarnations.set("a", 2);
    sharding.onNodeGone("a");
    sharding.onClusterReplaced();
    location("a", 1, 2);
    assertEquals(owner(), "a");
  });
});

Deno.test("a client sends what was not read to the next owner, in order", async () => {
  await scene(({ owner, tell, sent, location, undelivered }) => {
    location("a", 5, 1);
    tell("one");
    tell("two");
    assertEquals(sent(), ["a one", "a two"]);
    assertEquals([undelivered("a", ["x", "one", 5]), undelivered("a", ["x", "two", 5])], [
      true,
      true,
    ]);
    tell("three");
    assertEquals([owner(), sent()], [undefined, []]);
    location("b", 6, 1);
    assertEquals(sent(), ["b one", "b two", "b three"]);
  });
});
