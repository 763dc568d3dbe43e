import { assert, assertEquals, assertRejects } from "@std/assert";
import { AskError, type AskFailureReason, AskTimeoutError } from "../../lib/actor/errors.ts";
import { StatusReply } from "../../lib/actor/behavior/status_reply.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

const node2 = "node-2:25520";

type Question =
  | { type: "ask"; extra?: unknown; replyTo: ActorRef<string> }
  | { type: "throw"; replyTo: ActorRef<string> }
  | { type: "stop" }
  | { type: "status"; replyTo: ActorRef<StatusReply<number>> };

/** Never replies, and ends as it is told. */
const silent = () =>
  Behaviors.receive<Question>((context, message) => {
    if (message.type === "throw") throw new RangeError("secret of the handler");
    if (message.type === "status") message.replyTo.tell(StatusReply.error("closed"));
    if (message.type === "stop") {
      if (context.entityId === "") return Behaviors.stopped();
      context.passivate();
    }
    return Behaviors.same();
  });

const asks = (replyTo: ActorRef<string>): Question => ({ type: "ask", replyTo });
const throws = (replyTo: ActorRef<string>): Question => ({ type: "throw", replyTo });

/** Waits for the failure, which must come within a second and a half. */
async function refused(
  cluster: SimulatedCluster,
  asking: Promise<unknown> | (() => Promise<unknown>),
  reason: AskFailureReason,
): Promise<AskError> {
  const begun = cluster.clock.now();
  const ask = typeof asking === "function" ? asking : () => asking;
  const error = await cluster.clock.resolve(assertRejects(ask, AskError), 70_000);
  const took = cluster.clock.now() - begun;
  assert(took < 1_500, `took ${took} ms: ${error.message}`);
  assertEquals(error.reason, reason, error.message);
  return error;
}

const timeout = { timeout: 60_000 };

function connect(cluster: SimulatedCluster): Promise<ClusterClient> {
  const runtime = cluster.runtime("client");
  return cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
}

Deno.test("an ask of an actor of another node fails when that stops or throws", async () => {
  const cluster = new SimulatedCluster(41);
  const nodes = await cluster.start(2);
  const [one, two] = nodes as [ClusteredActorSystem, ClusteredActorSystem];
  const local = two.spawn(Behaviors.supervise(silent()), "silent");
  const ref = one.lookup<Question>("/silent", { node: node2 });
  const failed = await refused(cluster, one.ask(ref, throws, timeout), "handlerFailed");
  assertEquals(failed.code, "askHandlerFailed");
  // Nodes are told what the log of the other says, without the stack.
  assert(failed.message.includes("RangeError: secret of the handler"), failed.message);
  assert(!failed.message.includes(".ts:"), failed.message);
  const waiting = one.ask(ref, asks, timeout);
  await cluster.clock.advance(200);
  local.tell({ type: "stop" });
  assertEquals((await refused(cluster, waiting, "stopped")).code, "askTargetDead");
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("an ask of another node fails when the node that was asked is shut down", async () => {
  const cluster = new SimulatedCluster(42);
  const nodes = await cluster.start(3);
  nodes[1]!.spawn(silent(), "silent");
  const waiting = nodes[0]!.ask(
    nodes[0]!.lookup<Question>("/silent", { node: node2 }),
    asks,
    timeout,
  );
  waiting.catch(() => {});
  await cluster.clock.advance(200);
  const begun = cluster.clock.now();
  const stopping = nodes[1]!.shutdown();
  const error = await cluster.clock.resolve(assertRejects(() => waiting, AskError), 60_000);
  assertEquals(error.code, "askTargetDead");
  assert(cluster.clock.now() - begun < 30_000);
  await cluster.clock.resolve(stopping);
  await cluster.stop([nodes[0]!, nodes[2]!]);
});

Deno.test("an ask of a pool at another node fails with its routee", async () => {
  const cluster = new SimulatedCluster(43);
  const nodes = await cluster.start(2);
  nodes[1]!.spawn(Routers.pool(1, Behaviors.supervise(silent())), "pool");
  const ref = nodes[0]!.lookup<Question>("/pool", { node: node2 });
  await refused(cluster, nodes[0]!.ask(ref, throws, timeout), "handlerFailed");
  const waiting = nodes[0]!.ask(ref, asks, timeout);
  await cluster.clock.advance(200);
  ref.tell({ type: "stop" });
  await refused(cluster, waiting, "stopped");
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("an ask through a group router fails with the routee at another node, and with its node", async () => {
  const cluster = new SimulatedCluster(44);
  const nodes = await cluster.start(3);
  const [one, two] = nodes as [ClusteredActorSystem, ClusteredActorSystem, ClusteredActorSystem];
  const key = ServiceKey<Question>("service");
  two.spawn(Behaviors.discoverable(Behaviors.supervise(silent()), key), "silent");
  const router = one.spawn(Routers.group(key), "router");
  await cluster.clock.advance(2_000);
  await refused(cluster, one.ask(router, throws, timeout), "handlerFailed");
  const circular: Record<string, unknown> = {};
  circular.self = () => circular;
  const error = await refused(
    cluster,
    one.ask(
      router,
      (replyTo: ActorRef<string>) => ({ type: "ask", extra: circular, replyTo }),
      timeout,
    ),
    "notSerializable",
  );
  assert(error.message.includes("message.extra.self is a function"), error.message);
  const waiting = one.ask(router, asks, timeout);
  let reason = "";
  waiting.catch((error) => reason = error.reason);
  await cluster.clock.advance(1_000);
  assertEquals(reason, "");
  cluster.network.crash("node-2", { silently: true });
  await cluster.clock.runUntil(() => reason !== "", 50_000);
  assert(["ownerLost", "disconnected"].includes(reason), reason);
  await cluster.stop([nodes[0]!, nodes[2]!]);
});

/** An actor at node 3 under a key, its router at node 2, and a reference of node 1 to that. */
async function withRemoteRouter(seed: number) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(3);
  const [one, two, three] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  const key = ServiceKey<Question>("service");
  const silentRef = three.spawn(Behaviors.discoverable(Behaviors.supervise(silent()), key), "it");
  two.spawn(Routers.group(key), "router");
  const entry = ServiceKey<Question>("entry");
  two.spawn(Behaviors.discoverable(Routers.group(key), entry), "public");
  const client = await connect(cluster);
  await cluster.clock.runUntil(() => client.lookup(entry).length > 0, 20_000);
  return {
    cluster,
    nodes: [one, two, three] as const,
    key,
    silentRef,
    client,
    router: one.lookup<Question>("/router", { node: node2 }),
    entry: client.lookup(entry)[0]!,
  };
}

Deno.test("an ask of a router at another node fails with the routee at a third", async () => {
  const { cluster, nodes, silentRef, client, router, entry } = await withRemoteRouter(61);
  const [one] = nodes;
  const error = await refused(cluster, one.ask(router, throws, timeout), "handlerFailed");
  assert(error.message.includes("secret of the handler"), error.message);
  const told = await refused(cluster, client.ask(entry, throws, timeout), "handlerFailed");
  assert(!told.message.includes("secret"), told.message);
  const waiting = [one.ask(router, asks, timeout), client.ask(entry, asks, timeout)];
  for (const each of waiting) each.catch(() => {});
  await cluster.clock.advance(200);
  silentRef.tell({ type: "stop" });
  for (const each of waiting) {
    const { message } = await refused(cluster, each, "stopped");
    assert(message.includes("/router") || message.includes("/public"), message);
  }
  assertBalanced(nodes);
  await cluster.clock.resolve(client.close());
  await cluster.stop([...nodes]);
});

Deno.test("an ask of a router behind routers fails with a routee at the asker's own node", async () => {
  const { cluster, nodes: [one, two, three], silentRef, client, key } = await withRemoteRouter(62);
  const outer = ServiceKey<Question>("outer");
  // Node 3 -> node 2 -> node 1 -> node 3: each router passes on what it gets.
  two.spawn(Behaviors.discoverable(Routers.group(key), outer), "inner");
  one.spawn(Routers.group(outer), "outer");
  await cluster.clock.advance(2_000);
  const router = three.lookup<Question>("/outer", { node: "node-1:25520" });
  const waiting = [three.ask(router, asks, timeout)];
  for (const each of waiting) each.catch(() => {});
  await cluster.clock.advance(500);
  silentRef.tell({ type: "stop" });
  for (const each of waiting) await refused(cluster, each, "stopped");
  three.spawn(Behaviors.discoverable(Behaviors.supervise(silent()), key), "next");
  await cluster.clock.advance(2_000);
  await refused(cluster, three.ask(router, throws, timeout), "handlerFailed");
  await cluster.clock.resolve(client.close());
  await cluster.stop([one, two, three]);
});

Deno.test("an ask of a router at another node fails with the node of its routee", async () => {
  const { cluster, nodes: [one, two], client, router } = await withRemoteRouter(63);
  const waiting = one.ask(router, asks, timeout);
  let failed: AskError | undefined;
  waiting.catch((error) => failed = error);
  await cluster.clock.advance(1_000);
  assertEquals(failed, undefined);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.runUntil(() => failed !== undefined, 50_000);
  assertEquals([failed!.reason, failed!.details], [
    "ownerLost",
    "it was passed on to node-3:25520",
  ]);
  await cluster.clock.resolve(client.close());
  await cluster.stop([one, two]);
});

Deno.test("an ask with the reply reference of another ask of its target's node fails with the target", async () => {
  const cluster = new SimulatedCluster(65);
  const nodes = await cluster.start(2);
  const [one, two] = nodes as [ClusteredActorSystem, ClusteredActorSystem];
  const local = two.spawn(Behaviors.supervise(silent()), "silent");
  const target = one.lookup<Question>("/silent", { node: node2 });
  let nested: Promise<unknown> | undefined;
  // It is asked by node 2, and asks there with what it was given.
  one.spawn(
    Behaviors.receive<Question>((_context, message) => {
      const extra = (message as { replyTo: unknown }).replyTo;
      nested ??= one.ask(
        target,
        (replyTo: ActorRef<string>) => ({ type: "ask", extra, replyTo }),
        timeout,
      );
      return Behaviors.same();
    }),
    "asker",
  );
  const outer = two.ask(two.lookup<Question>("/asker", { node: "node-1:25520" }), asks, {
    timeout: 1_000,
  });
  outer.catch(() => {});
  await cluster.clock.advance(500);
  nested!.catch(() => {});
  local.tell({ type: "stop" });
  await refused(cluster, nested!, "stopped");
  await cluster.clock.advance(2_000);
  await cluster.stop(nodes);
});

Deno.test("an ask that an actor, and no router, has passed on does not end with the other", async () => {
  const { cluster, nodes: [one, two, three], silentRef, client } = await withRemoteRouter(64);
  // It shows others what it is asked, and answers itself.
  let reply = () => {};
  const here = one.spawn(silent(), "here");
  const shown = [
    two.lookup<Question>("/it", { node: "node-3:25520" }),
    two.lookup<Question>("/here", { node: "node-1:25520" }),
  ];
  two.spawn(
    Behaviors.receive<Question>((_context, message) => {
      for (const each of shown) each.tell(message);
      if (message.type === "ask") reply = () => message.replyTo.tell("answered");
      return Behaviors.same();
    }),
    "actor",
  );
  const actor = one.lookup<Question>("/actor", { node: node2 });
  const waiting = one.ask(actor, asks, timeout);
  await cluster.clock.advance(500);
  silentRef.tell({ type: "stop" });
  here.tell({ type: "stop" });
  await cluster.clock.advance(2_000);
  reply();
  assertEquals(await cluster.clock.resolve(waiting), "answered");
  await cluster.clock.resolve(client.close());
  await cluster.stop([one, two, three]);
});

const numShards = 4;

/** Two nodes that run entities, a client, and an entity that runs at the second node. */
async function withEntities(seed: number, behavior = silent) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(2);
  const refs = nodes.map((node) =>
    node.spawn(Behaviors.sharded(() => Behaviors.supervise(behavior()), { numShards }), "e")
  ) as ActorRef<ShardEnvelope<Question>>[] as [
    ActorRef<ShardEnvelope<Question>>,
    ActorRef<ShardEnvelope<Question>>,
  ];
  const client = await connect(cluster);
  for (let i = 0; i < 20; i++) refs[0].tell(shardEnvelope(`id${i}`, { type: "stop" }));
  await cluster.clock.advance(3_000);
  const ids = Array.from({ length: 20 }, (_, i) => `id${i}`);
  const idAt = (node: string) => ids.find((id) => nodes[0]!.sharding.shardOwner("e", id) === node)!;
  return {
    cluster,
    nodes: nodes as [ClusteredActorSystem, ClusteredActorSystem],
    refs,
    client,
    proxy: client.entityRef<Question>("e", { numShards }),
    here: idAt("node-1:25520"),
    there: idAt(node2),
    async end() {
      await cluster.clock.resolve(client.close());
      assertBalanced(nodes);
      await cluster.stop(nodes);
    },
  };
}

Deno.test("an ask of an entity fails when its handler throws; clients are not told the error", async () => {
  const { cluster, nodes, refs, client, proxy, here, there, end } = await withEntities(45);
  const of = (id: string) => (replyTo: ActorRef<string>) => shardEnvelope(id, throws(replyTo));
  for (const id of [here, there]) {
    const error = await refused(cluster, nodes[0].ask(refs[0], of(id), timeout), "handlerFailed");
    assert(error.message.includes(`entity "${id}"`), error.message);
    assert(error.message.includes("secret of the handler"), error.message);
    const told = await refused(cluster, client.ask(proxy, of(id), timeout), "handlerFailed");
    assertEquals([told.details, told.cause], [undefined, undefined]);
    assert(!told.message.includes("secret"), told.message);
  }
  await end();
});

Deno.test("an ask of an entity fails when it is passivated before it has replied", async () => {
  const { cluster, nodes, refs, client, proxy, here, there, end } = await withEntities(46);
  for (const id of [here, there]) {
    const of = (replyTo: ActorRef<string>) => shardEnvelope(id, asks(replyTo));
    const waiting = [nodes[0].ask(refs[0], of, timeout), client.ask(proxy, of, timeout)];
    for (const each of waiting) each.catch(() => {});
    await cluster.clock.advance(200);
    refs[0].tell(shardEnvelope(id, { type: "stop" }));
    for (const each of waiting) await refused(cluster, each, "stopped");
  }
  await end();
});

Deno.test("an ask that has waited for its shard fails with the entity, too", async () => {
  const cluster = new SimulatedCluster(47);
  const nodes = await cluster.start(2);
  const spawn = (node: ClusteredActorSystem) =>
    node.spawn(Behaviors.sharded(silent, { numShards }), "e");
  const [ref] = nodes.map(spawn) as ActorRef<ShardEnvelope<Question>>[] as [
    ActorRef<ShardEnvelope<Question>>,
  ];
  // No location is known yet.
  const waiting = Array.from(
    { length: 8 },
    (_, i) =>
      nodes[0]!.ask(
        ref,
        (replyTo: ActorRef<string>) => shardEnvelope(`id${i}`, asks(replyTo)),
        timeout,
      ),
  );
  for (const each of waiting) each.catch(() => {});
  await cluster.clock.advance(3_000);
  for (let i = 0; i < 8; i++) ref.tell(shardEnvelope(`id${i}`, { type: "stop" }));
  for (const each of waiting) await refused(cluster, each, "stopped");
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("an ask of an entity that cannot be sent fails at once, with the place", async () => {
  const { cluster, nodes, refs, client, proxy, there, end } = await withEntities(48);
  for (
    const [extra, reason, text] of [
      [[1, { f: () => 1 }], "notSerializable", "message.extra[1].f is a function"],
      ["x".repeat(17_000_000), "tooLarge", "message.extra: a string of 17000000 bytes"],
    ] as const
  ) {
    const of = (replyTo: ActorRef<string>) =>
      shardEnvelope(there, { type: "ask" as const, extra, replyTo });
    for (
      const asking of [
        () => nodes[0].ask(refs[0], of, timeout),
        () => client.ask(proxy, of, timeout),
      ]
    ) {
      const { message, code } = await refused(cluster, asking, reason);
      assertEquals(code, "askNotDelivered");
      assert(message.includes(text), message);
    }
    const one = entityType<Question>("e", { numShards });
    for (const place of [nodes[0], client]) {
      const asking = () =>
        place.entity(one, there).ask((replyTo: ActorRef<string>) => ({
          type: "ask",
          extra,
          replyTo,
        }), timeout);
      const { message } = await refused(cluster, asking, reason);
      assert(message.includes(text), message);
    }
    // A definite failure is not tried again.
    const retrying = client.ask(proxy, of, { ...timeout, retry: true });
    await refused(cluster, retrying, reason);
  }
  await end();
});

Deno.test("an asker is told what is wrong with an entity id, or that there is no envelope", async () => {
  const { cluster, nodes, refs, client, proxy, end } = await withEntities(49);
  for (const id of ["", "x".repeat(513), "cut \ud83d", undefined, 42, null]) {
    const of = (replyTo: ActorRef<string>) => shardEnvelope(id as string, asks(replyTo));
    for (const asking of [() => nodes[0].ask(refs[0], of), () => client.ask(proxy, of)]) {
      const { message, code } = await refused(cluster, asking, "badEntityId");
      assertEquals(code, "askNotDelivered");
      assert(message.includes("an entity id is a text of 1 to 512"), message);
    }
  }
  for (
    const asking of [
      () => nodes[0].ask(refs[0], asks as never),
      () => client.ask(proxy, asks as never),
    ]
  ) {
    const { message } = await refused(cluster, asking, "invalidMessage");
    assert(message.includes("shardEnvelope(entityId, message)"), message);
  }
  // Also behind a reference that another node has been given.
  const anchor = nodes[1].lookup<Question>("/e", { node: "node-1:25520" });
  const { message } = await refused(cluster, nodes[1].ask(anchor, asks), "invalidMessage");
  assert(message.includes("shardEnvelope"), message);
  for (const nothing of [null, undefined, 1]) refs[0].tell(nothing as never);
  await end();
});

Deno.test("an asker is told both numbers of shards", async () => {
  const cluster = new SimulatedCluster(50);
  const nodes = await cluster.start(2);
  const spawn = (node: ClusteredActorSystem, numShards: number) =>
    node.spawn(Behaviors.sharded(silent, { numShards }), "e");
  spawn(nodes[0]!, 20);
  await cluster.clock.advance(1_000);
  const other = spawn(nodes[1]!, 30);
  const client = await connect(cluster);
  const of = (replyTo: ActorRef<string>) => shardEnvelope("x", asks(replyTo));
  const atNode = await refused(cluster, nodes[1]!.ask(other, of, timeout), "wrongShardCount");
  assert(atNode.message.includes('"e" has 20 shards in this cluster, not 30'), atNode.message);
  const proxy = client.entityRef<Question>("e", { numShards: 100 });
  const asking = client.ask(proxy, of, { ...timeout, retry: true });
  const atClient = await refused(cluster, asking, "wrongShardCount");
  assert(atClient.message.includes('"e" has 20 shards in this cluster, not 100'), atClient.message);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("an asker is told that no member runs the type, unless one does soon", async () => {
  const cluster = new SimulatedCluster(51);
  const nodes = await cluster.start(2);
  const spawn = (type: string, options = {}) =>
    nodes.map((node) => node.spawn(Behaviors.sharded(silent, { numShards, ...options }), type));
  spawn("counters");
  await cluster.clock.advance(1_000);
  const client = await connect(cluster);
  const of = (replyTo: ActorRef<string>) => shardEnvelope("x", throws(replyTo));
  const ask = (type: string) =>
    client.ask(client.entityRef<Question>(type, { numShards }), of, timeout);
  const { message, code } = await refused(cluster, ask("countrs"), "unknownType");
  assertEquals(code, "askNotDelivered");
  assert(message.includes('"countrs"') && message.includes('there is "counters"'), message);
  // So is an asker at a node that has references only.
  const atNode = nodes[1]!.entityRef<Question>("ordrs", { numShards });
  await refused(cluster, nodes[1]!.ask(atNode, of, timeout), "unknownType");
  const entity = nodes[1]!.entity(entityType<Question>("itms", { numShards }), "x");
  const named = await refused(cluster, entity.ask(throws, timeout), "unknownType");
  assert(named.message.includes("/itms/x"), named.message);
  // The second is told as soon as a node has answered.
  const begun = cluster.clock.now();
  await refused(cluster, ask("countrs"), "unknownType");
  assert(cluster.clock.now() - begun < 300);
  // Nodes that are being started spawn their types within the grace.
  const early = ask("orders");
  early.catch(() => {});
  await cluster.clock.advance(500);
  spawn("orders");
  await refused(cluster, early, "handlerFailed");
  // A type that nodes have and do not run yet waits for a node with the role.
  spawn("later", { role: "backend" });
  const waiting = client.ask(client.entityRef<Question>("later", { numShards }), of, {
    timeout: 3_000,
  });
  await cluster.clock.resolve(assertRejects(() => waiting, AskTimeoutError), 10_000);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("an asker is told where a message does not fit its schema", async () => {
  const type = entityType<Question>("checked", {
    numShards,
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) => {
          const { extra } = value as { extra: unknown };
          if (extra === "throw") throw new Error("secret of the schema");
          const path = ["items", 0, { key: "price" }];
          return { issues: [{ message: "expected a number", path }] };
        },
      },
    },
  });
  const cluster = new SimulatedCluster(52);
  const nodes = await cluster.start(2);
  for (const node of nodes) node.spawn(Behaviors.sharded(type, silent));
  const client = await connect(cluster);
  const of = (extra: string) => (replyTo: ActorRef<string>) =>
    shardEnvelope("x", { type: "ask" as const, extra, replyTo });
  const ask = (extra: string) => client.ask(client.entityRef(type), of(extra), timeout);
  const error = await refused(cluster, ask("wrong"), "invalidMessage");
  assertEquals(error.details, "message.items[0].price: expected a number");
  const thrown = await refused(cluster, ask("throw"), "invalidMessage");
  assert(!thrown.message.includes("secret"), thrown.message);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a client that may not reach an actor is told so", async () => {
  const cluster = new SimulatedCluster(53);
  const nodes = await cluster.start(2);
  nodes[1]!.spawn(silent(), "private");
  const client = await connect(cluster);
  const key = ServiceKey<Question>("private");
  nodes[1]!.spawn(Behaviors.discoverable(silent(), key), "public");
  await cluster.clock.runUntil(() => client.lookup(key).length > 0, 20_000);
  const { remoting } = clientInternalsOf(client)!;
  const ref = remoting!.refTo({ node: node2, path: "/private", uid: 0 }) as ActorRef<Question>;
  const { message } = await refused(cluster, client.ask(ref, asks, timeout), "unauthorized");
  const why = "clients reach entities, services, and actors whose reference they were given";
  assert(message.includes(`unauthorized: ${why}; use another certificate, or have`), message);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a status error crosses the wire, from nodes and entities, to nodes and clients", async () => {
  const { cluster, nodes, refs, client, proxy, here, there, end } = await withEntities(54);
  for (const id of [here, there]) {
    const of = (replyTo: ActorRef<StatusReply<number>>) =>
      shardEnvelope(id, { type: "status" as const, replyTo });
    for (
      const asking of [
        () => nodes[0].askStatus(refs[0], of),
        () => client.askStatus(proxy, of, { retry: true }),
      ]
    ) {
      const { code, rejection } = await refused(cluster, asking, "rejected");
      assertEquals([code, rejection], ["askRejected", { message: "closed" }]);
    }
  }
  await end();
});

Deno.test("a report that is lost leaves the ask to its timeout, or to the end of the owner", async () => {
  const { cluster, nodes, refs, there } = await withEntities(55);
  const third = await cluster.clock.resolve(
    ClusteredActorSystem.start({
      name: "sim",
      nodeId: "node-3",
      host: "node-3",
      port: 25_520,
      seedNodes: ["node-1:25520"],
      runtime: cluster.runtime("node-3"),
      logger: cluster.runtime("node-3").logger,
    }),
    60_000,
  );
  const of = (replyTo: ActorRef<string>) => shardEnvelope(there, asks(replyTo));
  const short = nodes[0].ask(refs[0], of, { timeout: 2_000 });
  const long = nodes[0].ask(refs[0], of, { timeout: 300_000 });
  let reason = "";
  long.catch((error) => reason = error.reason);
  const timedOut = assertRejects(() => short, AskTimeoutError);
  await cluster.clock.advance(500);
  cluster.network.partition(["node-2"], ["node-1", "node-3"]);
  refs[1].tell(shardEnvelope(there, { type: "stop" }));
  await cluster.clock.resolve(timedOut, 10_000);
  await cluster.clock.runUntil(() => reason !== "", 200_000);
  assert(["ownerLost", "disconnected"].includes(reason), reason);
  await cluster.stop([nodes[0], third]);
});

Deno.test("asks that are answered, and those of a client that has gone, are not kept", async () => {
  const cluster = new SimulatedCluster(56);
  const nodes = await cluster.start(2);
  let kept: ActorRef<string> | undefined;
  const key = ServiceKey<Question>("keeping");
  const keeping = Behaviors.receive<Question>((_context, message) => {
    if (message.type === "ask") kept = message.replyTo;
    return Behaviors.same();
  });
  const ref = nodes[1]!.spawn(Behaviors.discoverable(keeping, key), "keeping");
  const held = () => (ref as unknown as { heldAsks: unknown }).heldAsks;
  const answer = nodes[0]!.ask(
    nodes[0]!.lookup<Question>("/keeping", { node: node2 }),
    asks,
    timeout,
  );
  await cluster.clock.advance(100);
  assert(held() !== undefined);
  kept!.tell("yes");
  assertEquals(held(), undefined);
  assertEquals(await cluster.clock.resolve(answer), "yes");
  const client = await connect(cluster);
  await cluster.clock.runUntil(() => client.lookup(key).length > 0, 20_000);
  client.ask(client.lookup(key)[0]!, asks, timeout).catch(() => {});
  await cluster.clock.advance(500);
  assert(held() !== undefined);
  await cluster.clock.resolve(client.close());
  await cluster.clock.advance(1_000);
  assertEquals(held(), undefined);
  await cluster.stop(nodes);
});

Deno.test("an actor may pass an ask on to another node and stop, or its node may leave", async () => {
  const cluster = new SimulatedCluster(57);
  const nodes = await cluster.start(3);
  const [one, two, three] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  type Work = { work: ActorRef<string> };
  three.spawn(
    Behaviors.receive<Work>((_context, { work }) => {
      cluster.clock.schedule(40_000, () => work.tell("done"));
      return Behaviors.same();
    }),
    "worker",
  );
  const key = ServiceKey<Question>("clerks");
  const clerkAt = (node: ClusteredActorSystem) =>
    Behaviors.receive<Question>((_context, message) => {
      const worker = node.lookup<Work>("/worker", { node: "node-3:25520" });
      if (message.type === "ask") worker.tell({ work: message.replyTo });
      return Behaviors.stopped();
    });
  two.spawn(Behaviors.discoverable(clerkAt(two), key), "clerk");
  const router = one.spawn(Routers.group(key), "router");
  const local = one.spawn(clerkAt(one), "clerk");
  await cluster.clock.advance(2_000);
  const waiting = Promise.all([
    one.ask(local, asks, timeout),
    one.ask(router, asks, timeout),
  ]);
  await cluster.clock.advance(500);
  await cluster.clock.resolve(two.shutdown());
  await cluster.clock.runUntil(() => one.members.length === 2, 30_000);
  assertEquals(await cluster.clock.resolve(waiting, 60_000), ["done", "done"]);
  await cluster.stop([one, three]);
});

Deno.test("an ask that an entity has accepted and not handled is answered by the next incarnation", async () => {
  const stopping = () =>
    Behaviors.receive<Question>((_context, message) => {
      if (message.type === "ask") message.replyTo.tell("yes");
      return message.type === "stop" ? Behaviors.stopped() : Behaviors.same();
    });
  const { cluster, nodes, refs, client, proxy, here, there, end } = await withEntities(
    58,
    stopping,
  );
  for (const id of [here, there]) {
    const of = (replyTo: ActorRef<string>) => shardEnvelope(id, asks(replyTo));
    refs[0].tell(shardEnvelope(id, { type: "stop" }));
    const waiting = [nodes[0].ask(refs[0], of, timeout), client.ask(proxy, of, timeout)];
    assertEquals(await cluster.clock.resolve(Promise.all(waiting)), ["yes", "yes"]);
  }
  await end();
});
