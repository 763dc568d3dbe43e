/** Durable actors as entities: where they are stored, and how they stop. On virtual time. */
import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { AskError } from "../../lib/actor/errors.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { type Journal, memoryJournal, PersistenceError } from "../../lib/persistence/mod.ts";
import type { DurableStore } from "../../lib/runtime/durable_store.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock, simulate } from "../../lib/testkit/mod.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";
import { HeldJournal } from "./faulty_journal.ts";

type Command =
  | { type: "add"; replyTo: ActorRef<number> }
  | { type: "get"; replyTo: ActorRef<number> }
  | { type: "refuse"; replyTo: ActorRef<number> }
  | { type: "rest"; replyTo: ActorRef<number> }
  | { type: "never"; replyTo: ActorRef<number> };

/** One behaviour for all entities of all types. */
const counter = Behaviors.eventSourced<Command, "added", number>({
  initial: 0,
  onCommand(_context, count, { type, replyTo }, effect) {
    switch (type) {
      case "add":
        return effect.persist("added").thenReply(replyTo, (after) => after);
      case "get":
        return effect.reply(replyTo, count);
      case "refuse":
        return effect.refuse({ message: "not today", code: "closed" });
      case "rest":
        return effect.persist("added").thenReply(replyTo, (after) => after).thenPassivate();
      case "never":
        return effect.none();
    }
  },
  onEvent: (count) => count + 1,
});
const Counters = entityType<Command>("counters", { numShards: 4 });
const Others = entityType<Command>("others", { numShards: 4 });

const ask = (type: Command["type"]) => (replyTo: ActorRef<number>): Command => ({ type, replyTo });

async function node(journal: DurableStore | undefined, seed = 1) {
  const cluster = new SimulatedCluster(seed);
  const [started] = await cluster.start(
    1,
    journal === undefined ? {} : { persistence: { journal } },
  );
  return { cluster, node: started! };
}

async function seqsOf(journal: Journal, id: string): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of journal.read(id)) seqs.push(seq);
  return seqs;
}

const asked = (
  cluster: SimulatedCluster,
  system: Pick<ClusteredActorSystem, "entity">,
  id: string,
  type: Command["type"],
  of = Counters,
) => cluster.clock.resolve(system.entity(of, id).ask(ask(type)));

/** How an ask of the actor fails. */
async function failed(cluster: SimulatedCluster, promise: Promise<unknown>): Promise<AskError> {
  const error = await cluster.clock.resolve(promise.then(
    () => new Error("it was answered"),
    (error) => error,
  ));
  assert(error instanceof AskError, String(error));
  return error;
}

Deno.test("an entity is stored under its type and id, in the journal of its type or of the node", async () => {
  const journals = { node: memoryJournal(), type: memoryJournal() };
  const { cluster, node: system } = await node(journals.node);
  system.spawn(Behaviors.sharded(Counters, () => counter));
  system.spawn(Behaviors.sharded(Others, () => counter, { journal: journals.type }));
  assertEquals(await asked(cluster, system, "a", "add"), 1);
  assertEquals(await asked(cluster, system, "a", "add"), 2);
  assertEquals(await asked(cluster, system, "a", "add", Others), 1);
  assertEquals(await seqsOf(journals.node, "counters|a"), [1, 2]);
  assertEquals(await seqsOf(journals.type, "others|a"), [1]);
  assertEquals(await seqsOf(journals.node, "others|a"), []);
  await cluster.stop([system]);
  // A node closes no journal that it was given.
  assertEquals((await journals.node.open("counters|a", undefined)).lastSeq, 2);
});

Deno.test("the state of entities is there after the whole cluster was restarted", async () => {
  const journal = memoryJournal();
  for (const [seed, expected] of [[1, 1], [2, 2], [3, 3]] as const) {
    const { cluster, node: system } = await node(journal, seed);
    system.spawn(Behaviors.sharded(Counters, () => counter));
    assertEquals(await asked(cluster, system, "a", "add"), expected);
    await cluster.stop([system]);
  }
});

Deno.test("a child of an entity uses the journal of its type, and needs an id", async () => {
  const journal = memoryJournal();
  const { cluster, node: system } = await node(undefined);
  const parent = Behaviors.setup<Command>((context) => {
    const child = context.spawn(
      Behaviors.eventSourced<Command, "added", number>({
        id: `child|${context.entityId}`,
        initial: 0,
        onCommand: (_context, _count, { replyTo }, effect) =>
          effect.persist("added").thenReply(replyTo, (after) => after),
        onEvent: (count) => count + 1,
      }),
      "child",
    );
    return Behaviors.receive((_context, message) => {
      child.tell(message);
      return Behaviors.same();
    });
  });
  system.spawn(Behaviors.sharded(Counters, () => parent, { journal }));
  assertEquals(await asked(cluster, system, "a", "add"), 1);
  assertEquals(await seqsOf(journal, "child|a"), [1]);
  await cluster.stop([system]);
});

Deno.test("an actor without a journal or an id says what is missing, and so do its asks", async () => {
  const { cluster, node: system } = await node(undefined);
  const causes: unknown[] = [];
  system.eventStream.subscribe("actorStopped", ({ cause }) => void causes.push(cause));
  system.spawn(Behaviors.sharded(Counters, () => counter));
  const missing = await failed(cluster, system.entity(Counters, "a").ask(ask("get")));
  assertEquals(missing.reason, "notRecovered");
  assertEquals(missing.details, "noJournal of counters|a");
  const plain = system.spawn(counter, "plain");
  const nameless = await failed(cluster, system.ask(plain, ask("get")));
  assertEquals(nameless.reason, "notRecovered");
  const codes = causes.filter((cause) => cause instanceof PersistenceError)
    .map(({ code, message }) => [code, message.includes("/plain") || message.includes("counters")]);
  assertEquals(codes, [["noJournal", true], ["badPersistenceId", true]]);
  await cluster.stop([system]);
});

Deno.test("an entity that passivates itself has stored everything, and starts again with a message", async () => {
  const journal = memoryJournal();
  const { cluster, node: system } = await node(journal);
  system.spawn(Behaviors.sharded(Counters, () => counter));
  assertEquals(await asked(cluster, system, "a", "rest"), 1);
  await cluster.clock.advance(100);
  assertEquals(system.sharding.runningEntities("counters"), []);
  assertEquals(await asked(cluster, system, "a", "get"), 1);
  assertEquals(system.sharding.runningEntities("counters"), ["a"]);
  await cluster.stop([system]);
});

Deno.test("an actor that is no entity stops where it would be passivated", async () => {
  const { cluster, node: system } = await node(memoryJournal());
  const resting = Behaviors.eventSourced<Command, "added", number>({
    id: "plain",
    initial: 0,
    onCommand: (_context, _count, _command, effect) => effect.passivate(),
    onEvent: (count) => count + 1,
  });
  const plain = system.spawn(resting, "plain");
  plain.tell(ask("get")(plain as never));
  await cluster.clock.advance(100);
  assertEquals(system.lookup("/plain"), undefined);
  await cluster.stop([system]);
});

Deno.test("an ask that is refused learns why, here, from another node and in a client", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(2, { persistence: { journal: memoryJournal() } });
  for (const system of nodes) system.spawn(Behaviors.sharded(Counters, () => counter));
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
  }));
  for (const from of [...nodes, client]) {
    for (const id of ["a", "b", "c", "d", "e"]) {
      const error = await failed(cluster, from.entity(Counters, id).ask(ask("refuse")));
      assertEquals([error.code, error.reason], ["askRejected", "rejected"]);
      assertEquals(error.rejection, { message: "not today", code: "closed" });
      assert(error.message.includes("not today"), error.message);
    }
  }
  const running = nodes.map((system) => system.sharding.runningEntities("counters").length);
  assert(running.every((count) => count > 0), "entities of both nodes were asked");
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("a failed write and a store that is gone are told to askers elsewhere", async () => {
  const cluster = new SimulatedCluster(1);
  const held = new HeldJournal(memoryJournal());
  const nodes = await cluster.start(2, { persistence: { journal: held.journal } });
  for (const system of nodes) system.spawn(Behaviors.sharded(Counters, () => counter));
  const away = (await owned(cluster, nodes))!;
  held.fault = { type: "before", error: new Error("/secret/path: no room") };
  const rejected = await failed(cluster, away.from.entity(Counters, away.id).ask(ask("add")));
  assertEquals([rejected.code, rejected.reason], ["askNotPersisted", "notPersisted"]);
  assertEquals(rejected.details, `rejected: event 2 of counters|${away.id} (notPersisted)`);
  await cluster.clock.advance(15_000);
  held.fault = {
    type: "after",
    error: new PersistenceError("outcomeUnknown", "the connection has ended"),
  };
  const unknown = await failed(cluster, away.from.entity(Counters, away.id).ask(ask("add")));
  assertEquals(unknown.reason, "notPersisted");
  assertEquals(unknown.details, `unknown: event 2 of counters|${away.id} (outcomeUnknown)`);
  await cluster.clock.advance(15_000);
  held.fault = { type: "before", error: new PersistenceError("storeUnavailable", "/secret") };
  const gone = await failed(cluster, away.from.entity(Counters, away.id).ask(ask("add")));
  assertEquals([gone.code, gone.reason], ["askNotDelivered", "storeUnavailable"]);
  assert(!`${gone} ${rejected}`.includes("secret"));
  await cluster.clock.advance(15_000);
  assertEquals(await asked(cluster, away.from, away.id, "get"), 2);
  await cluster.stop(nodes);
});

/** An entity that runs at another node than it is asked from. */
async function owned(cluster: SimulatedCluster, nodes: readonly ClusteredActorSystem[]) {
  for (const id of ["a", "b", "c", "d", "e", "f"]) {
    assertEquals(await asked(cluster, nodes[0]!, id, "add"), 1);
    if (nodes[1]!.sharding.runningEntities("counters").includes(id)) return { from: nodes[0]!, id };
  }
}

Deno.test("an entity that has not answered an ask is not idle until its asker gives up", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(2, { persistence: { journal: memoryJournal() } });
  for (const system of nodes) {
    system.spawn(Behaviors.sharded(Counters, () => counter, { passivation: { idle: 1_000 } }));
  }
  const away = (await owned(cluster, nodes))!;
  for (const from of nodes) {
    const silent = from.entity(Counters, away.id).ask(ask("never"), { timeout: 20_000 });
    const error = silent.catch(({ code }) => code);
    await cluster.clock.advance(18_000);
    assertEquals(nodes[1]!.sharding.runningEntities("counters"), [away.id]);
    assertEquals(await cluster.clock.resolve(error), "askTimeout");
    await cluster.clock.advance(3_000);
    assertEquals(nodes[1]!.sharding.runningEntities("counters"), []);
  }
  await cluster.stop(nodes);
});

Deno.test("an entity that writes is not idle", async () => {
  const held = new HeldJournal(memoryJournal());
  const { cluster, node: system } = await node(held.journal);
  system.spawn(Behaviors.sharded(Counters, () => counter, { passivation: { idle: 1_000 } }));
  assertEquals(await asked(cluster, system, "a", "get"), 0);
  held.holds = true;
  // Told, so that no asker keeps it.
  system.entity(Counters, "a").tell({
    type: "add",
    replyTo: system.spawn(Behaviors.ignore(), "x"),
  });
  await cluster.clock.advance(20_000);
  assertEquals(system.sharding.runningEntities("counters"), ["a"]);
  held.holds = false;
  held.release();
  await cluster.clock.advance(3_000);
  assertEquals(system.sharding.runningEntities("counters"), []);
  await cluster.stop([system]);
});

Deno.test("at most as many entities recover at once as asked; the others wait in order", async () => {
  const inner = memoryJournal();
  let running = 0, most = 0;
  const order: string[] = [];
  const gates: (() => void)[] = [];
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "open") {
        return async (id: string, epoch: number) => {
          order.push(id);
          most = Math.max(most, ++running);
          await new Promise<void>((resolve) => gates.push(resolve));
          running--;
          return await target.open(id, epoch);
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const cluster = new SimulatedCluster(1);
  const [system] = await cluster.start(1, { persistence: { journal, maxRecoveries: 3 } });
  // Of one shard, so that they are started in order.
  const One = entityType<Command>("one", { numShards: 1 });
  system!.spawn(Behaviors.sharded(One, () => counter));
  await cluster.clock.advance(3_000);
  const ids = Array.from({ length: 20 }, (_, n) => `e${n}`);
  const replies = ids.map((id) => system!.entity(One, id).ask(ask("get"), { timeout: 60_000 }));
  for (let n = 0; n < 20; n++) {
    await cluster.clock.advance(1);
    assertEquals(gates.length, Math.min(3, 20 - n));
    // The store answers the newest first: the order of the others does not depend on that.
    gates.pop()!();
  }
  assertEquals(await cluster.clock.resolve(Promise.all(replies)), new Array(20).fill(0));
  assertEquals(most, 3);
  assertEquals(order, ids.map((id) => `one|${id}`));
  await cluster.stop([system!]);
});

Deno.test("asks of an entity whose store is gone fail at once, also between its tries to start", async () => {
  let isGone = false;
  const inner = memoryJournal();
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "open" && isGone) {
        return () => Promise.reject(new PersistenceError("storeUnavailable", "gone"));
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { cluster, node: system } = await node(journal);
  system.spawn(Behaviors.sharded(Counters, () => counter));
  assertEquals(await asked(cluster, system, "other", "add"), 1);
  isGone = true;
  const clock = system.runtime.clock;
  for (let n = 0; n < 40; n++) {
    const from = clock.now();
    const error = await failed(cluster, system.entity(Counters, "a").ask(ask("get")));
    assertEquals(error.reason, "storeUnavailable");
    assert(clock.now() - from < 20, `after ${clock.now() - from} ms`);
    // Between two tries.
    await cluster.clock.advance(50);
  }
  // What was told waits, and an entity that runs is not disturbed.
  const listener = system.spawn(Behaviors.ignore(), "listener");
  system.entity(Counters, "a").tell({ type: "add", replyTo: listener });
  assertEquals(await asked(cluster, system, "other", "add"), 2);
  isGone = false;
  await cluster.clock.advance(12_000);
  assertEquals(await asked(cluster, system, "a", "get"), 1);
  await cluster.stop([system]);
});

Deno.test("what waits for an entity that recovers is bounded by its mailbox", async () => {
  const { cluster, node: system } = await node(
    new Proxy(memoryJournal(), {
      get: (target, name) =>
        name === "open" ? () => new Promise(() => {}) : target[name as keyof Journal],
    }),
  );
  system.spawn(Behaviors.sharded(Counters, () => counter, { mailbox: { capacity: 3 } }));
  await cluster.clock.advance(3_000);
  const reasons: string[] = [];
  for (let n = 0; n < 5; n++) {
    system.entity(Counters, "a").ask(ask("get")).catch(({ reason, code }) =>
      reasons.push(reason ?? code)
    );
    await cluster.clock.advance(1);
  }
  assertEquals(reasons, ["mailboxFull", "mailboxFull"]);
  await cluster.clock.advance(6_000);
  assertEquals(reasons.slice(2), ["askTimeout", "askTimeout", "askTimeout"]);
  await cluster.stop([system]);
});

Deno.test("`simulate` gives nodes a journal as their options say, and entities survive a crash", async () => {
  const journal = memoryJournal();
  let count = 0;
  await simulate({ seed: 1, failures: false }, {
    nodes: 3,
    duration: 60_000,
    linger: 0,
    cluster: () => ({ persistence: { journal } }),
    setup: (node) => void node.system.spawn(Behaviors.sharded(Counters, () => counter)),
    faults: [{ type: "crash", at: 5_000, node: "node-1" }],
    run: async (sim) => {
      const [, second] = sim.nodes;
      const add = () => second!.system.entity(Counters, "a").ask(ask("add")).catch(() => 0);
      for (let n = 0; n < 30; n++) {
        count = Math.max(count, await add());
        await sim.sleep(500);
      }
      const last = await second!.system.entity(Counters, "a").ask(ask("get"));
      assert(last >= count && count > 20, `${last} after ${count} was confirmed`);
    },
  });
  assert((await seqsOf(journal, "counters|a")).length >= count);
});

const reasonOf = (ask: Promise<unknown>) =>
  ask.then(() => "answered", ({ reason }: AskError) => reason);

for (const how of ["supervised", "not supervised"] as const) {
  Deno.test(`an entity that fails in the middle of a write is started again when that has ended (${how})`, async () => {
    const held = new HeldJournal(memoryJournal());
    const { cluster, node: system } = await node(held.journal);
    type Message = { type: "add" | "fail"; replyTo: ActorRef<number> };
    const Failing = entityType<Message>("failing", { numShards: 4 });
    const behavior = Behaviors.eventSourced<Message, "added", number>({
      initial: 0,
      onCommand(_context, _count, { type, replyTo }, effect) {
        if (type === "fail") throw new Error("no");
        return effect.persist("added").thenReply(replyTo, (after) => after);
      },
      onEvent: (count) => count + 1,
    });
    system.spawn(
      Behaviors.sharded(
        Failing,
        () =>
          how === "supervised"
            ? Behaviors.supervise(behavior, { maxRestarts: 10, backoff: { min: 1, max: 1 } })
            : behavior,
      ),
    );
    const send = (type: Message["type"]) =>
      system.entity(Failing, "a").ask((replyTo: ActorRef<number>) => ({ type, replyTo }), {
        timeout: 60_000,
      });
    assertEquals(await cluster.clock.resolve(send("add")), 1);
    held.holds = true;
    const underWay = reasonOf(send("add"));
    await cluster.clock.runUntil(() => held.appends.length === 2);
    const failing = reasonOf(send("fail"));
    const later = send("add");
    // Neither is it lost, nor found missing: the next incarnation does not read before it is there.
    await cluster.clock.advance(2_000);
    assertEquals(held.appends.length, 2);
    held.holds = false;
    held.release();
    assertEquals(await cluster.clock.resolve(later), 3);
    assertEquals(await seqsOf(held.journal, "failing|a"), [1, 2, 3]);
    const lost = how === "supervised" ? "handlerFailed" : "stopped";
    assertEquals([await underWay, await failing], [lost, "handlerFailed"]);
    await cluster.stop([system]);
  });
}

Deno.test("an entity that fails while its store hangs waits no longer than stopTimeout", async () => {
  const held = new HeldJournal(memoryJournal());
  const { cluster, node: system } = await node(held.journal);
  type Message = { type: "add" | "fail" | "get"; replyTo: ActorRef<number> };
  const Failing = entityType<Message>("failing", { numShards: 4 });
  system.spawn(Behaviors.sharded(Failing, () =>
    Behaviors.eventSourced<Message, "added", number>({
      initial: 0,
      onCommand(_context, count, { type, replyTo }, effect) {
        if (type === "fail") throw new Error("no");
        if (type === "get") return effect.reply(replyTo, count);
        return effect.persist("added").thenReply(replyTo, (after) => after);
      },
      onEvent: (count) => count + 1,
    })));
  const send = (type: Message["type"]) =>
    system.entity(Failing, "a").ask((replyTo: ActorRef<number>) => ({ type, replyTo }), {
      timeout: 60_000,
    });
  held.holds = true;
  const underWay = reasonOf(send("add"));
  await cluster.clock.runUntil(() => held.appends.length === 1);
  const failing = reasonOf(send("fail"));
  const start = cluster.clock.now();
  assertEquals(await cluster.clock.resolve(send("get")), 0);
  const waited = cluster.clock.now() - start;
  assert(waited >= 10_000 && waited < 12_000, `${waited}`);
  assertEquals([await underWay, await failing], ["stopped", "handlerFailed"]);
  // What arrives all the same is found: the next write is refused, and the one after it is not.
  held.holds = false;
  held.release();
  assertEquals((await failed(cluster, send("add"))).reason, "notPersisted");
  assertEquals(await cluster.clock.resolve(send("add")), 2);
  await cluster.stop([system]);
});

Deno.test("an actor that waits for a write before it restarts is stopped at once", async () => {
  const held = new HeldJournal(memoryJournal());
  const clock = new ManualClock();
  const system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const actor = system.spawn(
    Behaviors.supervise(
      Behaviors.eventSourced<"add" | "fail", "added", number>({
        id: "plain|a",
        journal: held.journal,
        initial: 0,
        onCommand(_context, _count, command, effect) {
          if (command === "fail") throw new Error("no");
          return effect.persist("added");
        },
        onEvent: (count) => count + 1,
      }),
      { maxRestarts: 10 },
    ),
    "plain",
  );
  held.holds = true;
  actor.tell("add");
  await clock.runUntil(() => held.appends.length === 1);
  actor.tell("fail");
  await clock.advance(5);
  const start = clock.now();
  await clock.resolve(system.stop(actor));
  assert(clock.now() - start < 100, `${clock.now() - start} ms`);
  held.release();
  await clock.resolve(system.shutdown());
});
