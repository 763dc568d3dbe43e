import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { AskError } from "../../lib/actor/errors.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClientError } from "../../lib/client/errors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { memoryJournal, memoryProjectionStore, projection } from "../../lib/persistence/mod.ts";
import type { ClusterAccess } from "../../lib/sharding/routing/cluster_access.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { workerIds } from "../../lib/singleton/worker_ids.ts";
import type { WorkersOptions } from "../../lib/singleton/workers_behavior.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";
import { connect, placesOf } from "./singletons.ts";

type Message = { readonly type: "who"; readonly replyTo: ActorRef<string> } | {
  readonly type: "stop";
};

const worker = (where: string) => (index: number) =>
  Behaviors.receive<Message>((_context, message) => {
    if (message.type === "stop") return Behaviors.stopped();
    message.replyTo.tell(`${index} at ${where}`);
    return Behaviors.same();
  });

const start = (node: ClusteredActorSystem, count: number) =>
  node.spawn(Behaviors.workers(count, worker(node.nodeId)), "crew");
const counts = (nodes: readonly ClusteredActorSystem[]) =>
  nodes.map((node) => node.sharding.runningEntities("_workers-crew").length).join();
const who = (replyTo: ActorRef<string>) => ({ type: "who", replyTo }) as const;

Deno.test("each worker has a shard of its own, at every number of workers", () => {
  for (const count of [1, 2, 8, 100, 1_024]) {
    const shards = workerIds(count).map((id) => shardOf(id, count));
    assertEquals(shards, Array.from({ length: count }, (_, index) => index));
  }
});

Deno.test("workers start without a message, spread evenly, and are reached by their numbers", async () => {
  const cluster = new SimulatedCluster("workers spread");
  const nodes = await cluster.start(4);
  const [crew] = nodes.map((node) => start(node, 8));
  await cluster.clock.runUntil(() => counts(nodes) === "2,2,2,2", 10_000);
  const answers = await cluster.clock.resolve(
    Promise.all(Array.from({ length: 8 }, (_, index) => crew!.worker(index).ask(who))),
  );
  assertEquals(answers.map((answer) => answer.split(" ")[0]).join(), "0,1,2,3,4,5,6,7");
  assertEquals(new Set(answers.map((answer) => answer.split(" ")[2])).size, 4);
  assertEquals(crew!.count, 8);
  assertThrows(() => crew!.worker(8), OptionError);
  const explained = nodes[0]!.cluster.explain("singleton").join("\n");
  assert(explained.includes('worker 7 of "crew"'), explained);
  await cluster.stop(nodes);
});

Deno.test("workers move to a node that comes, and away from one that leaves or crashes", async () => {
  const cluster = new SimulatedCluster("workers move");
  const nodes = await cluster.start(3);
  const [first, second, third] = nodes;
  start(first!, 6);
  await cluster.clock.runUntil(() => counts([first!]) === "6", 10_000);
  start(second!, 6);
  await cluster.clock.runUntil(() => counts([first!, second!]) === "3,3", 20_000);
  start(third!, 6);
  await cluster.clock.runUntil(() => counts(nodes) === "2,2,2", 20_000);
  await cluster.stop([second!]);
  await cluster.clock.runUntil(() => counts([first!, third!]) === "3,3", 5_000);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.runUntil(() => counts([first!]) === "6", 20_000);
  await cluster.stop([first!]);
});

Deno.test("a worker that stops itself starts again", async () => {
  const cluster = new SimulatedCluster("workers again");
  const nodes = await cluster.start(2);
  const [crew] = nodes.map((node) => start(node, 4));
  await cluster.clock.runUntil(() => counts(nodes) === "2,2", 10_000);
  crew!.worker(1).tell({ type: "stop" });
  await cluster.clock.runUntil(() => counts(nodes) !== "2,2", 1_000);
  await cluster.clock.runUntil(() => counts(nodes) === "2,2", 1_000);
  await cluster.stop(nodes);
});

Deno.test("clients and nodes that run none reach workers by their numbers, wherever they move", async () => {
  const cluster = new SimulatedCluster("workers from outside");
  const nodes = await cluster.start(3);
  const [first, second, third] = nodes;
  for (const node of [first!, second!]) start(node, 4);
  await cluster.clock.runUntil(() => counts(nodes) === "2,2,0", 10_000);
  const client = await connect(cluster);
  const places = [third!, client] satisfies ClusterAccess[];
  const answers = async () => {
    const asked = places.flatMap((place) => {
      const crew = place.workers<Message>("crew", 4);
      return Array.from({ length: crew.count }, (_, index) => crew.worker(index).ask(who));
    });
    return (await cluster.clock.resolve(Promise.all(asked))).join();
  };
  const numbers = (text: string) => text.replaceAll(/ at node-[12]/g, "");
  assertEquals(numbers(await answers()), "0,1,2,3,0,1,2,3");
  await cluster.stop([second!]);
  const moved = await answers();
  assertEquals(numbers(moved), "0,1,2,3,0,1,2,3");
  assert(!moved.includes("node-2"), moved);
  await cluster.clock.resolve(client.close());
  await cluster.stop([first!, third!]);
});

Deno.test("clients that the policy of workers does not admit are refused, others may read", async () => {
  const cluster = new SimulatedCluster("workers clients");
  const nodes = await cluster.start(2);
  const reads = (message: unknown) => (message as Message).type === "who";
  const named: [string, WorkersOptions][] = [
    ["closed", { clients: () => false }],
    ["readable", { clients: () => "read", reads }],
  ];
  for (const node of nodes) {
    for (const [name, options] of named) {
      node.spawn(Behaviors.workers(2, worker(node.nodeId), options), name);
    }
  }
  await cluster.clock.runUntil(() => placesOf(nodes, "_workers-readable").length === 2, 10_000);
  const client = await connect(cluster);
  const reasonOf = async (asked: Promise<string>) => {
    const error = await cluster.clock.resolve(asked.catch((error) => error));
    assert(error instanceof AskError, String(error));
    return error.reason;
  };
  assertEquals(
    await reasonOf(client.workers<Message>("closed", 2).worker(0).ask(who)),
    "unauthorized",
  );
  const readable = client.workers<Message>("readable", 2).worker(1);
  assert((await cluster.clock.resolve(readable.ask(who))).startsWith("1 at "));
  const stop = (replyTo: ActorRef<string>): Message & { replyTo: unknown } => ({
    type: "stop",
    replyTo,
  });
  assertEquals(await reasonOf(readable.ask(stop)), "unauthorized");
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("clients do not reach the workers of a projection", async () => {
  const cluster = new SimulatedCluster("workers of projections");
  const nodes = await cluster.start(2);
  for (const node of nodes) {
    projection<number>({
      name: "totals",
      journal: memoryJournal(),
      workers: 2,
      source: { kind: "order" },
      store: memoryProjectionStore(),
      handle: () => {},
    }).start(node);
  }
  const name = "projection-totals-2";
  await cluster.clock.runUntil(() => placesOf(nodes, `_workers-${name}`).length === 2, 10_000);
  const client = await connect(cluster);
  const crew = client.workers<Message>(name, 2);
  const error = await cluster.clock.resolve(crew.worker(0).ask(who).catch((error) => error));
  assert(error instanceof AskError, String(error));
  assertEquals(error.reason, "unauthorized");
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a number of workers that is not that of the nodes is named to who asks", async () => {
  const cluster = new SimulatedCluster("workers of another number");
  const nodes = await cluster.start(2);
  for (const node of nodes) start(node, 4);
  await cluster.clock.runUntil(() => counts(nodes) === "2,2", 10_000);
  const client = await connect(cluster);
  const other = client.workers<Message>("crew", 3);
  const error = await cluster.clock.resolve(other.worker(0).ask(who).catch((error) => error));
  assert(error instanceof AskError, String(error));
  assert(error.message.includes("has 4 shards in this cluster, not 3"), error.message);
  const mismatch = assertThrows(() => client.workers("crew", 4), ClientError);
  assertEquals([mismatch.code, mismatch.value], ["shardCountMismatch", 4]);
  for (const count of [0, 1.5, 1_025]) {
    assertThrows(() => client.workers("crew", count), OptionError, "count");
  }
  assertThrows(() => client.workers("_crew", 3), OptionError, "name");
  assertThrows(() => client.workers("crew", 3).worker(3), OptionError, "index");
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("the reference to workers takes no messages, and says what does", async () => {
  const cluster = new SimulatedCluster("workers front");
  const nodes = await cluster.start(2);
  const [crew] = nodes.map((node) => start(node, 2));
  await cluster.clock.runUntil(() => placesOf(nodes, "_workers-crew").length === 2, 10_000);
  const asked = nodes[0]!.ask(crew as unknown as ActorRef<Message>, who);
  const refused = await cluster.clock.resolve(asked.catch((error) => error));
  assert(refused instanceof AskError);
  assert(refused.message.includes("worker(index)"), refused.message);
  await cluster.stop(nodes);
});

Deno.test("numbers of workers that make no sense are refused", () => {
  for (const count of [0, 1.5, 1_025, NaN]) {
    assertThrows(() => Behaviors.workers(count, worker("")), OptionError);
  }
  assertThrows(() => Behaviors.workers(2, undefined as never), OptionError);
  assertThrows(() => Behaviors.workers(2, worker(""), { rolle: "x" } as never), OptionError);
});

Deno.test("another number of workers under one name is told, and asked about no more than once a tick", async () => {
  const cluster = new SimulatedCluster("workers of two counts");
  let rejections = 0;
  const nodes = await cluster.start(2, {
    logger: {
      log: (_level, _source, message, fields) => {
        if (!message.includes("the coordinator rejected a shard type")) return;
        const { suppressed } = fields ?? {};
        rejections += typeof suppressed === "number" ? suppressed : 1;
      },
    },
  });
  const [first, second] = nodes;
  start(first!, 2);
  await cluster.clock.runUntil(() => counts([first!]) === "2", 10_000);
  const crew = start(second!, 40);
  const why = '"_workers-crew" has 2 shards in this cluster, not 40';
  const explain = () => second!.cluster.explain("singleton").join("\n");
  await cluster.clock.runUntil(() => explain().includes(why), 5_000);
  assert(explain().includes(`worker 39 of "crew" cannot run as spawned here: ${why}`), explain());
  assert(second!.cluster.explain("sharding").join("\n").includes(why));
  await cluster.clock.advance(20_000);
  assertEquals(counts(nodes), "2,0");
  const error = await cluster.clock.resolve(crew.worker(39).ask(who).catch((error) => error));
  assert(error instanceof AskError, String(error));
  // The others have stopped: nothing rejects it any more.
  await cluster.clock.resolve(first!.shutdown());
  await cluster.clock.runUntil(() => counts([second!]) === "40", 20_000);
  assert(!explain().includes("cannot run"), explain());
  await cluster.stop([second!]);
  assert(rejections > 0 && rejections < 300, `${rejections} rejections`);
});

/** Workers that say where they live. */
function livingWorkers() {
  const living = new Set<string>();
  return {
    living: () => [...living].sort().join(),
    spawn: (node: ClusteredActorSystem, count: number) =>
      node.spawn(
        Behaviors.workers(count, (index) =>
          Behaviors.setup<never>(() => {
            const what = `${index} of ${count}`;
            living.add(what);
            return Behaviors.receive(() => Behaviors.same(), (_context, { type }) => {
              if (type === "postStop") living.delete(what);
              return Behaviors.same();
            });
          })),
        "crew",
      ),
  };
}

for (const running of [1, 2]) {
  Deno.test(`a new leader, with another number or not, starts no worker twice: those of node ${running + 1} go on`, async () => {
    const cluster = new SimulatedCluster("workers of two counts, and a new leader");
    const nodes = await cluster.start(3);
    assertEquals(nodes[1]!.leader, nodes[0]!.address);
    const [first, last] = running === 1 ? [nodes[1]!, nodes[2]!] : [nodes[2]!, nodes[1]!];
    const { living, spawn } = livingWorkers();
    spawn(first, 2);
    await cluster.clock.runUntil(() => living() === "0 of 2,1 of 2", 10_000);
    spawn(last, 3);
    await cluster.stop([nodes[0]!]);
    await cluster.clock.runUntil(() => first.leader !== nodes[0]!.address, 20_000);
    await cluster.clock.advance(20_000);
    assertEquals(living(), "0 of 2,1 of 2");
    const explained = last.cluster.explain("singleton").join("\n");
    assert(explained.includes('"_workers-crew" has 2 shards in this cluster, not 3'), explained);
    await cluster.stop([first]);
    await cluster.clock.runUntil(() => living() === "0 of 3,1 of 3,2 of 3", 20_000);
    await cluster.stop([last]);
  });
}

Deno.test("workers that were cut off do not go on beside those of another number", async () => {
  const cluster = new SimulatedCluster("workers of two counts, and a partition");
  const nodes = await cluster.start(4);
  const [first, second] = nodes;
  const { living, spawn } = livingWorkers();
  spawn(second!, 2);
  await cluster.clock.runUntil(() => living() === "0 of 2,1 of 2", 10_000);
  spawn(nodes[2]!, 3);
  const host = second!.nodeId;
  const others = nodes.filter((node) => node !== second).map(({ nodeId }) => nodeId);
  cluster.network.partition([host], others);
  // Its lease ends, and it is not declared down yet.
  await cluster.clock.runUntil(() => living().includes("of 3"), 30_000);
  cluster.network.heal();
  await cluster.clock.advance(30_000);
  assertEquals(living(), "0 of 3,1 of 3,2 of 3");
  assert(nodes[3]!.members.length >= 3 && first!.members.length >= 3);
  await cluster.stop(nodes);
});
