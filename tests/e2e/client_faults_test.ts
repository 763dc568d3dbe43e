/**
 * What a client does when nodes die, hang, leave and come back: real processes, mutual TLS. Every
 * question in these tests may be asked again, as the option `retry` says.
 */
import { assert, assertEquals } from "@std/assert";
import type { ActorRef, ShardEnvelope } from "@casty/casty";
import type { ClientStateChanged, ClusterClient } from "@casty/casty/client";
import { ClientCluster, until, within } from "./client_cluster.ts";
import { type CounterMessage, counters, get, where } from "./client_node.ts";

const ids = Array.from({ length: 12 }, (_, index) => `entity-${index}`);
const retry = { retry: { attemptTimeout: 500 }, timeout: 60_000 };

type Counters = ActorRef<ShardEnvelope<CounterMessage>>;

function countersOf(client: ClusterClient): Counters {
  return client.entityRef<CounterMessage>(counters.name, { numShards: counters.numShards });
}

/** The addresses of the nodes that the entities run on, as they say themselves. */
function owners(client: ClusterClient, ref: Counters): Promise<string[]> {
  return Promise.all(ids.map((id) => client.ask(ref, where(id), retry)));
}

Deno.test("no ask is lost when the contact is killed, and the client subscribes to two others", async () => {
  await using cluster = await ClientCluster.start(3);
  const client = await cluster.connect();
  const ref = countersOf(client);
  await owners(client, ref);
  await until("two contacts", () => client.contacts.length === 2);
  const contact = client.contact!;
  const states: string[] = [];
  client.eventStream.subscribe<ClientStateChanged>("clientState", ({ state }) => {
    states.push(state);
  });
  await (await cluster.at(contact)).kill();
  const after = await owners(client, ref);
  assert(!after.includes(contact), `${after} still names ${contact}`);
  await until("two contacts", () => client.contacts.length === 2 && client.state === "connected");
  assert(!client.contacts.includes(contact));
  assert(!states.includes("reconnecting"), states.join());
});

Deno.test("asks fail at once when the owner is killed, and the next owner answers", async () => {
  await using cluster = await ClientCluster.start(3);
  const client = await cluster.connect();
  const ref = countersOf(client);
  const before = await owners(client, ref);
  await until("two contacts", () => client.contacts.length === 2);
  const owner = before.find((address) => address !== client.contact)!;
  const id = ids[before.indexOf(owner)]!;
  assertEquals(client.sharding.shardOwner(counters.name, id), owner);
  const node = await cluster.at(owner);
  // It hangs, so the question is on its way for certain when it dies.
  node.signal("SIGSTOP");
  const question = client.ask(ref, where(id), { timeout: 60_000 }).then(
    () => "answered",
    (error) => error.code as string,
  );
  await node.kill();
  assertEquals(await within(5_000, question, "the question hangs"), "askNotDelivered");
  const heir = await client.ask(ref, where(id), retry);
  assert(heir !== owner);
  assertEquals(client.sharding.shardOwner(counters.name, id), heir);
});

Deno.test("asks that wait at a paused owner fail when its shards are taken over, before it is downed", async () => {
  await using cluster = await ClientCluster.start(3, undefined, { stableAfter: 60_000 });
  const client = await cluster.connect();
  const ref = countersOf(client);
  const before = await owners(client, ref);
  const owner = before.find((address) => address !== client.contact)!;
  const id = ids[before.indexOf(owner)]!;
  const node = await cluster.at(owner);
  node.signal("SIGSTOP");
  const asking = [
    client.ask(ref, where(id), { timeout: 60_000 }),
    client.entityRef<CounterMessage>(counters.name, { numShards: counters.numShards }).entity(id)
      .ask((replyTo: ActorRef<string>) => ({ type: "where", replyTo }), { timeout: 60_000 }),
  ];
  const told = Promise.all(
    asking.map((asked) => asked.then(() => "answered", ({ reason }) => reason)),
  );
  assertEquals(await within(20_000, told, "the asks hang"), ["ownerLost", "ownerLost"]);
  // Its connection stands, and nobody has removed it.
  assertEquals(client.topology.others.map(({ address }) => address), [owner]);
  assert(client.sharding.shardOwner(counters.name, id) !== owner);
});

Deno.test("a paused node is no contact and no owner until it continues", async () => {
  await using cluster = await ClientCluster.start(3);
  const client = await cluster.connect({ liveness: 2_000 });
  const ref = countersOf(client);
  await owners(client, ref);
  await until("two contacts", () => client.contacts.length === 2);
  const paused = client.contact!;
  const node = await cluster.at(paused);
  node.signal("SIGSTOP");
  await until("the pause is noticed", () => {
    return client.topology.members.every(({ address }) => address !== paused) &&
      !client.contacts.includes(paused);
  });
  const living = await cluster.at(client.contact!);
  assert(living !== node);
  const found = await client.ask(ref, where("a-new-entity"), retry).catch(({ code }) => code);
  assert(found !== paused, "a node that is paused cannot answer");
  node.signal("SIGCONT");
  const after = await owners(client, ref);
  assertEquals(after.length, ids.length);
});

Deno.test("no ask fails while all seeds are replaced one by one", async () => {
  await using cluster = await ClientCluster.start(2);
  const seeds = await cluster.addresses();
  const client = await cluster.connect({ contactPoints: seeds });
  const ref = countersOf(client);
  let asking = true;
  let answered = 0;
  const failures: string[] = [];
  const load = (async () => {
    for (let round = 0; asking; round++) {
      const id = ids[round % ids.length]!;
      await client.ask(ref, get(id), retry).then(
        () => answered++,
        (error) => failures.push(String(error)),
      );
    }
  })();
  for (const old of cluster.nodes.slice()) {
    const fresh = await cluster.add({ seed: client.contact! });
    const address = await fresh.address;
    await until("the new node is known", () => {
      return client.topology.members.some((member) => member.address === address);
    });
    await old.leave();
  }
  await until("the old ones are forgotten", () => {
    return client.topology.members.every(({ address }) => !seeds.includes(address));
  });
  await until("only new contacts", () => {
    return client.contacts.length === 2 && !client.contacts.some((at) => seeds.includes(at));
  });
  asking = false;
  await load;
  assertEquals(failures, []);
  assert(answered > 50, `only ${answered} questions`);
});

Deno.test("a client reconnects after the whole cluster has restarted", async () => {
  await using cluster = await ClientCluster.start(2);
  const client = await cluster.connect();
  const ref = countersOf(client);
  await owners(client, ref);
  const ports = (await cluster.addresses()).map((address) => Number(address.split(":")[1]));
  const states: string[] = [];
  client.eventStream.subscribe<ClientStateChanged>("clientState", ({ state }) => {
    states.push(state);
  });
  await Promise.all(cluster.nodes.splice(0).map((node) => node[Symbol.asyncDispose]()));
  await until("the loss is noticed", () => client.state === "reconnecting");
  const error = await client.ask(ref, get("hits"), { timeout: 300 }).catch(({ code }) => code);
  assertEquals(error, "askTimeout");
  const first = await cluster.add({ port: ports[0]!, quorum: 2 });
  await cluster.add({ port: ports[1]!, seed: await first.address, quorum: 2 });
  assertEquals((await owners(client, ref)).length, ids.length);
  await until("all is well", () => client.state === "connected");
  assertEquals(states[0], "degraded");
  assert(states.includes("reconnecting"), states.join());
});

Deno.test("a client whose event loop stood still for 12 s keeps its contacts and connections", async () => {
  await using cluster = await ClientCluster.start(2);
  const client = await cluster.connect();
  const ref = countersOf(client);
  await owners(client, ref);
  await until("two contacts", () => client.contacts.length === 2 && client.state === "connected");
  const changes: string[] = [];
  client.eventStream.subscribe("clientState", ({ state }) => changes.push(state));
  client.eventStream.subscribe("clientNode", ({ address }) => changes.push(address));
  // Longer than `liveness`.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12_000);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  assertEquals(changes, []);
  await owners(client, ref);
});
