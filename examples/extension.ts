/**
 * Three nodes in this process, without TLS, with an extension that publishes the load of each node.
 *
 *     deno run -A examples/extension.ts
 *
 * @module
 */
import { ClusteredActorSystem } from "@casty/casty";
import { BusyGauge, busyGauge } from "./extension/busy_gauge.ts";

const options = {
  name: "workshop",
  host: "127.0.0.1",
  port: 0,
  extensions: [busyGauge],
  stallDetection: false,
};
await using one = await ClusteredActorSystem.start(options);
const joining = { ...options, seedNodes: [one.address] };
await using two = await ClusteredActorSystem.start(joining);
await using three = await ClusteredActorSystem.start({ ...joining, requiredQuorum: 3 });

const [first, second, third] = [one, two, three].map((node) => node.extension(BusyGauge));
first!.set(3);
second!.set(5);
third!.set(1);
while (first!.leastBusy() !== three.address || second!.jobs.size < 3) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
for (const line of one.cluster.explain("busy")) console.log(line);
console.log(`healthy: ${one.cluster.health.extensions["busy"]?.healthy}`);
console.log(`the next job goes to ${first!.leastBusy() === three.address ? "three" : "another"}`);
