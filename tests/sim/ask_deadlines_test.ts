/** The remaining time of an ask goes with its message: what nobody waits for is not handled. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AskOptions } from "../../lib/actor/behavior/ask_options.ts";
import { AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { Routers } from "../../lib/routing/routers.ts";
import { discoverable } from "../../lib/actor/behavior/discoverable.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import type { ShardRegionRef } from "../../lib/sharding/routing/shard_proxy.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

type Job =
  | { type: "work"; job: number; replyTo: ActorRef<number> }
  | { type: "block"; time: number };

const numShards = 8;
const slow = ServiceKey<Job>("slow");
/** One way of a message takes at most so long. */
const underway = 30;

/** What the handlers of all nodes have seen: the job, and when its asker gives up. */
class Scene extends SimulatedCluster {
  readonly handled: { job: number; deadline: number | undefined }[] = [];
  nodes: ClusteredActorSystem[] = [];

  async begin(count: number): Promise<this> {
    this.nodes = await this.start(count);
    return this;
  }

  behavior = Behaviors.receive<Job>(async ({ deadline }, message) => {
    if (message.type === "block") {
      await new Promise<void>((resolve) => this.clock.schedule(message.time, resolve));
      return Behaviors.same();
    }
    this.handled.push({ job: message.job, deadline });
    message.replyTo.tell(message.job);
    return Behaviors.same();
  });

  spawnEntities(): ActorRef<never> {
    const [ref] = this.nodes.map((node) =>
      node.spawn(Behaviors.sharded(() => this.behavior, { numShards }), "jobs")
    );
    return ref as ActorRef<never>;
  }

  /** An entity that runs at the node. */
  async entityAt(node: ClusteredActorSystem): Promise<string> {
    const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
    const owner = (id: string) => this.nodes[0]!.sharding.shardOwner("jobs", id);
    await this.clock.runUntil(() => ids.every((id) => owner(id) !== undefined));
    return ids.find((id) => owner(id) === node.address)!;
  }

  /** Asks jobs 1 to 3 for 400 ms and 4 for 60 s, while the actor is busy for 2 s. */
  async overload(
    asker: {
      ask<M>(
        ref: ActorRef<M>,
        make: (replyTo: ActorRef<number>) => M,
        options: AskOptions,
      ): unknown;
    },
    ref: ActorRef<never>,
    wrap: (job: Job) => unknown,
  ): Promise<void> {
    const ask = (job: number, timeout: number) =>
      asker.ask(
        ref,
        (replyTo: ActorRef<number>) => wrap({ type: "work", job, replyTo }) as never,
        { timeout },
      ) as Promise<number>;
    assertEquals(await this.clock.resolve(ask(0, 60_000)), 0);
    ref.tell(wrap({ type: "block", time: 2_000 }) as never);
    const began = this.clock.now();
    const late = [1, 2, 3].map((job) => assertRejects(() => ask(job, 400), AskTimeoutError));
    const kept = ask(4, 60_000);
    await this.clock.resolve(Promise.all(late));
    assertEquals(this.clock.now(), began + 400);
    assertEquals(await this.clock.resolve(kept), 4);
    assertEquals(this.handled.map(({ job }) => job), [0, 4]);
    const { deadline } = this.handled[1]!;
    assert(deadline !== undefined && deadline >= began + 60_000, `${deadline}`);
    assert(deadline <= began + 60_000 + underway, `${deadline} ${began}`);
  }

  async end(): Promise<void> {
    assertBalanced(this.nodes);
    await this.stop(this.nodes);
  }
}

const expiredAt = (node: ClusteredActorSystem) => node.ledger.snapshot().deadLetters.expired ?? 0;

Deno.test("an overloaded actor of another node handles no ask that has expired", async () => {
  const scene = await new Scene(1).begin(2);
  const [first, second] = scene.nodes;
  second!.spawn(scene.behavior, "slow");
  const ref = first!.lookup<Job>("/slow", { node: second!.address });
  await scene.overload(first!, ref as never, (job) => job);
  assertEquals([expiredAt(first!), expiredAt(second!)], [0, 3]);
  await scene.end();
});

Deno.test("an overloaded entity handles no ask that has expired, of a node and of a client", async () => {
  const scene = await new Scene(2).begin(2);
  const [first, second] = scene.nodes;
  const ref = scene.spawnEntities();
  const id = await scene.entityAt(second!);
  await scene.overload(first!, ref, (job) => shardEnvelope(id, job));
  assertEquals([expiredAt(first!), expiredAt(second!)], [0, 3]);

  scene.handled.length = 0;
  const one = (ref as unknown as ShardRegionRef<Job>).entity(id);
  await scene.overload(first!, one as never, (job) => job);
  assertEquals(expiredAt(second!), 6);

  for (const unisocket of [false, true]) {
    scene.handled.length = 0;
    const runtime = scene.runtime("client");
    const client = await scene.clock.resolve(ClusterClient.connect({
      contactPoints: [first!.address],
      systemName: "sim",
      unisocket,
      runtime,
    }));
    const remote = client.entityRef<Job>("jobs", { numShards });
    await scene.overload(client, remote as never, (job) => shardEnvelope(id, job));
    await scene.clock.resolve(client.close());
  }
  assertEquals(expiredAt(second!), 12);
  await scene.end();
});

Deno.test("a deadline goes on through a router to a node that offers a service", async () => {
  const scene = await new Scene(3).begin(2);
  const [first, second] = scene.nodes;
  second!.spawn(discoverable(scene.behavior, slow), "slow");
  const group = first!.spawn(Routers.group(slow), "group");
  await scene.overload(first!, group as never, (job) => job);
  assertEquals(expiredAt(second!), 3);
  await scene.end();
});

Deno.test("an ask that expires while its shard has no owner starts no entity", async () => {
  const scene = await new Scene(4).begin(1);
  const [first] = scene.nodes;
  const jobs = () => Behaviors.sharded(() => scene.behavior, { numShards, role: "worker" });
  const ref = first!.spawn(jobs(), "jobs");
  const ask = (job: number, timeout: number) =>
    first!.ask(
      ref,
      (replyTo: ActorRef<number>) => shardEnvelope("x", { type: "work", job, replyTo }),
      { timeout },
    );
  const late = assertRejects(() => ask(1, 200), AskTimeoutError);
  const kept = ask(2, 60_000);
  const runtime = scene.runtime("node-2");
  const second = await scene.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-2",
    port: 25_520,
    seedNodes: [first!.address],
    roles: ["worker"],
    runtime,
    logger: runtime.logger,
  }));
  scene.nodes.push(second);
  second.spawn(jobs(), "jobs");
  await scene.clock.resolve(late);
  assertEquals(await scene.clock.resolve(kept), 2);
  assertEquals(scene.handled.map(({ job }) => job), [2]);
  assertEquals([expiredAt(first!), expiredAt(second)], [1, 0]);
  await scene.end();
});

Deno.test("work that goes on after the reply to another node has its own timeouts", async () => {
  const scene = await new Scene(6).begin(2);
  const [first, second] = scene.nodes;
  const { clock } = scene;
  const outcomes: unknown[] = [];
  second!.spawn(scene.behavior, "slow");
  second!.spawn(
    Behaviors.receive<Job>(async (context, message) => {
      if (message.type === "block") return Behaviors.same();
      outcomes.push(typeof context.deadline);
      if (message.job === 1) message.replyTo.tell(1);
      outcomes.push(typeof context.deadline);
      const slow = context.system.lookup<Job>("/slow")!;
      slow.tell({ type: "block", time: 1_000 });
      const work = (replyTo: ActorRef<number>): Job => ({ type: "work", job: 9, replyTo });
      await context.ask(slow, work, { timeout: 3_000 }).then(
        (value) => outcomes.push(value),
        (error) => outcomes.push(error.code),
      );
      return Behaviors.same();
    }),
    "outer",
  );
  const ref = first!.lookup<Job>("/outer", { node: second!.address });
  const ask = (job: number) =>
    first!.ask(ref, (replyTo: ActorRef<number>) => ({ type: "work", job, replyTo }), {
      timeout: 400,
    });
  assertEquals(await clock.resolve(ask(1)), 1);
  await clock.advance(2_000);
  assertEquals(outcomes.splice(0), ["number", "undefined", 9]);
  await clock.resolve(assertRejects(() => ask(2), AskTimeoutError));
  await clock.advance(2_000);
  assertEquals(outcomes, ["number", "number", "askTimeout"]);
  await scene.end();
});

Deno.test("each attempt of a client that retries carries its own time, never more than is left", async () => {
  const scene = await new Scene(5).begin(1);
  const [node] = scene.nodes;
  scene.spawnEntities();
  const client = await scene.clock.resolve(ClusterClient.connect({
    contactPoints: [node!.address],
    systemName: "sim",
    runtime: scene.runtime("client"),
  }));
  const ref = client.entityRef<Job>("jobs", { numShards });
  ref.tell(shardEnvelope("x", { type: "block", time: 2_200 }));
  const began = scene.clock.now();
  const asked = client.ask(
    ref,
    (replyTo: ActorRef<number>) => shardEnvelope("x", { type: "work", job: 1, replyTo }),
    { timeout: 2_500, retry: { attemptTimeout: 1_000, delay: 1 } },
  );
  assertEquals(await scene.clock.resolve(asked), 1);
  // The first two attempts have expired, and the third was handled.
  assertEquals(scene.handled.length, 1);
  const { deadline } = scene.handled[0]!;
  assert(deadline! <= began + 2_500 + underway, `${deadline} ${began}`);
  assertEquals(expiredAt(node!), 2);
  await scene.clock.resolve(client.close());
  await scene.end();
});
