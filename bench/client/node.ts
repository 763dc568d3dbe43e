/** A node of the client benchmark: prints its address, and exits at the end of its input. */
import { Behaviors, ClusteredActorSystem } from "@casty/casty";
import { benchSystem, counter } from "../remote/counter.ts";
import { givenTls, inputEnd } from "../remote/peer.ts";
import { sharding } from "./cluster.ts";

const tuned = Deno.env.has("CASTY_BENCH_TUNED") && {
  gossipInterval: 200,
  heartbeatInterval: 200,
  acceptablePause: 1_000,
  stableAfter: 1_000,
};
const seed = Deno.env.get("CASTY_BENCH_SEED");
const system = await ClusteredActorSystem.start({
  name: benchSystem,
  host: "127.0.0.1",
  port: 0,
  tls: givenTls(),
  ...(seed && { seedNodes: [seed] }),
  ...(tuned && { membership: tuned }),
});
system.spawn(Behaviors.sharded(counter, sharding), "counters");
console.log(system.address);
const count = Number(Deno.env.get("CASTY_BENCH_NODES"));
await system.waitFor(count);
// Now the coordinator knows all regions, and allocates the shards to all of them.
await system.barrier("deployed", count);
console.log("READY");
await inputEnd();
Deno.exit(0);
