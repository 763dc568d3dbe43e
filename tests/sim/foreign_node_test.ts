/** A node with a certificate of the authority that is no member reaches nothing but membership. */
import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import { counter, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** A node that never joins. */
async function outsider(cluster: SimulatedCluster): Promise<Remoting> {
  const runtime = cluster.runtime("outsider");
  return await cluster.clock.resolve(Remoting.start(new ActorSystem({ runtime }), {
    runtime,
    systemName: "sim",
    role: "node",
    nodeId: "outsider",
    incarnation: 5,
    host: "outsider",
    port: 1,
  }));
}

Deno.test("a node that is no member reaches no actor, no entity and no service", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(2);
  const [node] = nodes;
  const heard: unknown[] = [];
  const open = node!.spawn(
    Behaviors.receive<unknown>((_context, message) => {
      heard.push(message);
      return Behaviors.same();
    }),
    "open",
  );
  node!.receptionist.register(ServiceKey<unknown>("open"), open);
  const counters = node!.spawn(Behaviors.sharded(counter, { numShards: 4 }), "counters");
  assertEquals(await cluster.clock.resolve(node!.ask(counters, getValue("a"))), 0);
  const lost: string[] = [];
  node!.eventStream.subscribe("deadLetter", ({ reason, target }: DeadLetter) => {
    lost.push(`${reason} ${target}`);
  });
  const remoting = await outsider(cluster);
  const answers: string[] = [];
  for (const path of ["/_cluster/services", "/_topology", "/_shards", "/_shardtable", "/_watch"]) {
    if (!remoting.isHandled(path)) remoting.handleNodes(path, () => void answers.push(path));
  }
  const { address } = node!;
  remoting.send(address, "/open", 0, "hello");
  remoting.send(address, "/_region-counters", 0, ["a", { type: "increment", amount: 1 }, 0]);
  remoting.send(address, "/_cluster/services", 0, { counter: 1, want: true });
  remoting.send(address, "/_gateway", 0, { type: "subscribe", asked: address });
  remoting.send(address, "/_shardtable", 0, { shardType: "counters", numShards: 4, have: 0 });
  remoting.send(address, "/_locate", 0, {
    type: "locate",
    shardType: "counters",
    numShards: 4,
    shard: 1,
  });
  await cluster.clock.advance(10_000);
  // What has waited is given up with the next change, or the next message.
  remoting.send(address, "/open", 0, "again");
  await cluster.clock.advance(10_000);
  remoting.send(address, "/open", 0, "once more");
  await cluster.clock.advance(1_000);
  assertEquals(heard, []);
  assertEquals(answers, []);
  assertEquals(await cluster.clock.resolve(node!.ask(counters, getValue("a"))), 0);
  assert(lost.includes("unauthorized /open"), lost.join());
  await cluster.clock.resolve(remoting.close());
  await cluster.stop(nodes);
});

Deno.test("the first messages of a node that joins arrive, in order", async () => {
  const cluster = new SimulatedCluster(2);
  const [first] = await cluster.start(1);
  const heard: unknown[] = [];
  first!.spawn(
    Behaviors.receive<unknown>((_context, message) => {
      heard.push(message);
      return Behaviors.same();
    }),
    "open",
  );
  const remoting = await outsider(cluster);
  const { address } = first!;
  for (let i = 0; i < 40; i++) remoting.send(address, "/open", 0, i);
  remoting.send(address, "/_cluster", 0, {
    type: "join",
    member: {
      address: "outsider:1",
      nodeId: "outsider",
      incarnation: 5,
      status: "joining",
      roles: [],
      upNumber: 0,
    },
    clusterConfig: {},
  });
  await cluster.clock.advance(500);
  remoting.send(address, "/open", 0, 40);
  await cluster.clock.advance(500);
  assertEquals(heard, Array.from({ length: 41 }, (_, index) => index));
  await cluster.clock.resolve(remoting.close());
  await cluster.stop([first!]);
});
