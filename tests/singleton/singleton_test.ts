import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { ActorError, AskError, AskTimeoutError } from "../../lib/actor/errors.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import type { SingletonOptions } from "../../lib/singleton/singleton_behavior.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";
import { connect, placesOf } from "./singletons.ts";

type Message =
  | { readonly type: "count"; readonly replyTo: ActorRef<Answer> }
  | { readonly type: "add" }
  | { readonly type: "fail" }
  | { readonly type: "stop" };
interface Answer {
  readonly count: number;
  readonly epoch: number;
}

/** What the incarnations have done, of all nodes. */
type Log = string[];

/** Counts; logs its starts and ends. */
const counting = (log: Log, where: string) =>
  Behaviors.setup<Message>((context) => {
    log.push(`started at ${where}`);
    let count = 0;
    return Behaviors.receive((_context, message) => {
      if (message.type === "fail") throw new Error("as asked");
      if (message.type === "stop") return Behaviors.stopped();
      if (message.type === "add") count++;
      else message.replyTo.tell({ count, epoch: context.epoch });
      return Behaviors.same();
    }, (_context, { type }) => {
      if (type === "postStop") log.push(`stopped at ${where}`);
      return Behaviors.same();
    });
  });

const spawnOn = (
  nodes: readonly ClusteredActorSystem[],
  log: Log,
  options: SingletonOptions = {},
) =>
  nodes.map((node) =>
    node.spawn(Behaviors.singleton(counting(log, node.nodeId), options), "tally")
  );

const runningAt = (nodes: readonly ClusteredActorSystem[]) => placesOf(nodes, "_singleton-tally");

const count = (replyTo: ActorRef<Answer>) => ({ type: "count", replyTo }) as const;

Deno.test("a singleton starts without a message, on one node, and is reached from all and from clients", async () => {
  const cluster = new SimulatedCluster("singleton reached");
  const nodes = await cluster.start(4);
  const log: Log = [];
  // The fourth has not spawned it.
  const refs = [...spawnOn(nodes.slice(0, 3), log), nodes[3]!.singleton<Message>("tally")];
  await cluster.clock.runUntil(() => log.length > 0, 5_000);
  for (const ref of refs) ref.tell({ type: "add" });
  const client = await connect(cluster);
  client.singleton<Message>("tally").tell({ type: "add" });
  // The actor of the name passes messages on.
  nodes[1]!.lookup<Message>("/tally")!.tell({ type: "add" });
  await cluster.clock.advance(1_000);
  for (const ref of refs) {
    assertEquals((await cluster.clock.resolve(ref.ask(count))).count, 6);
  }
  const asked = client.singleton<Message>("tally").ask(count);
  const { count: seen, epoch } = await cluster.clock.resolve(asked);
  assertEquals(seen, 6);
  assert(epoch > 0);
  assertEquals(log.length, 1);
  const explained = nodes[0]!.cluster.explain("singleton").join("\n");
  assert(explained.includes('"tally" runs at node-'), explained);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("messages that are sent before it runs wait for a singleton", async () => {
  const cluster = new SimulatedCluster("singleton early");
  const nodes = await cluster.start(3);
  const log: Log = [];
  const refs = spawnOn(nodes, log);
  const asks = refs.map((ref) => {
    for (let sent = 0; sent < 10; sent++) ref.tell({ type: "add" });
    return ref.ask(count);
  });
  assertEquals(log, []);
  const counts = (await cluster.clock.resolve(Promise.all(asks))).map((answer) => answer.count);
  assertEquals(Math.max(...counts), 30);
  await cluster.stop(nodes);
});

Deno.test("a singleton of a node that leaves stops in order, and its successor starts within a second", async () => {
  const cluster = new SimulatedCluster("singleton leaves");
  const nodes = await cluster.start(3);
  const log: Log = [];
  spawnOn(nodes, log);
  await cluster.clock.runUntil(() => runningAt(nodes).length === 1, 5_000);
  const [place] = runningAt(nodes);
  const leaving = nodes.find(({ nodeId }) => nodeId === place)!;
  const others = nodes.filter((node) => node !== leaving);
  const [sender] = others;
  const ref = sender!.singleton<Message>("tally");
  const { epoch } = await cluster.clock.resolve(ref.ask(count));
  const since = cluster.clock.now();
  const stopping = leaving.shutdown();
  // Some of these wait for the successor.
  const asks: Promise<Answer>[] = [];
  while (runningAt(others).length === 0) {
    asks.push(ref.ask(count));
    await cluster.clock.advance(5);
  }
  const span = cluster.clock.now() - since;
  assert(span < 1_000, `${span} ms`);
  await cluster.clock.resolve(stopping);
  const answers = await cluster.clock.resolve(Promise.all(asks));
  assert(answers.at(-1)!.epoch > epoch);
  assertEquals(log.length, 3);
  assertEquals(log.slice(0, 2), [`started at ${place}`, `stopped at ${place}`]);
  await cluster.stop(others);
});

Deno.test("a successor does not start before the children of its predecessor have stopped", async () => {
  const cluster = new SimulatedCluster("singleton hooks");
  const nodes = await cluster.start(2);
  const log: Log = [];
  const holding = (where: string) =>
    Behaviors.setup<never>((context) => {
      log.push(`started at ${where}`);
      const child = Behaviors.receive<"work">(async () => {
        await new Promise<void>((resolve) => cluster.clock.schedule(700, resolve));
        log.push(`worked at ${where}`);
        return Behaviors.same();
      }, (_context, { type }) => {
        if (type === "postStop") log.push(`child stopped at ${where}`);
        return Behaviors.same();
      });
      context.spawn(child, "child").tell("work");
      return Behaviors.receive(() => Behaviors.same());
    });
  for (const node of nodes) node.spawn(Behaviors.singleton(holding(node.nodeId)), "holder");
  const running = () => placesOf(nodes, "_singleton-holder");
  await cluster.clock.runUntil(() => running().length === 1, 5_000);
  const [place] = running();
  const leaving = nodes.find(({ nodeId }) => nodeId === place)!;
  await cluster.clock.resolve(leaving.shutdown());
  const [other] = nodes.filter((node) => node !== leaving);
  await cluster.clock.runUntil(() => log.includes(`started at ${other!.nodeId}`), 5_000);
  assertEquals(log.slice(0, 4), [
    `started at ${place}`,
    `worked at ${place}`,
    `child stopped at ${place}`,
    `started at ${other!.nodeId}`,
  ]);
  await cluster.stop([other!]);
});

Deno.test("a singleton of a node that has crashed starts at another, twice, with a higher epoch", async () => {
  const cluster = new SimulatedCluster("singleton crash");
  let nodes = await cluster.start(5);
  const log: Log = [];
  spawnOn(nodes, log);
  let before = 0;
  for (let crash = 0; crash <= 2; crash++) {
    const since = cluster.clock.now();
    await cluster.clock.runUntil(() => runningAt(nodes).length === 1, 20_000);
    const span = cluster.clock.now() - since;
    assert(span < 7_000, `${span} ms`);
    // The asked node may not know yet that the former one is gone.
    const ask = () => nodes[0]!.singleton<Message>("tally").ask(count).catch(() => undefined);
    let answer: Answer | undefined;
    while (answer === undefined) answer = await cluster.clock.resolve(ask());
    const { epoch } = answer;
    assert(epoch > before, `${epoch} after ${before}`);
    before = epoch;
    const [place] = runningAt(nodes);
    if (crash === 2) break;
    cluster.network.crash(place!, { silently: true });
    nodes = nodes.filter(({ nodeId }) => nodeId !== place);
  }
  assertEquals(log.filter((line) => line.startsWith("started")).length, 3);
  await cluster.stop(nodes);
});

Deno.test("a singleton that fails or stops itself starts again after a pause; messages wait for it", async () => {
  const cluster = new SimulatedCluster("singleton again");
  const nodes = await cluster.start(2);
  const log: Log = [];
  const [ref] = spawnOn(nodes, log);
  await cluster.clock.runUntil(() => log.length === 1, 5_000);
  for (const how of ["fail", "stop"] as const) {
    log.length = 0;
    ref!.tell({ type: "add" });
    ref!.tell({ type: how });
    await cluster.clock.runUntil(() => log.length === 1, 1_000);
    const since = cluster.clock.now();
    assertEquals(runningAt(nodes), []);
    const explained = nodes.flatMap((node) => node.cluster.explain("singleton")).join("\n");
    assert(explained.includes("starts again after a pause"), explained);
    // Without a message.
    await cluster.clock.runUntil(() => log.length === 2, 5_000);
    assert(cluster.clock.now() - since >= 150, `after ${cluster.clock.now() - since} ms`);
    assertEquals((await cluster.clock.resolve(ref!.ask(count))).count, 0);
    ref!.tell({ type: how });
    for (let sent = 0; sent < 100; sent++) ref!.tell({ type: "add" });
    assertEquals((await cluster.clock.resolve(ref!.ask(count))).count, 100);
  }
  await cluster.stop(nodes);
});

Deno.test("a singleton that fails at its start is tried again with growing pauses, and messages beyond the bounds are told", async () => {
  const cluster = new SimulatedCluster("singleton bounds");
  const nodes = await cluster.start(1);
  const starts: number[] = [];
  let broken = true;
  const fragile = Behaviors.setup<Message>(() => {
    starts.push(cluster.clock.now());
    if (broken) throw new Error("not yet");
    return counting([], "node-1");
  });
  const ref = nodes[0]!.spawn(Behaviors.singleton(fragile), "tally");
  const lost: DeadLetter[] = [];
  nodes[0]!.eventStream.subscribe("deadLetter", (event) => void lost.push(event));
  await cluster.clock.runUntil(() => starts.length === 6, 60_000);
  const pauses = starts.slice(1).map((at, index) => at - starts[index]!);
  assert(pauses.every((pause, at) => at === 0 || pause > pauses[at - 1]!), pauses.join());
  for (let sent = 0; sent < 1_100; sent++) ref.tell({ type: "add" });
  const refused = ref.ask(count).catch((error) => error);
  const error = await cluster.clock.resolve(refused);
  assert(error instanceof AskError);
  assertEquals(error.reason, "bufferFull");
  assertEquals(lost.length, 101);
  broken = false;
  await cluster.clock.runUntil(() => starts.length === 7, 60_000);
  assertEquals((await cluster.clock.resolve(ref.ask(count))).count, 1_000);
  await cluster.stop(nodes);
});

Deno.test("only nodes with the role run a singleton", async () => {
  const cluster = new SimulatedCluster("singleton role");
  const nodes = await cluster.start(3);
  const runtime = cluster.runtime("node-4");
  const { ClusteredActorSystem } = await import("../../lib/clustered_actor_system.ts");
  const worker = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    nodeId: "node-4",
    host: "node-4",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    roles: ["back"],
    runtime,
    logger: runtime.logger,
  }));
  const all = [...nodes, worker];
  const log: Log = [];
  const refs = spawnOn(all, log, { role: "back" });
  await cluster.clock.runUntil(() => runningAt(all).length === 1, 10_000);
  assertEquals(runningAt(all), ["node-4"]);
  assertEquals((await cluster.clock.resolve(refs[0]!.ask(count))).count, 0);
  await cluster.clock.resolve(worker.shutdown());
  await cluster.clock.advance(10_000);
  assertEquals(runningAt(nodes), []);
  await cluster.stop(nodes);
});

Deno.test("explain and the log name a role that no member has", async () => {
  const cluster = new SimulatedCluster("singleton nowhere");
  const logged: string[] = [];
  const runtime = cluster.runtime("node-1", {
    log: (level, module, message, fields) =>
      void logged.push(`${level} ${module}: ${message} ${JSON.stringify(fields)}`),
  });
  const { ClusteredActorSystem } = await import("../../lib/clustered_actor_system.ts");
  const node = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    nodeId: "node-1",
    host: "node-1",
    port: 25_520,
    roles: ["worker"],
    runtime,
    logger: runtime.logger,
  }));
  const [ref] = spawnOn([node], [], { role: "wroker" });
  const why = 'no member has the role "wroker"';
  assertEquals(node.cluster.explain("singleton"), [`"tally" cannot run as spawned here: ${why}`]);
  const sharding = node.cluster.explain("sharding").join("\n");
  assert(sharding.includes(`"_singleton-tally": this node routes only; ${why}`), sharding);
  // A member with the role may come in time, so only the timeout says it.
  const failed = ref!.ask(count, { timeout: 500 }).catch((error) => error);
  const error = await cluster.clock.resolve(failed);
  assert(error instanceof AskTimeoutError);
  assertEquals(
    error.message,
    `/_singleton-tally/tally did not reply within 500 ms; ${why}: ` +
      "spell it as the option roles of the nodes, or start a node with it",
  );
  const told = () => logged.filter((line) => line.includes("no node can run a shard type"));
  ref!.tell({ type: "add" });
  await cluster.clock.advance(5_000);
  assertEquals(told(), []);
  await cluster.clock.advance(30_000);
  assertEquals(told().length, 1);
  assert(told()[0]!.includes("wroker") && told()[0]!.includes("_singleton-tally"), told()[0]);
  await cluster.stop([node]);
});

Deno.test("a peer starts no other entity of the type of a singleton", async () => {
  const cluster = new SimulatedCluster("singleton foreign");
  const nodes = await cluster.start(2);
  const log: Log = [];
  spawnOn(nodes, log);
  await cluster.clock.runUntil(() => log.length === 1, 5_000);
  const client = await connect(cluster);
  const foreign = client.entityRef<Message>("_singleton-tally", { numShards: 1 }).entity("other");
  const error = await cluster.clock.resolve(foreign.ask(count).catch((error) => error));
  assert(error instanceof AskError);
  assertEquals(error.reason, "noSuchActor");
  assertEquals(log.length, 1);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("clients that the policy does not admit are refused", async () => {
  const cluster = new SimulatedCluster("singleton clients");
  const nodes = await cluster.start(2);
  spawnOn(nodes, [], { clients: () => false });
  const client = await connect(cluster);
  const ask = client.singleton<Message>("tally").ask(count).catch((error) => error);
  const error = await cluster.clock.resolve(ask);
  assert(error instanceof AskError);
  assertEquals(error.reason, "unauthorized");
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});

Deno.test("singletons of different names are spread over the nodes", async () => {
  const cluster = new SimulatedCluster("singletons spread");
  const nodes = await cluster.start(3);
  const names = Array.from({ length: 30 }, (_, index) => `single-${index}`);
  for (const node of nodes) {
    for (const name of names) node.spawn(Behaviors.singleton(counting([], node.nodeId)), name);
  }
  const running = () => names.flatMap((name) => placesOf(nodes, `_singleton-${name}`));
  await cluster.clock.runUntil(() => running().length === names.length, 10_000);
  for (const { nodeId } of nodes) {
    const here = running().filter((place) => place === nodeId).length;
    assert(here >= 4, `${here} of 30 at ${nodeId}`);
  }
  await cluster.stop(nodes);
});

Deno.test("names of singletons do not collide with those of sharded types", async () => {
  const cluster = new SimulatedCluster("singleton names");
  const [node] = await cluster.start(1);
  const sharded = () => Behaviors.sharded(() => counting([], "entity"), { numShards: 4 });
  node!.spawn(sharded(), "singleton-tally");
  spawnOn([node!], []);
  for (const behavior of [sharded(), Behaviors.singleton(counting([], "again"))]) {
    const error = assertThrows(() => node!.spawn(behavior as never, "tally"), ActorError);
    assertEquals(error.code, "duplicateName");
  }
  assertThrows(() => node!.spawn(sharded(), "_singleton-other"), ActorError);
  assertThrows(() => node!.spawn(Behaviors.singleton(counting([], "")), "a/b"), OptionError);
  assertThrows(() => node!.singleton("_x"), OptionError);
  const given = assertThrows(
    () => Behaviors.singleton((() => counting([], "")) as never),
    ActorError,
  );
  assertEquals(given.code, "badBehavior");
  await cluster.stop([node!]);
});
