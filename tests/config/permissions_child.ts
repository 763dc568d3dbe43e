/** Starts a node from the file that is named, and prints its zone and label. */
import { ClusteredActorSystem, silentLogger } from "@casty/casty";

await using system = await ClusteredActorSystem.fromConfig(
  { port: 0, stallDetection: false, logger: silentLogger },
  { file: Deno.args[0]! },
);
const { zone = "none", nodeId } = system.members[0]!;
console.log(`${zone} ${nodeId}`);
