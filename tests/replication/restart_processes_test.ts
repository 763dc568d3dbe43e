import { assert, assertEquals } from "@std/assert";
import { AcknowledgedWrites } from "../../bench/replication/acknowledged_writes.ts";
import { Ledgers } from "../../bench/replication/entities.ts";
import { ReplicatedCluster } from "../../bench/replication/replicated_cluster.ts";

const writers = 16;
const limit = 60_000;

/** All copies of all shards are in sync. */
const settled = (cluster: ReplicatedCluster) => cluster.settled(Ledgers.name, Ledgers.numShards);

async function checkAll(writes: AcknowledgedWrites): Promise<void> {
  await writes.stop();
  const { read, faults } = await writes.check();
  assertEquals(faults, []);
  assertEquals(read, writes.acknowledged);
}

Deno.test("a rolling restart of four processes under writes loses nothing, and fails no ask", async () => {
  await using cluster = await ReplicatedCluster.start({ nodes: 4, store: "memory" });
  await settled(cluster);
  await using client = await cluster.connect();
  // An ask waits for its shard while that is in motion.
  const writes = new AcknowledgedWrites(client, writers, 10, { timeout: 30_000 });
  writes.start();
  await writes.untilAllWrite(limit);
  for (const [index, node] of cluster.nodes.entries()) {
    const before = writes.acknowledged;
    assertEquals(await node.stop(), 0);
    await cluster.start(index).ready;
    await settled(cluster);
    assert(writes.acknowledged > before);
  }
  await writes.untilAllWrite(limit);
  await checkAll(writes);
  assertEquals([...writes.failures], []);
});

Deno.test("all processes are stopped under writes, and start again with what their files have", async () => {
  await using cluster = await ReplicatedCluster.start({ nodes: 3, store: "sqlite" });
  await settled(cluster);
  await using client = await cluster.connect();
  const writes = new AcknowledgedWrites(client, writers, 10);
  writes.start();
  await writes.untilAllWrite(limit);
  assertEquals(await Promise.all(cluster.nodes.map((node) => node.stop())), [0, 0, 0]);
  await Promise.all(cluster.nodes.map((_, index) => cluster.start(index, 3).ready));
  await settled(cluster);
  await writes.untilAllWrite(limit);
  await checkAll(writes);
});
