import { assert, assertEquals } from "@std/assert";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { rateLimit, rateLimiters } from "../../lib/delivery/mod.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const type = "casty-rate-limits";

Deno.test("a limiter that moves in order goes on at once, and still keeps its limit", async () => {
  const cluster = new SimulatedCluster(4);
  const { clock } = cluster;
  const nodes: ClusteredActorSystem[] = [...await cluster.start(4)];
  for (const node of nodes) node.spawn(rateLimiters());
  await clock.advance(10_000);
  const owner = () => nodes.find((node) => node.sharding.runningEntities(type).includes("key"));
  const limit = (node: ClusteredActorSystem) =>
    rateLimit(node, { key: "key", perSecond: 5, concurrency: 3, wait: 1_300 });
  const asker = nodes.at(-1)!;
  const starts: number[] = [];
  const run = () => limit(asker).run(() => void starts.push(clock.now()));
  await clock.resolve(run().catch(() => {}));
  await clock.advance(10_000);

  let moves = 0;
  for (let count = 0; count < 2; count++) {
    const left = owner()!;
    if (left === asker) break;
    // All of the second is used by the limiter that ends.
    const firsts = await clock.resolve(Promise.allSettled(Array.from({ length: 5 }, run)));
    assertEquals(firsts.filter(({ status }) => status === "fulfilled").length, 5);
    await clock.resolve(left.shutdown());
    nodes.splice(nodes.indexOf(left), 1);
    const ended = clock.now();
    // Not the 2 to 5 s after a crash: only what the limit itself says.
    await clock.resolve(run());
    assert(clock.now() - ended <= 1_300, `${clock.now() - ended} ms`);
    assert(owner() !== undefined && owner() !== left);
    moves++;
    await clock.advance(5_000);
  }
  assert(moves > 0);
  for (let at = 5; at < starts.length; at++) assert(starts[at]! - starts[at - 5]! >= 1_000);
  await cluster.stop(nodes);
});

Deno.test("an orderly move costs less than the budget of a second, and adds nothing to it", async () => {
  const cluster = new SimulatedCluster(5);
  const { clock } = cluster;
  const perSecond = 5;
  const nodes: ClusteredActorSystem[] = [...await cluster.start(5)];
  for (const node of nodes) node.spawn(rateLimiters());
  await clock.advance(10_000);
  const owner = () => nodes.find((node) => node.sharding.runningEntities(type).includes("busy"));
  await clock.resolve(
    rateLimit(nodes[0]!, { key: "busy", perSecond, wait: 5_000 }).run(() => {}),
  );
  const asker = nodes.findLast((node) => node !== owner())!;
  const starts: number[] = [];
  const busy = rateLimit(asker, { key: "busy", perSecond, wait: 30_000 });
  let isOver = false;
  const worker = async () => {
    while (!isOver) await busy.run(() => void starts.push(clock.now())).catch(() => {});
  };
  const workers = Array.from({ length: 8 }, worker);
  await clock.advance(10_000);
  const begin = clock.now();
  let moves = 0;
  for (let count = 0; count < 3 && owner() !== asker; count++) {
    const left = owner()!;
    await clock.resolve(left.shutdown());
    nodes.splice(nodes.indexOf(left), 1);
    moves++;
    await clock.advance(4_000);
    assert(owner() !== undefined && owner() !== left);
  }
  const span = clock.now() - begin;
  isOver = true;
  await clock.advance(2_000);
  await clock.resolve(Promise.all(workers));
  assert(moves > 0);
  for (let at = perSecond; at < starts.length; at++) {
    assert(starts[at]! - starts[at - perSecond]! >= 1_000);
  }
  // Holders try again a little later than they have to: by up to a fifth of what they are told to wait.
  const count = starts.filter((at) => at >= begin && at < begin + span).length;
  const least = perSecond * Math.floor(span / 1_250) - perSecond * moves;
  assert(count >= least, `${count} starts in ${span} ms with ${moves} moves, and not ${least}`);
  await cluster.stop(nodes);
});

Deno.test("a limiter of the last node tells nobody what it knows, and no letter is dead", async () => {
  const cluster = new SimulatedCluster(6);
  const { clock } = cluster;
  const [node] = await cluster.start(1);
  node!.spawn(rateLimiters());
  await clock.advance(3_000);
  await clock.resolve(rateLimit(node!, { key: "key", perSecond: 5, wait: 5_000 }).run(() => {}));
  const lost: string[] = [];
  node!.eventStream.subscribe<DeadLetter>("deadLetter", ({ target }) => void lost.push(target));
  await cluster.stop([node!]);
  assertEquals(lost, []);
});

Deno.test("a client cannot say what a limiter knew", async () => {
  const cluster = new SimulatedCluster(1);
  const { clock } = cluster;
  const nodes = await cluster.start(1);
  nodes[0]!.spawn(rateLimiters());
  const runtime = cluster.runtime("client");
  const client = await clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const lost: string[] = [];
  nodes[0]!.eventStream.subscribe<DeadLetter>(
    "deadLetter",
    ({ reason }) => void lost.push(reason),
  );
  const state = { known: 100_000, uses: [], open: [], slots: [] };
  const limiter = client.entityRef<unknown>(type, { numShards: 64 }).entity("key");
  limiter.tell({ type: "limitHandOver", epoch: 1, state });
  await clock.advance(1_000);
  assertEquals(lost, ["unauthorized"]);
  // What clients may do they do still.
  await clock.advance(10_000);
  const ran = rateLimit(client, { key: "key", perSecond: 5, wait: 3_000 }).run(() => 7);
  assertEquals(await clock.resolve(ran), 7);
  await clock.resolve(client.close());
  await cluster.stop(nodes);
});
