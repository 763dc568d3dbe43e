/** The peer process of `casty.ts`: a node with an actor and a sharded entity. */
import { Behaviors, ClusteredActorSystem } from "@casty/casty";
import { givenTls, inputEnd } from "./peer.ts";
import { benchSystem, counter } from "./counter.ts";

const system = await ClusteredActorSystem.start({
  name: benchSystem,
  nodeId: "peer",
  host: "127.0.0.1",
  port: 0,
  tls: givenTls(),
});
system.spawn(counter(), "counter");
system.spawn(Behaviors.sharded(counter, { numShards: 8 }), "counters");
console.log(system.address);
await inputEnd();
await system.shutdown();
Deno.exit(0);
