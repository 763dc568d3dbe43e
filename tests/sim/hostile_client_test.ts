import { assert, assertEquals } from "@std/assert";
import type { DeadLetter } from "../../lib/actor/dead_letter.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref.ts";
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

/** Where parts of nodes and clients talk to each other. */
const reservedPaths = [
  "/_cluster",
  "/_cluster/sharding",
  "/_cluster/barrier",
  "/_watch",
  "/_askfailed",
  "/_rejected",
  "/_gateway",
  "/_locate",
  "/_region-echo",
  "/_topology",
  "/_shards",
];

type Echo = { replyTo: ActorRef<unknown>; payload: unknown };

/** What a service of users does: it answers whoever is said to have asked, with what it was given. */
const echo = () =>
  Behaviors.receive<Echo>((_context, { replyTo, payload }) => {
    replyTo.tell(payload);
    return Behaviors.same();
  });

async function connect(cluster: SimulatedCluster): Promise<ClusterClient> {
  return await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
    logger: cluster.runtime("client").logger,
  }));
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

Deno.test("a client cannot make a node dial, through a reference to a part of the system", async () => {
  const cluster = new SimulatedCluster(2);
  const [node] = await cluster.start(1);
  node!.spawn(Behaviors.sharded(counter, { numShards: 4 }), "counters");
  const lost: DeadLetter[] = [];
  node!.eventStream.subscribe("deadLetter", (letter) => lost.push(letter));
  const client = await connect(cluster);
  const ref = client.entityRef<CounterMessage>("counters", { numShards: 4 });
  for (const path of ["/_cluster", "/_cluster/x", "/_watch"]) {
    ref.tell(shardEnvelope("hits", {
      type: "getValue",
      replyTo: new ForgedRef("victim:80", path),
    }));
  }
  assertEquals(await cluster.clock.resolve(client.ask(ref, getValue("hits"))), 0);
  assertEquals(lost.map(({ reason, target }) => `${reason} ${target}`), [
    "unauthorized victim:80/_cluster",
    "unauthorized victim:80/_cluster/x",
    "unauthorized victim:80/_watch",
  ]);
  assert(!cluster.trace.some((line) => line.includes("victim")), "the node dialled the victim");
  await cluster.clock.resolve(client.close());
  await cluster.stop([node!]);
});

Deno.test("a client cannot have a node say for it what only nodes may say", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(2);
  for (const node of nodes) node.spawn(Behaviors.sharded(echo, { numShards: 4 }), "echo");
  const lost: string[] = [];
  for (const node of nodes) {
    node.eventStream.subscribe("deadLetter", ({ reason }) => void lost.push(reason));
  }
  const client = await connect(cluster);
  const ref = client.entityRef<Echo>("echo", { numShards: 4 });
  for (const path of reservedPaths) {
    for (const to of ["node-1:25520", "node-2:25520", "client:other"]) {
      const replyTo = new ForgedRef(to, path) as unknown as ActorRef<unknown>;
      // To entities on both nodes.
      for (let i = 0; i < 8; i++) ref.tell(shardEnvelope(`e${i}`, { replyTo, payload: "forged" }));
    }
  }
  await cluster.clock.advance(5_000);
  assertEquals(lost, new Array(3 * 8 * reservedPaths.length).fill("unauthorized"));
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
