import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
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
    assertEquals(all[index]!.sum(instruments.shards.name, { type: "others" }), owned.length);
  }
  assert(sumOf(instruments.shardEvents.name) > 0);

  await cluster.clock.resolve(client.close());
  assertEquals(byHost.get("client")!.sum(instruments.clientConnected.name), 0);
  await cluster.stop(nodes);
  assertEquals(one.sum(instruments.members.name), 0, "gauges of a node that is gone");
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
