/** A node of the client benchmark: prints its address, and exits at the end of its input. */
import { Behaviors, ClusteredActorSystem } from "@casty/casty";
import { benchSystem, counter } from "../remote/counter.ts";
import { givenTls, inputEnd } from "../remote/peer.ts";
import { sharding } from "./cluster.ts";

/** Milliseconds within which the shards must be spread. */
const spreadTimeout = 60_000;
const seed = Deno.env.get("CASTY_BENCH_SEED");
const system = await ClusteredActorSystem.start({
  name: benchSystem,
  host: "127.0.0.1",
  port: 0,
  tls: givenTls(),
  ...(seed && { seedNodes: [seed] }),
});
system.spawn(Behaviors.sharded(counter, sharding), "counters");
console.log(system.address);
const count = Number(Deno.env.get("CASTY_BENCH_NODES"));
await system.waitFor(count);
// Now the coordinator knows all regions, and allocates the shards to all of them.
await system.barrier("deployed", count);
console.log(await untilSpread() ?? "READY");
await inputEnd();
Deno.exit(0);

/**
 * Waits until each node owns its share of the shards: the figures are about owners on different nodes.
 * Returns why not, if not.
 */
async function untilSpread(): Promise<string | undefined> {
  const least = Math.floor(sharding.numShards / count / 2);
  const deadline = performance.now() + spreadTimeout;
  for (;;) {
    const places = system.sharding.shardTable("counters");
    const owned = Map.groupBy(places.flatMap((place) => place ?? []), ({ owner }) => owner);
    const shares = [...owned].map(([owner, { length }]) => `${owner}: ${length}`);
    const isSpread = owned.size === count &&
      [...owned.values()].every(({ length }) => length >= least);
    if (isSpread && places.every((place) => place !== undefined)) return undefined;
    if (performance.now() > deadline) {
      return `the shards are not spread over ${count} nodes: ${shares.join(", ")}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
