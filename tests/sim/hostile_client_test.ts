import { systemClock } from "../../lib/runtime/system_clock.ts";
import { assert, assertEquals } from "@std/assert";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { relayPath } from "../../lib/remoting/relay.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { counter, type CounterMessage, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** A reference to wherever its maker likes. */
class ForgedRef extends Ref<number> {
  readonly uid = 0;
  readonly node: string;
  readonly path: string;

  constructor(node: string, path: string) {
    super();
    this.node = node;
    this.path = path;
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
  "/_askaborted",
  "/_rejected",
  "/_gateway",
  "/_locate",
  "/_region-echo",
  "/_topology",
  "/_shards",
  "/_shardtable",
  "/_relay",
  "/_relayed",
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

Deno.test("a client is not made to say to nodes, for others, what it says itself", async () => {
  const cluster = new SimulatedCluster(4);
  const [node] = await cluster.start(1);
  const client = await connect(cluster);
  const lost: string[] = [];
  client.eventStream.subscribe("deadLetter", ({ reason, target }: DeadLetter) => {
    lost.push(`${reason} ${target}`);
  });
  // As it would get it from whoever it trusts too much.
  const given: ActorRef<ActorRef<unknown>> = client.spawn(
    Behaviors.receive<ActorRef<unknown>>((_context, ref) => {
      ref.tell({ type: "unsubscribe" });
      return Behaviors.same();
    }),
    "given",
  );
  const paths = ["/_gateway", "/_locate", "/_shardtable", "/_relay"];
  const giver = node!.spawn(
    Behaviors.receive<ActorRef<ActorRef<unknown>>>((_context, to) => {
      for (const path of paths) to.tell(new ForgedRef("node-1:25520", path));
      return Behaviors.same();
    }),
    "giver",
  );
  const service = ServiceKey<ActorRef<ActorRef<unknown>>>("giver");
  node!.receptionist.register(service, giver);
  await cluster.clock.runUntil(() => client.lookup(service).length === 1);
  client.lookup(service)[0]!.tell(given);
  await cluster.clock.runUntil(() => lost.length === paths.length);
  assertEquals(lost, paths.map((path) => `unauthorized node-1:25520${path}`));
  await cluster.clock.resolve(client.close());
  await cluster.stop([node!]);
});

Deno.test("what a client wraps for another node is judged there as the client's, and only once", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(3);
  const client = await connect(cluster);
  const { remoting } = clientInternalsOf(client)!;
  const codec = new Codec({
    now: systemClock.now,
    resolve: ({ node, path }) => new ForgedRef(node, path),
  });
  const wrap = (to: string, path: string, message: unknown) => ({
    to,
    envelope: encodeEnvelope(codec, path, 0, message).slice(),
  });
  const contact = client.contact!;
  const others = nodes.filter(({ address }) => address !== contact);
  const lost: string[] = [];
  for (const node of nodes) {
    node.eventStream.subscribe("deadLetter", ({ reason, target }: DeadLetter) => {
      lost.push(`${reason} ${target}`);
    });
  }
  const [other, third] = others.map(({ address }) => address);
  remoting.send(contact, relayPath, 0, wrap(other!, "/_cluster", "guess"));
  remoting.send(
    contact,
    relayPath,
    0,
    wrap(other!, "/_gateway", { type: "subscribe", asked: "x" }),
  );
  remoting.send(contact, relayPath, 0, wrap("client:other", "/_topology", "forged"));
  // A thousand layers, for one message.
  let nested = wrap(contact, "/x", "deep");
  for (let i = 0; i < 1_000; i++) nested = wrap(i % 2 === 0 ? other! : third!, relayPath, nested);
  remoting.send(contact, relayPath, 0, nested);
  await cluster.clock.advance(2_000);
  assertEquals(lost, ["unauthorized /_cluster"]);
  await cluster.clock.resolve(client.close());
  // Nothing is told to whom nobody knows any more.
  await cluster.stop([nodes.pop()!]);
  await cluster.clock.advance(2_000);
  assertEquals(lost.filter((line) => line.includes("_topology")), []);
  await cluster.stop(nodes);
});

Deno.test("a message that comes back to its client gives it no permissions", async () => {
  const cluster = new SimulatedCluster(6);
  const nodes = await cluster.start(2);
  const heard: unknown[] = [];
  for (const node of nodes) {
    node.spawn(Behaviors.sharded(echo, { numShards: 4 }), "echo");
    node.spawn(
      Behaviors.receive<unknown>((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      }),
      "secret",
    );
  }
  const client = await connect(cluster);
  const { remoting } = clientInternalsOf(client)!;
  // Entities on both nodes: some of these messages come back, and are sent to the owner.
  const ref = client.entityRef<Echo>("echo", { numShards: 4 });
  const answered = await cluster.clock.resolve(
    client.ask(
      ref,
      (replyTo: ActorRef<unknown>) => shardEnvelope("e0", { replyTo, payload: "ready" }),
    ),
  );
  assertEquals(answered, "ready");
  for (const { address } of nodes) {
    const forged = new ForgedRef(address, "/secret") as unknown as ActorRef<unknown>;
    const nowhere = new ForgedRef("client:nobody", "/x") as unknown as ActorRef<unknown>;
    for (let i = 0; i < 8; i++) {
      remoting.send(address, "/_region-echo", 0, [
        `e${i}`,
        { replyTo: nowhere, payload: forged },
        0,
      ]);
    }
  }
  await cluster.clock.advance(5_000);
  for (const { address } of nodes) remoting.send(address, "/secret", 0, "guessed");
  await cluster.clock.advance(1_000);
  assertEquals(heard, []);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
