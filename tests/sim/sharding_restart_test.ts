import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import type { ExtensionContext, NodeExtension } from "../../lib/cluster/node/node_extension.ts";
import { regionPath } from "../../lib/sharding/routing/protocol.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
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

Deno.test("asks are answered while a node that is up again has not spawned the type yet", async () => {
  const times = new Map<string, number[]>([["client", []], ["node", []]]);
  const spawned = new Map<SimulatedNode, ActorRef<ShardEnvelope<Ping>>>();
  const spawn = (node: SimulatedNode) => {
    const ping = Behaviors.receive<Ping>((_context, { replyTo }) => {
      replyTo.tell(node.name);
      return Behaviors.same();
    });
    const ref = node.system.spawn(Behaviors.sharded<Ping>(() => ping, { numShards: 16 }), "pings");
    spawned.set(node, ref);
  };
  await simulate({
    seed: 11,
    nodes: 3,
    duration: 120_000,
    linger: 100,
    failures: false,
    shrink: 0,
    cluster: { seedNodes: [1, 2, 3].map((number) => `node-${number}:25520`) },
    // A process that starts again spawns it later.
    setup: (node) => {
      if (node.starts === 1) spawn(node);
    },
  }, async (sim) => {
    const [first, second] = sim.nodes;
    const client = await sim.connect();
    const pings = client.entityRef<Ping>("pings", { numShards: 16 });
    const factory = (id: string) => (replyTo: ActorRef<string>) => shardEnvelope(id, { replyTo });
    const ask = async (by: "client" | "node", id: string) => {
      const at = sim.now;
      const options = { timeout: 5_000 };
      await (by === "client"
        ? client.ask(pings, factory(id), options)
        : first!.system.ask(spawned.get(first!)!, factory(id), options));
      times.get(by)!.push(sim.now - at);
    };
    const askAll = () =>
      Promise.all(
        Array.from({ length: 50 }, (_, i) => [ask("client", `e-${i}`), ask("node", `e-${i}`)])
          .flat(),
      );
    await askAll();
    await sim.sleep(5_000);
    const { starts } = second!;
    sim.inject({ type: "stop", at: 0, node: second!.name, restartAfter: 0 });
    for (let end = Infinity; sim.now < end;) {
      await askAll();
      await sim.sleep(20);
      if (end === Infinity && second!.starts > starts && second!.status === "up") {
        end = sim.now + 3_000;
      }
    }
    assertEquals(second!.ownedShards(), []);
    spawn(second!);
    await sim.until(() => second!.ownedShards().length > 0);
    await askAll();
  });
  for (const [by, all] of times) {
    console.log(`    ${by}: ${all.length} asks, longest ${Math.round(Math.max(...all))} ms`);
    assert(Math.max(...all) < 500);
  }
});
