import { assert, assertRejects } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("pending asks fail when the shard owner is known to be dead, long before the timeout", async () => {
  const cluster = new SimulatedCluster(31);
  const nodes = await cluster.start(3);
  const silent = () =>
    Behaviors.sharded(
      () => Behaviors.receive<ActorRef<string>>(() => Behaviors.same()),
      { numShards: 16 },
    );
  const [refs] = nodes.map((node) => node.spawn(silent(), "silent"));
  await cluster.clock.advance(3_000);
  const [first, , victim] = nodes;
  const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
  for (const id of ids) refs!.tell(shardEnvelope(id, refs as never));
  await cluster.clock.advance(1_000);
  const there = victim!.sharding.runningEntities("silent");
  assert(there.length > 0, "the victim has entities");
  const begun = cluster.clock.now();
  const asking = assertRejects(
    () =>
      first!.ask(refs!, (replyTo: ActorRef<string>) => shardEnvelope(there[0]!, replyTo), {
        timeout: 300_000,
      }),
    AskError,
  );
  await cluster.clock.advance(100);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.resolve(asking, 310_000);
  const took = cluster.clock.now() - begun;
  assert(took < 60_000, `it took ${took} ms`);
  await cluster.stop(nodes.slice(0, 2));
});
