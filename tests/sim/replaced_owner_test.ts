import { assert, assertEquals } from "@std/assert";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { simulate, type SimulatedNode, type Simulation } from "../../lib/testkit/mod.ts";

type Message = { readonly type: "answer" | "wait"; readonly replyTo: ActorRef<string> };

const ids = Array.from({ length: 24 }, (_, index) => `entity-${index}`);
const count = 5;

/** Answers one kind of message. */
const entity = () =>
  Behaviors.receive<Message>((_context, { type, replyTo }) => {
    if (type === "answer") replyTo.tell("here");
    return Behaviors.same();
  });

interface Outcome {
  readonly id: string;
  readonly reason: string;
  /** Milliseconds from the cut. */
  readonly at: number;
  /** Members in the asker's view by then. */
  readonly members: number;
}

/** Asks entities of two nodes, which wait there when these are cut off. */
async function cutOff(
  seed: number,
  span: number,
  refOf: (node: SimulatedNode, id: string) => ActorRef<never>,
): Promise<
  { readonly waiting: Outcome[]; readonly answered: number[]; readonly others: string[] }
> {
  const found = { waiting: [] as Outcome[], answered: [] as number[], others: [] as string[] };
  const run = async (sim: Simulation) => {
    await sim.sleep(15_000);
    const [away, here] = [sim.nodes.slice(3), sim.nodes.slice(0, 3)];
    const asker = here[0]!;
    const ask = (id: string, type: Message["type"], timeout: number) => {
      const ref = refOf(asker, id);
      // An envelope where the reference is that of all entities.
      const wrap = (message: Message) => {
        return ref.path.endsWith(id) ? message : shardEnvelope(id, message);
      };
      return asker.system.ask(
        ref,
        (replyTo: ActorRef<string>) => wrap({ type, replyTo }) as never,
        { timeout },
      );
    };
    await Promise.all(ids.map((id) => ask(id, "answer", 5_000)));
    const owners = ids.map((id) => asker.running!.sharding.shardOwner("places", id));
    const isAway = (index: number) => away.some(({ name }) => owners[index] === `${name}:25520`);
    let cutAt = sim.now;
    const wait = async (id: string): Promise<Outcome> => {
      try {
        await ask(id, "wait", 60_000);
        throw new Error("nobody answers");
      } catch (error) {
        const reason = error instanceof AskError ? error.reason : String(error);
        return { id, reason, at: sim.now - cutAt, members: asker.view!.members.length };
      }
    };
    const waiting = ids.filter((_, index) => isAway(index)).map(wait);
    ids.filter((_, index) => !isAway(index)).forEach((id) =>
      void wait(id).then(({ reason }) => found.others.push(reason))
    );
    await sim.sleep(100);
    cutAt = sim.now;
    const names = (nodes: readonly SimulatedNode[]) => nodes.map(({ name }) => name);
    sim.inject({ type: "partition", at: 0, for: span, between: names(away), and: names(here) });
    const taken = ids.filter((_, index) => isAway(index)).map(async (id) => {
      while (await ask(id, "answer", 300).then(() => false, () => true)) await sim.sleep(20);
      found.answered.push(sim.now - cutAt);
    });
    await Promise.all(taken);
    await Promise.race([Promise.all(waiting), sim.sleep(20_000)]);
    void waiting.forEach((outcome) => void outcome.then((one) => void found.waiting.push(one)));
    await sim.sleep(1);
    assertEquals(found.others, [], "asks at reachable owners wait on");
  };
  await simulate({ seed, failures: false, shrink: 0 }, {
    name: "an owner with asks is cut off",
    nodes: count,
    duration: 120_000,
    linger: 0,
    restartEnded: false,
    faults: [],
    cluster: {
      seedNodes: Array.from({ length: count }, (_, index) => `node-${index + 1}:25520`),
    },
    setup: ({ system }) =>
      void system.spawn(Behaviors.sharded(entity, { numShards: 40 }), "places"),
    run,
  });
  return found;
}

const references: Record<string, (node: SimulatedNode, id: string) => ActorRef<never>> = {
  "the reference of the type": ({ running }) => running!.entityRef("places", { numShards: 40 }),
  "a reference to one entity": ({ running }, id) => {
    return running!.entityRef("places", { numShards: 40 }).entity(id);
  },
  "the path of the type at another node": ({ system }) => {
    return system.lookup<ShardEnvelope<Message>>("/places", { node: "node-2:25520" });
  },
  "the actor of the type": ({ system }) => {
    return system.lookup<ShardEnvelope<Message>>("/places")! as ActorRef<never>;
  },
};

async function checkTold(seed: number, refOf: typeof references[string]): Promise<void> {
  const { waiting, answered } = await cutOff(seed, 60_000, refOf);
  assert(waiting.length > 4 && waiting.length === answered.length, `${waiting.length} wait`);
  const latest = Math.max(...answered);
  for (const { id, reason, at, members } of waiting) {
    assertEquals(reason, "ownerLost", id);
    // Long before anybody is removed.
    assert(at <= latest && members === count, `${id}: after ${at} ms of ${latest}`);
  }
}

for (const [name, refOf] of Object.entries(references)) {
  Deno.test(`asks by ${name} fail when a lost owner is replaced, and others wait on`, async () => {
    await checkTold(1, refOf);
  });
}

Deno.test("asks that wait at an owner that is cut off fail when its shards are taken over", async () => {
  for (let seed = 2; seed <= 4; seed++) await checkTold(seed, references["the actor of the type"]!);
});

Deno.test("asks wait on at an owner that is back before its shards are taken over", async () => {
  const { waiting, answered } = await cutOff(1, 4_000, references["the actor of the type"]!);
  assertEquals([waiting, answered.length > 4], [[], true]);
});

for (const unisocket of [false, true]) {
  const how = unisocket ? "through one connection" : "connected to the lost owner";
  Deno.test(`asks of a client, ${how}, fail when the owner is replaced`, async () => {
    const cluster = new SimulatedCluster(5);
    const nodes = await cluster.start(4);
    for (const node of nodes) node.spawn(Behaviors.sharded(entity, { numShards: 40 }), "places");
    const runtime = cluster.runtime("client");
    const client = await cluster.clock.resolve(ClusterClient.connect({
      contactPoints: ["node-1:25520"],
      systemName: "sim",
      runtime,
      logger: runtime.logger,
      unisocket,
    }));
    const places = client.entityRef<Message>("places", { numShards: 40 });
    const of = (type: Message["type"]) => (replyTo: ActorRef<string>) => ({ type, replyTo });
    const ask = (id: string, type: Message["type"], timeout: number, index = 0) =>
      index % 2 === 0
        ? places.entity(id).ask(of(type), { timeout })
        : client.ask(places, (replyTo: ActorRef<string>) => shardEnvelope(id, of(type)(replyTo)), {
          timeout,
        });
    await cluster.clock.resolve(Promise.all(ids.map((id) => ask(id, "answer", 5_000))));
    const away = ids.filter((id) => client.sharding.shardOwner("places", id) === "node-4:25520");
    const told: string[] = [];
    const wait = (id: string, index: number) =>
      ask(id, "wait", 60_000, index).catch((error) => void told.push(error.reason));
    const others: string[] = [];
    for (const id of ids) {
      if (away.includes(id)) continue;
      ask(id, "wait", 60_000).catch((error) => void others.push(error.reason));
    }
    away.forEach(wait);
    await cluster.clock.advance(200);
    // The client still reaches it.
    assert(away.length > 3);
    cluster.network.partition(["node-4"], ["node-1", "node-2", "node-3"]);
    const isAway = (id: string) => {
      return (client.sharding.shardOwner("places", id) ?? "node-4:25520") === "node-4:25520";
    };
    await cluster.clock.runUntil(() => !away.some(isAway), 15_000);
    await cluster.clock.runUntil(() => told.length === away.length, 500);
    assertEquals([...new Set(told)], ["ownerLost"]);
    // Nobody is removed yet, and no connection of the client has ended.
    assertEquals([client.topology.others.length, nodes[0]!.members.length], [1, 4]);
    assertEquals(others, [], "asks at reachable owners wait on");
    cluster.network.heal();
    await cluster.clock.resolve(client.close());
    await cluster.stop(nodes);
  });
}
