import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type ActorError, AskError } from "../../lib/actor/errors.ts";
import type { ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { actorRef, isActorRef } from "../../lib/actor/ref/ref_schema.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { ShardingError } from "../../lib/sharding/errors.ts";
import type { ClusterAccess } from "../../lib/sharding/routing/cluster_access.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import type { MessageSchema, SchemaResult } from "../../lib/actor/behavior/message_schema.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { counter, type CounterMessage } from "./counter.ts";
import { TestRef } from "../wire/values.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const Counters = entityType<CounterMessage>("counters", { numShards: 20 });
type Hold =
  | { type: "take"; refs: readonly ActorRef<CounterMessage>[] }
  | { type: "region"; ref: ActorRef<ShardEnvelope<CounterMessage>> };

/** Keeps the references that it is sent. */
function holder(kept: ActorRef<never>[]) {
  return Behaviors.receive<Hold>((_context, message) => {
    kept.push(...message.type === "take" ? message.refs : [message.ref]);
    return Behaviors.same();
  });
}

const value = (replyTo: ActorRef<number>) => ({ type: "getValue", replyTo }) as const;

/** Nodes of which the first `running` run the entities. */
async function started(
  seed: number,
  { count, running }: { readonly count: number; readonly running: number },
): Promise<{ cluster: SimulatedCluster; nodes: ClusteredActorSystem[] }> {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(count);
  for (const node of nodes.slice(0, running)) node.spawn(Behaviors.sharded(Counters, counter));
  await cluster.clock.advance(1_000);
  return { cluster, nodes };
}

function connect(cluster: SimulatedCluster, host = "client"): Promise<ClusterClient> {
  const runtime = cluster.runtime(host);
  return cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
}

Deno.test("a reference to an entity works on nodes that run it, nodes that do not, and clients", async () => {
  const { cluster, nodes } = await started(1, { count: 3, running: 2 });
  const client = await connect(cluster);
  const places: ClusterAccess[] = [...nodes, client];
  const ids = Array.from({ length: 10 }, (_, index) => `counter ${index}/;%`);
  for (const id of ids) {
    for (const place of places) place.entity(Counters, id).tell({ type: "increment", amount: 1 });
  }
  await cluster.clock.advance(1_000);
  for (const id of ids) {
    const asked = places.map((place) => place.entity(Counters, id).ask(value));
    assertEquals(await cluster.clock.resolve(Promise.all(asked)), [4, 4, 4, 4]);
    const byEnvelope = (replyTo: ActorRef<number>) => shardEnvelope(id, value(replyTo));
    const region = places.map((place) => place.ask(place.entityRef(Counters), byEnvelope));
    assertEquals(await cluster.clock.resolve(Promise.all(region)), [4, 4, 4, 4]);
    const refs = places.map((place) => place.entity(Counters, id));
    for (const ref of refs) {
      assert(ref.equals(refs[0]) && ref.key === refs[0]!.key && isActorRef(ref));
      assert(!ref.equals(nodes[0]!.entity(Counters, "another")));
      assertEquals([ref.entityType, ref.entityId, ref.address], ["counters", id, ""]);
    }
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a reference to an entity arrives as one that does not need its sender any more", async () => {
  const { cluster, nodes } = await started(2, { count: 4, running: 3 });
  const [first, , sending, routing] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  const client = await connect(cluster);
  const kept: ActorRef<never>[][] = [[], [], []];
  const holders = [first, routing, client].map((place, index) =>
    place.spawn(holder(kept[index]!), `holder-${index}`)
  );
  // The client's reference must be known at the node that sends to it.
  const introduced: ActorRef<Hold>[] = [];
  const introducing = sending.spawn(
    Behaviors.receive<ActorRef<Hold>>((_context, ref) => {
      introduced.push(ref);
      return Behaviors.same();
    }),
    "introducing",
  );
  const key = ServiceKey<ActorRef<Hold>>("introducing");
  sending.receptionist.register(key, introducing);
  await cluster.clock.runUntil(() => client.lookup(key).length === 1);
  client.lookup(key)[0]!.tell(holders[2]!);
  await cluster.clock.runUntil(() => introduced.length === 1);

  const refs = ["a", "b", "c"].map((id) => sending.entity(Counters, id));
  const region = sending.entityRef(Counters);
  const at = (index: number): ActorRef<Hold> =>
    index === 2
      ? introduced[0]!
      : sending.lookup(`/holder-${index}`, { nodeId: index === 0 ? "node-1" : "node-4" })!;
  for (const index of [0, 1, 2]) {
    at(index).tell({ type: "take", refs });
    at(index).tell({ type: "region", ref: region });
  }
  await cluster.clock.runUntil(() => kept.every((refs) => refs.length === 4));
  await cluster.clock.resolve(sending.shutdown());
  await cluster.clock.advance(20_000);
  const places: readonly ClusterAccess[] = [first, routing, client];
  for (const [index, place] of places.entries()) {
    const [a, b, c, all] = kept[index] as [
      ActorRef<CounterMessage>,
      ActorRef<CounterMessage>,
      ActorRef<CounterMessage>,
      ActorRef<ShardEnvelope<CounterMessage>>,
    ];
    assert(a.equals(refs[0]) && b.equals(refs[1]) && c.equals(refs[2]) && all.equals(region));
    for (const ref of [a, b, c]) {
      ref.tell({ type: "increment", amount: 1 });
      const got = await cluster.clock.resolve(place.ask(ref, value));
      assertEquals(got, index + 1, `place ${index}`);
    }
    const asked = place.ask(all, (replyTo) => shardEnvelope("a", { type: "getValue", replyTo }));
    assertEquals(await cluster.clock.resolve(asked), index + 1);
    // What was located for a reference is known from then on.
    assert(place.entityRef(Counters).equals(region));
    assertEquals(place.sharding.shardTable("counters").length, 20);
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop([first, nodes[1]!, routing]);
});

Deno.test("a node runs a type to which it has routed so far, and keeps what waits for it", async () => {
  const { cluster, nodes } = await started(3, { count: 2, running: 0 });
  const [first, second] = nodes as [ClusteredActorSystem, ClusteredActorSystem];
  const early = first.entity(Counters, "a");
  early.tell({ type: "increment", amount: 1 });
  const asking = early.ask(value, { timeout: 9_000 });
  // Beyond a second, the cluster says that no member runs the type.
  await cluster.clock.advance(500);
  assertThrows(
    () => first.entityRef("counters", { numShards: 7 }),
    ShardingError,
    '"counters" has 20 shards at this node already',
  );
  const wrong = Behaviors.sharded(counter, { numShards: 7 });
  assertThrows(() => first.spawn(wrong, "counters"), ShardingError, "20 shards");
  const region = first.regionRef(Counters, counter);
  assert(region === first.regionRef(Counters, counter) && region === first.entityRef(Counters));
  assertEquals(await cluster.clock.resolve(asking), 1);
  assertEquals(first.sharding.runningEntities("counters"), ["a"]);
  assertEquals(await cluster.clock.resolve(second.entity(Counters, "a").ask(value)), 1);
  const byName = second.regionRef<CounterMessage>("counters", counter, { numShards: 20 });
  assert(byName === second.entityRef("counters", { numShards: 20 }));
  await cluster.stop(nodes);
});

Deno.test("nobody can watch an entity by its reference, and the error says what to watch", async () => {
  const { cluster, nodes } = await started(4, { count: 1, running: 1 });
  const [node] = nodes as [ClusteredActorSystem];
  const errors: unknown[] = [];
  const targets = [node.entity(Counters, "a"), node.entityRef(Counters)];
  node.spawn(
    Behaviors.setup<never>((context) => {
      for (const target of targets) {
        try {
          context.watch(target);
        } catch (error) {
          errors.push(error);
        }
        context.unwatch(target);
      }
      return Behaviors.receive(() => Behaviors.same());
    }),
    "watcher",
  );
  await cluster.clock.advance(100);
  assertEquals(errors.map((error) => (error as ActorError).code), ["cannotWatch", "cannotWatch"]);
  assert(String(errors[0]).includes("context.self"));
  await cluster.stop(nodes);
});

Deno.test("no entity has such an id", async () => {
  const { cluster, nodes } = await started(5, { count: 1, running: 1 });
  const region = nodes[0]!.entityRef(Counters);
  for (const id of ["", "x".repeat(513), "\ud800", 5 as never, undefined as never]) {
    assertThrows(() => region.entity(id), OptionError, "entityId");
  }
  await cluster.stop(nodes);
});

Deno.test("an ask by a reference to a type that nobody runs says so", async () => {
  const { cluster, nodes } = await started(6, { count: 2, running: 2 });
  const kept: ActorRef<never>[] = [];
  nodes[1]!.spawn(holder(kept), "holder");
  const Nobody = entityType<CounterMessage>("nobody", { numShards: 3 });
  const to = nodes[0]!.lookup<Hold>("/holder", { node: nodes[1]!.address });
  to.tell({ type: "take", refs: [nodes[0]!.entity(Nobody, "a")] });
  await cluster.clock.runUntil(() => kept.length === 1);
  const asked = nodes[1]!.ask(kept[0] as ActorRef<CounterMessage>, value, { timeout: 60_000 });
  const error = await cluster.clock.resolve(assertRejects(() => asked, AskError));
  assert(error.message.includes("no member runs entities of type"), error.message);
  assertEquals(nodes[1]!.sharding.shardTable("nobody"), []);
  await cluster.stop(nodes);
});

Deno.test("a reference that arrives again is one object, also a reference to an entity", async () => {
  const { cluster, nodes } = await started(7, { count: 2, running: 1 });
  const kept: ActorRef<never>[] = [];
  nodes[1]!.spawn(holder(kept), "holder");
  const local = nodes[0]!.spawn(counter(), "local");
  const to = nodes[0]!.lookup<Hold>("/holder", { node: nodes[1]!.address });
  for (const _ of [1, 2]) {
    to.tell({ type: "take", refs: [local, nodes[0]!.entity(Counters, "a")] });
  }
  await cluster.clock.runUntil(() => kept.length === 4);
  const [first, entity, again, entityAgain] = kept;
  assert(first === again && entity === entityAgain);
  assert(first!.equals(local) && first!.key === local.key);
  assertEquals(first!.address, nodes[0]!.address);
  await cluster.stop(nodes);
});

Deno.test("a peer of an earlier version sends to the node that is in a reference", async () => {
  const { cluster, nodes } = await started(8, { count: 2, running: 1 });
  const client = await connect(cluster);
  const { remoting } = nodeInternalsOf(nodes[1]!)!;
  const { wirePath } = nodes[0]!.entity(Counters, "a") as unknown as Ref<never>;
  const region = nodes[0]!.entityRef(Counters) as unknown as Ref<never>;
  const to = nodes[0]!.address;
  remoting.send(to, wirePath, 0, { type: "increment", amount: 2 });
  const message = { type: "increment", amount: 3 };
  remoting.send(to, region.wirePath, 0, { type: "shardEnvelope", entityId: "a", message });
  // Neither is an envelope for an entity, and both are lost.
  remoting.send(to, region.wirePath, 0, message);
  remoting.send(to, "/_entity-20-nobody;a", 0, message);
  const lost: string[] = [];
  nodes[0]!.eventStream.subscribe("deadLetter", ({ reason }) => lost.push(reason));
  await cluster.clock.advance(1_000);
  assertEquals(await cluster.clock.resolve(client.entity(Counters, "a").ask(value)), 5);
  assertEquals(lost, ["noSuchActor", "noSuchActor"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a client reaches through a reference only what it may reach by itself", async () => {
  const cluster = new SimulatedCluster(9);
  const nodes = await cluster.start(2);
  const closed = Behaviors.sharded(Counters, counter, { clients: () => false });
  for (const node of nodes) node.spawn(closed);
  await cluster.clock.advance(1_000);
  const client = await connect(cluster);
  const lost: string[] = [];
  for (const node of nodes) {
    node.eventStream.subscribe("deadLetter", ({ reason, target }) => {
      lost.push(`${reason} ${target}`);
    });
  }
  const asked = client.entity(Counters, "a").ask(value);
  await cluster.clock.resolve(
    assertRejects(() => asked, AskError, 'unauthorized: the option clients of "counters"'),
  );
  // A client that sends to the node in a reference, and to the actor of the type.
  const { remoting } = clientInternalsOf(client)!;
  const paths = ["/_entity-20-counters;a", "/_entity-20-counters"];
  const envelope = shardEnvelope("a", { type: "increment", amount: 1 });
  for (const path of paths) remoting.send(nodes[0]!.address, path, 0, envelope);
  await cluster.clock.advance(1_000);
  assertEquals(new Set(lost), new Set(["unauthorized /_region-counters/a"]));
  assertEquals(lost.length, 3);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

/** A Standard Schema of objects, as libraries compose them of the schemas of their fields. */
function objectOf<T extends Record<string, unknown>>(
  fields: { readonly [K in keyof T]: MessageSchema<T[K]> },
): MessageSchema<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        const found: Record<string, unknown> = {};
        for (const [name, schema] of Object.entries<MessageSchema<unknown>>(fields)) {
          const field = (value as Record<string, unknown>)?.[name];
          const result = schema["~standard"].validate(field) as SchemaResult<unknown>;
          if (result.issues !== undefined) {
            return { issues: [{ message: `${name}: ${result.issues[0]!.message}` }] };
          }
          found[name] = result.value;
        }
        return { value: found as T };
      },
    },
  };
}

const anyText: MessageSchema<string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "string" ? { value } : { issues: [{ message: "no text" }] },
  },
};

type Echo = { text: string; replyTo: ActorRef<string> };
const Echoes = entityType<Echo>("echoes", {
  numShards: 4,
  schema: objectOf<Echo>({ text: anyText, replyTo: actorRef<string>() }),
});
const echo = () =>
  Behaviors.receive<Echo>((_context, { text, replyTo }) => {
    replyTo.tell(text);
    return Behaviors.same();
  });

Deno.test("a schema of references keeps messages with something else away from entities", async () => {
  const cluster = new SimulatedCluster(10);
  const [node] = await cluster.start(1) as [ClusteredActorSystem];
  const region = node.spawn(Behaviors.sharded(Echoes, echo));
  await cluster.clock.advance(1_000);
  const client = await connect(cluster);
  const lost: string[] = [];
  node.eventStream.subscribe("deadLetter", ({ reason, target }) => {
    lost.push(`${reason} ${target}`);
  });
  const one = client.entity(Echoes, "a");
  const asked = one.ask((replyTo) => ({ text: "hello", replyTo }));
  assertEquals(await cluster.clock.resolve(asked), "hello");
  // What only looks like a reference, and one that leads to an entity.
  one.tell({ text: "forged", replyTo: { path: "/x", address: "" } as never });
  const texts = node.spawn(
    Behaviors.sharded(() =>
      Behaviors.receive<string>((_context, text) => {
        lost.push(text);
        return Behaviors.same();
      }), { numShards: 4 }),
    "texts",
  );
  await cluster.clock.advance(1_000);
  one.tell({ text: "good", replyTo: texts.entity("b") });
  await cluster.clock.advance(1_000);
  assertEquals(lost, ["invalidMessage /_region-echoes/a", "good"]);

  // Nor do they get there through the actor of the type, for a client that knows it.
  const key = ServiceKey<ShardEnvelope<Echo>>("echoes");
  node.receptionist.register(key, node.lookup<ShardEnvelope<Echo>>(region.path)!);
  await cluster.clock.runUntil(() => client.lookup(key).length === 1);
  const [actor] = client.lookup(key);
  lost.length = 0;
  actor!.tell(shardEnvelope("c", { text: "forged", replyTo: "x" as never }));
  actor!.tell(shardEnvelope("", { text: "to nobody", replyTo: one as never }));
  const through = client.ask(actor!, (replyTo) => shardEnvelope("d", { text: "well", replyTo }));
  assertEquals(await cluster.clock.resolve(through), "well");
  assertEquals(lost, ["invalidMessage /_region-echoes/c", "badEntityId /_region-echoes/?"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop([node]);
});

Deno.test("an ask of an entity at another node fails at once when the entity stops without a reply; the next incarnation gets what waits", async () => {
  const { cluster, nodes } = await started(11, { count: 2, running: 0 });
  type Job = { type: "work" } | { type: "state" | "name"; replyTo: ActorRef<string> };
  const Jobs = entityType<Job>("jobs", { numShards: 8 });
  let starts = 0;
  const job = () => {
    const name = `incarnation ${++starts}`;
    return Behaviors.receive<Job>(async ({ system }, message) => {
      if (message.type === "name") message.replyTo.tell(name);
      if (message.type !== "work") return Behaviors.same();
      await new Promise<void>((resolve) => system.runtime.clock.schedule(2_000, resolve));
      return Behaviors.stopped();
    });
  };
  for (const node of nodes) node.spawn(Behaviors.sharded(Jobs, job));
  await cluster.clock.advance(3_000);
  const ids = Array.from({ length: 20 }, (_, index) => `job ${index}`);
  for (const id of ids) nodes[0]!.entity(Jobs, id).tell({ type: "work" });
  await cluster.clock.advance(1_000);
  const [there] = nodes[1]!.sharding.runningEntities("jobs");
  await cluster.clock.advance(5_000);
  assertEquals(starts, 20);
  const one = nodes[0]!.entity(Jobs, there!);
  const options = { timeout: 60_000 };
  const handled = one.ask((replyTo) => ({ type: "state", replyTo }), options);
  one.tell({ type: "work" });
  const waits = one.ask((replyTo) => ({ type: "name", replyTo }), options);
  const begun = cluster.clock.now();
  const [failure, name] = await cluster.clock.resolve(
    Promise.all([assertRejects(() => handled, AskError), waits]),
  );
  assertEquals([(failure as AskError).reason, name], ["stopped", "incarnation 22"]);
  assert(cluster.clock.now() - begun < 5_000);
  await cluster.stop(nodes);
});

/** Replies to any reference. */
const replying = Behaviors.receive<ActorRef<CounterMessage>>((_context, ref) => {
  ref.tell({ type: "increment", amount: 1 });
  return Behaviors.same();
});

/** A node with a service that replies, and a client that it replies to. */
async function replies(
  seed: number,
  options: { readonly clients?: () => boolean; readonly maxStartsPerIdentity?: number },
) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(2);
  for (const node of nodes) node.spawn(Behaviors.sharded(Counters, counter, options));
  const key = ServiceKey<ActorRef<CounterMessage>>("replying");
  nodes[0]!.receptionist.register(key, nodes[0]!.spawn(replying, "replying"));
  const lost: string[] = [];
  for (const node of nodes) {
    node.eventStream.subscribe("deadLetter", ({ reason }) => lost.push(reason));
  }
  const client = await connect(cluster);
  await cluster.clock.runUntil(() => client.lookup(key).length === 1);
  return { cluster, nodes, client, lost, service: client.lookup(key)[0]! };
}

Deno.test("an actor that replies to a client's reference sends to no entity that is closed to it", async () => {
  const { cluster, nodes, client, lost, service } = await replies(12, { clients: () => false });
  const ids = Array.from({ length: 10 }, (_, index) => `counter ${index}`);
  for (const id of ids) service.tell(client.entity(Counters, id));
  await cluster.clock.advance(2_000);
  assertEquals(lost, ids.map(() => "unauthorized"));
  // A node may name them, also the same ones.
  const local = nodes[0]!.lookup<ActorRef<CounterMessage>>("/replying")!;
  const remote = nodes[1]!.lookup<ActorRef<CounterMessage>>("/replying", { nodeId: "node-1" })!;
  // The client forges what the other node sends, before and after that.
  const forge = () => {
    for (const id of ids) {
      const { wirePath } = nodes[1]!.entity(Counters, id) as unknown as Ref<never>;
      service.tell(new TestRef({ node: nodes[1]!.address, path: wirePath, uid: 0 }));
    }
  };
  forge();
  await cluster.clock.advance(100);
  for (const id of ids) {
    local.tell(nodes[0]!.entity(Counters, id));
    remote.tell(nodes[1]!.entity(Counters, id));
  }
  await cluster.clock.advance(100);
  forge();
  await cluster.clock.advance(2_000);
  assertEquals(lost.length, 30);
  for (const id of ids) {
    const asked = nodes[1]!.entity(Counters, id).ask(value);
    assertEquals(await cluster.clock.resolve(asked), 2);
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("what is started by a client's references counts as started by the client", async () => {
  const { cluster, nodes, client, lost, service } = await replies(13, { maxStartsPerIdentity: 50 });
  for (let index = 0; index < 1_000; index++) service.tell(client.entity(Counters, `x${index}`));
  await cluster.clock.advance(1_000);
  const running = nodes.flatMap(({ sharding }) => sharding.runningEntities("counters")).length;
  assert(running >= 50 && running < 150, `${running}`);
  assertEquals(lost.filter((reason) => reason === "bufferFull").length, 1_000 - running);
  // Also those of a type that the node only routes to.
  const Elsewhere = entityType<CounterMessage>("elsewhere", { numShards: 1 });
  nodes[1]!.spawn(Behaviors.sharded(Elsewhere, counter, { maxStartsPerIdentity: Infinity }));
  await cluster.clock.resolve(nodes[0]!.entity(Elsewhere, "first").ask(value));
  lost.length = 0;
  for (let index = 0; index < 12_000; index++) service.tell(client.entity(Elsewhere, `x${index}`));
  await cluster.clock.advance(1_000);
  const there = nodes[1]!.sharding.runningEntities("elsewhere").length;
  assert(there >= 10_000 && there < 12_000, `${there}`);
  assertEquals(lost.length, 12_001 - there);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("an ask by an entity reference is told at once that the handler failed, and keeps its deadline", async () => {
  const { cluster, nodes } = await started(14, { count: 2, running: 0 });
  type Job = { type: "fail" | "deadline"; replyTo: ActorRef<number> };
  const Jobs = entityType<Job>("jobs", { numShards: 8 });
  const job = () =>
    Behaviors.receive<Job>(({ deadline }, { type, replyTo }) => {
      if (type === "fail") throw new Error("broken");
      replyTo.tell(deadline ?? -1);
      return Behaviors.same();
    });
  for (const node of nodes) node.spawn(Behaviors.sharded(Jobs, job));
  await cluster.clock.advance(3_000);
  const client = await connect(cluster);
  for (const place of [...nodes, client]) {
    for (const id of ["a", "b", "c", "d", "e", "f"]) {
      const one = (place as ClusterAccess).entity(Jobs, `job ${id}`);
      const begun = cluster.clock.now();
      const asked = one.ask((replyTo) => ({ type: "deadline", replyTo }), { timeout: 30_000 });
      const until = await cluster.clock.resolve(asked);
      assert(until > begun + 29_000 && until <= begun + 31_000, `${until - begun}`);
      const failing = one.ask((replyTo) => ({ type: "fail", replyTo }), { timeout: 60_000 });
      const error = await cluster.clock.resolve(assertRejects(() => failing, AskError));
      assertEquals(error.code, "askHandlerFailed");
      assert(cluster.clock.now() - begun < 20_000);
    }
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
