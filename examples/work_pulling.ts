/**
 * Three nodes with workers, and a client with 60 jobs. A worker takes a job when it has asked for one; in
 * the middle a node ends, and others do its jobs.
 *
 * Run: `deno run -A examples/work_pulling.ts`
 */
import { Behaviors, ClusteredActorSystem, ServiceKey } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import {
  consumerController,
  type ConsumerMessage,
  producerController,
} from "@casty/casty/delivery";

type Job = { image: string };
const Resizers = ServiceKey<ConsumerMessage<Job>>("resizers");
const done = new Map<string, string>();

/** Takes two jobs at a time: one that it does, and the next. */
const resizer = (node: string) =>
  consumerController<Job>({
    window: 2,
    onMessage: async (_context, { image }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      done.set(image, node);
    },
  });

const start = async (nodeId: string, seedNodes: string[]) => {
  const node = await ClusteredActorSystem.start({
    name: "images",
    nodeId,
    host: "127.0.0.1",
    port: 0,
    seedNodes,
  });
  node.spawn(Behaviors.discoverable(resizer(nodeId), Resizers), "resizer");
  return node;
};
await using first = await start("node-1", []);
await using second = await start("node-2", [first.address]);
const third = await start("node-3", [first.address]);
await first.waitFor(3);

await using client = await ClusterClient.connect({
  contactPoints: [first.address, second.address],
  systemName: "images",
});
const producer = client.spawn(producerController<Job>({ workers: Resizers }), "jobs");
const jobs = Array.from({ length: 60 }, (_, at) =>
  client.askStatus(producer, (confirmedTo) => ({
    type: "deliver",
    message: { image: `${at}.png` },
    confirmedTo,
  }), { timeout: 60_000 }));
await Promise.all(jobs.slice(0, 20));
console.log("20 jobs are done; node-3 leaves");
await Promise.all([third.shutdown(), ...jobs]);

for (const node of ["node-1", "node-2", "node-3"]) {
  console.log(node, "has done", [...done.values()].filter((each) => each === node).length, "jobs");
}
console.log(done.size === 60 ? "all 60 jobs are done" : `only ${done.size} jobs are done`);
if (done.size !== 60) Deno.exit(1);
