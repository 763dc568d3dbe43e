/**
 * A node is killed by SIGKILL: the time until asks to its entities succeed again.
 *
 *     deno run -A bench/owner_kill.ts [--runs=20]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type ActorRef, shardEnvelope } from "@casty/casty";
import { BenchCluster, percentile } from "./sharding/cluster.ts";
import { Counters } from "./sharding/shared.ts";
import { machine } from "./report.ts";

const ids = Array.from({ length: 64 }, (_, index) => `entity-${index}`);

if (import.meta.main) {
  const { runs } = parseArgs([...Deno.args], { string: ["runs"], default: { runs: "20" } });
  const nodes = 4;
  await using cluster = await BenchCluster.start(nodes);
  const counters = cluster.client.entityRef(Counters);
  const ask = (id: string, timeout: number) =>
    cluster.client.ask(
      counters,
      (replyTo: ActorRef<number>) => shardEnvelope(id, { type: "get" as const, replyTo }),
      { timeout },
    );
  const times: number[] = [];
  for (let run = 0; run < Number(runs); run++) {
    const victim = 1 + run % (nodes - 1);
    await Promise.all(ids.map((id) => ask(id, 30_000)));
    const { address } = cluster.nodes[victim]!;
    const begun = performance.now();
    await cluster.nodes[victim]!.kill();
    await Promise.all(ids.map((id) => untilAnswered(() => ask(id, 500))));
    times.push(performance.now() - begun);
    console.error(`run ${run + 1}: ${address}, ${Math.round(times.at(-1)!)} ms`);
    await cluster.restart(victim);
  }
  console.log(`\n## kill -9 of an owner: until asks to all its entities succeed again\n`);
  console.log(`${machine()}\n`);
  console.log(
    `${times.length} runs, ${nodes} nodes over mutual TLS: p50 ${
      Math.round(percentile(times, 0.5))
    } ms, p99 ${Math.round(percentile(times, 0.99))} ms`,
  );
}

async function untilAnswered(ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
