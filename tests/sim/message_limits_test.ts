import { assert, assertEquals, assertRejects } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import { transportTable } from "../../lib/options/tables/transport_tables.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

type Transport = NonNullable<ClusterOptions["transport"]>;

interface Question {
  readonly value: unknown;
  readonly replyTo: ActorRef<string>;
}

const sink = Behaviors.receive<Question>((_context, { replyTo }) => {
  replyTo.tell("ok");
  return Behaviors.same();
});

/** A cluster whose nodes have limits of their own; the last one has an actor and all entities. */
async function startWith(seed: number, ...transports: Transport[]) {
  const cluster = new SimulatedCluster(seed);
  const starting = transports.map((transport, index) => {
    const runtime = cluster.runtime(`node-${index + 1}`);
    return ClusteredActorSystem.start({
      name: "sim",
      host: `node-${index + 1}`,
      port: 25_520,
      seedNodes: ["node-1:25520"],
      requiredQuorum: transports.length,
      roles: index === transports.length - 1 ? ["last"] : [],
      runtime,
      logger: runtime.logger,
      transport,
    });
  });
  const nodes = await cluster.clock.resolve(Promise.all(starting));
  nodes.at(-1)!.spawn(sink, "sink");
  const entities = Behaviors.sharded(() => sink, { numShards: 4, role: "last" });
  const regions = nodes.map((node) => node.spawn(entities, "sinks"));
  await cluster.clock.advance(2_000);
  const remote = nodes[0]!.lookup<Question>("/sink", { node: `node-${nodes.length}:25520` });
  return { cluster, nodes, remote, region: regions[0]! };
}

const many = (count: number) => Array.from({ length: count }, (_, i) => i);
const deep = (depth: number) => many(depth).reduce<unknown>((x) => ({ x }), 1);

/** What exceeds the lowest limits, by the limit. */
const excessive: Readonly<Record<string, unknown>> = {
  maxArray: many(70_000),
  maxMap: new Map(many(70_000).map((i) => [i, i])),
  maxValues: many(3_000).map(() => many(100)),
  maxDepth: deep(40),
  maxString: "x".repeat(70_000),
  maxBinary: new Uint8Array(70_000),
};
const lowest: Transport = {
  maxArray: 65_536,
  maxMap: 65_536,
  maxValues: 262_144,
  maxDepth: 32,
  maxString: 65_536,
  maxBinary: 65_536,
};

Deno.test("ordinary data of up to 16 MiB travels with the default limits", async () => {
  const { cluster, nodes, remote } = await startWith(1, {}, {});
  const values = {
    "200,000 numbers": many(200_000),
    "a Map of 70,000": new Map(many(70_000).map((i) => [i, i])),
    "a Set of 130,000": new Set(many(130_000)),
    "100,000 records": many(100_000).map((i) => ({ i, a: 1, b: 2 })),
    "depth 127": deep(127),
    "16 MB of text": "x".repeat(16_000_000),
    "16 MB of bytes": new Uint8Array(16_000_000),
    "a million doubles": many(1_000_000).map((i) => i + 0.5),
  };
  for (const [what, value] of Object.entries(values)) {
    const asking = nodes[0]!.ask(
      remote,
      (replyTo: ActorRef<string>) => ({ value, replyTo }),
      { timeout: 20_000 },
    );
    assertEquals(await cluster.clock.resolve(asking), "ok", what);
  }
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("what exceeds only the receiver's limits fails the ask at once, and names the limit", async () => {
  const { cluster, nodes, remote, region } = await startWith(2, {}, lowest);
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const ofClient = client.entityRef<Question>("sinks", { numShards: 4 });
  let downs = 0;
  for (const node of nodes) node.eventStream.subscribe("unreachableMember", () => void downs++);
  const ways: Record<string, (value: unknown) => Promise<string>> = {
    actor: (value) =>
      nodes[0]!.ask(remote, (replyTo: ActorRef<string>) => ({ value, replyTo }), {
        timeout: 20_000,
      }),
    entity: (value) =>
      nodes[0]!.ask(
        region,
        (replyTo: ActorRef<string>) => shardEnvelope("a", { value, replyTo }),
        { timeout: 20_000 },
      ),
    client: (value) =>
      client.ask(
        ofClient,
        (replyTo: ActorRef<string>) => shardEnvelope("a", { value, replyTo }),
        { timeout: 20_000 },
      ),
  };
  for (const [way, ask] of Object.entries(ways)) {
    assertEquals(await cluster.clock.resolve(ask(1)), "ok", way);
    for (const [limit, value] of Object.entries(excessive)) {
      const began = cluster.clock.now();
      const asking = cluster.clock.resolve(ask(value), 25_000);
      const { message } = await assertRejects(() => asking, AskError, "tooLarge");
      assert(message.includes(`exceeds ${limit} `) || message.includes(`than ${limit} `), message);
      assert(message.includes(`raise transport.${limit} on both ends`), message);
      assert(limit in transportTable.options, limit);
      assert(cluster.clock.now() - began < 1_000, `${way} ${limit}`);
      // The connection is the same, and takes other messages.
      assertEquals(await cluster.clock.resolve(ask(2)), "ok", way);
    }
  }
  assertEquals(nodes[1]!.ledger.snapshot().deadLetters, { tooLarge: 18 });
  assertEquals(downs, 0);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("limits lower than the cluster's own messages need are refused at start", async () => {
  const cluster = new SimulatedCluster(3);
  for (const [limit, value] of Object.entries(lowest)) {
    await assertRejects(
      () => cluster.start(1, { transport: { [limit]: (value as number) - 1 } }),
      Error,
      `transport.${limit}`,
    );
  }
});

Deno.test("a Buffer, and keys and texts with U+FEFF, travel between nodes", async () => {
  const { cluster, nodes } = await startWith(4, {}, {});
  const heard: unknown[] = [];
  nodes[1]!.spawn(
    Behaviors.receive<unknown>((_context, value) => {
      heard.push(value);
      return Behaviors.same();
    }),
    "listener",
  );
  const { Buffer } = await import("node:buffer");
  const listener = nodes[0]!.lookup<unknown>("/listener", { node: "node-2:25520" });
  const value = { "\ufeffid": "\ufeff", "\ufeff": new Map([["\ufeffkey", "a\ufeff"]]) };
  listener.tell(value);
  listener.tell([Buffer.from("casty"), Buffer.from("casty").subarray(1, 3)]);
  await cluster.clock.advance(1_000);
  assertEquals(heard, [value, [new TextEncoder().encode("casty"), Uint8Array.of(97, 115)]]);
  for (const bytes of heard[1] as Uint8Array[]) {
    assertEquals(Object.getPrototypeOf(bytes), Uint8Array.prototype);
  }
  await cluster.stop(nodes);
});

/** Bytes that can be deflated to about a quarter. */
function bytesOf(size: number, seed: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length: size }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    return (state >>> 24) & 3;
  });
}

Deno.test("binaries that are views never change, whatever arrives afterwards", async () => {
  for (const compressAbove of [0, 1_000]) {
    const view: Transport = { binaries: "view", compressAbove };
    const { cluster, nodes } = await startWith(5, view, view);
    const kept: { data: Uint8Array; tail: Float64Array; n: number }[] = [];
    nodes[1]!.spawn(
      Behaviors.receive<{ data: Uint8Array; tail: Float64Array; n: number }>((_context, it) => {
        kept.push(it);
        return Behaviors.same();
      }),
      "keeper",
    );
    const keeper = nodes[0]!.lookup<unknown>("/keeper", { node: "node-2:25520" });
    // Below and above what a frame reader keeps, above one frame, and short ones in between.
    const sizes = [100, 5_000, 66_000, 70_000, 3_000_000, 200, 66_000, 1_100_000, 66_000, 5_000];
    for (let round = 0; round < 3; round++) {
      sizes.forEach((size, i) => {
        const n = round * sizes.length + i;
        keeper.tell({ data: bytesOf(size, n), tail: new Float64Array(600).fill(n), n });
      });
      await cluster.clock.advance(2_000);
    }
    assertEquals(kept.map(({ n }) => n), many(3 * sizes.length));
    for (const { data, tail, n } of kept) {
      assertEquals(data.length, sizes[n % sizes.length]);
      assertEquals(data, bytesOf(data.length, n));
      assert(tail.every((each) => each === n), `${n}`);
    }
    const views = kept.filter(({ data }) => data.buffer.byteLength > data.length);
    // A frame that arrives whole in a chunk is copied.
    assert(views.length >= (compressAbove === 0 ? 6 : 15), `${views.length} views`);
    // A view belongs to its message: what a handler writes into it shows in no other message.
    for (const { data } of kept) data.fill(255);
    for (const { tail, n } of kept) assert(tail.every((each) => each === n), `${n}`);
    await cluster.stop(nodes);
  }
});
