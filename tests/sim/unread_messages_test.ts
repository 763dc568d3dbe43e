import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const numShards = 8;
const ids = Array.from({ length: 16 }, (_, index) => `e-${index}`);

interface Add {
  readonly number: number;
  readonly replyTo?: ActorRef<number>;
}

/** Two nodes with entities that write down what they handle, and a client. */
async function scene(seed: number, unisocket: boolean) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(2);
  /** The numbers that an entity has handled, in order. */
  const handled = new Map<string, number[]>();
  const entity = (id: string) => {
    const numbers = handled.get(id) ?? [];
    handled.set(id, numbers);
    return Behaviors.receive<Add>((_context, { number, replyTo }) => {
      numbers.push(number);
      replyTo?.tell(number);
      return Behaviors.same();
    });
  };
  const refs = nodes.map((node) => node.spawn(Behaviors.sharded(entity, { numShards }), "lists"));
  const runtime = cluster.runtime("client");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: nodes.map(({ address }) => address),
    systemName: "sim",
    runtime,
    logger: runtime.logger,
    unisocket,
  }));
  await cluster.clock.advance(2_000);
  const askers = {
    client: { system: client, ref: client.entityRef<Add>("lists", { numShards }) },
    node: { system: nodes[0]!, ref: refs[0]! },
  };
  const stop = async () => {
    await cluster.clock.resolve(client.close());
    await cluster.stop(nodes);
  };
  return { cluster, nodes, client, handled, askers, stop };
}

/** Ends all connections of a node to an address in order, without the node leaving. */
function sayGoodbye(node: ClusteredActorSystem, to: string): void {
  nodeInternalsOf(node)!.remoting.endpoint.disconnect(to, "says goodbye");
}

for (const [who, unisocket] of [["client", false], ["node", false], ["client", true]] as const) {
  const name = unisocket ? `${who} with one connection` : who;
  Deno.test(`what an orderly close did not read is sent again, once and in order, by a ${name}`, async () => {
    let unread = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const { cluster, nodes, client, handled, askers, stop } = await scene(seed, unisocket);
      const { system, ref } = askers[who];
      const target = unisocket
        ? nodes.find(({ address }) => address === client.contact)!
        : nodes[1]!;
      const from = who === "client" ? client.address : nodes[0]!.address;
      const ask = (id: string, number: number) =>
        system.ask(
          ref,
          (replyTo: ActorRef<number>) => shardEnvelope(id, { number, replyTo }),
          { timeout: 5_000 },
        );
      // A connection, and the owners.
      await cluster.clock.resolve(Promise.all(ids.map((id) => ask(id, 0))));
      const outcomes: Promise<unknown>[] = [];
      const failed: string[] = [];
      const settle = (asked: Promise<unknown>) => {
        outcomes.push(asked.catch((error) => failed.push(String(error.message))));
      };
      // The close frame is under way at the same time; messages sent after it was received come last.
      let number = 0;
      for (let round = 0; round < 20; round++) {
        number++;
        for (const id of ids) {
          if (number % 2 === 0) settle(ask(id, number));
          else ref.tell(shardEnvelope(id, { number }));
        }
        if (round === 10) sayGoodbye(target, from);
        if (round === 13) unread += handledLess(handled, number);
        await cluster.clock.advance(1);
      }
      await cluster.clock.resolve(Promise.all(outcomes));
      await cluster.clock.advance(3_000);
      const all = Array.from({ length: number + 1 }, (_, index) => index);
      for (const id of ids) assertEquals(handled.get(id), all, `${id}, seed ${seed}`);
      // Replies that were on their way to the contact are lost with the only connection.
      if (!unisocket) assertEquals(failed, []);
      await stop();
    }
    console.log(`    ${unread} messages were under way when the connection closed`);
  });
}

Deno.test("after an abrupt end nothing that was written is sent again, and its asks fail at once", async () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { cluster, handled, askers: { client: { system, ref } }, stop } = await scene(
      seed,
      false,
    );
    const ask = (id: string, number: number) =>
      system.ask(
        ref,
        (replyTo: ActorRef<number>) => shardEnvelope(id, { number, replyTo }),
        { timeout: 60_000 },
      );
    await cluster.clock.resolve(Promise.all(ids.map((id) => ask(id, 0))));
    const outcomes: Promise<unknown>[] = [];
    const failed = new Map(ids.map((id) => [id, new Set<number>()]));
    for (let number = 1; number <= 20; number++) {
      for (const id of ids) outcomes.push(ask(id, number).catch(() => failed.get(id)!.add(number)));
      if (number === 10) cluster.network.reset("client", "node-2");
      await cluster.clock.advance(1);
    }
    const begun = cluster.clock.now();
    await cluster.clock.resolve(Promise.all(outcomes));
    assert(cluster.clock.now() - begun < 5_000, `${cluster.clock.now() - begun} ms, seed ${seed}`);
    for (const id of ids) {
      const numbers = handled.get(id)!;
      const ordered = [...new Set(numbers)].sort((a, b) => a - b);
      assertEquals(numbers, ordered, `${id}, seed ${seed}`);
      const missing = Array.from({ length: 21 }, (_, n) => n).filter((n) => !numbers.includes(n));
      lost += missing.length;
      // A lost message is known to be lost.
      assertEquals(missing.filter((number) => !failed.get(id)!.has(number)), [], `${id} ${seed}`);
    }
    await stop();
  }
  console.log(`    ${lost} messages were lost`);
  assert(lost > 0);
});

for (const who of ["client", "node"] as const) {
  Deno.test(`what a ${who} loses on the way to an entity is a dead letter of that entity`, async () => {
    const { cluster, nodes, askers, stop } = await scene(1, false);
    const { system, ref } = askers[who];
    const asks = ids.map((id) =>
      system.ask(ref, (replyTo: ActorRef<number>) => shardEnvelope(id, { number: 0, replyTo }))
    );
    await cluster.clock.resolve(Promise.all(asks));
    // All of that is acknowledged.
    await cluster.clock.advance(5_000);
    const [, second] = nodes;
    const id = ids.find((id) => second!.sharding.runningEntities("lists").includes(id))!;
    const lost: unknown[] = [];
    system.eventStream.subscribe<DeadLetter>("deadLetter", ({ reason, target, message }) => {
      const isOfUser = !target.includes("/_cluster");
      if (isOfUser) lost.push([reason, target, (message as Add).number]);
    });
    ref.tell(shardEnvelope(id, { number: 1 }));
    await cluster.clock.advance(0);
    cluster.network.reset(who === "client" ? "client" : "node-1", "node-2");
    await cluster.clock.advance(5_000);
    const target = `${second!.address}/_region-lists/${id}`;
    assertEquals(lost, [["disconnected", target, 1]]);
    ref.tell(shardEnvelope(id, { number: 2, replyTo: (() => {}) as never }));
    await cluster.clock.advance(100);
    assertEquals(lost.slice(1), [["notSerializable", target, 2]]);
    await stop();
  });
}

function handledLess(handled: ReadonlyMap<string, readonly number[]>, number: number): number {
  let less = 0;
  for (const numbers of handled.values()) less += number - (numbers.at(-1) ?? 0);
  return less;
}
