/**
 * Distributed structures on five nodes, used on each of them while the network is split, a process is
 * stopped, and one is killed: no id comes twice, no confirmed addition, member or item is lost, tokens of
 * the lock grow, while it stays at one node it has one holder, and a store that fences by tokens takes the
 * writes of one holder at a time wherever it is.
 *
 * @module
 */
import { NetCluster } from "./cluster.ts";
import { countsOf, violations } from "./structure_log.ts";

/** The name of the run. */
export const structuresName = "structures on five nodes, split, stopped and killed";

/** Waits for a fixed time, which is part of the scenario. */
const lasting = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** Milliseconds for copies of a lost node to be made elsewhere. */
const repair = 20_000;

/** The faults, one after the other: copies in memory survive the loss of one node at a time. */
async function faults(cluster: NetCluster, tell: (line: string) => void): Promise<void> {
  const { lab } = cluster;
  const split = async (what: string, some: readonly number[], ms: number) => {
    tell(`  ${what}`);
    await lab.partition(some, cluster.hosts.filter((host) => !some.includes(host)));
    await lasting(ms);
    await lab.heal();
    await lasting(repair);
  };
  await split("node-1 and node-2 are cut off for 5 s", [1, 2], 5_000);
  await split("node-3 is cut off for 25 s", [3], 25_000);
  tell("  node-4 is stopped for 10 s");
  cluster.signal(4, "SIGSTOP");
  await lasting(10_000);
  cluster.signal(4, "SIGCONT");
  await lasting(repair);
  tell("  node-5 is killed, and started again after 15 s");
  cluster.signal(5, "SIGKILL");
  await cluster.ended(5);
  await lasting(15_000);
  cluster.start(5);
  await lasting(repair);
  await split("node-4 and node-5 are cut off for 5 s", [4, 5], 5_000);
}

/** Runs it; whether all is as it is claimed. */
export async function runStructures(tell: (line: string) => void): Promise<boolean> {
  await using cluster = await NetCluster.create(5, { structures: true });
  await cluster.form();
  await lasting(10_000);
  await faults(cluster, tell);
  await cluster.until("recovering", () => cluster.whole(), 90_000);
  for (const host of cluster.hosts) cluster.signal(host, "SIGUSR2");
  // The longest operation.
  await lasting(6_000);
  cluster.signal(1, "SIGUSR1");
  const isFinal = () => cluster.heard.some(({ type }) => type === "final");
  await cluster.until("reading the content", isFinal, 90_000);
  const final = cluster.heard.find((line) => line.type === "final")!;
  const operations = await cluster.structureOperations();
  const { ok, unknown, grants, writes, refusedWrites } = countsOf(operations);
  const { sum, members, items } = final.content;
  tell(
    `  ${ok} operations were done, ${unknown} have an unknown outcome, the lock was granted ` +
      `${grants} times, its holders' writes were taken ${writes} times and refused ` +
      `${refusedWrites} times; counter ${sum}, ${members.length} members, ${items.length} items left`,
  );
  const wrong = violations(operations, final.content);
  for (const line of wrong.slice(0, 20)) tell(`  WRONG: ${line}`);
  // What did not happen proves nothing.
  return wrong.length === 0 && grants >= 100 && writes >= 100 && ok >= 2_000;
}
