import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ServiceKey } from "../../lib/actor/services/service_key.ts";
import type { ClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import {
  type DashboardHandler,
  dashboardHandler,
  type DashboardHandlerOptions,
} from "../../lib/dashboard/dashboard_handler.ts";
import { memoryJournal } from "../../lib/persistence/memory_journal.ts";
import { Topic } from "../../lib/topics/topic.ts";
import { counter, increment } from "../sim/counter.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

type Command =
  | { type: "deposit"; amount: number; replyTo: ActorRef<number> }
  | { type: "ignored" };

const account = () =>
  Behaviors.eventSourced<Command, { type: "deposited"; amount: number }, { balance: number }>({
    initial: { balance: 0 },
    onCommand: (_context, _state, command, effect) =>
      command.type === "deposit"
        ? effect.persist({ type: "deposited", amount: command.amount })
          .thenReply(command.replyTo, ({ balance }) => balance)
        : effect.none(),
    onEvent: ({ balance }, { amount }) => ({ balance: balance + amount }),
  });

// deno-lint-ignore no-explicit-any -- what a page gets is any JSON
type Json = any;

/** A simulated cluster with a dashboard at some nodes. */
class World {
  readonly cluster: SimulatedCluster;
  nodes: ClusteredActorSystem[] = [];
  boards: DashboardHandler[] = [];

  private constructor(seed: string) {
    this.cluster = new SimulatedCluster(seed);
  }

  /** `options`: of the dashboard of each node; undefined: it has none. */
  static async start(
    seed: string,
    options: readonly (DashboardHandlerOptions | undefined)[],
    more: Partial<ClusterOptions> = {},
  ): Promise<World> {
    const world = new World(seed);
    world.nodes = await world.cluster.start(options.length, more);
    world.boards = world.nodes.map((node, at) => {
      const given = options[at];
      return given === undefined ? undefined as never : dashboardHandler(node, given);
    });
    return world;
  }

  async ask(
    at: number,
    path: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
  ): Promise<{ status: number; json: Json }> {
    const board = this.boards[at]!;
    const request = new Request(`http://localhost${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { host: "localhost", authorization: `Bearer ${board.token}`, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answered = board(request).then(async (response) => {
      return { status: response.status, json: await response.json().catch(() => undefined) };
    });
    return await this.cluster.clock.resolve(answered);
  }

  /** A view of the node's page. */
  async view(at: number, path: string): Promise<Json> {
    const { status, json } = await this.ask(at, `/api/view/${path}`);
    assertEquals(status, 200, JSON.stringify(json));
    return json;
  }

  act(at: number, body: unknown): Promise<{ status: number; json: Json }> {
    return this.ask(at, "/api/actions", { headers: { "x-casty-dashboard": "action" }, body });
  }

  /** Asks for an action twice. */
  async actTwice(at: number, body: unknown): Promise<Json> {
    const { status, json } = await this.act(at, body);
    assertEquals(status, 200, JSON.stringify(json));
    return (await this.act(at, { confirm: json.confirm })).json;
  }

  async stop(): Promise<void> {
    await this.cluster.stop(this.nodes);
  }
}

Deno.test("the page of one node shows how all see each other", async () => {
  const world = await World.start("matrix", [{}, undefined, undefined]);
  await world.cluster.clock.advance(5_000);
  const { members, observers, converged, self } = await world.view(0, "cluster");
  assertEquals([members.length, converged, self], [3, true, "node-1:25520"]);
  const seen = observers.map(({ node, facts }: Json) =>
    `${node}: ${facts.peers.map(({ address }: Json) => address).toSorted()}`
  );
  assertEquals(seen, [
    "node-1:25520: node-2:25520,node-3:25520",
    "node-2:25520: node-1:25520,node-3:25520",
    "node-3:25520: node-1:25520,node-2:25520",
  ]);
  const phi = await world.view(0, "phi");
  assert(phi.length >= 5 && "node-2:25520" in phi.at(-1).phi, JSON.stringify(phi));
  await world.stop();
});

Deno.test("a node that cannot be asked is shown as such", async () => {
  const world = await World.start("cut off", [{}, {}, {}]);
  const { clock, network } = world.cluster;
  network.partition(["node-1", "node-2"], ["node-3"]);
  const early = await world.view(0, "services");
  const third = early.answers.find(({ node }: Json) => node === "node-3:25520");
  assertEquals([third.missing, third.why], ["timeout", "it has not answered within 1500 ms"]);
  await clock.runUntil(() => world.nodes[0]!.cluster.state().unreachable.length > 0, 60_000);
  const since = clock.now();
  const { answers } = await world.view(0, "services");
  assertEquals(answers.at(-1), {
    node: "node-3:25520",
    missing: "timeout",
    why: "it is unreachable",
  });
  // It is not waited for.
  assert(clock.now() - since < 1_000, `${clock.now() - since} ms`);
  await world.stop();
});

async function withAccounts(
  seed: string,
  options: readonly (DashboardHandlerOptions | undefined)[],
): Promise<World> {
  const journal = memoryJournal();
  const world = await World.start(seed, options, { persistence: { journal } });
  const refs = world.nodes.map((node) =>
    node.spawn(Behaviors.sharded(account, { numShards: 10 }), "accounts")
  );
  const { clock } = world.cluster;
  await clock.resolve(Promise.all(world.nodes.map((node) => node.barrier("spawned", refs.length))));
  for (let i = 0; i < 12; i++) {
    for (const amount of [1, 2]) {
      const ask = refs[0]!.entity(`account-${i}`).ask((replyTo) => ({
        type: "deposit",
        amount,
        replyTo,
      }));
      await clock.resolve(ask);
    }
  }
  return world;
}

/** An account that runs at a node. */
function at(world: World, node: number): string {
  const [id] = world.nodes[node]!.sharding.runningEntities("accounts");
  assert(id !== undefined, `node ${node} runs no account`);
  return id;
}

Deno.test("an entity is found wherever it runs, with its state and its last events", async () => {
  const world = await withAccounts("entities", [{}, {}, {}]);
  for (const node of [0, 1, 2]) {
    const id = at(world, node);
    // From a node that does not coordinate, and may not know where it is.
    const found = await world.view(2, `entity?type=accounts&id=${id}`);
    assertEquals(found.owner, world.nodes[node]!.address);
    assertEquals(found.there.facts.here.mailbox, 0);
    const { state, seq, events, isWriting } = found.state.facts;
    assertEquals([state, seq, isWriting], ["{balance: 3}", 2, false]);
    assertEquals(events.map(({ seq, event }: Json) => `${seq} ${event}`), [
      '2 {type: "deposited", amount: 2}',
      '1 {type: "deposited", amount: 1}',
    ]);
  }
  const list = await world.view(0, "entities?type=accounts&search=account-1");
  const ids = list.answers.flatMap(({ facts }: Json) => facts.ids).toSorted();
  assertEquals(ids, ["account-1", "account-10", "account-11"]);
  const nobody = await world.view(0, "entity?type=accounts&id=nobody");
  assertEquals([nobody.there.facts.here, nobody.state.facts.hidden], [
    undefined,
    "it does not run at this node",
  ]);
  assertEquals(world.nodes.flatMap((node) => node.sharding.runningEntities("accounts")).length, 12);
  await world.stop();
});

Deno.test("a node shows no state with peek: false, nor without a dashboard", async () => {
  const world = await withAccounts("peek", [{}, { peek: false }, undefined]);
  const secret = await world.view(0, `entity?type=accounts&id=${at(world, 1)}`);
  assertEquals(secret.state.facts, { hidden: "the dashboard of its node has peek: false" });
  assert(!JSON.stringify(secret).includes("balance"));
  const without = await world.view(0, `entity?type=accounts&id=${at(world, 2)}`);
  assertEquals(without.state.missing, "unknownTopic");
  assert(without.state.why.includes("it has no dashboard"), without.state.why);
  world.nodes[1]!.lookup<unknown>("/nobody", { node: "node-2:25520" }).tell("a secret" as never);
  await world.cluster.clock.advance(10);
  const { answer } = await world.view(0, "deadLetters?node=node-2:25520");
  assertEquals(answer.facts.counts.noSuchActor, 1);
  assert(!JSON.stringify(answer).includes("secret"));
  await world.stop();
});

Deno.test("the state of an actor that is not durable is not shown", async () => {
  const world = await World.start("plain", [{}]);
  const [node] = world.nodes;
  const counters = node!.spawn(Behaviors.sharded(counter, { numShards: 4 }), "counters");
  counters.tell(increment("hits"));
  await world.cluster.clock.runUntil(
    () => node!.sharding.runningEntities("counters").length > 0,
    10_000,
  );
  const { state } = await world.view(0, "entity?type=counters&id=hits");
  assert(state.facts.hidden.includes("no durable actor"), JSON.stringify(state));
  await world.stop();
});

Deno.test("services and topics of all nodes are shown", async () => {
  const world = await World.start("services", [{}, undefined]);
  const rates = Topic<number>("rates");
  for (const node of world.nodes) {
    const ref = node.spawn(Behaviors.ignore(), "worker");
    node.receptionist.register(ServiceKey<never>("work"), ref);
    node.topic(rates).subscribe(ref);
  }
  const { answers } = await world.view(0, "services");
  for (const { facts } of answers) {
    assertEquals(facts.services, [{ key: "work", actors: 1, paths: ["/worker"] }]);
    assertEquals(facts.topics, [{ name: "rates", subscribers: 1, clients: 0, retained: 0 }]);
  }
  const certificates = await world.view(0, "certificates");
  assertEquals(certificates.answers.length, 2);
  await world.stop();
});

Deno.test("moves of shards are shown with their reasons, from the coordinator", async () => {
  const world = await World.start("moves", [{}, {}, {}]);
  const { clock, network } = world.cluster;
  for (const node of world.nodes) {
    node.spawn(Behaviors.sharded(counter, { numShards: 12 }), "counters");
  }
  await clock.runUntil(
    () => world.nodes.every((node) => node.sharding.ownedShards().length === 4),
    60_000,
  );
  const before = await world.view(2, "shards");
  assertEquals([before.source, before.complete], ["node-1:25520", true]);
  assertEquals(before.types[0].shards.length, 12);
  network.partition(["node-1", "node-2"], ["node-3"]);
  await clock.runUntil(() => world.nodes[0]!.members.length === 2, 120_000);
  await clock.advance(10_000);
  const { moves, types } = await world.view(1, "shards");
  const owners = new Set(types[0].shards.map(({ owner }: Json) => owner));
  assertEquals([...owners].toSorted(), ["node-1:25520", "node-2:25520"]);
  const gone = moves.filter(({ step, why }: Json) =>
    step === "allocated" && why === "node-3:25520 is gone"
  );
  assertEquals(gone.length, 4);
  await world.stop();
});

Deno.test("the end of the log is shown, and never the token", async () => {
  const world = await World.start("log", [{ token: "a-token-that-is-secret" }, {}]);
  const { logger } = world.nodes[0]!.runtime;
  logger.log("warn", "test", "the token is", { token: "a-token-that-is-secret" });
  logger.log("debug", "test", "details");
  const { answer } = await world.view(0, "logs");
  const texts = answer.facts.map(({ text }: Json) => text);
  assert(texts.includes("WARN  test: the token is token=(token)"), JSON.stringify(texts));
  assert(!texts.some((text: string) => text.includes("details")));
  const debug = await world.view(1, "logs?node=node-1:25520&level=debug");
  assert(debug.answer.facts.some(({ text }: Json) => text.includes("details")));
  const nobody = await world.view(0, "logs?node=elsewhere:1");
  assertEquals(nobody.answer.why, "it is no member");
  await world.stop();
});

Deno.test("messages below a path are traced at another node", async () => {
  const world = await World.start("trace", [{}, {}]);
  const [, node] = world.nodes;
  const ref = node!.spawn(Behaviors.ignore(), "traced");
  const path = "trace?node=node-2:25520&path=/traced";
  assertEquals((await world.view(0, path)).answer.facts.seen, 0);
  ref.tell({ type: "hello" } as never);
  await world.cluster.clock.advance(100);
  const { answer } = await world.view(0, path);
  assertEquals(answer.facts.messages[0].message, '{type: "hello"}');
  const wrong = await world.view(0, "trace?path=traced");
  assertEquals(wrong.answer.missing, "failed");
  await world.stop();
});

Deno.test("without actions: true nothing can be done, here or by another node's dashboard", async () => {
  const world = await World.start("read only", [{}, { actions: true }, undefined]);
  const action = { action: "leave", node: "node-1:25520" };
  assertEquals((await world.act(0, action)).status, 403);
  const refused = await world.actTwice(1, action);
  assert(refused.failed.includes("node-1:25520 takes no actions"), JSON.stringify(refused));
  const none = await world.actTwice(1, { action: "leave", node: "node-3:25520" });
  assert(none.failed.includes("node-3:25520 takes no actions"), JSON.stringify(none));
  assertEquals(world.nodes[0]!.members.length, 3);
  await world.stop();
});

Deno.test("an action without the header of the page, or of another site, is refused", async () => {
  const world = await World.start("origin", [{ actions: true }]);
  const body = { action: "rebalance", type: "counters" };
  const headers = { "x-casty-dashboard": "action" };
  assertEquals((await world.ask(0, "/api/actions", { body })).status, 403);
  for (const more of [{ origin: "http://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
    const { status } = await world.ask(0, "/api/actions", {
      body,
      headers: { ...headers, ...more },
    });
    assertEquals(status, 403, JSON.stringify(more));
  }
  assertEquals((await world.ask(0, "/api/actions", { body, headers })).status, 200);
  assertEquals((await world.ask(0, "/api/actions")).status, 405);
  assertEquals((await world.act(0, { action: "explode" })).status, 400);
  assertEquals((await world.act(0, { confirm: "guessed" })).status, 409);
  await world.stop();
});

Deno.test("a node leaves, and another is declared down, once that was asked for twice", async () => {
  const given = { actions: true };
  const world = await World.start("leave and down", [given, given, given, given]);
  const { clock } = world.cluster;
  const left = await world.actTwice(1, { action: "leave", node: "node-3:25520" });
  assertEquals(left.done, "node-3:25520 leaves");
  await clock.runUntil(() => world.nodes[0]!.members.length === 3, 60_000);
  assertEquals(world.nodes[0]!.members.some(({ address }) => address === "node-3:25520"), false);

  const downs: string[] = [];
  world.nodes[3]!.eventStream.subscribe("memberDowned", ({ member, evidence }) => {
    downs.push(`${member.address} by ${evidence.by}: ${evidence.why}`);
  });
  // By a node that does not lead.
  const down = await world.actTwice(1, { action: "down", node: "node-4:25520" });
  assertEquals(down.done, "node-4:25520 is declared down");
  await clock.runUntil(() => world.nodes[0]!.members.length === 2, 60_000);
  assertEquals(world.nodes[0]!.members.map(({ address }) => address), [
    "node-1:25520",
    "node-2:25520",
  ]);
  assertEquals(downs.length, 1);
  assert(
    /^node-4:25520 by node-[12]:25520: an operator has decided it, at the dashboard of node-2:25520$/
      .test(downs[0]!),
    downs[0],
  );
  const itself = await world.actTwice(1, { action: "down", node: "node-2:25520" });
  assert(itself.failed.includes("no live member"), JSON.stringify(itself));
  const { answer } = await world.view(1, "logs");
  const actions = answer.facts.filter(({ text }: Json) => text.includes("dashboard: action"));
  assertEquals(actions.length, 2, JSON.stringify(actions));
  await world.stop();
});

Deno.test("one member cannot declare another down: a second one has to agree", async () => {
  const world = await World.start("one witness", [{ actions: true }, {}, {}]);
  const refused = await world.actTwice(0, { action: "down", node: "node-3:25520" });
  assert(refused.failed.includes("a second member has to declare it"), JSON.stringify(refused));
  await world.cluster.clock.advance(10_000);
  assertEquals(world.nodes.map((node) => node.members.length), [3, 3, 3]);
  await world.stop();
});

Deno.test("shards are rebalanced, entities and actors stopped, wherever they are", async () => {
  const given = { actions: true };
  const world = await withAccounts("actions", [given, given, given]);
  const { clock } = world.cluster;
  const id = at(world, 2);
  const stopped = await world.actTwice(1, { action: "stopEntity", type: "accounts", id });
  assertEquals(stopped.done, `"${id}" stops`);
  await clock.advance(1_000);
  assert(!world.nodes[2]!.sharding.runningEntities("accounts").includes(id));
  const again = await world.actTwice(1, { action: "stopEntity", type: "accounts", id });
  assert(again.failed.includes("does not run"), JSON.stringify(again));

  world.nodes[2]!.spawn(Behaviors.ignore(), "worker");
  const path = { action: "stopActor", node: "node-3:25520", path: "/worker" };
  assertEquals((await world.actTwice(0, path)).done, "/worker stops");
  await clock.advance(100);
  assertEquals(world.nodes[2]!.lookup("/worker"), undefined);
  const own = await world.actTwice(0, { ...path, path: "/_region-accounts" });
  assert(own.failed.includes("there is no actor"), JSON.stringify(own));

  const balanced = await world.actTwice(2, { action: "rebalance", type: "accounts" });
  assertEquals(balanced.done, 'shards of "accounts" are rebalanced');
  const unknown = await world.actTwice(2, { action: "rebalance", type: "nothing" });
  assert(unknown.failed.includes("does not coordinate"), JSON.stringify(unknown));
  await world.stop();
});

Deno.test("a closed dashboard keeps and answers nothing", async () => {
  const world = await World.start("closed", [{}, {}]);
  world.boards[1]!.close();
  const { answer } = await world.view(0, "asks?node=node-2:25520");
  assertEquals(answer.missing, "unknownTopic");
  assertEquals((await world.view(0, "cluster")).observers.length, 2);
  await world.stop();
});
