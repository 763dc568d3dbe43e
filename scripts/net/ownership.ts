/**
 * Faults of owners, each on a cluster of its own: whether two owners run one entity, and how long asks
 * wait. A scenario states its figures and their targets (`bench/ownership/targets.ts`).
 *
 * @module
 */
import {
  type AskSample,
  byMotion,
  classFigures,
  failureLines,
  rollingFigures,
} from "../../bench/ownership/asks.ts";
import { type Figure, percentile, type Target } from "../../bench/ownership/figures.ts";
import { targets } from "../../bench/ownership/targets.ts";
import { NetCluster } from "./cluster.ts";
import { doubleOwnerships } from "./entity_log.ts";
import { hostNow } from "./host_clock.ts";
import type { LoadHost } from "./load_host.ts";

/** Options of a run. */
export interface OwnershipRun {
  /** How often a fault that is repeated happens. */
  readonly runs: number;
  /** Takes lines of text: reasons of failed asks, and what a person may want to know. */
  readonly tell: (line: string) => void;
}

/** A fault of owners. */
export interface OwnershipScenario {
  readonly name: string;
  readonly nodes: number;
  /** The nodes that may be declared down; all others are healthy. */
  readonly mayDown: readonly string[];
  /** Makes the fault and ends it; returns figures of its own. */
  fault(cluster: NetCluster, run: OwnershipRun): Promise<readonly Figure[]>;
}

/** Asks a second of the client. */
const rate = 200;
const ids = Array.from({ length: 200 }, (_, index) => `entity-${index}`);
/** Milliseconds in which stall responders start and become known. */
const settle = 4_000;
/** Milliseconds in which a new cluster has balanced its shards: that is no effect of the fault. */
const balance = 20_000;

/** Waits for a fixed time, which is part of the scenario. */
const lasting = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** In the order in which they run. */
export const ownershipScenarios: readonly OwnershipScenario[] = [
  {
    name: "nine nodes, two cut off for 45 s",
    nodes: 9,
    mayDown: ["node-8", "node-9"],
    fault: (cluster) => {
      const [majority, minority] = [cluster.hosts.slice(0, 7), [8, 9]];
      return underLoad(cluster, async () => {
        await cluster.lab.partition(majority, minority);
        await lasting(45_000);
        await cluster.lab.heal();
        await lasting(3_000);
      });
    },
  },
  {
    name: "SIGSTOP of an owner for 20 s under messages",
    nodes: 5,
    mayDown: ["node-4"],
    fault: (cluster) =>
      underLoad(cluster, async () => {
        cluster.signal(4, "SIGSTOP");
        await lasting(20_000);
        cluster.signal(4, "SIGCONT");
        await lasting(5_000);
      }),
  },
  {
    name: "a firewall rejects all of one owner with RST for 20 s",
    nodes: 5,
    mayDown: ["node-4"],
    fault: (cluster) =>
      underLoad(cluster, async () => {
        await cluster.lab.reject([4], [1, 2, 3, 5]);
        await lasting(20_000);
        await cluster.lab.heal();
        await lasting(5_000);
      }),
  },
  {
    name: "a firewall rejects one owner at two of four others with RST for 20 s",
    nodes: 5,
    mayDown: [],
    fault: (cluster) =>
      underLoad(cluster, async () => {
        await cluster.lab.reject([4], [1, 2]);
        await lasting(20_000);
        await cluster.lab.heal();
        await lasting(5_000);
      }),
  },
  killing("kill -9 of an owner", 1),
  killing("kill -9 of two owners at once", 2),
  {
    name: "the host of an owner vanishes",
    nodes: 5,
    mayDown: ["node-4"],
    async fault(cluster) {
      await using client = await cluster.connect();
      await client.probe(ids);
      await lasting(settle);
      const lost = hostNow();
      await cluster.lab.unplug(4);
      const took = await client.probe(ids) - lost;
      await cluster.lab.heal();
      const name = "until all entities answer";
      return [{ name, value: took, unit: "ms", target: targets.hostVanishes }];
    },
  },
  ...[0, 0.2, 1, 5].map(rolling),
];

/** Kills so many owners at once, again and again; each is started again. */
function killing(name: string, count: number): OwnershipScenario {
  return {
    name,
    nodes: 5,
    mayDown: [1, 2, 3, 4, 5].map((host) => `node-${host}`),
    async fault(cluster, { runs, tell }) {
      await using client = await cluster.connect();
      const times: number[] = [];
      const known: number[] = [];
      for (let run = 0; run < runs; run++) {
        const victims = Array.from({ length: count }, (_, n) => 1 + (run + 2 * n) % cluster.count);
        await client.probe(ids);
        await lasting(settle);
        const heard = cluster.heard.length;
        const begun = performance.now();
        const killed = hostNow();
        for (const victim of victims) cluster.signal(victim, "SIGKILL");
        times.push(await client.probe(ids) - killed);
        await Promise.all(victims.map((victim) => cluster.ended(victim)));
        known.push(goneAfter(cluster, heard, begun));
        tell(`  run ${run + 1}: node ${victims.join(" and ")}, ${Math.round(times.at(-1)!)} ms`);
        for (const victim of victims) cluster.start(victim);
        await cluster.until("restart", () => cluster.whole(), 90_000);
      }
      const { p50, p99 } = targets.ownerKill;
      return [
        durations(`until all entities answer: p50 of ${runs} runs`, percentile(times, 0.5), p50),
        durations(`until all entities answer: p99 of ${runs} runs`, percentile(times, 0.99), p99),
        durations("until two nodes see it as gone: p50", percentile(known, 0.5)),
        durations("until two nodes see it as gone: longest", percentile(known, 1)),
      ];
    },
  };
}

/** Restarts all nodes in order; each is stopped when the one before it is up, and not before `pace`. */
function rolling(pace: number): OwnershipScenario {
  return {
    name: `rolling restart at a pace of ${pace} s`,
    nodes: 5,
    mayDown: [],
    async fault(cluster, { tell }) {
      await using client = await cluster.connect();
      await client.probe(ids);
      await lasting(balance);
      const { samples, lateness } = await loaded(client, async () => {
        await lasting(2_000);
        for (const host of cluster.hosts) {
          const stopped = performance.now();
          cluster.signal(host, "SIGTERM");
          await cluster.ended(host);
          cluster.start(host);
          await cluster.until(`restart of node-${host}`, () => cluster.isReady(host), 90_000);
          await lasting(Math.max(0, pace * 1_000 - (performance.now() - stopped)));
        }
        await lasting(3_000);
      });
      for (const line of failureLines(samples)) tell(line);
      return [...rollingFigures(samples), late(lateness)];
    },
  };
}

/** Asks from a client during a fault. Its figures have no targets: what matters is who answers. */
async function underLoad(
  cluster: NetCluster,
  fault: () => Promise<void>,
): Promise<readonly Figure[]> {
  await using client = await cluster.connect();
  await client.probe(ids);
  await lasting(balance);
  const { samples, lateness } = await loaded(client, async () => {
    // Each entity answers before the fault: an entity without an earlier answer has not moved.
    await lasting(2_000);
    await fault();
  });
  const { moving, still } = byMotion(samples);
  return [
    ...classFigures("entity not in motion", still),
    ...classFigures("entity in motion", moving),
    late(lateness),
  ];
}

async function loaded(
  client: LoadHost,
  during: () => Promise<void>,
): Promise<{ samples: readonly AskSample[]; lateness: number }> {
  await client.begin(ids, rate);
  await during();
  return await client.end();
}

function late(value: number): Figure {
  return durations("timers of the asking process late: p99.9", value);
}

function durations(name: string, value: number, target?: Target): Figure {
  return { name, value, unit: "ms", ...(target && { target }) };
}

/** Milliseconds until a second node has published that a node is unreachable as gone. */
function goneAfter(cluster: NetCluster, first: number, since: number): number {
  const gone = cluster.heard.slice(first).filter((line) =>
    line.type === "event" && line.event === "unreachableMember" && line.reason === "gone"
  );
  const nodes = new Map(gone.map(({ from, at }) => [from, at]));
  const times = [...nodes.values()].sort((a, b) => a - b);
  return (times[1] ?? NaN) - since;
}

/** Runs one scenario. The figures that every scenario has come first. */
export async function runOwnership(
  scenario: OwnershipScenario,
  run: OwnershipRun,
): Promise<readonly Figure[]> {
  await using cluster = await NetCluster.create(scenario.nodes);
  run.tell(`  formed in ${Math.round(await cluster.form())} ms`);
  const own = await scenario.fault(cluster, run);
  await cluster.until(`after ${scenario.name}`, () => cluster.whole(), 120_000);
  const downed = new Set<string>();
  for (const line of cluster.heard) {
    if (line.type === "event" && line.event === "memberDowned") downed.add(line.about);
  }
  const wrongly = [...downed].filter((node) => !scenario.mayDown.includes(node)).sort();
  if (wrongly.length > 0) run.tell(`  healthy nodes that were downed: ${wrongly.join(" ")}`);
  const doubles = doubleOwnerships(await cluster.entityEvents());
  const [worst] = doubles.toSorted((a, b) => b.span - a.span);
  if (worst !== undefined) {
    const { id, older, newer, runs, span } = worst;
    run.tell(
      `  two owners: ${older} ran ${id} ${runs} times, up to ${
        Math.round(span)
      } ms after ${newer} ` +
        `had started it (the longest of ${doubles.length})`,
    );
  }
  const late = doubles.reduce((sum, { runs }) => sum + runs, 0);
  return [
    { name: "handler runs by two owners", value: late, target: targets.doubleOwnership },
    { name: "healthy nodes downed", value: wrongly.length, target: targets.wronglyDowned },
    ...own,
  ];
}
