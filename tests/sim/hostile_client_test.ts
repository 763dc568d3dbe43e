import { assert, assertEquals } from "@std/assert";
import type { DeadLetter } from "../../lib/actor/dead_letter.ts";
import { Ref } from "../../lib/actor/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { shardEnvelope } from "../../lib/sharding/shard_envelope.ts";
import { counter, type CounterMessage, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** A reference to wherever its maker likes. */
class ForgedRef extends Ref<number> {
  readonly uid = 0;
  constructor(readonly node: string, readonly path: string) {
    super();
  }
  override tell(): void {}
}

Deno.test("a client cannot make a node dial an address of its choice", async () => {
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1);
  node!.spawn(Behaviors.sharded(counter, { numShards: 4 }), "counters");
  const lost: DeadLetter[] = [];
  node!.eventStream.subscribe("deadLetter", (letter) => lost.push(letter));
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
    logger: cluster.runtime("client").logger,
  }));
  const ref = client.entityRef<CounterMessage>("counters", { numShards: 4 });
  const replyTo = new ForgedRef("victim:80", "/x");
  ref.tell(shardEnvelope("hits", { type: "getValue", replyTo }));
  assertEquals(await cluster.clock.resolve(client.ask(ref, getValue("hits"))), 0);
  assertEquals(lost.map(({ reason, target }) => `${reason} ${target}`), [
    "disconnected victim:80/x",
  ]);
  assert(!cluster.trace.some((line) => line.includes("victim")), "the node dialled the victim");
  await cluster.clock.resolve(client.close());
  await cluster.stop([node!]);
});
