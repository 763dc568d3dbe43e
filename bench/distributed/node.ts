/** A node of the benchmark of structures: prints its address, and exits at the end of its input. */
import { ClusteredActorSystem } from "@casty/casty";
import { sqliteJournal } from "@casty/casty/persistence";
import { benchSystem } from "../remote/counter.ts";
import { givenTls, inputEnd } from "../remote/peer.ts";

const seed = Deno.env.get("CASTY_BENCH_SEED");
const count = Number(Deno.env.get("CASTY_BENCH_NODES"));
const folder = Deno.makeTempDirSync({ prefix: "casty-structures-" });
const system = await ClusteredActorSystem.start({
  name: benchSystem,
  host: "127.0.0.1",
  port: 0,
  tls: givenTls(),
  ...(seed && { seedNodes: [seed] }),
});
system.distributed();
if (count > 2) system.distributed({ name: "replicated", replication: { replicas: 2, minAcks: 1 } });
// A file is that of one node: only where nothing moves.
const journal = count === 1 ? await sqliteJournal(`${folder}/structures.db`) : undefined;
if (journal !== undefined) system.distributed({ name: "sqlite", journal });
console.log(system.address);
await system.waitFor(count);
await system.barrier("deployed", count);
console.log("READY");
await inputEnd();
await system.shutdown();
await journal?.close();
Deno.removeSync(folder, { recursive: true });
Deno.exit(0);
