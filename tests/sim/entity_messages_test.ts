/**
 * What an entity has accepted is not lost with its incarnation: the next one gets it, here or at the
 * next owner of the shard, in order.
 */
import { assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import type { EntityFactory } from "../../lib/sharding/routing/entity_factory.ts";
import type { ShardedOptions } from "../../lib/sharding/sharded_behavior.ts";
import { checkLedger } from "../../lib/testkit/ledger_check.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** One node that runs entities. */
async function oneNode<M>(factory: EntityFactory<M>, options: ShardedOptions = {}) {
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1);
  const lost: string[] = [];
  node!.eventStream.subscribe("deadLetter", ({ reason }) => void lost.push(reason));
  const ref = node!.spawn(Behaviors.sharded(factory, { numShards: 4, ...options }), "e");
  // The shards are granted.
  await cluster.clock.advance(3_000);
  const tell = (message: M) => ref.tell(shardEnvelope("one", message));
  return { cluster, node: node!, ref, lost, tell };
}

/** Handles messages with a function that says what follows. */
const handling = <M>(next: (message: M, context: ActorContext<M>) => Behavior<M>): Behavior<M> =>
  Behaviors.receive((context, message) => next(message, context));

const wait = (cluster: SimulatedCluster, ms: number) =>
  new Promise<void>((resolve) => void cluster.clock.schedule(ms, resolve));

Deno.test("an entity that stops leaves its mailbox to the next incarnation, in order", async () => {
  const handled: string[] = [];
  let starts = 0;
  const { cluster, node, lost, tell } = await oneNode<number>(() => {
    const incarnation = ++starts;
    return handling((n) => {
      handled.push(`${incarnation}:${n}`);
      return n % 2 === 0 ? Behaviors.stopped() : Behaviors.same();
    });
  });
  for (let n = 1; n <= 7; n++) tell(n);
  await cluster.clock.advance(1);
  tell(8);
  await cluster.clock.advance(1);
  assertEquals(handled, ["1:1", "1:2", "2:3", "2:4", "3:5", "3:6", "4:7", "4:8"]);
  assertEquals(lost, []);
  assertEquals(checkLedger(node).inFlight, 0);
  await cluster.stop([node]);
});

Deno.test("an entity that fails at its start gets its messages when it starts again, in order", async () => {
  const handled: string[] = [];
  let starts = 0;
  const { cluster, node, lost, tell } = await oneNode<string>(() => {
    if (++starts <= 2) throw new Error("not ready");
    return handling((message) => {
      handled.push(message);
      return Behaviors.same();
    });
  });
  for (const message of ["a", "b", "c"]) tell(message);
  await cluster.clock.advance(20);
  assertEquals(starts, 1);
  tell("later");
  await cluster.clock.advance(200);
  assertEquals([starts, handled.length], [2, 0]);
  tell("last");
  await cluster.clock.advance(400);
  assertEquals(handled, ["a", "b", "c", "later", "last"]);
  assertEquals(lost, []);
  await cluster.stop([node]);
});

Deno.test("a failing handler costs its own message only", async () => {
  const handled: number[] = [];
  const { cluster, node, lost, tell } = await oneNode<number>(() =>
    handling((n) => {
      if (n === 2) throw new Error("not this one");
      handled.push(n);
      return Behaviors.same();
    })
  );
  for (const n of [1, 2, 3, 4]) tell(n);
  await cluster.clock.advance(1_000);
  assertEquals([handled, lost], [[1, 3, 4], []]);
  await cluster.stop([node]);
});

Deno.test("an ask that waits in the mailbox of an entity that stops is answered by the next incarnation", async () => {
  type Message = "stop" | { replyTo: ActorRef<number> };
  let starts = 0;
  const { cluster, node, ref } = await oneNode<Message>(() => {
    const incarnation = ++starts;
    return handling((message) => {
      if (message === "stop") return Behaviors.stopped();
      message.replyTo.tell(incarnation);
      return Behaviors.same();
    });
  });
  ref.tell(shardEnvelope("one", "stop"));
  const ask = node.ask(ref, (replyTo: ActorRef<number>) => shardEnvelope("one", { replyTo }));
  assertEquals(await cluster.clock.resolve(ask, 1_000), 2);
  await cluster.stop([node]);
});

Deno.test("stashed messages go to the next incarnation, before those in the mailbox", async () => {
  const handled: string[] = [];
  const loads: (() => void)[] = [];
  let starts = 0;
  type Message = string | { loaded: boolean };
  const { cluster, node, lost, tell } = await oneNode<Message>(() =>
    Behaviors.setup((context) => {
      starts++;
      loads.push(() => context.self.tell({ loaded: starts === 2 }));
      return handling<Message>((message, { stash }) => {
        if (typeof message === "string") {
          stash.add(message);
          return Behaviors.same();
        }
        if (!message.loaded) return Behaviors.stopped();
        stash.unstashAll();
        return handling((later) => {
          handled.push(later as string);
          return Behaviors.same();
        });
      });
    })
  );
  for (const message of ["a", "b"]) tell(message);
  await cluster.clock.advance(10);
  loads[0]!();
  for (const message of ["c", "d"]) tell(message);
  await cluster.clock.advance(10);
  // It could not handle them yet: it must not start again at once.
  assertEquals(starts, 1);
  tell("e");
  await cluster.clock.advance(300);
  assertEquals(starts, 2);
  tell("f");
  loads[1]!();
  await cluster.clock.advance(10);
  assertEquals([handled, lost], [["a", "b", "c", "d", "e", "f"], []]);
  assertEquals(checkLedger(node).inFlight, 0);
  await cluster.stop([node]);
});

Deno.test("an entity that stops in each setup starts again with a back-off only", async () => {
  let starts = 0;
  const { cluster, node, tell } = await oneNode<string>(() => {
    starts++;
    return Behaviors.stopped();
  });
  tell("a");
  await cluster.clock.advance(6_000);
  // 200, 600, 1 400, 3 000 ms later.
  assertEquals(starts, 5);
  await cluster.stop([node]);
});

Deno.test("what waits for an entity that cannot start is bounded, and the rest is handled later", async () => {
  const handled: number[] = [];
  let isReady = false;
  const { cluster, node, lost, tell } = await oneNode<number>(() => {
    if (!isReady) throw new Error("not ready");
    return handling((n) => {
      handled.push(n);
      return Behaviors.same();
    });
  }, { mailbox: { capacity: 10 }, maxPendingPerEntity: 5 });
  for (let n = 0; n < 100; n++) tell(n);
  await cluster.clock.advance(1);
  for (let n = 100; n < 1_000; n++) {
    tell(n);
    await cluster.clock.advance(20);
  }
  isReady = true;
  await cluster.clock.advance(12_000);
  assertEquals(handled.slice(0, 15), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 101, 102, 103, 104]);
  assertEquals(handled.length + lost.length, 1_000);
  assertEquals(handled.length, 15);
  assertEquals(new Set(lost), new Set(["mailboxFull", "bufferFull"]));
  assertEquals(checkLedger(node).inFlight, 0);
  await cluster.stop([node]);
});

Deno.test("an entity that is passivated in a handler that never ends leaves the rest to the next incarnation", async () => {
  const handled: string[] = [];
  let starts = 0;
  const { cluster, node, lost, tell } = await oneNode<string>(() => {
    const incarnation = ++starts;
    return handling((message, context) => {
      handled.push(`${incarnation}:${message}`);
      if (message !== "hang") return Behaviors.same();
      context.passivate();
      return new Promise<never>(() => {}) as never;
    });
  }, { stopTimeout: 1_000 });
  for (const message of ["a", "hang", "b", "c"]) tell(message);
  await cluster.clock.advance(100);
  tell("d");
  // Its own stopTimeout, and that of the system for the handler.
  await cluster.clock.advance(12_000);
  assertEquals(handled, ["1:a", "1:hang", "2:b", "2:c", "2:d"]);
  assertEquals(lost, []);
  await cluster.stop([node]);
});

Deno.test("an entity that stops while its shard is handed off leaves its mailbox to the next owner, in order", async () => {
  const cluster = new SimulatedCluster(7);
  const nodes = await cluster.start(2);
  const handled: string[] = [];
  const lost: string[] = [];
  for (const { eventStream } of nodes) {
    eventStream.subscribe("deadLetter", ({ target, reason }) => {
      if (target.includes("/_region-")) lost.push(reason);
    });
  }
  const spawn = (node: ClusteredActorSystem) =>
    node.spawn(
      Behaviors.sharded<number>(() =>
        Behaviors.receive(async (_context, n) => {
          handled.push(`${node.address.slice(0, 6)}:${n}`);
          await wait(cluster, 100);
          return n === 2 ? Behaviors.stopped() : Behaviors.same();
        }), { numShards: 4 }),
      "e",
    );
  const refs = nodes.map(spawn);
  refs[0]!.tell(shardEnvelope("x", 1));
  await cluster.clock.runUntil(() => handled.length === 1);
  const id = "x";
  const owner = nodes.findIndex((node) => node.sharding.runningEntities("e").includes(id));
  const other = 1 - owner;
  await cluster.clock.advance(1_000);
  handled.splice(0);
  for (let n = 1; n <= 5; n++) refs[owner]!.tell(shardEnvelope(id, n));
  await cluster.clock.advance(150);
  const leaving = nodes[owner]!.shutdown();
  await cluster.clock.advance(20);
  refs[other]!.tell(shardEnvelope(id, 6));
  await cluster.clock.resolve(leaving);
  await cluster.clock.runUntil(() => handled.length >= 6);
  const [from, to] = [owner, other].map((index) => nodes[index]!.address.slice(0, 6));
  assertEquals(handled, [
    ...[1, 2].map((n) => `${from}:${n}`),
    ...[3, 4, 5, 6].map((n) => `${to}:${n}`),
  ]);
  assertEquals(lost, []);
  await cluster.stop([nodes[other]!]);
});

Deno.test("a client's message keeps its sender when the next incarnation gets it", async () => {
  type Message = "stop" | { replyTo: ActorRef<string> };
  const { cluster, node } = await oneNode<Message>(() =>
    handling((message, { sender }) => {
      if (message === "stop") return Behaviors.stopped();
      message.replyTo.tell(sender?.role ?? "nobody");
      return Behaviors.same();
    })
  );
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: [node.address],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const remote = client.entityRef<Message>("e", { numShards: 4 });
  remote.tell(shardEnvelope("one", "stop"));
  const ask = client.ask(remote, (replyTo: ActorRef<string>) => shardEnvelope("one", { replyTo }));
  assertEquals(await cluster.clock.resolve(ask, 1_000), "client");
  await cluster.clock.resolve(client.close());
  await cluster.stop([node]);
});

Deno.test("messages that wait for a failed entity are dead letters when the system stops", async () => {
  const { cluster, node, lost, tell } = await oneNode<string>(() => {
    throw new Error("never ready");
  });
  for (const message of ["a", "b"]) tell(message);
  await cluster.clock.advance(10);
  assertEquals(lost, []);
  await cluster.stop([node]);
  const { deadLetters, inFlight } = checkLedger(node);
  assertEquals(Object.values(deadLetters).reduce((sum, count) => sum + count, 0), 2);
  assertEquals(inFlight, 0);
});

Deno.test("what an adapter has for an entity that stops is translated by the next incarnation", async () => {
  const handled: string[] = [];
  let adapter: ActorRef<number> | undefined;
  const { cluster, node, lost, tell } = await oneNode<string>(() =>
    Behaviors.setup((context) => {
      adapter ??= context.messageAdapter((n: number) => `adapted ${n}`);
      return handling((message) => {
        handled.push(message);
        return message === "stop" ? Behaviors.stopped() : Behaviors.same();
      });
    })
  );
  tell("first");
  await cluster.clock.advance(1);
  tell("stop");
  adapter!.tell(5);
  await cluster.clock.advance(1);
  assertEquals([handled, lost], [["first", "stop", "adapted 5"], []]);
  // The adapter has ended with its incarnation.
  adapter!.tell(6);
  await cluster.clock.advance(1);
  assertEquals(lost, ["stopped"]);
  await cluster.stop([node]);
});
