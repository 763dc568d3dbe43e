/**
 * Distributed structures: three nodes and a client share a counter, a map, a queue of jobs and a lock,
 * over mutual TLS, with certificates made on the spot. One of the nodes leaves in between.
 *
 *     deno run -A examples/distributed.ts
 *
 * @module
 */
import { ClusteredActorSystem, silentLogger } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { testCa } from "@casty/casty/cert";

const ca = await testCa();
const start = async (seed?: string) => {
  const node = await ClusteredActorSystem.start({
    name: "workshop",
    host: "127.0.0.1",
    port: 0,
    tls: (await ca.issueNode()).tls,
    logger: silentLogger,
    ...(seed && { seedNodes: [seed] }),
  });
  // Content is kept at two other nodes as well; the same on all nodes.
  node.distributed({ replication: { replicas: 2, minAcks: 1 } });
  return node;
};

const first = await start();
const [second, third] = await Promise.all([start(first.address), start(first.address)]);
await first.waitFor(3);
await using client = await ClusterClient.connect({
  contactPoints: [first.address],
  systemName: "workshop",
  tls: (await ca.issueClient("foreman")).tls,
  logger: silentLogger,
});

const jobs = client.distributed().queue<{ part: string }>("jobs");
for (const part of ["door", "roof", "wheel"]) await jobs.enqueue({ part });
await client.distributed().map<string, number>("prices").set("door", 120);

/** Works until there is nothing to do; an item that is not acknowledged would come back. */
async function work(node: ClusteredActorSystem): Promise<void> {
  const structures = node.distributed();
  const mine = structures.queue<{ part: string }>("jobs");
  for (let job = await mine.reserve(); job !== undefined; job = await mine.reserve()) {
    await using held = await structures.lock("saw").acquire();
    held.lost.throwIfAborted();
    await job.acknowledge();
    await structures.counter("parts").increment();
  }
}

await Promise.all([work(first), work(second), work(third)]);
console.log(`parts: ${await client.distributed().counter("parts").get()}`);

await third.shutdown();
const price = await second.distributed().map<string, number>("prices").get("door");
console.log(`one node has left; parts: ${await second.distributed().counter("parts").get()}`);
console.log(`price of a door: ${price}, jobs left: ${await jobs.size()}`);
console.log(String(second.distributed().lock("saw")));

await client.close();
await Promise.all([first.shutdown(), second.shutdown()]);
