import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import type { Distributed } from "../../lib/distributed/distributed.ts";
import type { DistributedOptions } from "../../lib/distributed/distributed_extension.ts";
import { DistributedError } from "../../lib/distributed/errors.ts";
import {
  type LeaseLost,
  type StructureMessage,
  structureType,
} from "../../lib/distributed/structure_protocol.ts";
import type { HeldPermit } from "../../lib/distributed/permits.ts";
import { memoryJournal } from "../../lib/persistence/memory_journal.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

interface World {
  readonly cluster: SimulatedCluster;
  readonly nodes: readonly ClusteredActorSystem[];
  readonly groups: readonly Distributed[];
  /** Waits on virtual time. */
  readonly get: <T>(promise: Promise<T>) => Promise<T>;
  connect(name?: string): Promise<ClusterClient>;
}

/** Runs a test on nodes that have all opened a group. */
async function on(
  count: number,
  options: DistributedOptions,
  test: (world: World) => Promise<void>,
): Promise<void> {
  const cluster = new SimulatedCluster(count);
  const get = <T>(promise: Promise<T>) => cluster.clock.resolve(promise);
  const nodes = await cluster.start(count);
  const groups = nodes.map((node) => node.distributed(options));
  await cluster.clock.advance(1_000);
  const clients: ClusterClient[] = [];
  const connect = async (name = "client") => {
    const runtime = cluster.runtime(name);
    const { logger } = runtime;
    const client = await get(
      ClusterClient.connect({
        contactPoints: ["node-1:25520"],
        systemName: "sim",
        runtime,
        logger,
      }),
    );
    clients.push(client);
    return client;
  };
  try {
    await test({ cluster, nodes, groups, get, connect });
  } finally {
    await get(Promise.all(clients.map((client) => client.close())));
    await cluster.stop(nodes);
  }
}

/** Rejects with the code. */
async function refuses(world: World, promise: Promise<unknown>, code: string): Promise<void> {
  const error = await world.get(assertRejects(() => promise, DistributedError));
  assertEquals(error.code, code);
}

const volatile: DistributedOptions = {};
const replicated: DistributedOptions = { replication: { replicas: 2, minAcks: 1 } };

for (const [what, options] of Object.entries({ volatile, replicated })) {
  Deno.test(`${what} structures are shared by five nodes and a client`, () =>
    on(5, options, async (world) => {
      const { groups, get, connect } = world;
      const [first, second, third] = groups as [Distributed, Distributed, Distributed];
      const client = (await connect()).distributed();

      assertEquals(await get(first.counter("a").increment()), 1);
      assertEquals(await get(second.counter("a").increment(5)), 6);
      assertEquals(await get(third.counter("a").decrement(2)), 4);
      assertEquals(await get(client.counter("a").get()), 4);
      assertEquals(await get(client.counter("b").get()), 0);

      const map = first.map<string | number, string>("a");
      assertEquals(await get(map.get("x")), undefined);
      assertEquals(await get(map.set("x", "1")), undefined);
      assertEquals(await get(client.map<string, string>("a").set("x", "2")), "1");
      assertEquals(await get(map.get("x")), "2");
      assertEquals(await get(map.delete("x")), true);
      assertEquals(await get(map.delete("x")), false);
      assertEquals(await get(map.contains("x")), false);
      assertEquals(await get(map.set("x", "3")), undefined);
      assertEquals(await get(map.compareAndSet("x", "2", "4")), false);
      assertEquals(await get(map.compareAndSet("x", "3", "4")), true);
      assertEquals(await get(map.compareAndSet("y", undefined, "1")), true);
      assertEquals(await get(map.compareAndSet("y", undefined, "1")), false);
      assertEquals(await get(map.compareAndSet("y", "1", undefined)), true);
      assertEquals(await get(map.size()), 1);

      const set = second.set<string>("a");
      assert(await get(set.add("v")));
      assert(!await get(set.add("v")));
      assert(await get(client.set("a").contains("v")));
      assert(!await get(client.set("a").contains("w")));
      assert(await get(set.remove("v")));
      assert(!await get(set.remove("v")));
      assertEquals(await get(set.size()), 0);

      const queue = third.queue<number | null>("a");
      await refuses(world, queue.dequeue(), "queueEmpty");
      await refuses(world, queue.peek(), "queueEmpty");
      for (const item of [1, null, 3]) await get(queue.enqueue(item));
      assertEquals(await get(queue.peek()), 1);
      assertEquals(await get(client.queue("a").dequeue()), 1);
      assertEquals(await get(queue.dequeue()), null);
      assertEquals(await get(queue.size()), 1);

      const held = await get(client.lock("a").tryAcquire());
      assertEquals(await get(first.lock("a").tryAcquire()), undefined);
      assertEquals(await get(held!.release()), true);
      assertEquals(await get(held!.release()), false);

      const all = [first.counter("a"), map, set, queue, first.lock("a"), first.barrier("a")];
      for (const one of all) assertEquals(await get(one.destroy()), true);
      assertEquals(await get(second.counter("a").get()), 0);
      assertEquals(await get(map.get("x")), undefined);
      assertEquals(await get(set.contains("v")), false);
      assertEquals(await get(queue.size()), 0);
      assert(await get(second.lock("a").tryAcquire()));
    }));
}

Deno.test("keys of different types differ, and entries come in order", () =>
  on(2, {}, async ({ groups, get }) => {
    const map = groups[1]!.map<string | number | bigint | boolean | null, string>("keys");
    const keys = [1, "1", 1n, true, "true", null, "null", -1.5, 1e300, "", "s1", false, NaN];
    for (const key of keys) assertEquals(await get(map.set(key, typeof key)), undefined);
    assertEquals(await get(map.set(-0, "zero")), undefined);
    assertEquals(await get(map.get(0)), "zero");
    const found = await get(Array.fromAsync(map.entries()));
    assertEquals(found, [...keys.map((key): [typeof key, string] => [key, typeof key]), [
      0,
      "zero",
    ]]);
    assertThrows(() => void groups[0]!.map("").size(), Error, "name");
    await assertRejects(() => map.get(Symbol() as never), Error, "key");
    await assertRejects(() => map.get("x".repeat(1_024)), Error, "key");
  }));

Deno.test("a value that cannot be read does not hide the entries behind it", () =>
  on(1, { clients: () => true }, async ({ groups: [group], get, connect }) => {
    const map = group!.map<string, number>("m");
    await get(map.set("first", 1));
    const client = await connect();
    const type = client.entityRef<StructureMessage>(structureType("default"));
    const operation = { type: "set", key: "sbad", value: new Uint8Array([0xc1]) } as const;
    await get(type.entity("map|m").ask((replyTo) => ({ type: "operation", operation, replyTo })));
    await get(map.set("last", 2));
    const error = await assertRejects(() => get(Array.fromAsync(map.entries())), DistributedError);
    assertEquals([error.code, error.value], ["badValue", "bad"]);
    assertEquals(await get(Array.fromAsync(map.keys())), ["first", "bad", "last"]);
    assert(await get(map.delete("bad")));
    assertEquals(await get(Array.fromAsync(map.entries())), [["first", 1], ["last", 2]]);
  }));

Deno.test("many entries come page by page while others are written", () =>
  on(1, {}, async ({ groups, get }) => {
    const map = groups[0]!.map<number, string>("many");
    const text = "x".repeat(1_000);
    await get(map.size());
    await get(Promise.all(Array.from({ length: 1_500 }, (_, key) => map.set(key, text))));
    const seen: number[] = [];
    await get((async () => {
      for await (const [key] of map.entries()) {
        if (seen.push(key) % 100 === 0) {
          await map.delete(key);
          await map.set(10_000 + key, text);
        }
      }
    })());
    const old = seen.filter((key) => key < 10_000);
    assertEquals(old, Array.from({ length: 1_500 }, (_, key) => key));
    assertEquals(new Set(seen).size, seen.length);
  }));

Deno.test("entries with a time to live expire", () =>
  on(1, {}, async ({ cluster, groups, get }) => {
    const map = groups[0]!.map<string, number>("expiring");
    await get(map.set("short", 1, { ttl: 1_000 }));
    await get(map.set("long", 1, { ttl: 60_000 }));
    await get(map.set("kept", 1, { ttl: 1_000 }));
    await get(map.set("kept", 2));
    await cluster.clock.advance(1_500);
    assertEquals(await get(map.get("short")), undefined);
    assertEquals(await get(map.compareAndSet("short", undefined, 5)), true);
    assertEquals(await get(map.get("long")), 1);
    assertEquals(await get(map.get("kept")), 2);
    assertEquals(await get(map.size()), 3);
  }));

Deno.test("reserved items come back, are acknowledged once, and are parked in the end", () =>
  on(2, replicated, async ({ cluster, groups, get }) => {
    const [one, other] = [groups[0]!.queue<string>("jobs"), groups[1]!.queue<string>("jobs")];
    for (const item of ["a", "b"]) await get(one.enqueue(item));
    const first = await get(one.reserve({ visibility: 1_000, maxTries: 2 }));
    assertEquals([first!.value, first!.tries], ["a", 1]);
    const second = await get(other.reserve({ visibility: 10_000 }));
    assertEquals(second!.value, "b");
    assertEquals(await get(other.reserve()), undefined);
    assertEquals(await get(second!.acknowledge()), true);
    assertEquals(await get(second!.acknowledge()), false);
    await cluster.clock.advance(1_500);
    assertEquals(await get(first!.acknowledge()), false);
    const again = await get(other.reserve({ maxTries: 2 }));
    assertEquals([again!.value, again!.tries], ["a", 2]);
    assertEquals(await get(again!.extend(60_000)), true);
    await cluster.clock.advance(40_000);
    assertEquals(await get(again!.reject()), true);
    assertEquals(await get(one.reserve()), undefined);
    assertEquals(await get(one.size()), 0);
    const [parked] = await get(Array.fromAsync(one.parked()));
    assertEquals([parked!.value, parked!.tries], ["a", 2]);
    assertEquals(await get(parked!.retry()), true);
    assertEquals(await get(parked!.remove()), false);
    assertEquals(await get(one.dequeue()), "a");
  }));

Deno.test("acquirers are granted in order, with growing tokens", () =>
  on(3, {}, async ({ cluster, groups, get }) => {
    const held = await get(groups[0]!.lock("l").acquire());
    const granted: HeldPermit[] = [];
    const order: number[] = [];
    const waiting: Promise<void>[] = [];
    for (let index = 0; index < 4; index++) {
      const acquiring = groups[index % 3]!.lock("l").acquire({ timeout: 30_000 });
      waiting.push(acquiring.then((held) => {
        order.push(index);
        granted.push(held);
      }));
      await cluster.clock.advance(100);
    }
    assertEquals(await get(groups[1]!.lock("l").status()), { held: 1, waiting: 4 });
    let token = held.token;
    await get(held.release());
    for (let index = 0; index < 4; index++) {
      await get(waiting[index]!);
      assertEquals(order.length, index + 1);
      assert(granted[index]!.token > token);
      token = granted[index]!.token;
      assertEquals(await get(granted[index]!.release()), true);
    }
    assertEquals(order, [0, 1, 2, 3]);
  }));

Deno.test("the lock is not reentrant, and only its owner releases it", () =>
  on(2, {}, async (world) => {
    const { groups, get } = world;
    const [mine, others] = [groups[0]!.lock("l"), groups[0]!.lock("l")];
    assertEquals(await get(mine.release()), false);
    await get(mine.acquire());
    await refuses(world, mine.acquire(), "alreadyHeld");
    assertEquals(await get(mine.tryAcquire()), undefined);
    assertEquals(await get(others.tryAcquire()), undefined);
    assertEquals(await get(others.release()), false);
    assertEquals(await get(mine.release()), true);
    assert(await get(others.tryAcquire()));
  }));

Deno.test("a semaphore has so many permits", () =>
  on(2, {}, async (world) => {
    const { groups, get } = world;
    const [one, other] = [groups[0]!.semaphore("s", 2), groups[1]!.semaphore("s", 2)];
    const first = await get(one.acquire());
    await get(one.acquire());
    assertEquals(await get(other.tryAcquire()), undefined);
    assertEquals(await get(other.release()), false);
    await refuses(world, groups[0]!.semaphore("s", 3).acquire(), "permitsMismatch");
    await get(first.release());
    assert(await get(other.tryAcquire()));
  }));

Deno.test("one who gives up gets no grant", () =>
  on(2, {}, async (world) => {
    const { cluster, groups, get } = world;
    const [one, other] = groups as [Distributed, Distributed];
    const held = await get(one.lock("l").acquire());
    await refuses(world, other.lock("l").acquire({ timeout: 500 }), "acquireTimeout");
    const abort = new AbortController();
    const aborted = assertRejects(
      () => other.lock("l").acquire({ signal: abort.signal }),
      AskError,
    );
    await cluster.clock.advance(100);
    abort.abort();
    assertEquals((await get(aborted)).code, "askAborted");
    await cluster.clock.advance(100);
    assertEquals(await get(one.lock("l").status()), { held: 1, waiting: 0 });
    await get(held.release());
    assert(await get(other.lock("l").tryAcquire()));

    await refuses(world, one.barrier("b").arrive(2, { timeout: 500 }), "acquireTimeout");
    await cluster.clock.advance(100);
    await refuses(world, other.barrier("b").arrive(2, { timeout: 500 }), "acquireTimeout");
  }));

Deno.test("a barrier opens when all have arrived, round after round", () =>
  on(3, {}, async (world) => {
    const { groups, get, connect } = world;
    const client = (await connect()).distributed();
    await get(groups[0]!.barrier("b").arrive(1));
    for (let round = 0; round < 3; round++) {
      let open = 0;
      const arrive = (group: Distributed) => group.barrier("b").arrive(3).then(() => open++);
      const early = [arrive(groups[0]!), arrive(client)];
      await world.cluster.clock.advance(1_000);
      assertEquals(open, 0);
      await refuses(world, groups[1]!.barrier("b").arrive(2), "expectedMismatch");
      await get(Promise.all([...early, arrive(groups[2]!)]));
    }
  }));

Deno.test("destroying ends all waiting", () =>
  on(2, {}, async (world) => {
    const { cluster, groups, get } = world;
    const held = await get(groups[0]!.lock("l").acquire());
    const waits = refuses(world, groups[1]!.lock("l").acquire(), "destroyed");
    const arrives = refuses(world, groups[1]!.barrier("l").arrive(2), "destroyed");
    await cluster.clock.advance(100);
    await get(groups[0]!.lock("l").destroy());
    await get(groups[0]!.barrier("l").destroy());
    await get(Promise.all([waits, arrives]));
    await cluster.clock.advance(100);
    assertEquals((held.lost.reason as DistributedError).code, "leaseLost");
    assert(await get(groups[1]!.lock("l").tryAcquire()));
  }));

Deno.test("a lock is renewed while its holder runs, and free when its holder is gone", () =>
  on(3, {}, async (world) => {
    const { cluster, groups, nodes, get, connect } = world;
    const client = await connect();
    const held = await get(client.distributed().lock("l").acquire());
    await cluster.clock.advance(100_000);
    assert(!held.lost.aborted);
    assertEquals(await get(groups[1]!.lock("l").tryAcquire()), undefined);
    const waiting = groups[1]!.lock("l").acquire({ timeout: 20_000 });
    await cluster.clock.advance(1_000);
    await get(client.close());
    assert(held.lost.aborted);
    const next = await get(waiting);
    assert(next.token > held.token);
    await get(next.release());

    const ofNode = await get(groups[2]!.lock("l").acquire());
    const stopping = nodes[2]!.shutdown();
    const after = await get(groups[1]!.lock("l").acquire({ timeout: 20_000 }));
    assert(after.token > ofNode.token);
    assert(ofNode.lost.aborted);
    await get(stopping);
  }));

Deno.test("a lock has one holder while its holder is cut off, declared down, and runs on", () =>
  on(3, {}, async (world) => {
    const { cluster, groups, get } = world;
    const names = Array.from({ length: 12 }, (_, index) => `lock-${index}`);
    const held = new Map<string, HeldPermit>();
    for (const name of names) {
      held.set(name, await get(groups[2]!.lock(name).acquire({ ttl: 40_000 })));
    }
    cluster.network.partition(["node-1", "node-2"], "node-3");
    let stayed = 0;
    const next = names.map(async (name) => {
      const { token, lost } = held.get(name)!;
      const granted = await groups[0]!.lock(name).acquire({ timeout: 55_000 });
      if (granted.token >> 40n !== token >> 40n) return;
      stayed++;
      assert(lost.aborted, `${name} has two holders`);
    });
    await get(Promise.all(next));
    assert(stayed > 0);
    cluster.network.heal();
  }));

Deno.test("when its node leaves, the holder loses the lock, and tokens grow", () =>
  on(3, {}, async (world) => {
    const { cluster, groups, nodes, get, connect } = world;
    const client = (await connect()).distributed();
    const names = Array.from({ length: 12 }, (_, index) => `lock-${index}`);
    const held = new Map<string, HeldPermit>();
    for (const name of names) held.set(name, await get(client.lock(name).acquire()));
    await get(nodes[2]!.shutdown());
    await cluster.clock.advance(2_000);
    let moved = 0;
    for (const name of names) {
      const { token, lost } = held.get(name)!;
      const next = await get(groups[0]!.lock(name).tryAcquire());
      // It is free if it has moved, and if so its holder knows.
      assertEquals(lost.aborted, next !== undefined, name);
      if (next === undefined) continue;
      moved++;
      assert(next.token >> 40n > token >> 40n);
    }
    assert(moved > 0 && moved < names.length, `${moved} have moved`);
  }));

Deno.test("what a client makes up is refused, and costs nobody a structure", () =>
  on(2, { clients: ({ address }) => address !== "" }, async (world) => {
    const { groups, get, connect } = world;
    const client = await connect();
    await get(groups[0]!.counter("c").increment());
    const held = await get(groups[0]!.lock("l").acquire());
    const region = client.entityRef<StructureMessage>(structureType("default"));
    const acquire = {
      type: "acquire",
      request: "a-request",
      owner: "an-owner",
      permits: 1,
      exclusive: true,
      ttl: 30_000,
      waits: true,
    } as const;
    const session = region.entity("counter|c") as unknown as ActorRef<LeaseLost>;
    const forged: readonly (readonly [string, unknown])[] = [
      ["lock|l", { type: "operation", operation: acquire, session }],
      ["lock|l", { type: "operation", operation: { type: "add", amount: 1 } }],
      ["lock|l", { type: "operation", operation: { ...acquire, ttl: -1 } }],
      ["counter|c", { type: "operation", operation: { type: "add", amount: "1" } }],
      ["counter|c", { type: "idle" }],
      ["counter|c", { type: "operation", operation: { type: "add" }, replyTo: 1 }],
      ["counter|c", "destroy"],
      ["list|x", { type: "operation", operation: { type: "get" } }],
    ];
    for (const [id, message] of forged) region.entity(id).tell(message as StructureMessage);
    await world.cluster.clock.advance(1_000);
    assertEquals(await get(groups[1]!.counter("c").get()), 1);
    assertEquals(await get(groups[1]!.lock("l").status()), { held: 1, waiting: 0 });
    assert(!held.lost.aborted);
  }));

Deno.test("a client that may only read changes nothing", () =>
  on(2, { clients: () => "read" }, async (world) => {
    const { groups, get, connect } = world;
    await get(groups[0]!.counter("c").increment());
    const structures = (await connect()).distributed();
    assertEquals(await get(structures.counter("c").get()), 1);
    const changes: readonly (() => Promise<unknown>)[] = [
      () => structures.counter("c").increment(),
      () => structures.counter("c").destroy(),
      () => structures.lock("l").tryAcquire(),
      () => structures.queue("q").reserve(),
    ];
    for (const change of changes) {
      const error = await get(assertRejects(change, AskError));
      assertEquals(error.reason, "unauthorized");
    }
    assertEquals(await get(structures.counter("c").get()), 1);
  }));

Deno.test("structures are bounded at a node, and for each identity", () =>
  on(1, { limits: { maxStructures: 3, maxStructuresPerIdentity: 1 } }, async (world) => {
    const { groups: [group], get, connect } = world;
    const client = (await connect()).distributed();
    await get(client.counter("a").increment());
    await refuses(world, client.counter("b").increment(), "tooManyStructures");
    await get(group!.counter("b").increment());
    await get(client.counter("b").increment());
    await get(group!.lock("c").acquire());
    await refuses(world, group!.map("d").size(), "tooManyStructures");
    await get(group!.counter("a").destroy());
    await world.cluster.clock.advance(1_000);
    assertEquals(await get(client.map("d").size()), 0);
  }));

Deno.test("durable structures survive their cluster, and what is destroyed does not", async () => {
  const journal = memoryJournal();
  await on(1, { journal }, async ({ groups: [group], get }) => {
    await get(group!.counter("a").increment(5));
    await get(group!.counter("a").increment(3));
    await get(group!.map("a").set("k", { deep: [1] }));
    await get(group!.set("a").add("v"));
    for (const item of [1, 2, 3]) await get(group!.queue("a").enqueue(item));
    assertEquals(await get(group!.queue("a").dequeue()), 1);
    await get(group!.queue("a").reserve({ visibility: 1_000 }));
    await get(group!.counter("gone").increment(7));
    assertEquals(await get(group!.counter("gone").destroy()), true);
  });
  await on(1, { journal }, async ({ cluster, groups: [group], get }) => {
    assertEquals(await get(group!.counter("a").decrement(3)), 5);
    assertEquals(await get(group!.map("a").get("k")), { deep: [1] });
    assertEquals(await get(group!.set("a").size()), 1);
    await cluster.clock.advance(2_000);
    assertEquals(await get(group!.queue<number>("a").dequeue()), 2);
    assertEquals(await get(group!.queue<number>("a").dequeue()), 3);
    assertEquals(await get(group!.counter("gone").get()), 0);
  });
});

Deno.test("content with snapshots is recovered as it was", () =>
  on(2, { journal: memoryJournal() }, async ({ nodes: [first, second], groups: [group], get }) => {
    const isAtSecond = (id: string) =>
      first!.sharding.shardOwner("$distributed", id) === second!.address;
    const names = Array.from({ length: 50 }, (_, index) => `name-${index}`);
    for (const name of names) await get(group!.counter(name).get());
    for (const name of names) await get(group!.map(name).size());
    const counter = group!.counter(names.find((name) => isAtSecond(`counter|${name}`))!);
    const map = group!.map<number, number>(names.find((name) => isAtSecond(`map|${name}`))!);
    for (let key = 0; key < 1_300; key++) {
      void map.set(key % 700, key).catch(() => {});
      void counter.increment().catch(() => {});
    }
    assertEquals(await get(counter.get()), 1_300);
    await get(map.size());
    await get(second!.shutdown());
    assertEquals(await get(counter.get({ timeout: 20_000 })), 1_300);
    assertEquals(await get(map.size()), 700);
    const found = await get(Array.fromAsync(map.entries()));
    assertEquals(found.length, 700);
    for (const [key, value] of found) assertEquals(value, key < 600 ? key + 700 : key);
  }));

Deno.test("a group is opened once, and says what it claims", () =>
  on(1, {}, async ({ nodes: [node], groups: [group], get, connect }) => {
    assertEquals(node!.distributed(), group);
    assertThrows(
      () => node!.distributed({ journal: memoryJournal() }),
      DistributedError,
      "another",
    );
    const other = node!.distributed({ name: "other", replication: { replicas: 1 } });
    assertEquals(node!.distributed({ name: "other", replication: { replicas: 1 } }), other);
    assertMatch(String(group!.counter("hits")), /counter "hits" \(linearizable; volatile/);
    assertMatch(String(other.map("m")), /acknowledged by 1 of 1 copies/);
    assertMatch(String(group!.lock("l")), /fencing tokens/);
    await get(group!.counter("hits").increment());
    const third = node!.distributed({ name: "third" });
    assertEquals(await get(third.counter("hits").get()), 0);
    const client = await connect();
    assertEquals(client.distributed(), client.distributed({ name: "default" }));
  }));
