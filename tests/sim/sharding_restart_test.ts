import { assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import type { ExtensionContext, NodeExtension } from "../../lib/cluster/node/node_extension.ts";
import { regionPath } from "../../lib/sharding/routing/protocol.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

interface Ping {
  readonly replyTo: ActorRef<string>;
}

Deno.test("what arrives at a node that has not spawned the type yet goes to the owner", async () => {
  const contexts: ExtensionContext[] = [];
  const spy = (): NodeExtension => ({ name: "spy", install: (node) => void contexts.push(node) });
  const cluster = new SimulatedCluster(4);
  const nodes = await cluster.start(2, { extensions: [spy] });
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: nodes.map(({ address }) => address),
    systemName: "sim",
    runtime: cluster.runtime("client"),
  }));
  client.entityRef<Ping>("pings", { numShards: 4 });
  const behavior = Behaviors.sharded<Ping>(
    () =>
      Behaviors.receive<Ping>((_context, { replyTo }) => {
        replyTo.tell("here");
        return Behaviors.same();
      }),
    { numShards: 4 },
  );
  nodes[0]!.spawn(behavior, "pings");
  const replies: string[] = [];
  const collect = Behaviors.receive<string>((_context, text) => {
    replies.push(text);
    return Behaviors.same();
  });
  // The second node runs no region: a sender that goes by a grant of its former incarnation.
  const to = nodes[1]!.address;
  const replyTo = nodes[0]!.spawn(collect, "replies");
  const sender = contexts.find(({ address }) => address === nodes[0]!.address)!;
  sender.send(to, regionPath("pings"), ["e-1", { replyTo }, 0]);
  await cluster.clock.runUntil(() => replies.length === 1);
  const toClient = client.spawn(collect, "replies");
  const { remoting } = clientInternalsOf(client)!;
  remoting.send(to, regionPath("pings"), 0, ["e-2", { replyTo: toClient }, 0]);
  await cluster.clock.runUntil(() => replies.length === 2);
  assertEquals(nodes.map(({ ledger }) => ledger.snapshot().deadLetters.noSuchActor ?? 0), [0, 0]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
