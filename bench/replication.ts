/**
 * Replicated shards in three processes over mutual TLS on loopback, two replicas, `minAcks` 1: acknowledged
 * writes a second of 64 entities, latency beside a plain remote ask, failover, and what a back-fill does to
 * heartbeats and asks; beside Erlang's mnesia and PostgreSQL with a synchronous standby, where they are
 * installed.
 *
 *     deno task bench:replication [memory] [sqlite] [failover] [fill] [mnesia] [postgres]
 *
 * Exits with 1 if a target is missed, or if what was acknowledged is not there at the end.
 *
 * @module
 */
import { percentile } from "./ownership/figures.ts";
import { Counters } from "./replication/entities.ts";
import { faultsOf, runKills } from "./replication/kills.ts";
import { backFills, ids, latencies, sumOfCounters, throughput } from "./replication/measures.ts";
import { mnesiaFigures, mnesiaMissing } from "./replication/mnesia.ts";
import { standbyFigures, standbyMissing } from "./replication/postgres_standby.ts";
import { ReplicatedCluster } from "./replication/replicated_cluster.ts";
import { loadAverage, machine } from "./report.ts";

const nodes = 3;
const seconds = 4;
const kills = 5;
/** Enough that the start of the node is a small part of a back-fill. */
const fillMegabytes = 60;
const fillRounds = 3;

let failed = 0;
function row(what: string, value: string, target?: { text: string; holds: boolean }): void {
  if (target?.holds === false) failed++;
  const verdict = target === undefined ? "" : `${target.text} ${target.holds ? "holds" : "MISSED"}`;
  console.log(`| ${what.padEnd(66)} | ${value.padStart(20)} | ${verdict.padEnd(28)} |`);
}
const perSecond = (rate: number) => `${Math.round(rate).toLocaleString("en")}/s`;
const ms = (...values: number[]) => `${values.map((value) => value.toFixed(2)).join(" / ")} ms`;
const atMost = (text: string, holds: boolean) => ({ text, holds });

function premise(holds: boolean, text: string): void {
  if (!holds) throw new Error(`the run shows nothing: ${text}`);
}

/** Writes a second, and latencies. */
async function writes(store: "memory" | "sqlite"): Promise<void> {
  await using cluster = await ReplicatedCluster.start({ nodes, store });
  await cluster.settled(Counters.name, Counters.numShards);
  let answered = 0;
  const alone = await latencies(cluster, 7);
  answered += alone.answered;
  row(`${store}: one write at its owner, p50 / p99`, ms(alone.write.p50, alone.write.p99));
  row(`${store}: one ask to another node, p50 / p99`, ms(alone.ask.p50, alone.ask.p99));
  const slower = alone.write.p50 / alone.ask.p50;
  row(
    `${store}:   the write beside the ask, p50`,
    `${slower.toFixed(2)} times`,
    // A disk is no part of an ask.
    store === "memory" ? atMost("within 2 times", slower <= 2) : undefined,
  );
  for (const depth of [1, 16, 64]) {
    const figures = await throughput(cluster, depth, seconds);
    premise(figures.counters === ids.length, `${figures.counters} counters have written`);
    answered += figures.answered;
    row(
      `${store}: 64 entities, ${depth} writes at a time each`,
      perSecond(figures.perSecond),
      depth === 64 && store === "memory"
        ? atMost("at least 60,000/s", figures.perSecond >= 60_000)
        : undefined,
    );
    row(`${store}:   p50 / p99`, ms(figures.p50, figures.p99));
  }
  const stored = await sumOfCounters(cluster);
  premise(stored === answered, `${answered} writes were acknowledged, ${stored} are there`);
  row(`${store}: acknowledged, and found afterwards`, `${answered} / ${stored}`);
}

async function failover(store: "memory" | "sqlite"): Promise<void> {
  const run = await runKills({ store, kills, only: "one" });
  const faults = faultsOf(run, kills);
  premise(faults.length === 0, faults.join("; "));
  const longest = percentile(run.recoveries, 1);
  row(
    `${store}: kill -9 of one of five until all write, median / longest of ${kills}`,
    ms(percentile(run.recoveries, 0.5), longest),
  );
}

async function fill(): Promise<void> {
  await using cluster = await ReplicatedCluster.start({ nodes, store: "memory" });
  await cluster.settled(Counters.name, Counters.numShards);
  const rounds = backFills(cluster, { megabytes: fillMegabytes, rounds: fillRounds });
  for await (const { restarted, megabytes, idle, filling, fills, seconds } of rounds) {
    premise(fills > 0, "no copy was being filled");
    premise(filling.samples > 50, `only ${filling.samples} pings during the back-fill`);
    row(`back-fill of ${megabytes.toFixed(0)} MB`, `${seconds.toFixed(1)} s`);
    row(
      "  heartbeats, p99: at rest / after a restart without data / meanwhile",
      ms(idle.pings, restarted.pings, filling.pings),
      atMost("below 30 ms", filling.pings < 30),
    );
    row(
      `  asks to other nodes, p99: the same, ${(filling.asks / idle.asks).toFixed(1)} times`,
      ms(idle.asks, restarted.asks, filling.asks),
      atMost("at most doubled", filling.asks <= 2 * idle.asks),
    );
    row("  asks to shards that move, p99: the same", ms(idle.moved, filling.moved));
  }
}

if (import.meta.main) {
  console.log(`\n## Replication\n\n${machine()}; ${loadAverage()}\n`);
  row("figure", "measured");
  row("---", "---:");
  const isWanted = (part: string) => Deno.args.length === 0 || Deno.args.includes(part);
  for (const store of ["memory", "sqlite"] as const) {
    if (isWanted(store)) await writes(store);
    if (isWanted("failover")) await failover(store);
  }
  if (isWanted("fill")) await fill();
  const rivals = [
    { part: "mnesia", missing: mnesiaMissing, figures: mnesiaFigures },
    { part: "postgres", missing: standbyMissing, figures: standbyFigures },
  ];
  for (const { part, missing, figures } of rivals) {
    if (!isWanted(part)) continue;
    if (missing !== undefined) console.log(`${part} was left out: ${missing}`);
    else {
      for (const { name, rate, p50, p99 } of await figures(seconds)) {
        row(`${part}: ${name}`, perSecond(rate));
        row(`${part}:   p50 / p99`, ms(p50, p99));
      }
    }
  }
  console.log(`\n${loadAverage()}`);
  Deno.exit(failed > 0 ? 1 : 0);
}
