import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { counter, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("an actor of another node is found by node and path", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(2);
  const greeter = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
    replyTo.tell("hello");
    return Behaviors.same();
  });
  nodes[1]!.spawn(greeter, "greeter");
  const node = "node-2:25520";
  const ref = nodes[0]!.lookup<ActorRef<string>>("/greeter", { node })!;
  const ask = nodes[0]!.ask(ref, (replyTo: ActorRef<string>) => replyTo);
  assertEquals(await cluster.clock.resolve(ask), "hello");
  assertEquals(nodes[0]!.lookup("/greeter"), undefined);
  assertThrows(() => nodes[0]!.lookup("/greeter", { node: "nowhere" }), CastyError);
  await cluster.stop(nodes);
});

Deno.test("a node knows the owner of an entity that it has sent to", async () => {
  const cluster = new SimulatedCluster(2);
  const nodes = await cluster.start(2);
  const refs = nodes.map((node) =>
    node.spawn(Behaviors.sharded(counter, { numShards: 4 }), "counters")
  );
  assertEquals(nodes[0]!.sharding.shardOwner("counters", "hits"), undefined);
  assertEquals(nodes[0]!.sharding.shardOwner("unknown", "hits"), undefined);
  await cluster.clock.resolve(nodes[0]!.ask(refs[0]!, getValue("hits")));
  await cluster.clock.resolve(nodes[1]!.ask(refs[1]!, getValue("hits")));
  const owner = nodes[0]!.sharding.shardOwner("counters", "hits");
  assert(owner !== undefined && owner === nodes[1]!.sharding.shardOwner("counters", "hits"));
  await cluster.stop(nodes);
});
