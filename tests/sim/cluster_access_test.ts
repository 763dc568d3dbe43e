import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import type { ClusterAccess } from "../../lib/sharding/routing/cluster_access.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const echoing = ServiceKey<ActorRef<string>>("echo");
const echo = Behaviors.discoverable(
  Behaviors.receive<ActorRef<string>>(({ self }, replyTo) => {
    replyTo.tell(self.address);
    return Behaviors.same();
  }),
  echoing,
);
const silent = Behaviors.receive<ActorRef<string>>(() => Behaviors.same());

async function started(seed: number): Promise<{
  readonly cluster: SimulatedCluster;
  readonly nodes: ClusteredActorSystem[];
  readonly client: ClusterClient;
}> {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(3);
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  return { cluster, nodes, client };
}

Deno.test("an actor is looked up by its path, at a node by address or label, from nodes and clients", async () => {
  const { cluster, nodes, client } = await started(1);
  for (const node of nodes) node.spawn(echo, "echo");
  await cluster.clock.runUntil(() => client.lookup(echoing).length === 3);
  for (const place of [nodes[0]!, client] satisfies ClusterAccess[]) {
    for (const { address, nodeId } of nodes) {
      const byAddress = place.lookup<ActorRef<string>>("/echo", { node: address });
      const byLabel = place.lookup<ActorRef<string>>("echo", { nodeId })!;
      assertEquals([byAddress.address, byLabel.address], [address, address]);
      assert(byAddress.equals(byLabel) && byAddress.key === byLabel.key);
      const asked = place.ask(byLabel, (replyTo: ActorRef<string>) => replyTo);
      assertEquals(await cluster.clock.resolve(asked), address);
    }
    assertEquals(place.lookup("/echo", { nodeId: "node-9" }), undefined);
    assertEquals(place.lookup(echoing).length, 3);
    const none = {} as { node: string };
    const both = { node: "node-1:25520", nodeId: "node-1" } as { node: string };
    for (const wrong of [none, both]) {
      assertThrows(() => place.lookup("/echo", wrong), OptionError, "nodeId");
    }
    assertThrows(() => place.lookup("/echo", { nodeID: "x" } as never), OptionError, "nodeId");
  }
  assertEquals(client.lookup("/own"), undefined);
  const own = client.spawn(silent, "own");
  assert(client.lookup("/own") === own && own.address === client.address);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a label leads to the member that joined last, and to no member that was declared down", async () => {
  const { cluster, nodes, client } = await started(2);
  const again = await cluster.clock.resolve(
    ClusteredActorSystem.start({
      name: "sim",
      nodeId: "node-3",
      host: "node-4",
      port: 25_520,
      seedNodes: ["node-1:25520"],
      runtime: cluster.runtime("node-4"),
      requiredQuorum: 4,
    }),
  );
  await cluster.clock.runUntil(() => client.topology.members.length === 4);
  for (const place of [nodes[0]!, client]) {
    assertEquals(place.lookup("/x", { nodeId: "node-3" })?.address, "node-4:25520");
  }
  cluster.network.crash("node-4");
  const isDown = () =>
    nodes[0]!.members.some(({ address, status }) => {
      return address === "node-4:25520" && status === "down";
    });
  await cluster.clock.runUntil(isDown, 60_000);
  assertEquals(nodes[0]!.lookup("/x", { nodeId: "node-3" })?.address, "node-3:25520");
  await cluster.clock.advance(60_000);
  for (const place of [nodes[0]!, client]) {
    assertEquals(place.lookup("/x", { nodeId: "node-3" })?.address, "node-3:25520");
  }
  void again;
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("listings are read in a loop on nodes as on clients, until they end", async () => {
  const { cluster, nodes, client } = await started(3);
  const heard: number[][] = [[], []];
  const reading = [nodes[0]!, client].map(async (place, index) => {
    for await (const refs of place.subscribe(echoing)) heard[index]!.push(refs.length);
  });
  await cluster.clock.advance(1_000);
  assertEquals(heard, [[0], [0]]);
  nodes[1]!.spawn(echo, "echo");
  await cluster.clock.advance(1_000);
  nodes[2]!.spawn(echo, "echo");
  await cluster.clock.advance(1_000);
  assertEquals(heard.map((lengths) => lengths.at(-1)), [2, 2]);
  // One that is left is forgotten, and does not end the others.
  for await (const refs of nodes[0]!.subscribe(echoing)) {
    assertEquals(refs.length, 2);
    break;
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
  await Promise.all(reading);
  for (const place of [nodes[0]!, client] satisfies ClusterAccess[]) {
    const late = place.subscribe(echoing);
    await late.next();
    assertEquals(await late.next(), { done: true, value: undefined });
  }
});

Deno.test("an ask without a reply in time is undefined on clients as on nodes", async () => {
  const { cluster, nodes, client } = await started(4);
  nodes[1]!.spawn(Behaviors.discoverable(silent, echoing), "silent");
  await cluster.clock.runUntil(() => client.lookup(echoing).length === 1);
  for (const place of [nodes[0]!, client] satisfies ClusterAccess[]) {
    const [ref] = place.lookup(echoing);
    const asked = place.askOrUndefined(ref!, (replyTo: ActorRef<string>) => replyTo, {
      timeout: 100,
    });
    assertEquals(await cluster.clock.resolve(asked), undefined);
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
