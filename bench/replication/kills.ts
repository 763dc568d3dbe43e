/**
 * Nodes with replicated shards are killed by SIGKILL under load, each is started again, and every write
 * that was acknowledged is read back afterwards.
 *
 * @module
 */
import { AcknowledgedWrites } from "./acknowledged_writes.ts";
import { Ledgers } from "./entities.ts";
import { ReplicatedCluster } from "./replicated_cluster.ts";

/** The options of a run. */
export interface KillRunOptions {
  readonly store: "memory" | "sqlite";
  /** Processes that are killed in all. */
  readonly kills: number;
  /** Default 32. */
  readonly writers?: number;
  /** Only such rounds. Default: all that the store permits. */
  readonly only?: Kind;
  readonly tell?: (line: string) => void;
}

/** What a run has found. */
export interface KillRun {
  /** Processes that were killed. */
  readonly kills: number;
  /** Kills of nodes that owned shards at that moment, and of nodes that had copies of others' shards. */
  readonly ownerKills: number;
  readonly replicaKills: number;
  readonly acknowledged: number;
  /** The fewest acknowledgements between two kills. */
  readonly leastBetween: number;
  /** Acknowledged writes that were read back. */
  readonly read: number;
  readonly repeated: number;
  /** Milliseconds from each kill until every writer had an answer to a later write. */
  readonly recoveries: readonly number[];
  /** Rounds in which shards waited for a disk although one node was down: a copy had been slow before. */
  readonly waits: number;
  /** What is not as it was acknowledged. */
  readonly faults: readonly string[];
}

const nodes = 5;
/** Milliseconds within which all writers must be answered again. */
const recoveryLimit = 180_000;
/** Milliseconds after which a node is started again although shards wait for it. */
const patience = 20_000;
/** Milliseconds that nodes are frozen: too short to be declared down. */
const frozen = 400;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Runs on a cluster of its own. */
export async function runKills(
  { store, kills, writers = 32, only, tell = () => {} }: KillRunOptions,
): Promise<KillRun> {
  await using cluster = await ReplicatedCluster.start({ nodes, store });
  await cluster.settled(Ledgers.name, Ledgers.numShards);
  const client = await cluster.connect();
  const writes = new AcknowledgedWrites(client, writers, 5);
  try {
    writes.start();
    await writes.untilAllWrite(recoveryLimit);
    const done = await killAll(cluster, writes, { store, kills, only, tell });
    await writes.stop();
    const { read, faults } = await writes.check();
    if (writes.repeated > 0) tell(writes.failureLines());
    const { acknowledged, repeated } = writes;
    return { ...done, acknowledged, read, repeated, faults };
  } finally {
    writes.abort();
    await client.close();
  }
}

type Killed = Omit<KillRun, "acknowledged" | "read" | "repeated" | "faults">;

async function killAll(
  cluster: ReplicatedCluster,
  writes: AcknowledgedWrites,
  { store, kills, only, tell }: Pick<KillRunOptions, "store" | "kills"> & {
    readonly only: Kind | undefined;
    readonly tell: (line: string) => void;
  },
): Promise<Killed> {
  const found = { kills: 0, ownerKills: 0, replicaKills: 0, leastBetween: Infinity, waits: 0 };
  const recoveries: number[] = [];
  for (let round = 0; found.kills < kills; round++) {
    const status = await cluster.settled(Ledgers.name, Ledgers.numShards);
    const kind = only ?? kindOf(store, round, kills - found.kills);
    const victims = victimsOf(kind, round);
    const before = writes.acknowledged;
    for (const victim of victims) {
      const { owned, copies } = status[victim]!;
      found.kills++;
      if (owned > 0) found.ownerKills++;
      if (copies > owned) found.replicaKills++;
    }
    try {
      const { took, waited } = await rounds[kind](cluster, writes, victims);
      recoveries.push(took);
      if (waited) found.waits++;
    } catch (error) {
      tell(await cluster.explain());
      throw error;
    }
    const between = writes.acknowledged - before;
    found.leastBetween = Math.min(found.leastBetween, between);
    const names = victims.map((victim) => `node-${victim + 1}`).join(", ");
    tell(
      `${String(found.kills).padStart(4)} kill -9, ${kind}: ${names}; all write again after ` +
        `${Math.round(recoveries.at(-1)!)} ms, ${between} acknowledged`,
    );
  }
  await cluster.settled(Ledgers.name, Ledgers.numShards);
  return { ...found, recoveries };
}

/** Which nodes are killed in a round. */
export type Kind = "one" | "two at once" | "all at once" | "all, the others frozen";

interface RoundResult {
  /** Milliseconds until all writers were answered again. */
  readonly took: number;
  /** They were not before a node came back that only one of three copies should have been at. */
  readonly waited: boolean;
}

/** Kills and restarts nodes. */
type Round = (
  cluster: ReplicatedCluster,
  writes: AcknowledgedWrites,
  victims: readonly number[],
) => Promise<RoundResult>;

const rounds: Readonly<Record<Kind, Round>> = {
  async one(cluster, writes, victims) {
    await killTogether(cluster, victims);
    return await goOnWithout(cluster, writes, victims);
  },
  "two at once": killAndStart,
  "all at once": killAndStart,
  /**
   * The first victim is alone for a while: what it has appended is nowhere else, and must not be acknowledged,
   * since the others go on without it.
   */
  async "all, the others frozen"(cluster, writes, victims) {
    const [first, ...others] = victims;
    for (const other of others) cluster.nodes[other]!.signal("SIGSTOP");
    await pause(frozen);
    await killTogether(cluster, victims);
    await startAgain(cluster, others);
    return await goOnWithout(cluster, writes, [first!]);
  },
};

/**
 * All write again without the victims, which are started then. Where a copy was slow before, and its place
 * not taken yet, a shard needs both others, and waits for a disk: then they are started earlier.
 */
async function goOnWithout(
  cluster: ReplicatedCluster,
  writes: AcknowledgedWrites,
  victims: readonly number[],
): Promise<RoundResult> {
  if (cluster.store === "memory") {
    const took = await writes.untilAllWrite(recoveryLimit);
    await startAgain(cluster, victims);
    return { took, waited: false };
  }
  const first = await writes.allWriteWithin(patience);
  await startAgain(cluster, victims);
  if (first !== undefined) return { took: first, waited: false };
  return { took: patience + await writes.untilAllWrite(recoveryLimit), waited: true };
}

/** Shards of which two of three copies are lost go on when these are back. */
async function killAndStart(
  cluster: ReplicatedCluster,
  writes: AcknowledgedWrites,
  victims: readonly number[],
): Promise<RoundResult> {
  await killTogether(cluster, victims);
  await startAgain(cluster, victims);
  return { took: await writes.untilAllWrite(recoveryLimit), waited: false };
}

async function killTogether(cluster: ReplicatedCluster, victims: readonly number[]): Promise<void> {
  await Promise.all(victims.map((victim) => cluster.nodes[victim]!.kill()));
}

async function startAgain(cluster: ReplicatedCluster, victims: readonly number[]): Promise<void> {
  const started = victims.map((victim) => cluster.start(victim, victims.length));
  await Promise.all(started.map(({ ready }) => ready));
}

/** Disks come back, so all nodes may be down at once; of copies in memory one is lost at a time. */
function kindOf(store: KillRunOptions["store"], round: number, left: number): Kind {
  if (store === "memory") return "one";
  if (round % 5 === 1 && left >= 2) return "two at once";
  if (round % 5 !== 2 || left < nodes) return "one";
  return round % 10 === 2 ? "all, the others frozen" : "all at once";
}

function victimsOf(kind: Kind, round: number): number[] {
  const count = kind === "one" ? 1 : kind === "two at once" ? 2 : nodes;
  // The first seed alone may bootstrap the cluster, so it is among those that are started first.
  const first = kind === "all, the others frozen" ? 1 + round % (nodes - 1) : round % nodes;
  return Array.from({ length: count }, (_, n) => (first + n) % nodes);
}

/** Why a run proves nothing, or has found a fault; empty: all that was acknowledged is there. */
export function faultsOf(run: KillRun, kills: number): string[] {
  const faults = [...run.faults];
  if (run.kills < kills) faults.push(`${run.kills} of ${kills} kills were done`);
  if (run.ownerKills === 0 || run.replicaKills === 0) faults.push("no owner or no copy was killed");
  if (run.leastBetween <= 0) faults.push("nothing was acknowledged around a kill");
  if (run.read !== run.acknowledged) {
    faults.push(`${run.acknowledged} writes were acknowledged, ${run.read} read back`);
  }
  return faults;
}
