/**
 * A graceful rolling restart of five nodes, while a client asks entities on all of them 200 times a
 * second, at several paces. Exits with 1 if a target is missed.
 *
 *     deno run -A bench/rolling_restart.ts [--paces=0,0.2,1,5]
 *
 * A pace is the least number of seconds from the stop of one node to that of the next; a node is
 * stopped only when the one before it is up again.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type ActorRef, shardEnvelope } from "@casty/casty";
import { AskLoad, failureLines, rollingFigures, untilAllAnswer } from "./ownership/asks.ts";
import { report } from "./ownership/figures.ts";
import { BenchCluster } from "./sharding/cluster.ts";
import { Counters } from "./sharding/shared.ts";
import { loadAverage, machine } from "./report.ts";

const nodes = 5;
const rate = 200;
const ids = Array.from({ length: 200 }, (_, index) => `entity-${index}`);
/** Milliseconds of load before the first stop and after the last start. */
const margin = 2_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** One restart of all nodes. Returns whether all targets are met. */
async function restart(cluster: BenchCluster, pace: number): Promise<boolean> {
  const counters = cluster.client.entityRef(Counters);
  const ask = (id: string) =>
    cluster.client.ask(
      counters,
      (replyTo: ActorRef<string>) => shardEnvelope(id, { type: "instance" as const, replyTo }),
      { timeout: 5_000 },
    );
  await untilAllAnswer(ids, ask);
  const load = new AskLoad(ids, rate, ask);
  await pause(margin);
  const begun = performance.now();
  for (let index = 0; index < nodes; index++) {
    const stopped = performance.now();
    await cluster.nodes[index]!.stop();
    await cluster.restart(index);
    await pause(Math.max(0, pace * 1_000 - (performance.now() - stopped)));
  }
  const took = performance.now() - begun;
  await pause(margin);
  const samples = await load.stop();
  console.log(`\npace ${pace} s: the restarts took ${(took / 1_000).toFixed(1)} s`);
  for (const line of failureLines(samples)) console.log(line);
  return report([...rollingFigures(samples), load.lateness()], (line) => console.log(line));
}

if (import.meta.main) {
  const { paces } = parseArgs([...Deno.args], {
    string: ["paces"],
    default: { paces: "0,0.2,1,5" },
  });
  console.log(`\n## Rolling restart of ${nodes} nodes at ${rate} asks/s, mutual TLS, loopback\n`);
  console.log(`${machine()}; ${loadAverage()}`);
  let holds = true;
  {
    await using cluster = await BenchCluster.start(nodes);
    for (const pace of String(paces).split(",").map(Number)) {
      holds = await restart(cluster, pace) && holds;
    }
  }
  Deno.exit(holds ? 0 : 1);
}
