/**
 * A graceful rolling restart of five nodes, while a client continuously asks entities on all of
 * them: the number of failed asks, and the latency of the slowest.
 *
 *     deno run -A bench/rolling_restart.ts
 *
 * @module
 */
import { type ActorRef, shardEnvelope } from "@casty/casty";
import { BenchCluster, percentile } from "./sharding/cluster.ts";
import { Counters } from "./sharding/shared.ts";
import { machine } from "./report.ts";

if (import.meta.main) {
  const nodes = 5;
  const askers = 20;
  await using cluster = await BenchCluster.start(nodes);
  const counters = cluster.client.entityRef(Counters);
  const times: number[] = [];
  const failures: string[] = [];
  let asking = true;
  const ask = async (id: string) => {
    const begun = performance.now();
    try {
      await cluster.client.ask(
        counters,
        (replyTo: ActorRef<number>) => shardEnvelope(id, { type: "get" as const, replyTo }),
        { timeout: 5_000 },
      );
      times.push(performance.now() - begun);
    } catch (error) {
      failures.push(`${id} after ${Math.round(performance.now() - begun)} ms: ${error}`);
    }
  };
  const loops = Array.from({ length: askers }, async (_, asker) => {
    for (let n = 0; asking; n++) {
      await ask(`entity-${(asker * 37 + n) % 500}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const begun = performance.now();
  for (let index = 0; index < nodes; index++) {
    await cluster.nodes[index]!.stop();
    await cluster.restart(index);
  }
  const took = performance.now() - begun;
  asking = false;
  await Promise.all(loops);
  console.log(`\n## Rolling restart of ${nodes} nodes under load, mutual TLS, loopback\n`);
  console.log(`${machine()}\n`);
  console.log(`restarts took ${(took / 1_000).toFixed(1)} s; ${times.length} asks were answered,`);
  console.log(`${failures.length} failed; p50 ${percentile(times, 0.5).toFixed(1)} ms,`);
  console.log(
    `p99 ${percentile(times, 0.99).toFixed(1)} ms, longest ${Math.max(...times).toFixed(0)} ms`,
  );
  console.log(`slower than 250 ms: ${times.filter((time) => time > 250).length}`);
  for (const failure of failures.slice(0, 10)) console.log(`  ${failure}`);
}
