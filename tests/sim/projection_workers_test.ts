import { assert, assertEquals } from "@std/assert";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { memoryJournal, memoryProjectionStore, projection } from "../../lib/persistence/mod.ts";
import { EventWriter } from "../persistence/event_writer.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("workers run once, evenly on the nodes, move when a node dies, and are controlled from any", async () => {
  const cluster = new SimulatedCluster("projection workers");
  const nodes = await cluster.start(3);
  const journal = memoryJournal();
  const store = memoryProjectionStore();
  const totals = new Map<string, number>();
  const handledBy = new Set<string>();
  const start = (node: ClusteredActorSystem) =>
    projection<number>({
      name: "totals",
      journal,
      workers: 6,
      store,
      handle: ({ id, event }) => {
        handledBy.add(node.address);
        totals.set(id, (totals.get(id) ?? 0) + event);
      },
    }).start(node);
  const [first, , third] = nodes.map(start);
  const running = () =>
    nodes.map((node) => node.sharding.runningEntities("_workers-projection-totals-6").length);
  await cluster.clock.runUntil(() => running().join() === "2,2,2", 60_000);

  const explained = () => nodes[0]!.cluster.explain("singleton").join("\n");
  const line = 'worker 5 of "projection-totals-6" runs at node-';
  await cluster.clock.runUntil(() => explained().includes(line), 5_000);
  const writer = new EventWriter(journal);
  const ids = Array.from({ length: 60 }, (_, n) => `account|${n}`);
  const write = async () => {
    for (const id of ids) await writer.write(id, [1, 1]);
  };
  const sum = () => [...totals.values()].reduce((a, b) => a + b, 0);
  await write();
  await cluster.clock.runUntil(() => sum() === 120, 5_000);
  assertEquals(handledBy.size, 3);
  // What is handled counts when it is saved.
  await cluster.clock.advance(100);
  const status = await cluster.clock.resolve(third!.status());
  assertEquals([status.handled, status.workers.length], [120, 6]);

  // Without a message of anybody, its workers start at the others.
  await cluster.stop([nodes.pop()!]);
  await write();
  await cluster.clock.runUntil(() => sum() === 240, 30_000);
  await cluster.clock.runUntil(() => running().join() === "3,3", 60_000);

  await cluster.clock.resolve(first!.pause());
  await write();
  await cluster.clock.advance(5_000);
  assertEquals(sum(), 240);
  await cluster.clock.resolve(first!.resume());
  await cluster.clock.runUntil(() => sum() === 360, 5_000);
  for (const id of ids) assertEquals(totals.get(id), 6);
  await cluster.stop(nodes);
});

Deno.test("nodes with another number of workers go on where the others are", async () => {
  const cluster = new SimulatedCluster("another number of workers");
  const nodes = await cluster.start(2);
  const journal = memoryJournal();
  const store = memoryProjectionStore();
  const seen = new Map<string, number>();
  const start = (node: ClusteredActorSystem, workers: number) =>
    projection<number>({
      name: "totals",
      journal,
      workers,
      store,
      backoff: { min: 50, max: 500 },
      handle: ({ id, seq }) => void seen.set(`${id} ${seq}`, 1 + (seen.get(`${id} ${seq}`) ?? 0)),
    }).start(node);
  start(nodes[0]!, 3);
  const writer = new EventWriter(journal);
  const ids = Array.from({ length: 40 }, (_, n) => `account|${n}`);
  for (const id of ids) await writer.write(id, [1]);
  await cluster.clock.runUntil(() => seen.size === 40, 60_000);
  // A rolling upgrade: both run for a while.
  start(nodes[1]!, 4);
  for (let round = 0; round < 5; round++) {
    for (const id of ids) await writer.write(id, [1]);
    await cluster.clock.advance(2_000);
  }
  await cluster.stop([nodes[0]!]);
  for (const id of ids) await writer.write(id, [1]);
  await cluster.clock.runUntil(() => seen.size === 280, 120_000);
  const once = [...seen.values()].filter((times) => times === 1).length;
  assert(once > 40, `${once} of 280 came once`);
  await cluster.stop([nodes[1]!]);
});
