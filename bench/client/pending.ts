/**
 * The heap of a client after 100,000 tells to entities without an owner, as JSON. Run with
 * `--v8-flags=--expose-gc`, in its own process.
 */
import { shardEnvelope, silentLogger } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { type BenchMessage, textFor } from "../remote/counter.ts";
import { sharding } from "./cluster.ts";

const tells = 100_000;
const { gc } = globalThis as { gc?: () => void };

function heap(): number {
  gc?.();
  return Deno.memoryUsage().heapUsed;
}

await using client = await ClusterClient.connect({
  // No process listens on this port.
  contactPoints: ["127.0.0.1:1"],
  systemName: "bench",
  lazy: true,
  logger: silentLogger,
});
let lost = 0;
client.eventStream.subscribe("deadLetter", () => lost++);
const counters = client.entityRef<BenchMessage>("counters", sharding);
const measured: Record<string, { heap: number; kept: number }> = {};
for (const [name, ids] of [["one shard", 1], ["all shards", 1_000]] as const) {
  const before = heap();
  const lostBefore = lost;
  for (let n = 0; n < tells; n++) {
    counters.tell(
      shardEnvelope(`entity-${n % ids}`, { type: "count", text: `${n}${textFor(92)}` }),
    );
  }
  measured[name] = { heap: heap() - before, kept: tells - (lost - lostBefore) };
}
console.log(JSON.stringify(measured));
