import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { EntityStore } from "../../lib/sharding/remember/remember_options.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import type { ShardedOptions } from "../../lib/sharding/sharded_behavior.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

type Message = "work" | "stop" | "fail";

const worker = (): Behavior<Message> =>
  Behaviors.receive((_context, message) => {
    if (message === "fail") throw new Error("as asked");
    return message === "stop" ? Behaviors.stopped() : Behaviors.same();
  });

const ids = Array.from({ length: 20 }, (_, index) => `e${String(index).padStart(2, "0")}`);

function deploy(node: ClusteredActorSystem, options: ShardedOptions = {}) {
  const numShards = 16;
  const behavior = Behaviors.sharded(worker, { numShards, rememberEntities: true, ...options });
  return node.spawn(behavior, "workers");
}

const running = (nodes: readonly ClusteredActorSystem[]) =>
  nodes.flatMap((node) => node.sharding.runningEntities("workers")).toSorted();

async function until(cluster: SimulatedCluster, done: () => boolean, what: string): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (done()) return;
    await cluster.clock.advance(100);
  }
  throw new Error(`after 60 s: not ${what}`);
}

Deno.test("remembered entities of a dead node start again without a message, stopped ones do not", async () => {
  const cluster = new SimulatedCluster(31);
  const nodes = await cluster.start(3);
  const refs = nodes.map((node) => deploy(node));
  await cluster.clock.advance(3_000);
  for (const id of ids) refs[0]!.tell(shardEnvelope(id, "work"));
  await until(cluster, () => running(nodes).join() === ids.join(), "all run");
  const victim = nodes[2]!;
  const lost = victim.sharding.runningEntities("workers");
  assert(lost.length >= 2, "the victim has entities");
  refs[0]!.tell(shardEnvelope(lost[0]!, "stop"));
  await cluster.clock.advance(500);
  cluster.network.crash("node-3", { silently: true });
  const others = nodes.slice(0, 2);
  const expected = ids.filter((id) => id !== lost[0]);
  await until(cluster, () => running(others).join() === expected.join(), "all run again");
  await cluster.stop(others);
});

Deno.test("remembered entities of a leaving node start elsewhere in batches", async () => {
  const cluster = new SimulatedCluster("remember-leave");
  const nodes = await cluster.start(2);
  const options = { rememberEntities: { batch: 1, interval: 200 } };
  const refs = nodes.map((node) => deploy(node, options));
  await cluster.clock.advance(3_000);
  for (const id of ids) refs[0]!.tell(shardEnvelope(id, "work"));
  await until(cluster, () => running(nodes).length === ids.length, "all run");
  const [staying, leaving] = nodes;
  const moved = leaving!.sharding.runningEntities("workers").length;
  assert(moved >= 4, "the node that leaves has entities");
  const before = staying!.sharding.runningEntities("workers").length;
  await cluster.stop([leaving!]);
  const since = cluster.clock.now();
  await until(cluster, () => running([staying!]).length > before, "the first runs again");
  await until(cluster, () => running([staying!]).join() === ids.join(), "all run again");
  assert(cluster.clock.now() - since >= 200 * (moved / 2 - 1), "not all at once");
  await cluster.stop([staying!]);
});

Deno.test("a remembered entity restarts after a failure, but not after passivation", async () => {
  const cluster = new SimulatedCluster("remember-fail");
  const [node] = await cluster.start(1);
  const workers = deploy(node!, { passivation: { idle: 5_000 } });
  workers.tell(shardEnvelope("a", "work"));
  await until(cluster, () => running([node!]).join() === "a", "running");
  workers.tell(shardEnvelope("a", "fail"));
  await cluster.clock.advance(50);
  assertEquals(running([node!]), []);
  await cluster.clock.advance(500);
  assertEquals(running([node!]), ["a"]);
  await cluster.clock.advance(10_000);
  assertEquals(running([node!]), []);
  await cluster.stop([node!]);
});

Deno.test("with a store, remembered entities run again after a restart of the whole cluster", async () => {
  const saved = new Map<string, readonly string[]>();
  let failures = 3;
  const rememberEntities: EntityStore = {
    load: (shardType, shard) => {
      if (failures-- > 0) return Promise.reject(new Error("not yet"));
      return Promise.resolve(saved.get(`${shardType}/${shard}`) ?? []);
    },
    save: (shardType, shard, entityIds) => {
      saved.set(`${shardType}/${shard}`, entityIds);
      return Promise.resolve();
    },
  };
  const first = new SimulatedCluster("remember-store");
  const before = await first.start(2);
  const [workers] = before.map((node) => deploy(node, { rememberEntities }));
  for (const id of ids) workers!.tell(shardEnvelope(id, "work"));
  await until(first, () => running(before).length === ids.length, "all run");
  workers!.tell(shardEnvelope("e07", "stop"));
  await first.clock.advance(2_000);
  await first.stop(before);

  const second = new SimulatedCluster("remember-store-again");
  const after = await second.start(2);
  for (const node of after) deploy(node, { rememberEntities });
  const expected = ids.filter((id) => id !== "e07");
  await until(second, () => running(after).join() === expected.join(), "all run again");
  await second.stop(after);
});
