import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** Logs warnings and errors of this text only. */
function recorder(text: string): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log: Logger["log"] = (level, _source, message, fields) => {
    if (level !== "info" && level !== "debug" && message.includes(text)) {
      lines.push(`${level} ${message} ${fields?.name}`);
    }
  };
  return { logger: { log }, lines };
}

const notInTime = "has not left in time";

for (const silently of [false, true]) {
  for (const [count, victim] of [[3, 1], [3, 3], [5, 1], [5, 5]] as const) {
    const how = silently ? "silently" : "visibly";
    Deno.test(`${count} nodes without entity types leave soon after node ${victim} has crashed ${how}`, async () => {
      const { logger, lines } = recorder(notInTime);
      const cluster = new SimulatedCluster(7);
      const nodes = await cluster.start(count, { logger });
      await cluster.clock.advance(5_000);
      cluster.network.crash(`node-${victim}`, { silently });
      await cluster.clock.advance(1_000);
      const began = cluster.clock.now();
      await cluster.stop(nodes.filter((_, index) => index !== victim - 1));
      const took = cluster.clock.now() - began;
      assertEquals(lines, []);
      assert(took < 10_000, `${took} ms`);
    });
  }
}

Deno.test("a node without entity types keeps its vote while another runs entities", async () => {
  const { logger, lines } = recorder(notInTime);
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(3, { logger });
  const [first, second, third] = nodes;
  const behavior = Behaviors.sharded(
    () => Behaviors.receive<string>(() => Behaviors.same()),
    { numShards: 4 },
  );
  const ref = second!.spawn(behavior, "counters");
  ref.tell(shardEnvelope("a", "go"));
  await cluster.clock.runUntil(() => second!.sharding.ownedShards().length === 4, 60_000);
  cluster.network.crash("node-1", { silently: true });
  await cluster.clock.advance(1_000);
  const began = cluster.clock.now();
  const left = third!.shutdown();
  await cluster.clock.resolve(left);
  // The voters could not change before: then the end of the wait is what ends it.
  assert(cluster.clock.now() - began >= 5_000, `${cluster.clock.now() - began} ms`);
  assertEquals(lines, [`warn an extension ${notInTime} sharding`]);
  await cluster.stop([second!]);
  void first;
});
