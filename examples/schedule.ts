/**
 * A job at certain times: each second, on one node of the cluster. The node that runs it leaves; then all
 * nodes are down for some seconds. No second is left out, and those of the outage are one run.
 *
 *     deno run -A examples/schedule.ts
 *
 * All nodes run in this process and without TLS, to keep it short: that is for trials on loopback.
 *
 * @module
 */
import { Behaviors, ClusteredActorSystem, silentLogger } from "@casty/casty";
import { type Journal, sqliteJournal } from "@casty/casty/persistence";

interface Run {
  readonly node: string;
  readonly due: number;
  readonly at: number;
}

const runs: Run[] = [];

async function start(journal: Journal, nodeId: string, ...seedNodes: string[]) {
  const system = await ClusteredActorSystem.start({
    name: "shop",
    nodeId,
    host: "127.0.0.1",
    port: 0,
    seedNodes,
    logger: silentLogger,
  });
  const job = Behaviors.scheduled(
    { expression: "* * * * * *", timeZone: "Europe/Berlin" },
    (_context, { due }) => void runs.push({ node: nodeId, due, at: Date.now() }),
    { journal },
  );
  system.spawn(job, "each-second");
  return system;
}

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
};

const folder = await Deno.makeTempDir();
const journal = await sqliteJournal(`${folder}/shop.db`);

const one = await start(journal, "one");
const two = await start(journal, "two", one.address);
await Promise.all([one, two].map((system) => system.waitFor(2)));
await until(() => runs.length >= 2);
const [leaving, staying] = runs.at(-1)!.node === "one" ? [one, two] : [two, one];
await leaving.shutdown();
const left = runs.length;
await until(() => runs.length >= left + 2);
// A run makes up for the times that had passed when it began: the next one is due within a second.
const isWhole = runs.slice(1).every(({ due }, index) => due <= runs[index]!.at + 1_000);
const isOnce = new Set(runs.map(({ due }) => due)).size === runs.length;
const count = new Set(runs.map(({ node }) => node)).size;
console.log(`${count} nodes ran the job; none left out: ${isWhole}; none twice: ${isOnce}`);
await staying.shutdown();

const before = runs.length;
await new Promise((resolve) => setTimeout(resolve, 3_500));
const again = await start(journal, "again");
await until(() => runs.length >= before + 2);
await again.shutdown();
await journal.close();
await Deno.remove(folder, { recursive: true });

const [missed, next] = runs.slice(before);
// It was due in the first second of the outage, and the next run is due after it.
const isOne = missed!.at - missed!.due > 2_000 && next!.due > missed!.at;
console.log(`after an outage of seconds, one run made up for all: ${isOne}`);
