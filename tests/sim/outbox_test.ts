import { assert, assertEquals, assertRejects } from "@std/assert";
import { account, Accounts } from "../../examples/ledger/account.ts";
import { AskError } from "../../lib/actor/errors.ts";
import { Delivery, DeliveryAck, Wake } from "../../lib/actor/ref/internal_message.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import {
  eventSourced,
  type Journal,
  memoryJournal,
  outboxOf,
  type PersistenceError,
  persistenceId,
} from "../../lib/persistence/mod.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

function spawnAccounts(node: ClusteredActorSystem, journal: Journal): void {
  const other = (id: string) => node.entity(Accounts, id);
  node.spawn(Behaviors.sharded(Accounts, (id) => account(id, journal, other)));
}

async function started(seed: number, count: number) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(count);
  const journal = memoryJournal();
  for (const node of nodes) spawnAccounts(node, journal);
  await cluster.clock.advance(1_000);
  return { cluster, nodes, journal };
}

const deposit = (replyTo: ActorRef<number>) => ({ type: "deposit", amount: 100, replyTo }) as const;
const balance = (replyTo: ActorRef<number>) => ({ type: "balance", replyTo }) as const;
const names = Array.from({ length: 12 }, (_, index) => `account ${index}/;%`);

Deno.test("entities of several nodes deliver to each other, also while a node leaves", async () => {
  const { cluster, nodes } = await started(1, 3);
  const [first, , last] = nodes;
  const { clock } = cluster;
  for (const name of names) await clock.resolve(first!.entity(Accounts, name).ask(deposit));
  const transfers: Promise<unknown>[] = [];
  for (let round = 0; round < 5; round++) {
    names.forEach((name, index) => {
      const to = names[(index + round + 1) % names.length]!;
      const transfer = (replyTo: ActorRef<"accepted" | "refused">) =>
        ({ type: "transfer", id: `${name} ${round}`, to, amount: index, replyTo }) as const;
      transfers.push(first!.entity(Accounts, name).ask(transfer));
    });
    if (round === 2) transfers.push(last!.shutdown());
    await clock.advance(20);
  }
  await clock.resolve(Promise.all(transfers));
  await clock.advance(20_000);
  const balances = await clock.resolve(
    Promise.all(names.map((name) => first!.entity(Accounts, name).ask(balance))),
  );
  assertEquals(balances.reduce((sum, each) => sum + each), 100 * names.length);
  for (const name of names) {
    const { waiting } = await clock.resolve(outboxOf(first!, first!.entity(Accounts, name)).list());
    assertEquals(waiting, 0);
  }
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("a plain actor of another node is delivered to, and by the next actor at its path", async () => {
  const { cluster, nodes, journal } = await started(2, 2);
  const { clock } = cluster;
  const [here, there] = nodes;
  const seen: string[] = [];
  const listener = () =>
    Behaviors.receive<string>((_context, text) => {
      seen.push(text);
      return Behaviors.same();
    });
  const ref = there!.spawn(listener(), "listener");
  // Its reference as the other node has it.
  const remote = await clock.resolve(here!.ask(
    there!.spawn(
      Behaviors.receive<{ replyTo: ActorRef<ActorRef<string>> }>((_context, { replyTo }) => {
        replyTo.tell(ref);
        return Behaviors.same();
      }),
      "directory",
    ),
    (replyTo: ActorRef<ActorRef<string>>) => ({ replyTo }),
  ));
  const teller = here!.spawn(
    eventSourced<string, string, number>({
      id: persistenceId("teller", "1"),
      journal,
      initial: 0,
      onCommand: (_context, _state, text, effect) => effect.persist(text).thenSend(remote, text),
      onEvent: (count) => count + 1,
    }),
    "teller",
  );
  teller.tell("one");
  await clock.advance(100);
  assertEquals(seen, ["one"]);
  await clock.resolve(there!.stop(ref));
  teller.tell("two");
  await clock.advance(3_000);
  assertEquals(seen, ["one"]);
  there!.spawn(listener(), "listener");
  await clock.advance(20_000);
  assertEquals(seen, ["one", "two"]);
  await cluster.stop(nodes);
});

Deno.test("all entities of a type are no receiver", async () => {
  const { cluster, nodes, journal } = await started(4, 1);
  const [node] = nodes;
  const region = node!.entityRef(Accounts);
  const failures: unknown[] = [];
  node!.eventStream.subscribe("actorStopped", ({ cause }) => void failures.push(cause));
  const teller = node!.spawn(
    eventSourced<string, string, number>({
      id: persistenceId("teller", "1"),
      journal,
      initial: 0,
      onCommand: (_context, _state, text, effect) =>
        effect.persist(text).thenSend(
          region,
          shardEnvelope("a", { type: "refund", id: "", amount: 1 }),
        ),
      onEvent: (count) => count + 1,
    }),
    "teller",
  );
  teller.tell("one");
  await cluster.clock.advance(100);
  assertEquals(failures.map((cause) => (cause as PersistenceError).code), ["badReceiver"]);
  await cluster.stop(nodes);
});

Deno.test("a node cannot deliver from the future: that would keep out the messages of others", async () => {
  const { cluster, nodes, journal } = await started(4, 1);
  const { clock } = cluster;
  const [node] = nodes;
  const alice = node!.entity(Accounts, "alice");
  await clock.resolve(alice.ask(deposit));
  const credit = { type: "credit", id: "x", from: "bob", amount: 1_000_000 };
  const fields = { from: "accounts|bob#x", number: 9e15, after: 0, to: "x", ackTo: alice };
  const now = clock.wallTime();
  for (const at of [now + 3_700_000, 9e15, Number.MAX_SAFE_INTEGER]) {
    alice.tell(new Delivery({ ...fields, at }, credit) as never);
  }
  await clock.advance(1_000);
  assertEquals(await clock.resolve(alice.ask(balance)), 100);
  const events = await Array.fromAsync(journal.read(persistenceId("accounts", "alice")));
  assert(events.every(({ metadata }) => metadata === undefined), "it has no mark of a stream");
  // One whose clock is a little ahead is heard.
  alice.tell(new Delivery({ ...fields, at: now + 3_000_000 }, credit) as never);
  await clock.advance(1_000);
  assertEquals(await clock.resolve(alice.ask(balance)), 1_000_100);
  await cluster.stop(nodes);
});

Deno.test("a client cannot deliver, acknowledge or look into an outbox", async () => {
  const { cluster, nodes, journal } = await started(3, 1);
  const { clock } = cluster;
  const [node] = nodes;
  const runtime = cluster.runtime("client");
  const client = await clock.resolve(ClusterClient.connect({
    contactPoints: [node!.address],
    systemName: "sim",
    runtime,
    logger: runtime.logger,
  }));
  const lost: string[] = [];
  node!.eventStream.subscribe("deadLetter", ({ reason }: DeadLetter) => void lost.push(reason));
  const alice = client.entity(Accounts, "alice");
  await clock.resolve(alice.ask(deposit));
  const credit = { type: "credit", id: "x", from: "bob", amount: 1_000_000 };
  const fields = {
    from: "accounts|bob#x",
    number: 9e15,
    after: 0,
    at: 9e12,
    to: "x",
    ackTo: alice,
  };
  alice.tell(new Delivery(fields, credit) as never);
  alice.tell(new DeliveryAck("accounts|alice#x", "x", 9e15, "through") as never);
  alice.tell(new Wake() as never);
  await clock.advance(1_000);
  assertEquals(lost, ["notSerializable", "notSerializable", "notSerializable"]);
  await clock.resolve(assertRejects(() => outboxOf(client as never, alice).list(), AskError));
  assertEquals(await clock.resolve(alice.ask(balance)), 100);
  const events = await Array.fromAsync(journal.read(persistenceId("accounts", "alice")));
  assert(events.every(({ metadata }) => metadata === undefined), "it has no mark of a stream");
  await clock.resolve(client.close());
  await cluster.stop(nodes);
});
