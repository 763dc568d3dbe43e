import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import {
  assertBalanced,
  target,
  type TargetMessage,
  watcher,
  type WatcherMessage,
} from "./watching.ts";

const node1 = "node-1:25520";
const node2 = "node-2:25520";

/** Three nodes; a watcher on the first, and a look at the actors of the second from there. */
class Scene {
  readonly cluster: SimulatedCluster;
  readonly heard: string[] = [];
  readonly nodes: ClusteredActorSystem[];
  readonly watcher: ActorRef<WatcherMessage>;

  private constructor(cluster: SimulatedCluster, nodes: ClusteredActorSystem[]) {
    this.cluster = cluster;
    this.nodes = nodes;
    this.watcher = nodes[0]!.spawn(watcher(this.heard), "watcher");
  }

  static async open(seed: number): Promise<Scene> {
    const cluster = new SimulatedCluster(seed);
    return new Scene(cluster, await cluster.start(3));
  }

  /** A reference from the first node to an actor of the second. */
  lookup(path: string): ActorRef<TargetMessage> {
    return this.nodes[0]!.lookup<TargetMessage>(path, { node: node2 });
  }

  /** Spawns an actor on the second node; gives a reference of the first to it. */
  spawn(name: string): ActorRef<TargetMessage> {
    this.nodes[1]!.spawn(target, name);
    return this.lookup(`/${name}`);
  }

  /** Watches, and waits long enough for the other node to know it. */
  async watch(...refs: readonly ActorRef<never>[]): Promise<void> {
    this.watcher.tell({ type: "watch", refs });
    await this.cluster.clock.advance(200);
  }

  async hears(...lines: readonly string[]): Promise<void> {
    await this.cluster.clock.runUntil(() => this.heard.length >= lines.length);
    await this.cluster.clock.advance(30_000);
    assertEquals(this.heard, lines);
  }

  async close(alive = this.nodes): Promise<void> {
    await this.cluster.stop(alive);
    assertBalanced(alive);
    // The process of a dead node would be gone; here its timers have to be ended by hand.
    await this.cluster.stop(this.nodes.filter((node) => !alive.includes(node)));
  }
}

for (const [order, reason] of [["stop", "stopped"], ["fail", "failed"]] as const) {
  Deno.test(`the watcher of an actor of another node hears that it has ${reason}`, async () => {
    const scene = await Scene.open(1);
    const ref = scene.spawn("target");
    await scene.watch(ref, ref);
    assertEquals(scene.heard, []);
    ref.tell({ type: order });
    await scene.hears(`${node2}/target ${reason}`);
    await scene.close();
  });
}

Deno.test("who watches what was never there, or has gone, hears that at once", async () => {
  const scene = await Scene.open(2);
  const { cluster: { clock }, nodes } = scene;
  const began = clock.now();
  scene.watcher.tell({ type: "watch", refs: [scene.lookup("/nobody")] });
  await clock.runUntil(() => scene.heard.length === 1);
  assert(clock.now() - began < 200, `it took ${clock.now() - began} ms`);
  await scene.hears(`${node2}/nobody noSuchActor`);

  // A reference to one incarnation does not mean the next.
  const got: ActorRef<never>[] = [];
  const inbox = nodes[0]!.spawn(
    Behaviors.receive<ActorRef<never>>((_context, ref) => {
      got.push(ref);
      return Behaviors.same();
    }),
    "inbox",
  );
  const old = nodes[1]!.spawn(target, "again");
  nodes[1]!.lookup<ActorRef<never>>("/inbox", { node: node1 }).tell(old);
  await clock.runUntil(() => got.length === 1);
  await clock.resolve(nodes[1]!.stop(old));
  scene.spawn("again");
  assert(inbox.path === "/inbox" && got[0]!.path === "/again");
  await scene.watch(got[0]!);
  await scene.hears(`${node2}/nobody noSuchActor`, `${node2}/again noSuchActor`);
  await scene.close();
});

Deno.test("the actors of a node that has crashed are gone when the others have removed it", async () => {
  const scene = await Scene.open(3);
  const refs = Array.from({ length: 1_000 }, (_, index) => scene.spawn(`target-${index}`));
  await scene.watch(...refs);
  scene.cluster.network.crash("node-2", { silently: true });
  await scene.cluster.clock.advance(1_000);
  assertEquals(scene.heard, []);
  await scene.hears(...refs.map((ref) => `${ref} nodeDown`));
  await scene.watch(scene.lookup("/target-1"));
  assertEquals(scene.heard.slice(1_000), [`${node2}/target-1 nodeDown`]);
  await scene.close([scene.nodes[0]!, scene.nodes[2]!]);
});

Deno.test("a process that dies is no false alarm for who else has watched another node", async () => {
  const scene = await Scene.open(4);
  const ref = scene.spawn("target");
  const other = scene.nodes[2]!;
  other.spawn(target, "other");
  await scene.watch(ref, scene.nodes[0]!.lookup("/other", { node: other.address }));
  scene.cluster.network.crash("node-2");
  await scene.hears(`${node2}/target nodeDown`);
  await scene.close([scene.nodes[0]!, other]);
});

Deno.test("the actors of a node that leaves are gone, and at once", async () => {
  const scene = await Scene.open(5);
  const { clock } = scene.cluster;
  await scene.watch(scene.spawn("target"));
  const began = clock.now();
  await scene.cluster.stop([scene.nodes[1]!]);
  await clock.runUntil(() => scene.heard.length > 0);
  assert(clock.now() - began < 5_000, `it took ${clock.now() - began} ms`);
  // The actor stops with its node, and which of the two is heard of first is chance.
  const reason = scene.heard[0]!.split(" ").at(-1)!;
  assert(["stopped", "nodeDown"].includes(reason), reason);
  await scene.hears(`${node2}/target ${reason}`);
  await scene.close([scene.nodes[0]!, scene.nodes[2]!]);
});

Deno.test("who has taken a watch back hears nothing, not even of a notice under way", async () => {
  const scene = await Scene.open(6);
  const ref = scene.spawn("target");
  const early = scene.spawn("early");
  await scene.watch(ref, early);
  scene.watcher.tell({ type: "unwatch", ref: early });
  await scene.cluster.clock.advance(200);
  early.tell({ type: "stop" });
  scene.nodes[1]!.lookup<TargetMessage>("/target")!.tell({ type: "stop" });
  scene.watcher.tell({ type: "unwatch", ref });
  await scene.cluster.clock.advance(30_000);
  assertEquals(scene.heard, []);
  await scene.close();
});

Deno.test("what is watched again after it was taken back is heard of once", async () => {
  const scene = await Scene.open(7);
  const ref = scene.spawn("target");
  await scene.watch(ref);
  scene.watcher.tell({ type: "unwatch", ref });
  await scene.watch(ref);
  scene.watcher.tell({ type: "unwatch", ref });
  scene.watcher.tell({ type: "watch", refs: [ref] });
  await scene.cluster.clock.advance(200);
  ref.tell({ type: "stop" });
  await scene.hears(`${node2}/target stopped`);
  await scene.close();
});

Deno.test("the watches of an actor end with it; another's stay", async () => {
  const scene = await Scene.open(8);
  const { cluster: { clock }, nodes } = scene;
  const ref = scene.spawn("target");
  const heard: string[] = [];
  const second = nodes[0]!.spawn(watcher(heard), "second");
  second.tell({ type: "watch", refs: [ref] });
  await scene.watch(ref);
  scene.watcher.tell({ type: "stop" });
  await clock.advance(200);
  ref.tell({ type: "stop" });
  await clock.runUntil(() => heard.length === 1);
  await clock.advance(10_000);
  assertEquals([scene.heard, heard], [[], [`${node2}/target stopped`]]);
  await scene.close();
});

Deno.test("terminated arrives after all that the actor has sent", async () => {
  const scene = await Scene.open(9);
  const ref = scene.spawn("target");
  await scene.watch(ref);
  ref.tell({ type: "say", to: scene.watcher, count: 1_000 });
  const texts = Array.from({ length: 1_000 }, (_, index) => `${index}`);
  await scene.hears(...texts, `${node2}/target stopped`);
  await scene.close();
});

Deno.test("a partition that heals in time is no end of anybody; the real one arrives later", async () => {
  const scene = await Scene.open(10);
  const { network, clock } = scene.cluster;
  const stays = scene.spawn("stays");
  const stops = scene.spawn("stops");
  await scene.watch(stays, stops);
  network.partition("node-1", "node-2");
  scene.watcher.tell({ type: "watch", refs: [scene.spawn("late")] });
  scene.nodes[1]!.lookup<TargetMessage>("/stops")!.tell({ type: "stop" });
  await clock.advance(4_000);
  assertEquals(scene.heard, []);
  network.heal();
  await scene.hears(`${node2}/stops stopped`);
  scene.nodes[1]!.lookup<TargetMessage>("/late")!.tell({ type: "stop" });
  await scene.hears(`${node2}/stops stopped`, `${node2}/late stopped`);
  await scene.close();
});

Deno.test("a node that comes back in a later life has none of its old actors", async () => {
  const scene = await Scene.open(11);
  await scene.watch(scene.spawn("target"));
  const [dead] = scene.nodes.splice(1, 1);
  scene.cluster.network.crash("node-2");
  const { clock } = scene.cluster;
  const runtime = scene.cluster.runtime("node-2");
  const again = await clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    nodeId: "node-2",
    host: "node-2",
    port: 25_520,
    seedNodes: [node1],
    requiredQuorum: 3,
    runtime,
    logger: runtime.logger,
  }));
  scene.nodes.push(again);
  again.spawn(target, "target");
  await scene.hears(`${node2}/target nodeDown`);
  await scene.watch(scene.lookup("/target"));
  again.lookup<TargetMessage>("/target")!.tell({ type: "stop" });
  await scene.hears(`${node2}/target nodeDown`, `${node2}/target stopped`);
  await scene.close();
  await scene.cluster.stop([dead!]);
});

Deno.test("watchWith gives its message instead of the signal", async () => {
  const scene = await Scene.open(12);
  const ref = scene.spawn("target");
  const heard: string[] = [];
  scene.nodes[0]!.spawn(
    Behaviors.setup<string>((context) => {
      context.watchWith(ref, "it is gone");
      return Behaviors.receive((_context, message) => {
        heard.push(message);
        return Behaviors.same();
      });
    }),
    "other",
  );
  await scene.cluster.clock.advance(200);
  ref.tell({ type: "stop" });
  await scene.cluster.clock.runUntil(() => heard.length === 1);
  await scene.cluster.clock.advance(30_000);
  assertEquals(heard, ["it is gone"]);
  await scene.close();
});

Deno.test("an actor of the own node that is known by address only can be watched too", async () => {
  const scene = await Scene.open(13);
  const ref = scene.nodes[0]!.lookup<TargetMessage>("/later", { node: node1 });
  await scene.watch(ref);
  await scene.hears(`${node1}/later noSuchActor`);
  scene.nodes[0]!.spawn(target, "later");
  await scene.watch(ref);
  ref.tell({ type: "stop" });
  await scene.hears(`${node1}/later noSuchActor`, `${node1}/later stopped`);
  await scene.close();
});

Deno.test("in any weather each watcher hears of each end once: partitions, unwatches, a crash", async () => {
  for (let seed = 100; seed < 105; seed++) {
    const cluster = new SimulatedCluster(seed);
    const { clock, network } = cluster;
    const random = new SeededRandom(seed);
    const pick = (count: number) => Math.floor(random.next() * count);
    const nodes = await cluster.start(4);
    const heard = nodes.map((): string[] => []);
    const watchers = nodes.map((node, index) => node.spawn(watcher(heard[index]!), "watcher"));
    const expected = new Set<string>();
    const targets = Array.from({ length: 60 }, (_, index) => {
      const home = index % 4;
      nodes[home]!.spawn(target, `target-${index}`);
      return { home, path: `/target-${index}`, address: nodes[home]!.address, stopped: false };
    });
    for (const { path, address } of targets) {
      const by = pick(3);
      const ref = nodes[by]!.lookup<never>(path, { node: address });
      watchers[by]!.tell({ type: "watch", refs: [ref, ref] });
      if (pick(4) === 0) watchers[by]!.tell({ type: "unwatch", ref });
      else expected.add(`${by} ${ref}`);
      await clock.advance(pick(50));
    }
    for (let round = 0; round < 10; round++) {
      const [one, other] = [1 + pick(4), 1 + pick(4)];
      if (one !== other) network.partition(`node-${one}`, `node-${other}`);
      for (let count = 0; count < 5; count++) {
        const each = targets[pick(60)]!;
        each.stopped = true;
        nodes[each.home]!.lookup<TargetMessage>(each.path)?.tell({ type: "stop" });
        await clock.advance(pick(300));
      }
      network.heal();
      await clock.advance(pick(1_000));
    }
    network.crash("node-4", { silently: true });
    await clock.advance(60_000);
    const gone = targets.filter(({ stopped, home }) => stopped || home === 3);
    const lines = heard.flatMap((all, by) => all.map((line) => `${by} ${line.split(" ")[0]}`));
    const due = [...expected].filter((line) => {
      return gone.some(({ address, path }) => line.endsWith(` ${address}${path}`));
    });
    assert(due.length > 20 && due.length < expected.size, `${due.length} of ${expected.size}`);
    assertEquals(lines.sort(), due.sort(), `seed ${seed}`);
    await cluster.stop(nodes.slice(0, 3));
    assertBalanced(nodes.slice(0, 3));
    await cluster.stop(nodes.slice(3));
  }
});
