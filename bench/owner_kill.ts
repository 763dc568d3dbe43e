/**
 * Owners are killed by SIGKILL, one or two at once: the time until asks to all their entities
 * succeed again, and what asks at 200 a second see meanwhile. Exits with 1 if a target is missed.
 *
 *     deno run -A bench/owner_kill.ts [--runs=20] [--victims=1,2]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type ActorRef, shardEnvelope } from "@casty/casty";
import {
  AskLoad,
  type AskSample,
  byMotion,
  classFigures,
  untilAllAnswer,
} from "./ownership/asks.ts";
import { failureLines } from "./ownership/asks.ts";
import { type Figure, percentile, report, type Target } from "./ownership/figures.ts";
import { targets } from "./ownership/targets.ts";
import { BenchCluster } from "./sharding/cluster.ts";
import { Counters } from "./sharding/shared.ts";
import { loadAverage, machine } from "./report.ts";

const ids = Array.from({ length: 64 }, (_, index) => `entity-${index}`);
const nodes = 5;
const rate = 200;
/** Milliseconds before a kill, in which the threads of restarted nodes start and become known. */
const settle = 3_000;
/** Milliseconds of load before a kill and after the recovery. */
const margin = 1_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function asker(cluster: BenchCluster, timeout: number): (id: string) => Promise<string> {
  const counters = cluster.client.entityRef(Counters);
  return (id) =>
    cluster.client.ask(
      counters,
      (replyTo: ActorRef<string>) => shardEnvelope(id, { type: "instance" as const, replyTo }),
      { timeout },
    );
}

/** Kills so many nodes at once, `runs` times. Returns the figures. */
async function killing(cluster: BenchCluster, count: number, runs: number): Promise<Figure[]> {
  const times: number[] = [];
  const samples: AskSample[] = [];
  const still: AskSample[] = [];
  const moving: AskSample[] = [];
  const late: Figure[] = [];
  for (let run = 0; run < runs; run++) {
    const victims = Array.from({ length: count }, (_, n) => (run + 2 * n) % nodes);
    await untilAllAnswer(ids, asker(cluster, 30_000));
    await pause(settle);
    const load = new AskLoad(ids, rate, asker(cluster, 5_000));
    await pause(margin);
    const begun = performance.now();
    await Promise.all(victims.map((victim) => cluster.nodes[victim]!.kill()));
    await untilAllAnswer(ids, asker(cluster, 500));
    times.push(performance.now() - begun);
    const names = victims.map((victim) => cluster.nodes[victim]!.address).join(" and ");
    console.error(`run ${run + 1}: ${names}, ${Math.round(times.at(-1)!)} ms`);
    await pause(margin);
    const ofRun = await load.stop();
    late.push(load.lateness());
    const classes = byMotion(ofRun);
    samples.push(...ofRun);
    still.push(...classes.still);
    moving.push(...classes.moving);
    await Promise.all(victims.map((victim) => cluster.restart(victim)));
  }
  for (const line of failureLines(samples)) console.log(line);
  const { p50, p99 } = targets.ownerKill;
  const { still: ofStill, failed } = targets.rollingRestart;
  const until = (name: string, part: number, target: Target): Figure => ({
    name: `until all entities answer: ${name} of ${times.length} runs`,
    value: percentile(times, part),
    unit: "ms",
    target,
  });
  const lost = still.filter(({ failure }) => failure !== undefined).length;
  return [
    until("p50", 0.5, p50),
    until("p99", 0.99, p99),
    { name: "asks of running owners lost", value: lost, target: failed },
    ...classFigures("entity of a running owner", still, { p999: ofStill.p999 }),
    ...classFigures("entity of a killed owner", moving),
    late.reduce((worst, one) => one.value > worst.value ? one : worst),
  ];
}

if (import.meta.main) {
  const given = parseArgs([...Deno.args], {
    string: ["runs", "victims"],
    default: { runs: "20", victims: "1,2" },
  });
  let holds = true;
  {
    await using cluster = await BenchCluster.start(nodes);
    for (const count of String(given.victims).split(",").map(Number)) {
      console.log(`\n## kill -9 of ${count} of ${nodes} owners, mutual TLS, loopback\n`);
      console.log(`${machine()}; ${loadAverage()}; ${rate} asks/s\n`);
      const figures = await killing(cluster, count, Number(given.runs));
      holds = report(figures, (line) => console.log(line)) && holds;
    }
  }
  Deno.exit(holds ? 0 : 1);
}
