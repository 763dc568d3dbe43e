import { assert, assertEquals, assertRejects } from "@std/assert";
import { AskError, type AskFailureReason } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

type Question = {
  readonly type: "answer" | "wait" | "throw" | "stop";
  readonly replyTo: ActorRef<string>;
};

const numShards = 40;
const timeout = { timeout: 60_000 };
const ids = Array.from({ length: 40 }, (_, index) => `id${index}`);

const entity = () =>
  Behaviors.receive<Question>((context, { type, replyTo }) => {
    if (type === "throw") throw new RangeError("no");
    if (type === "answer") replyTo.tell(`from ${context.self.address}`);
    if (type === "stop") context.passivate();
    return Behaviors.same();
  });

/**
 * Nodes of which the first asks entities by the path of their type at the second.
 *
 * @returns also `idAt`, an entity at each node, and `ask`.
 */
async function withNodes(seed: number, count: number) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(count);
  for (const node of nodes) node.spawn(Behaviors.sharded(entity, { numShards }), "places");
  const [asker, second] = nodes as [ClusteredActorSystem, ClusteredActorSystem];
  const ref = asker.lookup<ShardEnvelope<Question>>("/places", { node: second.address });
  const ask = (id: string, type: Question["type"]) =>
    asker.ask(
      ref,
      (replyTo: ActorRef<string>) => shardEnvelope(id, { type, replyTo }),
      timeout,
    );
  await cluster.clock.resolve(Promise.all(ids.map((id) => ask(id, "answer"))));
  const ownerOf = (id: string) => second.sharding.shardOwner("places", id);
  const idAt = ({ address }: ClusteredActorSystem) => ids.find((id) => ownerOf(id) === address)!;
  return { cluster, nodes, asker, second, ask, idAt, ownerOf };
}

/** What becomes of an ask. */
function outcomeOf(asking: Promise<unknown>): { value: string | undefined } {
  const outcome: { value: string | undefined } = { value: undefined };
  asking.then(
    (reply) => outcome.value = String(reply),
    (error) => outcome.value = error instanceof AskError ? error.reason : String(error),
  );
  return outcome;
}

async function refused(
  cluster: SimulatedCluster,
  asking: Promise<unknown>,
  reason: AskFailureReason,
): Promise<void> {
  const begun = cluster.clock.now();
  const error = await cluster.clock.resolve(assertRejects(() => asking, AskError), 70_000);
  assertEquals(error.reason, reason, error.message);
  assert(cluster.clock.now() - begun < 1_500, error.message);
}

Deno.test("an ask by the path of a type at another node fails with the entity, wherever that is", async () => {
  const { cluster, nodes, ask, idAt } = await withNodes(71, 3);
  for (const node of nodes) {
    const id = idAt(node);
    await refused(cluster, ask(id, "throw"), "handlerFailed");
    const waiting = ask(id, "wait");
    const outcome = outcomeOf(waiting);
    await cluster.clock.advance(200);
    assertEquals(outcome.value, undefined);
    ask(id, "stop").catch(() => {});
    await refused(cluster, waiting, "stopped");
  }
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("an ask by the path of a type at another node fails with the node of the entity", async () => {
  const { cluster, nodes, ask, idAt } = await withNodes(72, 3);
  const outcome = outcomeOf(ask(idAt(nodes[2]!), "wait"));
  const atOther = outcomeOf(ask(idAt(nodes[1]!), "wait"));
  await cluster.clock.advance(1_000);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.runUntil(() => outcome.value !== undefined, 30_000);
  assertEquals([outcome.value, atOther.value], ["ownerLost", undefined]);
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("an ask by path that came back unread, and was sent again, fails with the node of the entity", async () => {
  const { cluster, nodes, asker, ask, idAt } = await withNodes(73, 3);
  const [, second, third] = nodes as [unknown, ClusteredActorSystem, ClusteredActorSystem];
  const id = idAt(third);
  const outcomes: { value: string | undefined }[] = [];
  let unread = 0;
  for (let round = 0; round < 40; round++) {
    outcomes.push(outcomeOf(ask(id, "wait")));
    if (round === 20) {
      const { remoting } = nodeInternalsOf(third)!;
      remoting.endpoint.disconnect(second.address, "says goodbye");
    }
    await cluster.clock.advance(1);
    unread = Math.max(unread, buffered(second));
  }
  await cluster.clock.advance(4_000);
  const pending = () => outcomes.filter(({ value }) => value === undefined).length;
  assert(unread > 5 && buffered(second) === 0, `${unread} came back`);
  assertEquals(pending(), outcomes.length);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.runUntil(() => pending() === 0, 30_000);
  assertEquals([...new Set(outcomes.map(({ value }) => value))], ["ownerLost"]);
  await cluster.stop([asker, second]);
});

/** How many messages wait for their shards. */
function buffered(node: ClusteredActorSystem): number {
  const text = node.cluster.explain("sharding").join(" ");
  return Number(/(\d+) messages wait/.exec(text)?.[1] ?? 0);
}
