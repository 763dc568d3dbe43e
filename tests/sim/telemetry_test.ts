import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { rateLimit, rateLimiters } from "../../lib/delivery/mod.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";
import { counter, type CounterMessage, getValue, increment } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** Three nodes and a client; `telemetryOf` says where each host records. */
async function started(telemetryOf: (host: string) => RecordedTelemetry) {
  const cluster = new SimulatedCluster("telemetry");
  cluster.telemetryOf = telemetryOf;
  const nodes = await cluster.start(3);
  for (const node of nodes) node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
  }));
  await cluster.clock.advance(2_000);
  return { cluster, nodes, client };
}

Deno.test("an ask of a client and its reply are one trace, over the wire and through the entity", async () => {
  // One recorder for all, so that identifiers are unique.
  const telemetry = new RecordedTelemetry();
  const { cluster, nodes, client } = await started(() => telemetry);
  const counters = client.entityRef<CounterMessage>("counters", { numShards: 20 });
  const entities = ["a", "b", "c", "d"];
  // The first message for a shard waits for its owner, outside of the trace.
  for (const each of entities) await cluster.clock.resolve(client.ask(counters, getValue(each)));
  const before = telemetry.spans.length;
  for (const entity of entities) {
    await cluster.clock.resolve(client.ask(counters, getValue(entity)));
  }
  const spans = telemetry.spans.slice(before);
  const asks = spans.filter(({ name }) => name.startsWith("ask "));
  assertEquals(asks.length, 4);
  for (const ask of asks) {
    const handled = spans.filter(({ parent }) => parent?.spanId === ask.context.spanId);
    assertEquals(handled.map(({ name }) => name), ["handle /_region-counters"]);
    assertEquals(handled[0]!.context.traceId, ask.context.traceId);
    assert(ask.ended && handled[0]!.ended);
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("messages that wait for the owner of a shard stay in their traces", async () => {
  const telemetry = new RecordedTelemetry();
  const { cluster, nodes, client } = await started(() => telemetry);
  const [node] = nodes;
  const askers = [
    (type: string, id: string) =>
      client.ask(client.entityRef<CounterMessage>(type, { numShards: 1 }), getValue(id)),
    (type: string, id: string) =>
      node!.ask(node!.entityRef<CounterMessage>(type, { numShards: 1 }), getValue(id)),
  ];
  for (const [index, ask] of askers.entries()) {
    const type = `waiting-${index}`;
    for (const node of nodes) node.spawn(Behaviors.sharded(counter, { numShards: 1 }), type);
    await cluster.clock.advance(1_000);
    const before = telemetry.spans.length;
    const asks = ["a", "b", "c"].map((id) => ask(type, id));
    await cluster.clock.resolve(Promise.all(asks));
    const spans = telemetry.spans.slice(before);
    const asked = spans.filter(({ name }) => name.startsWith("ask "));
    assertEquals(asked.length, 3);
    for (const ask of asked) {
      const tree = spans.filter(({ context }) => context.traceId === ask.context.traceId);
      assertEquals(tree.map(({ name }) => name), [ask.name, `handle /_region-${type}`]);
    }
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("messages of a shard that is handed off stay in their traces, at the next owner too", async () => {
  const telemetry = new RecordedTelemetry();
  const { cluster, nodes, client } = await started(() => telemetry);
  // Each message takes a while, so that others wait in the mailbox when the shard goes; and the entity
  // stops now and then, so that these go on to the next owner.
  const slow = (): Behavior<CounterMessage> => {
    let handled = 0;
    return Behaviors.receive<CounterMessage>(async (_context, message) => {
      await new Promise<void>((resolve) => void cluster.clock.schedule(40, resolve));
      if (message.type === "getValue") message.replyTo.tell(1);
      return ++handled % 5 === 0 ? Behaviors.stopped() : Behaviors.same();
    });
  };
  const [first] = nodes;
  first!.spawn(Behaviors.sharded(slow, { numShards: 1 }), "slow");
  const ref = first!.entityRef<CounterMessage>("slow", { numShards: 1 });
  await cluster.clock.resolve(first!.ask(ref, getValue("one")));
  const owner = first!.sharding.shardOwner("slow", "one");
  for (const node of nodes.slice(1)) node.spawn(Behaviors.sharded(slow, { numShards: 1 }), "slow");
  assertEquals(owner, first!.address);
  await cluster.clock.advance(1_000);
  const before = telemetry.spans.length;
  const byClient = client.entityRef<CounterMessage>("slow", { numShards: 1 });
  const ask = () => client.ask(byClient, getValue("one"), { timeout: 30_000 });
  const asks = Array.from({ length: 20 }, ask);
  await cluster.clock.advance(100);
  const leaving = first!.shutdown();
  asks.push(...Array.from({ length: 10 }, ask));
  await cluster.clock.resolve(Promise.all(asks));
  await cluster.clock.resolve(leaving);
  assert(client.sharding.shardOwner("slow", "one") !== owner);
  const spans = telemetry.spans.slice(before);
  const asked = spans.filter(({ name }) => name.startsWith("ask "));
  assertEquals(asked.length, 30);
  for (const { context, name } of asked) {
    const tree = spans.filter(({ context: { traceId } }) => traceId === context.traceId);
    assertEquals(tree.map(({ name }) => name), [name, "handle /_region-slow"]);
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes.slice(1));
});

Deno.test("messages that wait while their entity stops stay in their traces", async () => {
  const telemetry = new RecordedTelemetry();
  const { cluster, nodes, client } = await started(() => telemetry);
  const wait = () => new Promise<void>((resolve) => void cluster.clock.schedule(40, resolve));
  // It stops after each message: the others wait for its next incarnation.
  const once = (): Behavior<CounterMessage> =>
    Behaviors.receive<CounterMessage>(async (_context, message) => {
      await wait();
      if (message.type === "getValue") message.replyTo.tell(1);
      return Behaviors.stopped();
    }, async () => {
      await wait();
      return Behaviors.same();
    });
  for (const node of nodes) node.spawn(Behaviors.sharded(once, { numShards: 1 }), "once");
  const [node] = nodes;
  const ref = node!.entityRef<CounterMessage>("once", { numShards: 1 });
  await cluster.clock.resolve(node!.ask(ref, getValue("one")));
  const before = telemetry.spans.length;
  const asks = Array.from({ length: 3 }, () => node!.ask(ref, getValue("one")));
  // These arrive while it stops.
  await cluster.clock.advance(60);
  asks.push(...Array.from({ length: 3 }, () => node!.ask(ref, getValue("one"))));
  await cluster.clock.resolve(Promise.all(asks));
  const spans = telemetry.spans.slice(before);
  const asked = spans.filter(({ name }) => name.startsWith("ask "));
  assertEquals(asked.length, 6);
  for (const { context } of asked) {
    const tree = spans.filter(({ context: { traceId } }) => traceId === context.traceId);
    assertEquals(tree.map(({ name }) => name), ["ask /once", "handle /_region-once"]);
  }
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a node measures its connections, messages, members and shards", async () => {
  const byHost = new Map<string, RecordedTelemetry>();
  const { cluster, nodes, client } = await started((host) => {
    const known = byHost.get(host) ?? new RecordedTelemetry();
    byHost.set(host, known);
    return known;
  });
  const one = byHost.get("node-1")!;
  const all = ["node-1", "node-2", "node-3"].map((host) => byHost.get(host)!);
  const sumOf = (name: string) => all.reduce((sum, each) => sum + each.sum(name), 0);

  assertEquals(one.sum(instruments.members.name, { status: "up" }), 3);
  assertEquals(one.sum(instruments.members.name, { status: "down" }), 0);
  assertEquals(one.sum(instruments.unreachableMembers.name), 0);
  assertEquals(one.count(instruments.phi.name), 2);
  assertEquals(one.count(instruments.phi.name, { member: "node-2:25520" }), 1);
  assertEquals(one.sum(instruments.membershipEvents.name, { type: "memberUp" }), 3);
  assert(one.sum(instruments.connections.name, { role: "node", lane: "control" }) >= 2);
  assert(one.sum(instruments.handshakes.name, { outcome: "established" }) >= 2);
  assert(one.sum(instruments.remoteMessages.name, { direction: "in", lane: "control" }) > 0);
  assert(one.sum(instruments.remoteBytes.name, { direction: "out", lane: "control" }) > 0);
  assertEquals(byHost.get("client")!.sum(instruments.clientConnected.name), 1);

  const ref = nodes[0]!.spawn(Behaviors.sharded(counter, { numShards: 20 }), "others");
  for (let i = 0; i < 40; i++) ref.tell(increment(`entity-${i}`));
  await cluster.clock.resolve(nodes[0]!.ask(ref, getValue("entity-0")));
  await cluster.clock.advance(1_000);
  assertEquals(sumOf(instruments.entities.name), 40);
  for (const [index, node] of nodes.entries()) {
    const owned = node.sharding.ownedShards().filter(({ shardType }) => shardType === "others");
    const labels = { type: "others", state: "running" };
    assertEquals(all[index]!.sum(instruments.shards.name, labels), owned.length);
  }
  assert(sumOf(instruments.shardEvents.name) > 0);

  await cluster.clock.resolve(client.close());
  assertEquals(byHost.get("client")!.sum(instruments.clientConnected.name), 0);
  await cluster.stop(nodes);
  assertEquals(one.sum(instruments.members.name), 0, "gauges of a node that is gone");
});

Deno.test("structures and limiters are measured at the node that runs them", async () => {
  const telemetry = new RecordedTelemetry();
  const { cluster, nodes, client } = await started(() => telemetry);
  for (const node of nodes) {
    node.distributed();
    node.spawn(rateLimiters());
  }
  const counter = nodes[0]!.distributed().counter("visits");
  const lock = client.distributed().lock("door");
  for (let i = 0; i < 3; i++) await cluster.clock.resolve(counter.increment());
  const held = await cluster.clock.resolve(lock.acquire());
  const operations = (kind: string, operation: string) =>
    telemetry.sum(instruments.structureOperations.name, { group: "default", kind, operation });
  assertEquals([operations("counter", "add"), operations("lock", "acquire")], [3, 1]);
  assertEquals(telemetry.sum(instruments.structures.name, { group: "default" }), 2);
  await cluster.clock.resolve(held.release());

  const guard = rateLimit(nodes[1]!, { key: "mails", perSecond: 2 });
  const decisions = (outcome: string) =>
    telemetry.sum(instruments.limitDecisions.name, { outcome });
  const ask = () =>
    cluster.clock.resolve(Promise.allSettled([1, 2, 3].map(() => guard.run(() => {}))));
  // What an earlier limiter may have granted is not known for a while.
  await ask();
  await cluster.clock.advance(5_000);
  await ask();
  assertEquals(["takeover", "granted", "rate"].map(decisions), [3, 2, 1]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
  assertEquals(telemetry.count(instruments.structures.name), 0, "the nodes are gone");
});

Deno.test("what waits for a peer that does not read is measured, and why a handshake has failed", async () => {
  const one = new RecordedTelemetry();
  const { cluster, nodes, client } = await started((host) =>
    host === "node-1" ? one : new RecordedTelemetry()
  );
  const sink = nodes[1]!.spawn(Behaviors.ignore(), "sink");
  const far = nodes[0]!.lookup<string>("/sink", { node: nodes[1]!.address })!;
  const queued = (name: string) => one.sum(name, { peer: nodes[1]!.address, lane: "user" });
  assertEquals(queued(instruments.queuedMessages.name), 0);
  for (let i = 0; i < 100; i++) far.tell("x".repeat(1_000));
  assertEquals(queued(instruments.queuedMessages.name), 100);
  assert(queued(instruments.queuedBytes.name) > 100_000);
  await cluster.clock.advance(1_000);
  assertEquals(queued(instruments.queuedMessages.name), 0);
  assert(sink.key !== far.key);
  // A client has a row, together with all others.
  assertEquals(one.count(instruments.queuedMessages.name, { peer: "clients" }), 1);
  await assertRejects(() =>
    cluster.clock.resolve(ClusterClient.connect({
      contactPoints: ["node-1:25520"],
      systemName: "another",
      connectTimeout: 2_000,
      runtime: cluster.runtime("outsider"),
    }))
  );
  assert(one.sum(instruments.handshakes.name, { outcome: "rejected", reason: "systemName" }) > 0);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a node that cannot be reached is a failed handshake and an unreachable member", async () => {
  const one = new RecordedTelemetry();
  const { cluster, nodes } = await started((host) =>
    host === "node-1" ? one : new RecordedTelemetry()
  );
  cluster.network.crash("node-3");
  await cluster.clock.advance(8_000);
  assertEquals(one.sum(instruments.unreachableMembers.name), 1);
  assert(one.sum(instruments.handshakes.name, { outcome: "failed" }) >= 1);
  await cluster.clock.advance(20_000);
  assertEquals(one.sum(instruments.membershipEvents.name, { type: "memberDowned" }), 1);
  await cluster.stop(nodes.slice(0, 2));
});
