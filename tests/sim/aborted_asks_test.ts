/** An ask that its asker aborts is not handled by another node any more. */
import { assertEquals, assertRejects } from "@std/assert";
import type { AskOptions } from "../../lib/actor/behavior/ask_options.ts";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

type Job =
  | { type: "work"; job: number; replyTo: ActorRef<number> }
  | { type: "block"; time: number };

const numShards = 8;

interface AskingSystem {
  ask<M>(
    ref: ActorRef<M>,
    make: (replyTo: ActorRef<number>) => M,
    options: AskOptions,
  ): Promise<unknown>;
}

class Scene extends SimulatedCluster {
  readonly handled: number[] = [];

  readonly behavior = Behaviors.receive<Job>(async (_context, message) => {
    if (message.type === "block") {
      await new Promise<void>((resolve) => this.clock.schedule(message.time, resolve));
      return Behaviors.same();
    }
    this.handled.push(message.job);
    message.replyTo.tell(message.job);
    return Behaviors.same();
  });

  /** Asks four jobs while the actor is busy, and aborts two. */
  async abortSome(
    asker: AskingSystem,
    ref: ActorRef<never>,
    wrap: (job: Job) => unknown = (job) => job,
  ): Promise<void> {
    this.handled.length = 0;
    const ask = (job: number, signal?: AbortSignal) =>
      asker.ask(
        ref,
        (replyTo: ActorRef<number>) => wrap({ type: "work", job, replyTo }) as never,
        { timeout: 60_000, ...(signal && { signal }) },
      );
    assertEquals(await this.clock.resolve(ask(0)), 0);
    ref.tell(wrap({ type: "block", time: 2_000 }) as never);
    const one = new AbortController();
    const later = new AbortController();
    const aborted = [ask(1, one.signal), ask(2, later.signal)].map((asked) =>
      assertRejects(() => asked, AskError, "was aborted")
    );
    const kept = [ask(3), ask(4, new AbortController().signal)];
    await this.clock.advance(500);
    one.abort();
    await this.clock.advance(1);
    later.abort();
    await this.clock.resolve(Promise.all(aborted));
    assertEquals(await this.clock.resolve(Promise.all(kept)), [3, 4]);
    assertEquals(this.handled, [0, 3, 4]);
  }
}

const expiredAt = (node: ClusteredActorSystem) => node.ledger.snapshot().deadLetters.expired ?? 0;

Deno.test("what an asker of another node or a client has aborted is not handled", async () => {
  const scene = new Scene(1);
  const nodes = await scene.start(2);
  const [first, second] = nodes as [ClusteredActorSystem, ClusteredActorSystem];
  const key = ServiceKey<Job>("slow");
  second.spawn(Behaviors.discoverable(scene.behavior, key), "slow");
  const [jobs] = nodes.map((node) =>
    node.spawn(Behaviors.sharded(() => scene.behavior, { numShards }), "jobs")
  );
  const runtime = scene.runtime("client");
  const client = await scene.clock.resolve(ClusterClient.connect({
    contactPoints: [first.address],
    systemName: "sim",
    runtime,
  }));
  const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
  const owner = (id: string) => first.sharding.shardOwner("jobs", id);
  for (const id of ids) jobs!.tell(shardEnvelope(id, { type: "block", time: 0 }));
  await scene.clock.runUntil(() =>
    ids.every((id) => owner(id) !== undefined) && client.lookup(key).length > 0
  );
  const id = ids.find((each) => owner(each) === second.address)!;
  const toEntity = (job: Job) => shardEnvelope(id, job);
  const slow = first.lookup<Job>("/slow", { node: second.address });
  const ways: (() => Promise<void>)[] = [
    () => scene.abortSome(first, slow as never),
    () => scene.abortSome(first, jobs as never, toEntity),
    () => scene.abortSome(client, client.lookup(key)[0] as never),
    () => scene.abortSome(client, client.entityRef<Job>("jobs", { numShards }) as never, toEntity),
  ];
  first.spawn(Routers.group(key), "router");
  await scene.clock.advance(1_000);
  ways.push(() => scene.abortSome(first, first.lookup("/router") as never));
  for (const way of ways) {
    const before = expiredAt(second);
    await way();
    assertEquals(expiredAt(second) - before, 2);
  }
  // Nothing is left that messages would be compared with.
  const { remoting } = nodeInternalsOf(second)!;
  assertEquals(remoting.remoteAsks.aborted, 0);
  await scene.clock.resolve(client.close());
  assertBalanced(nodes);
  await scene.stop(nodes);
});

Deno.test("an abort goes on to the node that an ask was passed on to", async () => {
  const scene = new Scene(2);
  const nodes = await scene.start(3);
  const [first, second, third] = nodes as [
    ClusteredActorSystem,
    ClusteredActorSystem,
    ClusteredActorSystem,
  ];
  const key = ServiceKey<Job>("slow");
  third.spawn(Behaviors.discoverable(scene.behavior, key), "slow");
  second.spawn(Routers.group(key), "router");
  await scene.clock.advance(2_000);
  const router = first.lookup<Job>("/router", { node: second.address });
  await scene.abortSome(first, router as never);
  assertEquals(nodes.map(expiredAt), [0, 0, 2]);
  // The owner of an entity, if the path of its type at another node was asked.
  for (const node of nodes) {
    node.spawn(Behaviors.sharded(() => scene.behavior, { numShards }), "jobs");
  }
  const jobs = first.lookup<ShardEnvelope<Job>>("/jobs", { node: second.address });
  for (let shard = 0; shard < 20; shard++) {
    jobs.tell(shardEnvelope(`e${shard}`, { type: "block", time: 0 }));
  }
  const owner = (id: string) => second.sharding.shardOwner("jobs", id);
  const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
  await scene.clock.runUntil(() => ids.every((id) => owner(id) !== undefined));
  const id = ids.find((each) => owner(each) === third.address)!;
  await scene.abortSome(first, jobs as never, (job) => shardEnvelope(id, job));
  assertEquals(nodes.map(expiredAt), [0, 0, 4]);
  assertBalanced(nodes);
  await scene.stop(nodes);
});

Deno.test("work that runs when its asker gives up goes on, and its reply is an expired one", async () => {
  const scene = new Scene(3);
  const nodes = await scene.start(2);
  const [first, second] = nodes as [ClusteredActorSystem, ClusteredActorSystem];
  let reply = () => {};
  second.spawn(
    Behaviors.receive<Job>((_context, message) => {
      if (message.type === "work") reply = () => message.replyTo.tell(1);
      return Behaviors.same();
    }),
    "slow",
  );
  const ref = first.lookup<Job>("/slow", { node: second.address });
  const abort = new AbortController();
  const asked = first.ask(
    ref,
    (replyTo: ActorRef<number>) => ({ type: "work" as const, job: 1, replyTo }),
    { signal: abort.signal },
  );
  const ended = assertRejects(() => asked, AskError);
  await scene.clock.advance(200);
  abort.abort();
  await scene.clock.resolve(ended);
  await scene.clock.advance(200);
  const { remoting } = nodeInternalsOf(second)!;
  assertEquals(remoting.remoteAsks.aborted, 1);
  reply();
  await scene.clock.advance(200);
  assertEquals([remoting.remoteAsks.aborted, expiredAt(first)], [0, 1]);
  assertBalanced(nodes);
  await scene.stop(nodes);
});
