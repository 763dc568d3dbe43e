import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { type ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { Remoting, type RemotingOptions } from "../../lib/remoting/remoting.ts";
import { watchPath } from "../../lib/remoting/watch_protocol.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";

type Order =
  | { type: "watch"; ref: ActorRef<never> }
  | { type: "unwatch"; ref: ActorRef<never> }
  | { type: "stop" };

/** One system with connections, and an actor in it that watches as it is told. */
interface Station {
  readonly system: ActorSystem;
  readonly remoting: Remoting;
  readonly actor: ActorRef<Order>;
  /** `"<address> <reason>"` of what is gone, or the code of what was thrown. */
  readonly heard: string[];
  readonly log: string[];
}

/** Stations on a simulated network. */
class World extends SimulatedHosts implements AsyncDisposable {
  readonly #stations: Station[] = [];

  async start(
    host: string,
    role: "node" | "client",
    options: Partial<RemotingOptions> = {},
  ): Promise<Station> {
    const log: string[] = [];
    const runtime = this.runtime(host, {
      log: (level, _, text) => void log.push(`${level} ${text}`),
    });
    const system = new ActorSystem({ runtime });
    const starting = Remoting.start(system, {
      runtime,
      systemName: "shop",
      role,
      nodeId: host,
      incarnation: 1,
      ...(role === "client" ? { address: `client:${host}` } : { host, port: 1 }),
      ...options,
    });
    const remoting = await this.clock.resolve(starting);
    const heard: string[] = [];
    const actor = system.spawn(watching(heard), "actor");
    const station = { system, remoting, actor, heard, log };
    this.#stations.push(station);
    return station;
  }

  async stop(station: Station): Promise<void> {
    await this.clock.resolve(station.system.shutdown());
    await this.clock.resolve(station.remoting.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const station of this.#stations) await this.stop(station);
    for (const { system } of this.#stations) {
      const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
      const lost = Object.values(deadLetters).reduce((sum, count) => sum + count, 0);
      assertEquals(sent, delivered + lost + inFlight);
    }
    // The last bytes may still travel.
    await this.clock.advance(200);
    assertEquals(this.clock.pending, 0, "a timer is left");
  }
}

const watching = (heard: string[]) =>
  Behaviors.receive<Order>((context, order) => {
    if (order.type === "stop") return Behaviors.stopped();
    try {
      if (order.type === "watch") context.watch(order.ref);
      else context.unwatch(order.ref);
    } catch (error) {
      assert(error instanceof CastyError);
      heard.push(error.code);
    }
    return Behaviors.same();
  }, (_context, signal) => {
    if (signal.type === "terminated") heard.push(`${signal.ref} ${signal.reason}`);
    return Behaviors.same();
  });

/** A reference of one station to the actor of another. */
function refTo(from: Station, to: Station, path = "/actor"): ActorRef<Order> {
  return from.remoting.refTo({ node: to.remoting.address, path, uid: 0 });
}

/** A node and a client that knows its actor: the node has given it the reference. */
async function nodeAndClient(world: World): Promise<{ node: Station; client: Station }> {
  const node = await world.start("node", "node");
  const client = await world.start("client", "client");
  client.remoting.onMembers(new Map([["node:1", 0]]));
  node.remoting.handlePeers("/greet", (peer) => {
    node.remoting.send(peer.address, "/welcome", 0, node.actor);
  });
  let welcomed = false;
  client.remoting.handlePeers("/welcome", () => void (welcomed = true));
  client.remoting.send("node:1", "/greet", 0, "hello");
  await world.clock.runUntil(() => welcomed);
  return { node, client };
}

Deno.test("a client watches what it was given, and cannot tell what else there is", async () => {
  await using world = new World();
  const { node, client } = await nodeAndClient(world);
  const secret = node.system.spawn(watching([]), "secret");
  client.actor.tell({ type: "watch", ref: refTo(client, node, secret.path) });
  client.actor.tell({ type: "watch", ref: refTo(client, node, "/nobody") });
  client.actor.tell({ type: "watch", ref: refTo(client, node) });
  await world.clock.advance(1_000);
  assertEquals(client.heard, ["node:1/secret noSuchActor", "node:1/nobody noSuchActor"]);
  node.actor.tell({ type: "stop" });
  await world.clock.advance(1_000);
  assertEquals(client.heard.slice(2), ["node:1/actor stopped"]);
});

Deno.test("a client is signalled for a node that leaves its topology", async () => {
  await using world = new World();
  const { node, client } = await nodeAndClient(world);
  client.actor.tell({ type: "watch", ref: refTo(client, node) });
  await world.clock.advance(1_000);
  client.remoting.onMembers(new Map([["other:1", 0]]));
  await world.clock.advance(1_000);
  assertEquals(client.heard, ["node:1/actor nodeDown"]);
});

Deno.test("an actor of a client is watched until it stops, or the client is gone", async () => {
  await using world = new World();
  const { node, client } = await nodeAndClient(world);
  const second = client.system.spawn(watching([]), "second");
  node.actor.tell({ type: "watch", ref: refTo(node, client, second.path) });
  node.actor.tell({ type: "watch", ref: refTo(node, client) });
  await world.clock.advance(1_000);
  second.tell({ type: "stop" });
  await world.clock.advance(1_000);
  assertEquals(node.heard, ["client:client/second stopped"]);
  world.network.crash("client");
  await world.clock.advance(59_000);
  assertEquals(node.heard.length, 1, "it may come back");
  await world.clock.runUntil(() => node.heard.length === 2);
  assertEquals(node.heard[1], "client:client/actor nodeDown");
  // No client with that name is connected any more.
  node.actor.tell({ type: "watch", ref: refTo(node, client) });
  await world.clock.advance(61_000);
  assertEquals(node.heard.slice(2), ["client:client/actor nodeDown"]);
});

Deno.test("a client keeps what it was given, and its watches, over a lost connection", async () => {
  await using world = new World();
  const { node, client } = await nodeAndClient(world);
  client.actor.tell({ type: "watch", ref: refTo(client, node) });
  node.actor.tell({ type: "watch", ref: refTo(node, client) });
  await world.clock.advance(1_000);
  world.network.partition("node", "client");
  for (const { remoting } of [node, client]) {
    for (const { address } of remoting.endpoint.peers()) {
      remoting.endpoint.disconnect(address, "test");
    }
  }
  await world.clock.advance(30_000);
  assertEquals([node.heard, client.heard], [[], []]);
  world.network.heal();
  await world.clock.advance(30_000);
  assertEquals([...node.remoting.clients()], ["client:client"]);
  assertEquals([node.heard, client.heard], [[], []]);
  // It may still send to the actor whose reference it was given.
  refTo(client, node).tell({ type: "stop" } as never);
  await world.clock.runUntil(() => client.heard.length > 0);
  assertEquals(client.heard, ["node:1/actor stopped"]);
});

Deno.test("a client that says that it ends is gone at once, and may do nothing any more", async () => {
  await using world = new World();
  const { node, client } = await nodeAndClient(world);
  node.actor.tell({ type: "watch", ref: refTo(node, client) });
  await world.clock.advance(1_000);
  node.remoting.endClient("client:client");
  await world.clock.advance(10);
  assertEquals(node.heard, ["client:client/actor nodeDown"]);
  refTo(client, node).tell({ type: "stop" } as never);
  await world.clock.advance(1_000);
  assertEquals(node.system.ledger.snapshot().deadLetters.unauthorized, 1);
});

Deno.test("a broken connection loses neither a watch nor a signal", async () => {
  await using world = new World();
  const a = await world.start("a", "node");
  const b = await world.start("b", "node");
  const alive = new Map([["a:1", 1], ["b:1", 1]]);
  for (const { remoting } of [a, b]) remoting.onMembers(alive);
  const second = b.system.spawn(watching([]), "second");
  for (const path of ["/actor", second.path]) {
    a.actor.tell({ type: "watch", ref: refTo(a, b, path) });
  }
  await world.clock.advance(1_000);
  // What is written now is lost.
  world.network.partition("a", "b");
  b.actor.tell({ type: "stop" });
  await world.clock.advance(100);
  for (const { remoting } of [a, b]) {
    for (const peer of remoting.endpoint.peers()) {
      remoting.endpoint.disconnect(peer.address, "test");
    }
  }
  await world.clock.advance(5_000);
  assertEquals(a.heard, []);
  world.network.heal();
  await world.clock.runUntil(() => a.heard.length > 0);
  second.tell({ type: "stop" });
  await world.clock.advance(60_000);
  assertEquals(a.heard, ["b:1/actor stopped", "b:1/second stopped"]);
  const dead = [a, b].flatMap(({ system }) => Object.keys(system.ledger.snapshot().deadLetters));
  assertEquals(dead, [], "what the bridge says itself is no dead letter");
});

Deno.test("more watches than allowed are an error for the watcher, and a log line for the watched", async () => {
  await using world = new World();
  const a = await world.start("a", "node", { maxWatchesPerPeer: 2 });
  const b = await world.start("b", "node", { maxWatchesPerPeer: 1 });
  const alive = new Map([["a:1", 1], ["b:1", 1]]);
  for (const { remoting } of [a, b]) remoting.onMembers(alive);
  const names = ["one", "two", "three"];
  const refs = names.map((name) => {
    b.system.spawn(watching([]), name);
    return refTo(a, b, `/${name}`);
  });
  for (const ref of refs) a.actor.tell({ type: "watch", ref });
  await world.clock.advance(30_000);
  assertEquals(a.heard, ["tooManyWatches"]);
  assertEquals(b.log.filter((line) => line.startsWith("error")), [
    "error refused a watch: the peer has reached its limit",
  ]);
  // The second is taken in as soon as there is room.
  refs[0]!.tell({ type: "stop" });
  await world.clock.advance(30_000);
  refs[1]!.tell({ type: "stop" });
  await world.clock.advance(30_000);
  assertEquals(a.heard.slice(1), ["b:1/one stopped", "b:1/two stopped"]);
});

Deno.test("malformed messages are logged and ignored; what has no address cannot be watched", async () => {
  await using world = new World();
  const a = await world.start("a", "node");
  const b = await world.start("b", "node");
  for (const path of [watchPath, "/_askfailed", "/_rejected"]) a.remoting.send("b:1", path, 0, 7);
  await world.clock.advance(1_000);
  assertEquals(b.log.filter((line) => line.includes("malformed")), [
    "warn ignored a malformed watch message",
    "warn ignored a malformed report of a lost ask",
    "warn ignored a malformed report of rejections",
  ]);
  assertEquals(b.remoting.endpoint.peers().length, 1);
  await using alone = new ActorSystem();
  const stranger = alone.spawn(watching([]), "stranger");
  assert(stranger instanceof Ref && stranger.node === "");
  a.actor.tell({ type: "watch", ref: stranger });
  a.actor.tell({ type: "unwatch", ref: stranger });
  await world.clock.advance(10);
  assertEquals(a.heard, ["cannotWatch"]);
});
