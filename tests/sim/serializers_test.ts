import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { type Serializer, serializer } from "../../lib/wire/serializer.ts";
import { Money, money, Price, price } from "../wire/money.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { assertBalanced } from "./watching.ts";

/** Lines of one system's log. */
class Lines implements Logger {
  readonly lines: string[] = [];
  log(level: string, source: string, message: string, fields?: Record<string, unknown>): void {
    const words = Object.values(fields ?? {}).map(String).join(" ");
    this.lines.push(`${level} ${source}: ${message} ${words}`);
  }
  about(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }
}

interface Till {
  readonly value: unknown;
  readonly replyTo?: ActorRef<unknown>;
}

/** A cluster whose nodes have serializers of their own. */
async function startWith(seed: number, ...serializers: (readonly Serializer[])[]) {
  const cluster = new SimulatedCluster(seed);
  const logs = serializers.map(() => new Lines());
  const starting = serializers.map((own, index) => {
    const host = `node-${index + 1}`;
    return ClusteredActorSystem.start({
      name: "sim",
      host,
      port: 25_520,
      seedNodes: ["node-1:25520"],
      requiredQuorum: serializers.length,
      runtime: cluster.runtime(host),
      logger: logs[index]!,
      serializers: own,
    });
  });
  const nodes = await cluster.clock.resolve(Promise.all(starting));
  const heard: unknown[] = [];
  nodes.at(-1)!.spawn(
    Behaviors.receive<Till>((_context, { value, replyTo }) => {
      heard.push(value);
      replyTo?.tell(value);
      return Behaviors.same();
    }),
    "till",
  );
  const till = nodes[0]!.lookup<Till>("/till", { node: `node-${nodes.length}:25520` });
  return { cluster, logs, nodes, heard, till };
}

function lettersOf(node: ClusteredActorSystem): DeadLetter[] {
  const letters: DeadLetter[] = [];
  node.eventStream.subscribe("deadLetter", (letter) => letters.push(letter));
  return letters;
}

const refusing = serializer({
  name: "money",
  type: Money,
  encode: ({ cents }) => cents,
  decode: () => {
    throw new Error("no money today");
  },
});

Deno.test("nodes that have registered in another order understand each other both ways", async () => {
  const { cluster, nodes, heard, till } = await startWith(1, [money, price], [price, money]);
  const value = [new Price(new Money(5n, "EUR"), Uint8Array.of(1)), new Money(6n, "USD")];
  const answer = await cluster.clock.resolve(
    nodes[0]!.ask<Till, unknown>(till, (replyTo) => ({ value, replyTo })),
  );
  assertEquals(answer, value);
  assertEquals(heard, [value]);
  assertInstanceOf((answer as [Price])[0], Price);
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("what the peer has no serializer for is a dead letter, before and after it is connected", async () => {
  const { cluster, logs, nodes, heard, till } = await startWith(2, [price, money], [price]);
  const lost = lettersOf(nodes[0]!);
  // The first waits for the connection, the others do not.
  for (let round = 0; round < 3; round++) {
    till.tell({ value: new Money(1n, "EUR") });
    till.tell({ value: round });
    await cluster.clock.runUntil(() => heard.length > round, 10_000);
  }
  assertEquals(heard, [0, 1, 2]);
  assertEquals(
    lost.map(({ reason, target }) => `${reason} ${target}`),
    new Array(3).fill("notSerializable node-2:25520/till"),
  );
  for (const { message } of lost) assertInstanceOf((message as Till).value, Money);
  // Once for what has waited, once for the rest.
  const lines = logs[0]!.about("could not be sent");
  assertEquals(lines.length, 2, lines.join("\n"));
  for (const line of lines) assert(/money.*node-2:25520|node-2:25520.*money/.test(line), line);
  await assertRejects(
    () =>
      cluster.clock.resolve(
        nodes[0]!.ask<Till, unknown>(till, (replyTo) => ({ value: new Money(1n, "x"), replyTo })),
      ),
    AskError,
  );
  assertBalanced(nodes);
  await cluster.stop(nodes);
});

Deno.test("another version of a serializer is another serializer", async () => {
  const newer = serializer({
    name: "money",
    version: 2,
    type: Money,
    encode: String,
    decode: () => new Money(0n, ""),
  });
  const { cluster, nodes, heard, till } = await startWith(3, [newer], [money]);
  till.tell({ value: new Money(1n, "EUR") });
  till.tell({ value: "after" });
  await cluster.clock.runUntil(() => heard.length > 0, 10_000);
  assertEquals(heard, ["after"]);
  assertEquals(nodes[0]!.ledger.snapshot().deadLetters, { notSerializable: 1 });
  await cluster.stop(nodes);
});

Deno.test("a decode that throws refuses the message: counted, logged once, the connection stays", async () => {
  const { cluster, logs, nodes, heard, till } = await startWith(4, [money], [refusing]);
  const down: string[] = [];
  for (const type of ["unreachable", "memberDowned"] as const) {
    nodes[0]!.eventStream.subscribe(type as never, () => down.push(type));
  }
  for (let round = 0; round < 100; round++) till.tell({ value: new Money(1n, "EUR") });
  till.tell({ value: "after" });
  await cluster.clock.runUntil(() => heard.length > 0, 10_000);
  assertEquals(heard, ["after"]);
  assertEquals(nodes[1]!.ledger.snapshot().deadLetters, { notSerializable: 100 });
  assertEquals(nodes[0]!.ledger.snapshot().deadLetters, {});
  const lines = logs[1]!.about("refused by a serializer");
  assertEquals(lines.length, 1);
  assert(/node-1:25520.*\/till.*"money" version 1.*no money today/.test(lines[0]!), lines[0]);
  // Whoever asks is told at once.
  const began = cluster.clock.now();
  const asking = nodes[0]!.ask<Till, unknown>(
    till,
    (replyTo) => ({ value: new Money(1n, "EUR"), replyTo }),
    { timeout: 60_000 },
  );
  await assertRejects(() => cluster.clock.resolve(asking, 70_000), AskError, "notSerializable");
  assert(cluster.clock.now() - began < 1_000);
  assertEquals(down, []);
  await cluster.stop(nodes);
  assertEquals(
    logs[1]!.about("suppressed repetitions: a message was refused by a serializer").length,
    1,
  );
});

Deno.test("a client has serializers like a node", async () => {
  const { cluster, nodes } = await startWith(5, [price, money]);
  const vault = () =>
    Behaviors.receive<Till>((_context, { value, replyTo }) => {
      replyTo?.tell(value);
      return Behaviors.same();
    });
  nodes[0]!.spawn(Behaviors.sharded(vault, { numShards: 4 }), "vaults");
  const connect = (name: string, serializers?: readonly Serializer[]) =>
    cluster.clock.resolve(ClusterClient.connect({
      contactPoints: ["node-1:25520"],
      systemName: "sim",
      runtime: cluster.runtime(name),
      logger: cluster.runtime(name).logger,
      ...(serializers && { serializers }),
    }));
  const client = await connect("client", [money]);
  const ask = (from: ClusterClient, value: unknown) =>
    cluster.clock.resolve(from.ask(
      from.entityRef<Till>("vaults", { numShards: 4 }),
      (replyTo: ActorRef<unknown>) => shardEnvelope("a", { value, replyTo }),
      { timeout: 1_000 },
    ));
  assertEquals(await ask(client, new Money(7n, "EUR")), new Money(7n, "EUR"));
  const plain = await connect("plain");
  assertEquals(await ask(plain, 7), 7);
  // What it cannot send is no message to anybody; the asker is told where it is.
  await assertRejects(
    () => ask(plain, new Money(7n, "EUR")),
    AskError,
    "message.value is an instance of Money",
  );
  assertEquals(await ask(plain, 8), 8);
  await cluster.clock.resolve(Promise.all([client.close(), plain.close()]));
  await cluster.stop(nodes);
});

Deno.test("serializers that cannot be used are refused before anything is opened", async () => {
  const cluster = new SimulatedCluster(6);
  const error = await assertRejects(
    () => cluster.start(1, { serializers: [money, money] }),
    CastyError,
    '"money" is registered twice',
  );
  assertEquals(error.code, "badOption");
  assertEquals(cluster.trace, []);
  await assertRejects(
    () =>
      ClusterClient.connect({
        contactPoints: ["node-1:25520"],
        systemName: "sim",
        runtime: cluster.runtime("client"),
        serializers: [money, money],
      }),
    CastyError,
    "twice",
  );
});

Deno.test("an encode that sends does not change whom the message around it is for", async () => {
  // The references in a message to a client are what the client may send to: no more, no less.
  let onEncode = () => {};
  const telling = serializer({
    name: "money",
    type: Money,
    encode: ({ cents }) => {
      onEncode();
      return cents;
    },
    decode: (data) => new Money(data as bigint, "EUR"),
  });
  const { cluster, nodes, heard, till } = await startWith(7, [telling], [telling]);
  type Get = { replyTo: ActorRef<unknown> };
  const secret = nodes[0]!.spawn(Behaviors.receive(() => Behaviors.same()), "secret");
  const open: string[] = [];
  const granted = nodes[0]!.spawn(
    Behaviors.receive<string>((_context, text) => {
      open.push(text);
      return Behaviors.same();
    }),
    "granted",
  );
  const vault = () =>
    Behaviors.receive<Get>((_context, { replyTo }) => {
      onEncode = () => till.tell({ value: secret });
      replyTo.tell([new Money(1n, "EUR"), granted]);
      return Behaviors.same();
    });
  nodes[0]!.spawn(Behaviors.sharded(vault, { numShards: 1 }), "vaults");
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
    serializers: [telling],
  }));
  const [, ref] = await cluster.clock.resolve(client.ask(
    client.entityRef<Get>("vaults", { numShards: 1 }),
    (replyTo: ActorRef<unknown>) => shardEnvelope("a", { replyTo }),
  )) as [Money, ActorRef<string>];
  ref.tell("hello");
  await cluster.clock.runUntil(() => open.length > 0 && heard.length > 0, 10_000);
  assertEquals(open, ["hello"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
