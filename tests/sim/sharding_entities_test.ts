import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { AskError } from "../../lib/actor/errors.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import { ShardingError } from "../../lib/sharding/errors.ts";
import type { MessageSchema } from "../../lib/actor/behavior/message_schema.ts";
import type { ShardEvent } from "../../lib/sharding/shard_event.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import type { ShardedOptions } from "../../lib/sharding/sharded_behavior.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

type Message =
  | { type: "add"; n: number }
  | { type: "get"; replyTo: ActorRef<number[]> }
  | { type: "rest" }
  | { type: "stop" }
  | { type: "fail" };

/** Starts and stops of entities. */
function listKeeper(log: string[], stopsAfter = 0) {
  return (id: string): Behavior<Message> =>
    Behaviors.setup((context) => {
      assertEquals(context.entityId, id);
      log.push(`start ${id}`);
      const numbers: number[] = [];
      return Behaviors.withLifecycle(
        Behaviors.receive<Message>((_context, message) => {
          switch (message.type) {
            case "add":
              numbers.push(message.n);
              return Behaviors.same();
            case "get":
              message.replyTo.tell([...numbers]);
              return Behaviors.same();
            case "rest":
              context.passivate();
              return Behaviors.same();
            case "stop":
              return Behaviors.stopped();
            case "fail":
              throw new Error("as asked");
          }
        }),
        {
          postStop: () =>
            new Promise((resolve) => {
              const end = () => {
                log.push(`stop ${id} ${numbers}`);
                resolve();
              };
              if (stopsAfter === 0) end();
              else context.system.runtime.clock.schedule(stopsAfter, end);
            }),
        },
      );
    });
}

async function oneNode(log: string[], options: ShardedOptions = {}, stopsAfter = 0) {
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1);
  const lists = node!.spawn(Behaviors.sharded(listKeeper(log, stopsAfter), options), "lists");
  const get = (id: string) =>
    cluster.clock.resolve(
      node!.ask(lists, (replyTo: ActorRef<number[]>) =>
        shardEnvelope(id, { type: "get" as const, replyTo })),
    );
  return { cluster, node: node!, lists, get };
}

const add = (id: string, n: number) => shardEnvelope(id, { type: "add" as const, n });
const order = (id: string, type: "rest" | "stop" | "fail") => shardEnvelope(id, { type });

Deno.test("an idle entity is passivated, its hooks run, and a message starts it again", async () => {
  const log: string[] = [];
  const { cluster, node, lists, get } = await oneNode(log, { passivation: { idle: 5_000 } });
  lists.tell(add("a", 1));
  assertEquals(await get("a"), [1]);
  await cluster.clock.advance(4_000);
  lists.tell(add("b", 2));
  await cluster.clock.advance(2_000);
  assertEquals(log, ["start a", "start b", "stop a 1"]);
  assertEquals(node.sharding.runningEntities("lists"), ["b"]);
  assertEquals(await get("a"), []);
  assertEquals(log.at(-1), "start a");
  await cluster.stop([node]);
});

Deno.test("beyond the limit the least recently used entity is passivated", async () => {
  const log: string[] = [];
  const { cluster, node, get } = await oneNode(log, { passivation: { limit: 2 } });
  for (const id of ["a", "b", "a", "c"]) await get(id);
  await cluster.clock.advance(1);
  assertEquals(log, ["start a", "start b", "start c", "stop b "]);
  await cluster.stop([node]);
});

for (const how of ["rest", "stop"] as const) {
  Deno.test(`what comes while an entity stops (${how}) waits, and starts it again`, async () => {
    const log: string[] = [];
    const { cluster, node, lists, get } = await oneNode(log, {}, 100);
    lists.tell(add("a", 1));
    lists.tell(order("a", how));
    if (how === "stop") {
      await get("b");
      await cluster.clock.advance(10);
    }
    for (const n of [2, 3]) lists.tell(add("a", n));
    await cluster.clock.advance(50);
    lists.tell(add("a", 4));
    const numbers = await get("a");
    if (how === "stop") assertEquals(numbers, [2, 3, 4]);
    // Messages that were sent before passivation belong to the first run.
    else assertEquals(numbers.at(-1), 4);
    const stopped = log.find((line) => line.startsWith("stop a"))!;
    assertEquals([...stopped.slice(7).split(","), ...numbers].map(Number), [1, 2, 3, 4]);
    assertEquals(node.ledger.snapshot().deadLetters, {});
    await cluster.stop([node]);
  });
}

Deno.test("an entity that fails restarts with back-off, and loses no message", async () => {
  const log: string[] = [];
  const { cluster, node, lists, get } = await oneNode(log);
  const pauses: number[] = [];
  for (let round = 0; round < 3; round++) {
    await get("a");
    lists.tell(order("a", "fail"));
    await cluster.clock.advance(1);
    const before = cluster.clock.now();
    lists.tell(add("a", round));
    assertEquals(await get("a"), [round]);
    pauses.push(Math.round((cluster.clock.now() - before) / 100));
  }
  assertEquals(pauses, [2, 4, 8]);
  await cluster.stop([node]);
});

Deno.test("wrong messages that wait make no pause each", async () => {
  const log: string[] = [];
  const { cluster, node, lists, get } = await oneNode(log);
  await get("a");
  for (let n = 0; n < 50; n++) lists.tell(order("a", "fail"));
  const before = cluster.clock.now();
  assertEquals(await get("a"), []);
  assert(cluster.clock.now() - before < 100, `${cluster.clock.now() - before} ms`);
  await cluster.stop([node]);
});

Deno.test("an actor that is not an entity has no id, and cannot be passivated", async () => {
  const cluster = new SimulatedCluster(2);
  const [node] = await cluster.start(1);
  let failure: unknown;
  node!.spawn(
    Behaviors.setup<never>((context) => {
      assertEquals(context.entityId, "");
      try {
        context.passivate();
      } catch (error) {
        failure = error;
      }
      return Behaviors.stopped() as Behavior<never>;
    }),
    "plain",
  );
  await cluster.clock.advance(1);
  assert(/is no sharded entity/.test(String(failure)), String(failure));
  await cluster.stop([node!]);
});

Deno.test("a joining node gets its share of shards, and no message is lost", async () => {
  const cluster = new SimulatedCluster(3);
  const log: string[] = [];
  const nodes = await cluster.start(2);
  const events: ShardEvent[] = [];
  for (const type of ["shardAllocated", "shardHandOffStarted", "shardFreed"] as const) {
    nodes[0]!.eventStream.subscribe<ShardEvent>(type, (event) => void events.push(event));
  }
  const make = () => Behaviors.sharded(listKeeper(log), { numShards: 20 });
  const refs = nodes.map((node) => node.spawn(make(), "lists"));
  await cluster.clock.resolve(Promise.all(nodes.map((node) => node.barrier("up", 2))));
  const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`);
  let told = 0;
  let talking = true;
  const talk = () => {
    if (!talking) return;
    for (const ref of refs) ref.tell(add(ids[told++ % ids.length]!, told));
    cluster.clock.schedule(5, talk);
  };
  talk();
  // By then all shards are granted, so the third node gets shards by hand-off only.
  await cluster.clock.advance(7_000);
  const runtime = cluster.runtime("node-3");
  const { ClusteredActorSystem } = await import("../../lib/clustered_actor_system.ts");
  const third = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-3",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    requiredQuorum: 3,
    runtime,
    logger: runtime.logger,
  }));
  third.spawn(make(), "lists");
  await cluster.clock.runUntil(
    () => third.sharding.shardTable("lists").filter(owned(third)).length >= 6,
    90_000,
  );
  talking = false;
  await cluster.clock.advance(2_000);
  const moved = events.filter(({ type }) => type === "shardHandOffStarted").length;
  assert(moved >= 6, `${moved} moved`);
  // All messages are in an entity, or were in one that has stopped in order.
  const kept = await Promise.all(
    ids.map((id) =>
      cluster.clock.resolve(
        nodes[0]!.ask(refs[0]!, (replyTo: ActorRef<number[]>) =>
          shardEnvelope(id, { type: "get" as const, replyTo })),
      )
    ),
  );
  const numbers = log.filter((line) => line.startsWith("stop")).flatMap((line) =>
    line.split(" ")[2]!.split(",").filter(Boolean).map(Number)
  );
  assertEquals([...kept.flat(), ...numbers].length, told);
  for (const node of [...nodes, third]) assertEquals(node.ledger.snapshot().deadLetters, {});
  await cluster.stop([...nodes, third]);
});

function owned(node: ClusteredActorSystem) {
  return (place: { owner: string } | undefined) => place?.owner === node.address;
}

/** A schema as libraries make them. */
const addOrGet: MessageSchema<Message> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const { type, n } = value as { type?: unknown; n?: unknown };
      if (type === "get" || (type === "add" && typeof n === "number")) {
        return { value: value as Message };
      }
      return { issues: [{ message: "neither add nor get" }] };
    },
  },
};

Deno.test("nodes and clients share an entity type, and a message that does not fit its schema is rejected", async () => {
  const cluster = new SimulatedCluster(4);
  const Lists = entityType<Message>("lists", { numShards: 10, schema: addOrGet });
  const [node] = await cluster.start(1);
  const lost: unknown[] = [];
  node!.eventStream.subscribe("deadLetter", ({ reason }) => void lost.push(reason));
  const local = node!.spawn(Behaviors.sharded(Lists, listKeeper([])));
  assertEquals(local.path, "/lists");
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: [node!.address],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const lists = client.entityRef(Lists);
  lists.tell(add("a", 1));
  lists.tell(shardEnvelope("a", { type: "add", n: "2" } as never));
  const get = (type: string) =>
    cluster.clock.resolve(
      client.ask(lists, (replyTo: ActorRef<number[]>) =>
        shardEnvelope("a", { type, replyTo } as never), { timeout: 60_000 }),
    );
  assertEquals(await get("get"), [1]);
  const before = cluster.clock.now();
  const error = await assertRejects(() => get("other"), AskError) as AskError;
  assert(cluster.clock.now() - before < 1_000, "it was told by a timeout");
  assertEquals(error.code, "askNotDelivered");
  assert(/invalidMessage/.test(error.message), error.message);
  assertEquals(lost, ["invalidMessage", "invalidMessage"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop([node!]);
});

Deno.test("an entity type is spawned under its own name only", async () => {
  const cluster = new SimulatedCluster(5);
  const [node] = await cluster.start(1);
  const Lists = entityType<Message>("lists");
  let failure: unknown;
  try {
    node!.spawn(Behaviors.sharded(Lists, listKeeper([])), "others");
  } catch (error) {
    failure = error;
  }
  assert(failure instanceof ShardingError && failure.code === "badName", String(failure));
  await cluster.stop([node!]);
});

/** An entity that never ends its first message, with these bounds, and a client of its node. */
async function busyEntity(options: ShardedOptions) {
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1);
  const busy = () => Behaviors.receive<unknown>(() => new Promise<never>(() => {}));
  const ref = node!.spawn(Behaviors.sharded(busy, { numShards: 4, ...options }), "busy");
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: [node!.address],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const remote = client.entityRef<unknown>("busy", { numShards: 4 });
  const lost: string[] = [];
  node!.eventStream.subscribe("deadLetter", ({ reason }) => void lost.push(reason));
  return { cluster, node: node!, ref, client, remote, lost };
}

Deno.test("the mailbox of an entity is bounded by default, and an asker is told mailboxFull", async () => {
  const { cluster, node, ref, client, remote, lost } = await busyEntity({});
  ref.tell(shardEnvelope("one", "busy"));
  await cluster.clock.advance(3_000);
  for (let i = 0; i < 10_000; i++) ref.tell(shardEnvelope("one", i));
  await cluster.clock.advance(100);
  assertEquals(lost.length, 0);
  const asks = [
    node.ask(ref, (replyTo: ActorRef<number>) => shardEnvelope("one", { replyTo })),
    client.ask(remote, (replyTo: ActorRef<number>) => shardEnvelope("one", { replyTo })),
  ];
  const failures = Promise.all(asks.map((ask) => assertRejects(() => ask, AskError)));
  const errors = await cluster.clock.resolve(failures, 1_000);
  assertEquals(errors.map(({ message }) => /mailboxFull/.test(message)), [true, true]);
  assertEquals(new Set(lost), new Set(["mailboxFull"]));
  await cluster.clock.resolve(client.close());
});

Deno.test("the mailbox of an entity is bounded by bytes, and takes one message of any size", async () => {
  const { cluster, ref, client, lost } = await busyEntity({ mailbox: { maxBytes: 10_000 } });
  const large = "x".repeat(10_000);
  ref.tell(shardEnvelope("one", large));
  await cluster.clock.advance(100);
  // The first is with the handler.
  ref.tell(shardEnvelope("one", large));
  ref.tell(shardEnvelope("two", large));
  await cluster.clock.advance(100);
  assertEquals(lost, []);
  for (let i = 0; i < 10; i++) ref.tell(shardEnvelope("one", "x".repeat(1_000)));
  await cluster.clock.advance(100);
  assertEquals(lost, Array(6).fill("mailboxFull"));
  await cluster.clock.resolve(client.close());
});

Deno.test("the stash of an entity is bounded by the bytes of its mailbox", async () => {
  const failed: string[] = [];
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1);
  const hoarder = () =>
    Behaviors.receive<string>((context, message) => {
      try {
        context.stash.add(message);
      } catch (error) {
        failed.push((error as { code: string }).code);
      }
      return Behaviors.same();
    });
  const options = { numShards: 4, mailbox: { maxBytes: 10_000 } };
  const ref = node!.spawn(Behaviors.sharded(hoarder, options), "hoarder");
  for (let i = 0; i < 6; i++) {
    ref.tell(shardEnvelope("one", "x".repeat(1_000)));
    await cluster.clock.advance(100);
  }
  assertEquals(failed, ["stashFull", "stashFull"]);
});

Deno.test("a node runs no more entities of a type than the default of passivation.limit", async () => {
  const log: string[] = [];
  const { cluster, node, lists } = await oneNode(log);
  for (let i = 0; i < 100_200; i++) lists.tell(shardEnvelope(`e${i}`, { type: "add", n: i }));
  await cluster.clock.advance(1_000);
  assertEquals(node.sharding.runningEntities("lists").length, 100_000);
});

Deno.test("entities that give way do not pile up while others start", async () => {
  const { cluster, node, lists } = await oneNode([], { passivation: { limit: 100 } });
  const lost: string[] = [];
  node.eventStream.subscribe("deadLetter", ({ reason }) => void lost.push(reason));
  lists.tell(add("first", 1));
  await cluster.clock.advance(3_000);
  // All in one turn: none of them can stop meanwhile.
  for (let i = 0; i < 5_000; i++) lists.tell(add(`e${i}`, i));
  assert(node.sharding.runningEntities("lists").length <= 1_200);
  await cluster.clock.advance(1_000);
  assertEquals(node.sharding.runningEntities("lists").length, 100);
  assertEquals(new Set(lost), new Set(["bufferFull"]));
  lost.splice(0);
  for (let i = 0; i < 900; i++) lists.tell(add(`f${i}`, i));
  await cluster.clock.advance(1_000);
  assertEquals(lost, []);
});

Deno.test("a client starts no more entities a second than maxStartsPerIdentity, nodes as many as they like", async () => {
  const options = { maxStartsPerIdentity: 100 };
  const { cluster, node, ref, client, remote, lost } = await busyEntity(options);
  await cluster.clock.advance(3_000);
  ref.tell(shardEnvelope("mine", 1));
  remote.tell(shardEnvelope("first", 1));
  await cluster.clock.advance(3_000);
  for (let i = 0; i < 300; i++) remote.tell(shardEnvelope(`e${i}`, 1));
  await cluster.clock.advance(50);
  const running = () => node.sharding.runningEntities("busy").length;
  assert(running() <= 2 + 110, String(running()));
  assert(lost.length >= 190 && lost.every((reason) => reason === "bufferFull"), lost.join());
  // Entities that run are reached, and others start later.
  lost.splice(0);
  remote.tell(shardEnvelope("first", 2));
  await cluster.clock.advance(2_000);
  for (let i = 200; i < 250; i++) remote.tell(shardEnvelope(`e${i}`, 1));
  await cluster.clock.advance(50);
  assertEquals(lost, []);
  for (let i = 0; i < 300; i++) ref.tell(shardEnvelope(`n${i}`, 1));
  await cluster.clock.advance(50);
  assertEquals(lost, []);
  await cluster.clock.resolve(client.close());
});
