import { median } from "../report.ts";
import { percentile } from "../ownership/figures.ts";
import { Counters } from "./entities.ts";
import type { MeasureCommand, Measured, NodeAnswer } from "./node.ts";
import type { ReplicatedCluster } from "./replicated_cluster.ts";

/** The counters that write. */
export const ids: readonly string[] = Array.from({ length: 64 }, (_, n) => `counter-${n}`);

/** Writes of all owners at the same time. Latencies in milliseconds, of the slowest node. */
export interface Throughput {
  readonly counters: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Writes that were acknowledged, the warm-up among them. */
  readonly answered: number;
}

/** Each owner asks its own counters, `depth` asks at a time each. */
export async function throughput(
  cluster: ReplicatedCluster,
  depth: number,
  seconds: number,
): Promise<Throughput> {
  const command: MeasureCommand = {
    type: "measure",
    what: "counters",
    where: "here",
    ids,
    depth,
    warmUp: 1,
    seconds,
  };
  const all = await Promise.all(
    cluster.nodes.map(async (node) => (await node.ask(command, "measured")).figures),
  );
  const sum = (of: (figures: Measured) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    counters: sum(({ counters }) => counters),
    perSecond: sum(({ perSecond }) => perSecond),
    p50: Math.max(...all.map(({ p50 }) => p50)),
    p99: Math.max(...all.map(({ p99 }) => p99)),
    answered: sum(({ answered }) => answered),
  };
}

/** Milliseconds: medians of the p50 and the p99 of some rounds. */
export interface Latencies {
  readonly write: { readonly p50: number; readonly p99: number };
  readonly ask: { readonly p50: number; readonly p99: number };
  readonly answered: number;
}

/** A write of the owner to one counter beside an ask to a plain counter at another node, in turns. */
export async function latencies(cluster: ReplicatedCluster, rounds: number): Promise<Latencies> {
  const writes: Measured[] = [];
  const asks: Measured[] = [];
  const one = { type: "measure", ids, depth: 1, limit: 1, warmUp: 0.3, seconds: 1 } as const;
  const [node] = cluster.nodes;
  for (let round = 0; round < rounds; round++) {
    const write = await node!.ask({ ...one, what: "counters", where: "here" }, "measured");
    writes.push(write.figures);
    const ask = await node!.ask({ ...one, what: "plain-counters", where: "elsewhere" }, "measured");
    asks.push(ask.figures);
  }
  const of = (all: readonly Measured[]) => ({
    p50: median(all.map(({ p50 }) => p50)),
    p99: median(all.map(({ p99 }) => p99)),
  });
  const answered = writes.reduce((sum, figures) => sum + figures.answered, 0);
  return { write: of(writes), ask: of(asks), answered };
}

/** The count of all counters together. */
export async function sumOfCounters(cluster: ReplicatedCluster): Promise<number> {
  return (await cluster.nodes[0]!.ask({ type: "sum", ids }, "sum")).sum;
}

/** Pings and asks, milliseconds at the 99th percentile. */
interface Probed {
  readonly pings: number;
  readonly asks: number;
  /** Of asks whose shard moved meanwhile. 0: none did. */
  readonly moved: number;
  readonly samples: number;
}

type ProbedAnswer = Extract<NodeAnswer, { readonly type: "probed" }>;

function summaryOf(probes: readonly ProbedAnswer[]): Probed {
  const pings = probes.flatMap((probe) => probe.pings);
  const moved = probes.flatMap((probe) => probe.moved);
  return {
    pings: percentile(pings, 0.99),
    asks: percentile(probes.flatMap(({ asks }) => asks), 0.99),
    moved: moved.length === 0 ? 0 : percentile(moved, 0.99),
    samples: pings.length,
  };
}

/** What one back-fill of all shards of a node does to the rest. */
export interface FillRound {
  /** In the 5 s after the node has restarted without data: what is no part of a back-fill. The same in all. */
  readonly restarted: Probed;
  readonly megabytes: number;
  readonly idle: Probed;
  /** While shards of the node are filled. */
  readonly filling: Probed;
  /** Looks at which a copy was being filled. */
  readonly fills: number;
  /** From the moment when the node runs its types until all its copies are in sync. */
  readonly seconds: number;
}

/** Seconds between the start of a process and the back-fill of its copies. */
const warmUp = 5;

/** So small that the log of a shard does not go back to the first one: a part comes from the journal. */
const eventBytes = 1_000;

/**
 * Stores large events, kills a node whose copies are in memory, starts it again and lets it run its types some
 * seconds later, some times: all of it is sent to it, while another node pings the others in the lane of
 * heartbeats and asks entities.
 */
export async function* backFills(
  cluster: ReplicatedCluster,
  { megabytes, rounds }: { readonly megabytes: number; readonly rounds: number },
): AsyncGenerator<FillRound> {
  const victim = cluster.nodes.length - 1;
  const restart = async (spawnsLater: boolean) => {
    await cluster.nodes[victim]!.kill();
    await cluster.start(victim, 1, spawnsLater).ready;
  };
  const probe = async (seconds: number) =>
    await cluster.nodes[0]!.ask({ type: "probe", ids, seconds }, "probed");
  await restart(false);
  const restarted = summaryOf([await probe(5)]);
  await cluster.settled(Counters.name, Counters.numShards);
  const events = Math.ceil(megabytes * 1e6 / eventBytes / ids.length);
  await Promise.all(
    cluster.nodes.map((node) => node.ask({ type: "bulk", ids, events }, "added")),
  );
  await cluster.settled(Counters.name, Counters.numShards);
  for (let round = 0; round < rounds; round++) {
    const idle = summaryOf([await probe(5)]);
    await restart(true);
    // A process that has just started delays the others by the work of its start alone.
    await probe(warmUp);
    const begun = performance.now();
    await cluster.nodes[victim]!.ask({ type: "spawn" }, "spawned");
    const filling: ProbedAnswer[] = [];
    for (let isBehind = true; isBehind;) {
      const probed = await probe(0.25);
      const lines = (await cluster.status(Counters.name)).flatMap(({ missing }) => missing);
      isBehind = lines.length > 0;
      // Afterwards the node gets the end of the logs.
      if (!lines.some((line) => line.includes("is being filled"))) continue;
      filling.push(probed);
    }
    const seconds = (performance.now() - begun) / 1_000;
    await cluster.settled(Counters.name, Counters.numShards);
    yield {
      restarted,
      megabytes: events * ids.length * eventBytes / 1e6,
      idle,
      filling: summaryOf(filling),
      fills: filling.length,
      seconds,
    };
  }
}
