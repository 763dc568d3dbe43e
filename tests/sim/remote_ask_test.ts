import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AskOptions } from "../../lib/actor/behavior/ask_options.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { AskError } from "../../lib/actor/errors.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

const node2 = "node-2:25520";

type Question = { type: "ask"; replyTo: ActorRef<string> } | { type: "stop" } | { type: "block" };

/** Never replies: it stops, or is busy until `freed`. */
const silent = (freed: Promise<void> = Promise.resolve()) =>
  Behaviors.receive<Question>((_context, { type }) => {
    if (type === "block") return freed.then(() => Behaviors.same());
    return type === "stop" ? Behaviors.stopped() : Behaviors.same();
  });

const question = (replyTo: ActorRef<string>): Question => ({ type: "ask", replyTo });

interface Asker {
  ask<M, R>(
    ref: ActorRef<M>,
    factory: (replyTo: ActorRef<R>) => M,
    options?: AskOptions,
  ): Promise<R>;
}

/** Asks, and expects the error with this code long before the timeout. */
async function refused(
  cluster: SimulatedCluster,
  asker: Asker,
  ref: ActorRef<Question>,
  code: string,
): Promise<AskError> {
  const began = cluster.clock.now();
  const asking = cluster.clock.resolve(asker.ask(ref, question, { timeout: 60_000 }), 70_000);
  const error = await assertRejects(() => asking, AskError);
  assertEquals(error.code, code);
  assert(cluster.clock.now() - began < 1_000, `took ${cluster.clock.now() - began} ms`);
  return error;
}

Deno.test("a question to an actor of another node that is not there is refused at once", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(2);
  const ref = nodes[0]!.lookup<Question>("/nobody", { node: node2 });
  const error = await refused(cluster, nodes[0]!, ref, "askTargetDead");
  assert(error.message.includes(`${node2}/nobody`), error.message);
  assertEquals(nodes[1]!.ledger.snapshot().deadLetters, { noSuchActor: 1 });
  assertEquals(nodes[0]!.ledger.snapshot().deadLetters, {});
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("a question to an actor that stops before it is answered is refused at once", async () => {
  const cluster = new SimulatedCluster(2);
  const nodes = await cluster.start(2);
  const freed = Promise.withResolvers<void>();
  const local = nodes[1]!.spawn(silent(freed.promise), "busy");
  local.tell({ type: "block" });
  local.tell({ type: "stop" });
  const ref = nodes[0]!.lookup<Question>("/busy", { node: node2 });
  cluster.clock.schedule(200, () => freed.resolve());
  await refused(cluster, nodes[0]!, ref, "askTargetDead");
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("a question that meets a full mailbox is refused, and the others wait on", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(2);
  for (const overflow of ["dropNew", "reject", "dropOldest"] as const) {
    const freed = Promise.withResolvers<void>();
    const local = nodes[1]!.spawn(silent(freed.promise), overflow, {
      mailbox: { capacity: 1, overflow },
    });
    local.tell({ type: "block" });
    await cluster.clock.advance(10);
    const ref = nodes[0]!.lookup<Question>(`/${overflow}`, { node: node2 });
    const first = nodes[0]!.ask(ref, question, { timeout: 60_000 });
    let settled = "";
    first.catch(({ code }) => settled = code);
    await cluster.clock.advance(100);
    if (overflow === "dropOldest") {
      void nodes[0]!.ask(ref, question, { timeout: 10 }).catch(() => {});
      await cluster.clock.advance(100);
      assertEquals(settled, "askNotDelivered");
    } else {
      await refused(cluster, nodes[0]!, ref, "askNotDelivered");
      assertEquals(settled, "");
    }
    freed.resolve();
    await cluster.clock.advance(60_000);
  }
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("a question to a node that is not in the cluster, or cannot be reached, is refused", async () => {
  const cluster = new SimulatedCluster(4);
  const nodes = await cluster.start(3);
  const stranger = nodes[0]!.lookup<Question>("/nobody", { node: "node-9:25520" });
  await refused(cluster, nodes[0]!, stranger, "askNotDelivered");
  // Nothing was sent to this one yet: it has to be dialled, and that fails.
  cluster.network.crash("node-3");
  const crashed = nodes[0]!.lookup<Question>("/nobody", { node: "node-3:25520" });
  await refused(cluster, nodes[0]!, crashed, "askNotDelivered");
  assertBalanced(nodes.slice(0, 2));
  await cluster.stop(nodes.slice(0, 2));
  await cluster.stop(nodes.slice(2));
});

Deno.test("a client's question to an actor that has stopped is refused at once", async () => {
  const cluster = new SimulatedCluster(5);
  const nodes = await cluster.start(2);
  const local = nodes[1]!.spawn(silent(), "silent");
  type Where = { replyTo: ActorRef<ActorRef<Question>> };
  for (const node of nodes) {
    node.spawn(
      Behaviors.sharded(() =>
        Behaviors.receive<Where>((_context, { replyTo }) => {
          replyTo.tell(node === nodes[1] ? local : node.lookup("/silent", { node: node2 }));
          return Behaviors.same();
        }), { numShards: 4 }),
      "guides",
    );
  }
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
    logger: cluster.runtime("client").logger,
  }));
  // Some entity lives on the second node; only it may give the client a way to its actors.
  const guide = client.entityRef<Where>("guides", { numShards: 4 });
  let ref: ActorRef<Question> | undefined;
  for (let i = 0; i < 20; i++) {
    const ask = client.ask(
      guide,
      (replyTo: ActorRef<ActorRef<Question>>) => shardEnvelope(`guide-${i}`, { replyTo }),
      { timeout: 30_000 },
    );
    ref = await cluster.clock.resolve(ask);
  }
  assert(ref instanceof Ref && ref.node === node2);
  local.tell({ type: "stop" });
  await cluster.clock.advance(10);
  await refused(cluster, client, ref, "askTargetDead");
  await cluster.clock.resolve(client.close());
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("who passes a question on may lose it there: the asker still waits for others", async () => {
  const cluster = new SimulatedCluster(6);
  const nodes = await cluster.start(3);
  const nobody = nodes[1]!.lookup<Question>("/nobody", { node: "node-3:25520" });
  nodes[1]!.spawn(
    Behaviors.receive<Question>((_context, message) => {
      nobody.tell(message);
      if (message.type === "ask") {
        cluster.clock.schedule(500, () => message.replyTo.tell("after all"));
      }
      return Behaviors.same();
    }),
    "relay",
  );
  const ref = nodes[0]!.lookup<Question>("/relay", { node: node2 });
  assertEquals(await cluster.clock.resolve(nodes[0]!.ask(ref, question)), "after all");
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("what a mailbox of another node rejects is a dead letter of the sender's node too", async () => {
  const cluster = new SimulatedCluster(7);
  const nodes = await cluster.start(2);
  const letters: DeadLetter[] = [];
  nodes[0]!.eventStream.subscribe("deadLetter", (letter) => letters.push(letter));
  const freed = Promise.withResolvers<void>();
  for (const overflow of ["reject", "dropNew"] as const) {
    const local = nodes[1]!.spawn(silent(freed.promise), overflow, {
      mailbox: { capacity: 5, overflow },
    });
    local.tell({ type: "block" });
    await cluster.clock.advance(10);
    const before = cluster.trace.length;
    const ref = nodes[0]!.lookup<Question>(`/${overflow}`, { node: node2 });
    for (let i = 0; i < 10_005; i++) ref.tell({ type: "block" });
    await cluster.clock.advance(200);
    // Counts come back, not messages.
    const lines = cluster.trace.slice(before).filter((line) => line.includes("node-2 > node-1"));
    assert(lines.length < 30, `${lines.length} lines`);
  }
  assertEquals(letters.length, 10_000);
  assertEquals(letters[0], {
    type: "deadLetter",
    reason: "mailboxFull",
    target: `${node2}/reject`,
    message: undefined,
  });
  assertEquals(nodes[1]!.ledger.snapshot().deadLetters, { mailboxFull: 20_000 });
  assertEquals(nodes[0]!.ledger.snapshot().deadLetters, { mailboxFull: 10_000 });
  freed.resolve();
  await cluster.clock.advance(10);
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("a question that waits for an actor of a node that goes down is refused then", async () => {
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(3);
  nodes[2]!.spawn(silent(), "silent");
  const ref = nodes[0]!.lookup<Question>("/silent", { node: "node-3:25520" });
  let code = "";
  nodes[0]!.ask(ref, question, { timeout: 600_000 }).catch((error) => code = error.code);
  await cluster.clock.advance(1_000);
  cluster.network.crash("node-3", { silently: true });
  await cluster.clock.runUntil(() => nodes[0]!.members.length === 2, 60_000);
  assertEquals(code, "askTargetDead");
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("a node keeps nothing for the asks of one that has left", async () => {
  const cluster = new SimulatedCluster(1);
  const [asked, asker] = await cluster.start(2);
  asked!.spawn(silent(), "silent");
  const echo = Behaviors.receive<Question>((_context, message) => {
    if (message.type === "ask") message.replyTo.tell("here");
    return Behaviors.same();
  });
  asked!.spawn(echo, "echo");
  const at = { node: asked!.address };
  await cluster.clock.resolve(asker!.ask(asker!.lookup<Question>("/echo", at), question));
  const open = asker!.ask(asker!.lookup<Question>("/silent", at), question, { timeout: 60_000 });
  open.catch(() => {});
  await cluster.clock.advance(100);
  const { remoteAsks } = nodeInternalsOf(asked!)!.remoting;
  assertEquals(remoteAsks.accounts, 1);
  await cluster.stop([asker!]);
  await cluster.clock.advance(5_000);
  assertEquals(asked!.members.length, 1);
  assertEquals(remoteAsks.accounts, 0);
  await cluster.stop([asked!]);
});
