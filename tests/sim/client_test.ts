import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import type { ClientOptions } from "../../lib/client/client_options.ts";
import type { ClientStateChanged } from "../../lib/client/client_state.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { ClientError } from "../../lib/client/errors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { counter, type CounterMessage, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const numShards = 20;
const echoing = ServiceKey<ActorRef<string>>("echo");
const echo = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
  replyTo.tell("echo");
  return Behaviors.same();
});
const ask = (replyTo: ActorRef<string>) => replyTo;
const entities = Array.from({ length: 40 }, (_, index) => `entity-${index}`);

function clientOptions(cluster: SimulatedCluster, host: string): ClientOptions {
  const runtime = cluster.runtime(host);
  const contactPoints = ["node-1:25520"];
  return { contactPoints, systemName: "sim", runtime, logger: runtime.logger };
}

function connect(
  cluster: SimulatedCluster,
  options: Partial<ClientOptions> = {},
  host = "client",
): Promise<ClusterClient> {
  return cluster.clock.resolve(
    ClusterClient.connect({ ...clientOptions(cluster, host), ...options }),
  );
}

async function started(
  seed: number,
  count: number,
): Promise<{ cluster: SimulatedCluster; nodes: ClusteredActorSystem[] }> {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(count);
  for (const node of nodes) node.spawn(Behaviors.sharded(counter, { numShards }), "counters");
  // All regions have reported by then, and the coordinator spreads the shards over them.
  await cluster.clock.advance(1_000);
  return { cluster, nodes };
}

async function stop(
  cluster: SimulatedCluster,
  clients: readonly ClusterClient[],
  nodes: readonly ClusteredActorSystem[],
): Promise<void> {
  await cluster.clock.resolve(Promise.all(clients.map((client) => client.close())));
  await cluster.stop(nodes);
}

Deno.test("a client subscribes to two members and the leader's table: no request per shard", async () => {
  const { cluster, nodes } = await started(1, 3);
  const first = await connect(cluster, {}, "client-1");
  const ref = first.entityRef<CounterMessage>("counters", { numShards });
  const all = Promise.all(entities.map((id) => first.ask(ref, getValue(id))));
  await cluster.clock.resolve(all);
  await cluster.clock.runUntil(() => first.contacts.length === 2);
  assertEquals(first.state, "connected");

  // A later client gets the whole table before it has sent anything to an entity.
  const second = await connect(cluster, {}, "client-2");
  const other = second.entityRef<CounterMessage>("counters", { numShards });
  await cluster.clock.runUntil(() =>
    second.sharding.shardOwner("counters", "entity-0") !== undefined
  );
  for (const id of entities) {
    const owner = second.sharding.shardOwner("counters", id);
    assertEquals(owner, first.sharding.shardOwner("counters", id));
    assert(owner !== undefined);
  }
  assertEquals(second.entityRef("counters", { numShards }), other);
  assertThrows(() => second.entityRef("counters", { numShards: 7 }), ClientError, "20 shards");
  await stop(cluster, [first, second], nodes);
});

Deno.test("a contact that leaves drains its clients, and no ask fails", async () => {
  const { cluster, nodes } = await started(2, 3);
  const client = await connect(cluster);
  const states: string[] = [];
  client.eventStream.subscribe<ClientStateChanged>("clientState", ({ state }) => {
    states.push(state);
  });
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  await cluster.clock.runUntil(() => client.contacts.length === 2);
  const leaving = nodes.shift()!;
  let answered = 0;
  let failed = 0;
  const leave = leaving.shutdown();
  for (let round = 0; round < 40; round++) {
    const id = entities[round]!;
    client.ask(ref, getValue(id), { retry: true }).then(() => answered++, () => failed++);
    await cluster.clock.advance(50);
  }
  await cluster.clock.resolve(leave);
  await cluster.clock.runUntil(() => answered + failed === 40);
  assertEquals(failed, 0);
  await cluster.clock.runUntil(() => client.contacts.length === 2);
  assert(!client.contacts.includes("node-1:25520"));
  assert(!states.includes("reconnecting"), states.join());
  await stop(cluster, [client], nodes);
});

Deno.test("a client reconnects after all contacts have crashed", async () => {
  const { cluster, nodes } = await started(3, 2);
  const client = await connect(cluster);
  const states: string[] = [];
  client.eventStream.subscribe<ClientStateChanged>("clientState", ({ state }) => {
    states.push(state);
  });
  await cluster.clock.runUntil(() => client.contacts.length === 2);
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  for (const id of entities) await cluster.clock.resolve(client.ask(ref, getValue(id)));
  await cluster.stop(nodes);
  await cluster.clock.runUntil(() => client.state === "reconnecting");
  const again = await cluster.start(2);
  for (const node of again) node.spawn(Behaviors.sharded(counter, { numShards }), "counters");
  await cluster.clock.runUntil(() => client.state === "connected");
  // Epochs of the new cluster start again, and it grants in another order.
  for (const id of entities.toReversed()) {
    const answer = client.ask(ref, getValue(id), { timeout: 3_000 });
    assertEquals(await cluster.clock.resolve(answer), 0);
  }
  await stop(cluster, [client], again);
  assertEquals(client.state, "closed");
  assertEquals(states.at(-1), "closed");
});

Deno.test("a lazy client buffers messages until it is connected", async () => {
  const cluster = new SimulatedCluster(4);
  const client = await connect(cluster, { lazy: true });
  assertEquals(client.state, "connecting");
  assertEquals(client.lookup(echoing), []);
  assertEquals(client.topology.members, []);
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  ref.tell(shardEnvelope("hits", { type: "increment", amount: 3 }));
  const [node] = await cluster.start(1);
  node!.spawn(Behaviors.sharded(counter, { numShards }), "counters");
  await cluster.clock.runUntil(() => client.state === "connected");
  const value = client.ask(ref, getValue("hits"), { retry: true });
  assertEquals(await cluster.clock.resolve(value), 3);
  await stop(cluster, [client], [node!]);
});

Deno.test("messages that wait are bounded in number and time, and are dead letters beyond", async () => {
  const cluster = new SimulatedCluster(5);
  const buffer = { maxBufferedPerShard: 10, maxBuffered: 25, maxBufferedTime: 2_000 };
  const client = await connect(cluster, { lazy: true, buffer });
  const reasons = new Map<string, number>();
  client.eventStream.subscribe("deadLetter", ({ reason }: DeadLetter) => {
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  });
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  for (let i = 0; i < 100; i++) {
    ref.tell(shardEnvelope(entities[i % 40]!, { type: "increment", amount: 1 }));
  }
  assertEquals(reasons.get("bufferFull"), 75);
  await cluster.clock.advance(3_000);
  assertEquals(reasons.get("noShardOwner"), 25);
  const question = client.ask(ref, getValue("hits"), { timeout: 60_000 });
  const error = await cluster.clock.resolve(assertRejects(() => question, AskError));
  assertEquals(error.code, "askNotDelivered");
  await stop(cluster, [client], []);
});

Deno.test("connect times out, and the error has the failure of each contact point", async () => {
  const cluster = new SimulatedCluster(6);
  const connecting = ClusterClient.connect({
    ...clientOptions(cluster, "client"),
    contactPoints: ["node-1:25520", "node-2:25520"],
    connectTimeout: 2_000,
  });
  const error = await cluster.clock.resolve(assertRejects(() => connecting, ClientError));
  assertEquals(error.code, "connectTimeout");
  assert(/node-1:25520: .+; node-2:25520: /.test(error.message), error.message);
});

Deno.test("contact points may come from a function, which is called again when no node answers", async () => {
  const { cluster, nodes } = await started(7, 1);
  let calls = 0;
  const client = await connect(cluster, {
    contactPoints: () => {
      if (++calls === 1) throw new Error("the directory is away");
      return Promise.resolve(calls === 2 ? ["nowhere:1"] : ["node-1:25520"]);
    },
    connectTimeout: 30_000,
  });
  assert(calls >= 3, String(calls));
  assertEquals(client.contact, "node-1:25520");
  await stop(cluster, [client], nodes);
});

Deno.test("a client finds services, and gets each change of a listing", async () => {
  const { cluster, nodes } = await started(8, 2);
  const client = await connect(cluster);
  const listings: number[] = [];
  const following = (async () => {
    for await (const refs of client.subscribe(echoing)) listings.push(refs.length);
  })();
  const actors = nodes.map((node) => node.spawn(Behaviors.discoverable(echo, echoing), "echo"));
  await cluster.clock.runUntil(() => client.lookup(echoing).length === 2);
  for (const found of client.lookup(echoing)) {
    assertEquals(await cluster.clock.resolve(client.ask(found, ask)), "echo");
  }
  assert(
    client.lookup(echoing) === client.lookup(echoing),
    "the list is the same until it changes",
  );
  await cluster.clock.resolve(
    Promise.all(nodes.map((node, index) => node.stop(actors[index]!))),
  );
  await cluster.clock.runUntil(() => client.lookup(echoing).length === 0);
  await stop(cluster, [client], nodes);
  await following;
  assertEquals(listings.at(-1), 0);
  assert(listings.some((count) => count > 0), listings.join());
});

Deno.test("an actor of a client gets messages from entities on all nodes, and watches them", async () => {
  const { cluster, nodes } = await started(9, 3);
  const client = await connect(cluster);
  const heard: number[] = [];
  const collector = client.spawn(
    Behaviors.receive<number>((_context, value) => {
      heard.push(value);
      return Behaviors.same();
    }),
    "collector",
  );
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  for (const id of entities) {
    ref.tell(shardEnvelope(id, { type: "getValue", replyTo: collector }));
  }
  await cluster.clock.runUntil(() => heard.length === entities.length);

  await cluster.clock.runUntil(() => client.contacts.length === 2);
  const far = nodes.find(({ address }) => !client.contacts.includes(address))!;
  const target = far.spawn(Behaviors.discoverable(echo, echoing), "target");
  await cluster.clock.runUntil(() => client.lookup(echoing).length === 1);
  const [found] = client.lookup(echoing);
  let ended = "";
  client.spawn(
    Behaviors.setup<string>((context) => {
      context.watch(found!);
      return Behaviors.receive<string>(() => Behaviors.same(), (_context, signal) => {
        if (signal.type === "terminated") ended = signal.reason;
        return Behaviors.same();
      });
    }),
    "watcher",
  );
  await cluster.clock.advance(1_000);
  assertEquals(ended, "");
  await cluster.clock.resolve(far.stop(target));
  await cluster.clock.runUntil(() => ended !== "");
  assertEquals(ended, "stopped");
  await stop(cluster, [client], nodes);
});

Deno.test("an ask fails with its own error, cleans up, and can be repeated", async () => {
  const { cluster, nodes } = await started(10, 1);
  const mute = ServiceKey<ActorRef<string>>("mute");
  let asked = 0;
  nodes[0]!.spawn(
    Behaviors.discoverable(
      Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
        if (++asked >= 3) replyTo.tell("at last");
        return Behaviors.same();
      }),
      mute,
    ),
    "mute",
  );
  const client = await connect(cluster, { maxPendingAsks: 1 });
  await cluster.clock.runUntil(() => client.lookup(mute).length === 1);
  const [ref] = client.lookup(mute);
  const late = client.ask(ref!, ask, { timeout: 100 });
  const error = await cluster.clock.resolve(assertRejects(() => late, AskTimeoutError));
  assertEquals(error.code, "askTimeout");
  const aborted = client.ask(ref!, ask, { signal: AbortSignal.abort("enough") });
  assertEquals((await assertRejects(() => aborted, AskError)).code, "askAborted");
  const patient = client.ask(ref!, ask, { retry: { attemptTimeout: 200 }, timeout: 3_000 });
  assertEquals(await cluster.clock.resolve(patient), "at last");
  asked = -100;
  const vain = client.ask(ref!, ask, { retry: { attempts: 3, attemptTimeout: 100 } });
  assert(await cluster.clock.resolve(assertRejects(() => vain, AskTimeoutError)));
  assertEquals(asked, -97);
  await stop(cluster, [client], nodes);
});

Deno.test("a client reaches entities and services, and no other actor", async () => {
  const { cluster, nodes } = await started(11, 1);
  const reached: unknown[] = [];
  const open = ServiceKey<unknown>("open");
  const record = Behaviors.receive<unknown>((_context, message) => {
    reached.push(message);
    return Behaviors.same();
  });
  nodes[0]!.spawn(record, "private");
  const exported = nodes[0]!.spawn(Behaviors.discoverable(record, open), "open");
  const lost: string[] = [];
  nodes[0]!.eventStream.subscribe("deadLetter", ({ reason, target }: DeadLetter) => {
    lost.push(`${reason} ${target}`);
  });
  const client = await connect(cluster);
  await cluster.clock.runUntil(() => client.lookup(open).length === 1);
  const found = client.lookup(open)[0]!;
  const { remoting } = clientInternalsOf(client)!;
  const guess = (path: string) => remoting.send(nodes[0]!.address, path, 0, "guess");
  for (const path of ["/private", "/_ask/1", "/_region-counters/entity-hits", "/_cluster/x"]) {
    guess(path);
  }
  found.tell("hello");
  await cluster.clock.runUntil(() => reached.length > 0);
  await cluster.clock.advance(1_000);
  assertEquals(reached, ["hello"]);
  assertEquals(lost.sort(), [
    "unauthorized /_ask/1",
    "unauthorized /_cluster/x",
    "unauthorized /_region-counters/entity-hits",
    "unauthorized /private",
  ]);
  // An actor that is no longer offered cannot be reached by a client that never got its reference.
  nodes[0]!.receptionist.deregister(open, exported);
  await cluster.clock.runUntil(() => client.lookup(open).length === 0);
  await stop(cluster, [client], nodes);
});

Deno.test("options that cannot be used are refused before anything is dialled", async () => {
  const cluster = new SimulatedCluster(12);
  const bad: Partial<ClientOptions>[] = [
    { contactPoints: [] },
    { contactPoints: ["nowhere"] },
    { systemName: "" },
    { clientPort: 70_000 },
    { advertisedHost: "a host" },
    { connectTimeout: 0 },
    { liveness: 999 },
    { liveness: NaN },
    { buffer: { maxBuffered: 0 } },
  ];
  for (const options of bad) {
    const connecting = ClusterClient.connect({ ...clientOptions(cluster, "client"), ...options });
    const error = await assertRejects(() => connecting);
    assert(error instanceof Error && /badOption|badAddress/.test((error as ClientError).code));
  }
  assertEquals(cluster.trace.length, 0);
});

Deno.test("with unisocket a client reaches entities and services through one node, which may change", async () => {
  const { cluster, nodes } = await started(13, 3);
  for (const node of nodes) node.spawn(Behaviors.discoverable(echo, echoing), "echo");
  const from = cluster.trace.length;
  const contactPoints = nodes.map(({ address }) => address);
  const client = await connect(cluster, { unisocket: true, contactPoints });
  const contact = client.contact!;
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  const all = Promise.all(entities.map((id) => client.ask(ref, getValue(id))));
  assertEquals(await cluster.clock.resolve(all), entities.map(() => 0));
  const owners = new Set(entities.map((id) => client.sharding.shardOwner("counters", id)));
  assertEquals(owners.size, 3);
  await cluster.clock.runUntil(() => client.lookup(echoing).length === 3);
  for (const found of client.lookup(echoing)) {
    assertEquals(await cluster.clock.resolve(client.ask(found, ask)), "echo");
  }
  const heard: number[] = [];
  const collector = client.spawn(
    Behaviors.receive<number>((_context, value) => {
      heard.push(value);
      return Behaviors.same();
    }),
    "collector",
  );
  for (const id of entities) ref.tell(shardEnvelope(id, { type: "getValue", replyTo: collector }));
  await cluster.clock.runUntil(() => heard.length === entities.length);
  const lines = cluster.trace.slice(from).filter((line) => line.includes("client"));
  assert(lines.some((line) => /dial/.test(line)));
  const strangers = contactPoints.filter((address) => address !== contact);
  assertEquals(lines.filter((line) => strangers.some((address) => line.includes(address))), []);
  // What it may not reach, it may not reach through others either.
  const other = nodes.find(({ address }) => address !== contact)!;
  const lost: string[] = [];
  other.eventStream.subscribe("deadLetter", ({ reason, target }: DeadLetter) => {
    lost.push(`${reason} ${target}`);
  });
  other.spawn(Behaviors.ignore(), "private");
  clientInternalsOf(client)!.remoting.send(other.address, "/private", 0, "guess");
  await cluster.clock.runUntil(() => lost.length > 0);
  assertEquals(lost, ["unauthorized /private"]);
  // The contact leaves, and another takes its place.
  const [gone] = nodes.splice(nodes.findIndex(({ address }) => address === contact), 1);
  await cluster.stop([gone!]);
  const again = Promise.all(
    entities.map((id) => client.ask(ref, getValue(id), { retry: true, timeout: 20_000 })),
  );
  assertEquals((await cluster.clock.resolve(again)).length, entities.length);
  assert(client.contact !== contact);
  await stop(cluster, [client], nodes);
});

Deno.test("no message of a client is lost while shards move", async () => {
  const { cluster, nodes } = await started(14, 3);
  const client = await connect(cluster);
  let heard = 0;
  const collector = client.spawn(
    Behaviors.receive<number>(() => {
      heard++;
      return Behaviors.same();
    }),
    "collector",
  );
  const ref = client.entityRef<CounterMessage>("counters", { numShards });
  await cluster.clock.resolve(Promise.all(entities.map((id) => client.ask(ref, getValue(id)))));
  await cluster.clock.runUntil(() => client.contacts.length === 2);
  const moving = entities.filter((id) =>
    client.sharding.shardOwner("counters", id) === "node-3:25520"
  );
  assert(moving.length > 0);
  const leave = nodes.pop()!.shutdown();
  let sent = 0;
  for (let round = 0; round < 100; round++) {
    for (const id of moving) {
      ref.tell(shardEnvelope(id, { type: "getValue", replyTo: collector }));
      sent++;
    }
    await cluster.clock.advance(10);
  }
  await cluster.clock.resolve(leave);
  await cluster.clock.runUntil(() => heard === sent);
  for (const id of moving) assert(client.sharding.shardOwner("counters", id) !== "node-3:25520");
  await stop(cluster, [client], nodes);
});

Deno.test("code for nodes and clients finds the same methods on both", async () => {
  const { cluster, nodes } = await started(15, 1);
  const client = await connect(cluster);
  const ref = client.regionRef<CounterMessage>("counters", counter, { numShards });
  assert(ref === client.entityRef<CounterMessage>("counters", { numShards }));
  assertEquals(await cluster.clock.resolve(client.entityAsk(ref, getValue("hits"))), 0);
  await stop(cluster, [client], nodes);
  assertThrows(() => client.entityRef("counters", { numShards }), ClientError, "closed");
});

Deno.test("with a short liveness timeout subscriptions are renewed more often", async () => {
  const { cluster, nodes } = await started(16, 3);
  const client = await connect(cluster, { liveness: 1_000 });
  await cluster.clock.runUntil(() => client.contacts.length === 2);
  const events: string[] = [];
  for (const type of ["clientState", "clientNode"] as const) {
    client.eventStream.subscribe(type, () => events.push(type));
  }
  await cluster.clock.advance(30_000);
  assertEquals(events, []);
  await stop(cluster, [client], nodes);
});
