/**
 * Kills nodes with replicated shards by SIGKILL under load, over mutual TLS, and reads back each write that
 * was acknowledged: one run with copies in memory, and one with an SQLite file of each node. Exits with 1 if
 * one is missing, or if the run did not do what it should.
 *
 *     deno task soak:replication-kills [KILLS] [--store memory|sqlite]
 *
 * KILLS, by default 100, is the number in each run.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { percentile } from "../../bench/ownership/figures.ts";
import { loadAverage, machine } from "../../bench/report.ts";
import { faultsOf, runKills } from "../../bench/replication/kills.ts";

const args = parseArgs([...Deno.args], { string: ["store"] });
const kills = Number(args._[0] ?? 100);
const stores = (["memory", "sqlite"] as const).filter((store) =>
  args.store === undefined || args.store === store
);
console.log(`${machine()}; ${loadAverage()}`);
let faults = stores.length === 0 ? 1 : 0;
for (const store of stores) {
  console.log(`\n${store}: ${kills} kills`);
  const run = await runKills({ store, kills, tell: (line) => console.log(line) });
  const { ownerKills, replicaKills, acknowledged, read, repeated, recoveries, leastBetween } = run;
  console.log(
    `${run.kills} kills, ${ownerKills} of them of owners and ${replicaKills} of copies of others\n` +
      `${acknowledged} writes acknowledged (at least ${leastBetween} around each kill), ` +
      `${read} of them read back; ${repeated} asks were repeated\n` +
      `until all write again: median ${Math.round(percentile(recoveries, 0.5))} ms, ` +
      `longest ${Math.round(percentile(recoveries, 1))} ms; ` +
      `${run.waits} rounds had to wait for a disk`,
  );
  for (const fault of faultsOf(run, kills)) {
    faults++;
    console.log(`FAULT: ${fault}`);
  }
}
console.log(faults === 0 ? "\nno acknowledged write is missing" : `\n${faults} faults`);
Deno.exit(faults === 0 ? 0 : 1);
