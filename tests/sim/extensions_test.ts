import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BusyGauge, busyGauge } from "../../examples/extension/busy_gauge.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import { clientInternalsOf } from "../../lib/client/client_internals.ts";
import { ClusterError } from "../../lib/cluster/errors.ts";
import { ExtensionBehavior } from "../../lib/cluster/node/extension_behavior.ts";
import { extensionKey } from "../../lib/cluster/node/extension_key.ts";
import type { NodeExtension } from "../../lib/cluster/node/node_extension.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { simulate } from "../../lib/testkit/mod.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

function recorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const log: Logger["log"] = (level, _topic, text, fields) =>
    void lines.push(`${level} ${text} ${fields?.["name"] ?? ""} ${fields?.["hook"] ?? ""}`.trim());
  return { logger: { log }, lines };
}

Deno.test("nodes of a cluster exchange messages through an extension of a third party", async () => {
  const cluster = new SimulatedCluster(1);
  const nodes = await cluster.start(3, { extensions: [busyGauge] });
  const gauges = nodes.map((node) => node.extension(BusyGauge));
  gauges.forEach((gauge, index) => gauge.set([5, 2, 7][index]!));
  await cluster.clock.runUntil(() =>
    gauges.every(({ jobs }) => [5, 2, 7].every((count) => [...jobs.values()].includes(count)))
  );
  for (const gauge of gauges) assertEquals(gauge.leastBusy(), nodes[1]!.address);
  assertEquals(nodes[0]!.cluster.explain("busy").toSorted(), [
    "node-1:25520 runs 5 jobs",
    "node-2:25520 runs 2 jobs",
    "node-3:25520 runs 7 jobs",
  ]);
  const { extensions } = nodes[0]!.cluster.health;
  assertEquals(extensions["busy"], { healthy: true, details: { nodes: 3 } });
  await cluster.clock.resolve(nodes[2]!.shutdown());
  await cluster.clock.runUntil(() => gauges[0]!.jobs.size === 2, 60_000);
  await cluster.stop(nodes.slice(0, 2));
  await cluster.clock.advance(10_000);
  assertEquals(cluster.clock.pending, 0);
});

Deno.test("simulated nodes take extensions, a new instance for each incarnation", async () => {
  let made = 0;
  const counted = () => (made++, busyGauge());
  await simulate({
    seed: 3,
    failures: false,
    duration: 60_000,
    linger: 0,
    cluster: { extensions: [counted] },
    faults: [{ type: "crash", at: 1_000, node: "node-2", restartAfter: 5_000 }],
  }, async (sim) => {
    await sim.faultsOver();
    await sim.converged();
    sim.nodes[0]!.system.extension(BusyGauge).set(4);
    await sim.until(() =>
      sim.nodes.every(({ system }) => system.extension(BusyGauge).jobs.get("node-1:25520") === 4)
    );
  });
  assertEquals(made, 4);
});

Deno.test("an extension spawns its own kind of behaviours", async () => {
  class Echoes extends ExtensionBehavior<string> {
    override readonly kind = "echoes";
  }
  const heard: string[] = [];
  const echoes = (): NodeExtension => ({
    name: "echoes",
    install(node) {
      node.registerKind("echoes", (_behavior, name) =>
        node.system.spawn(
          Behaviors.receive<string>((_context, text) => {
            heard.push(`${name} ${text}`);
            return Behaviors.same();
          }),
          name!,
        ));
    },
  });
  const cluster = new SimulatedCluster(2);
  const [node] = await cluster.start(1, { extensions: [echoes] });
  const ref: ActorRef<string> = node!.spawn(new Echoes(), "cave");
  ref.tell("hello");
  await cluster.clock.runUntil(() => heard.length > 0);
  assertEquals(heard, ["cave hello"]);
  await cluster.stop([node!]);

  const plain = new SimulatedCluster(3);
  const [other] = await plain.start(1);
  const error = assertThrows(() => other!.spawn(new Echoes(), "cave"), ClusterError);
  assertEquals([error.code, error.value], ["unknownKind", "echoes"]);
  await plain.stop([other!]);
});

Deno.test("an extension that fails to install ends the start, and leaves nothing open", async () => {
  const asynchronous = { install: () => Promise.resolve() as never };
  const throwing = {
    install: () => {
      throw new Error("no disk");
    },
  };
  for (const [what, broken] of [["no disk", throwing], ["asynchronous", asynchronous]] as const) {
    const cluster = new SimulatedCluster(4);
    const ended: string[] = [];
    const start = cluster.start(1, {
      extensions: [
        () => ({ name: "first", install() {}, afterLeave: () => void ended.push("first") }),
        () => ({ name: "broken", ...broken, afterLeave: () => void ended.push("broken") }),
      ],
    });
    const error = await assertRejects(() => start, ClusterError);
    assertEquals([error.code, error.value], ["extensionFailed", "broken"]);
    assert(error.message.includes(what), error.message);
    assertEquals(ended, ["first"]);
    await cluster.clock.advance(30_000);
    assertEquals(cluster.clock.pending, 0);
    // The port is free again.
    await cluster.stop(await cluster.start(1));
  }
});

Deno.test("an extension that hangs or throws in beforeLeave holds up neither leave nor hand-off", async () => {
  const { logger, lines } = recorder();
  const order: string[] = [];
  const traced =
    (name: string, requires: string[], beforeLeave?: () => void | Promise<void>) => () =>
      ({
        name,
        requires,
        install() {},
        beforeLeave: () => (order.push(name), beforeLeave?.()),
        afterLeave: () => void order.push(`${name} ended`),
      }) satisfies NodeExtension;
  const cluster = new SimulatedCluster(5);
  const pause = (ms: number) =>
    new Promise<void>((resolve) => void cluster.clock.schedule(ms, resolve));
  const counter = () => Behaviors.receive<string>(() => Behaviors.same());
  const nodes = await cluster.start(2, {
    logger,
    extensions: [
      traced("base", [], () => pause(1_000)),
      traced("hangs", ["sharding", "base"], () => new Promise(() => {})),
      traced("throws", ["base"], async () => {
        await pause(500);
        order.push("throw");
        throw new Error("no");
      }),
    ],
  });
  for (const node of nodes) {
    const ref = node.spawn(Behaviors.sharded(counter, { numShards: 8 }), "counters");
    for (let id = 0; id < 40; id++) ref.tell(shardEnvelope(`${id}`, "go"));
  }
  const [first, second] = nodes;
  await cluster.clock.runUntil(() => second!.sharding.ownedShards().length === 4, 60_000);
  const began = cluster.clock.now();
  await cluster.clock.resolve(second!.shutdown());
  assert(cluster.clock.now() - began < 10_000, `${cluster.clock.now() - began} ms`);
  assertEquals(order, [
    "throws",
    "hangs",
    "throw",
    "base",
    "throws ended",
    "hangs ended",
    "base ended",
  ]);
  assert(lines.includes("error an extension failed to leave throws"), lines.join("\n"));
  assert(lines.includes("warn an extension has not left in time hangs"), lines.join("\n"));
  for (const other of ["sharding", "base"]) {
    assert(!lines.some((line) => line.endsWith(`in time ${other}`)), lines.join("\n"));
  }
  // Handed off, not taken over after a death.
  assertEquals(first!.sharding.shardTable("counters").filter(Boolean).length, 8);
  await cluster.stop([first!]);
});

Deno.test("an extension that fails later is logged by name, and costs the others nothing", async () => {
  const { logger, lines } = recorder();
  const faulty = (): NodeExtension => ({
    name: "faulty",
    topics: ["mood", "weather"],
    install() {},
    onView() {
      throw new Error("no view");
    },
    explain(topic) {
      if (topic === "mood") throw new Error("no words");
      return ["it rains"];
    },
    health() {
      throw new Error("no pulse");
    },
  });
  const cluster = new SimulatedCluster(6);
  const [node] = await cluster.start(1, { logger, extensions: [faulty, busyGauge] });
  assert(lines.includes("error an extension failed faulty onView"), lines.join("\n"));
  const { cluster: handle } = node!;
  assertEquals(handle.explain("mood"), ['extension "faulty" cannot explain mood: Error: no words']);
  assertEquals(handle.explain("weather"), ["it rains"]);
  assertEquals(handle.health.extensions["faulty"], {
    healthy: false,
    reason: "health() failed: Error: no pulse",
  });
  assert(handle.health.extensions["sharding"]!.healthy);
  const all = handle.explain();
  for (const line of ["it rains", "node-1:25520 runs 0 jobs", "this node coordinates shards"]) {
    assert(all.includes(line), all.join("\n"));
  }
  const error = assertThrows(() => handle.explain("moods"), ClusterError);
  assertEquals(error.code, "unknownTopic");
  const topics =
    "joining, convergence, reachability, downing, sharding, replication, singleton, topics, " +
    "broadcast, distributed, mood, weather, busy";
  assert(error.message.endsWith(`use one of ${topics}`), error.message);
  await cluster.stop([node!]);
});

Deno.test("an asynchronous hook or handler that fails is logged, and ends no process", async () => {
  const { logger, lines } = recorder();
  const path = "/_hasty";
  const hasty = (): NodeExtension => ({
    name: "hasty",
    install(node) {
      node.handlePeers(path, () => Promise.reject(new Error("no answer")));
      node.send(node.address, path, "hello");
    },
    onView: () => Promise.reject(new Error("no view")),
    afterLeave: () => Promise.reject(new Error("no end")),
  });
  const cluster = new SimulatedCluster(7);
  const nodes = await cluster.start(1, { logger, extensions: [hasty] });
  await cluster.clock.runUntil(() => lines.includes("error a handler of an extension failed"));
  await cluster.stop(nodes);
  assert(lines.includes("error an extension failed hasty onView"), lines.join("\n"));
  assert(lines.includes("error an extension failed hasty afterLeave"), lines.join("\n"));
});

Deno.test("what an extension may not take is refused", async () => {
  const codes: string[] = [];
  const Key = extensionKey<number>("number");
  const greedy = (): NodeExtension => ({
    name: "greedy",
    install(node) {
      const wrong = [
        () => node.handleNodes("/_cluster", () => {}),
        () => node.handlePeers("/_cluster/sharding", () => {}),
        () => node.handlePeers("/users", () => {}),
        () => node.reserve("/users"),
        () => node.registerKind("sharded", () => undefined as never),
        () => node.extension(BusyGauge),
      ];
      for (const call of wrong) codes.push(assertThrows(call, ClusterError).code);
      node.expose(Key, 1);
      codes.push(assertThrows(() => node.expose(Key, 2), ClusterError).code);
    },
  });
  const cluster = new SimulatedCluster(7);
  const [node] = await cluster.start(1, { extensions: [greedy] });
  assertEquals(codes, [
    "pathTaken",
    "pathTaken",
    "badPath",
    "badPath",
    "duplicateKind",
    "unknownExtension",
    "duplicateExtension",
  ]);
  assertEquals(node!.extension(Key), 1);
  const error = assertThrows(() => node!.extension(BusyGauge), ClusterError);
  assert(
    error.message.endsWith(
      "there are: sharding, replication, topics, distributed, inspection, number",
    ),
    error.message,
  );
  await cluster.stop([node!]);
});

Deno.test("a node sends to itself as to others, in a later turn", async () => {
  const heard: string[] = [];
  const { logger, lines } = recorder();
  const echo = (): NodeExtension => ({
    name: "echo",
    install(node) {
      node.handleNodes("/_cluster/echo", ({ address, identity }, message) => {
        if (message === "broken") throw new Error("no");
        heard.push(`${address} ${identity?.kind} ${message}`);
      });
      for (const message of ["one", "broken", "two"]) {
        node.send(node.address, "/_cluster/echo", message);
      }
      heard.push("sent");
      node.send(node.address, "/_cluster/nowhere", "lost");
    },
  });
  const cluster = new SimulatedCluster(9);
  const nodes = await cluster.start(1, { logger, extensions: [echo] });
  assertEquals(heard, [
    "sent",
    "node-1:25520 undefined one",
    "node-1:25520 undefined two",
  ]);
  assert(lines.includes("error a handler of an extension failed"), lines.join("\n"));
  assertEquals(nodes[0]!.ledger.snapshot().deadLetters.noSuchActor, 1);
  await cluster.stop(nodes);
});

Deno.test("a client reaches only the paths that an extension opens to clients", async () => {
  const heard: string[] = [];
  const open = (): NodeExtension => ({
    name: "open",
    install(node) {
      node.handleNodes("/_cluster/open", (peer) => void heard.push(`node ${peer.role}`));
      node.handlePeers("/_open", (peer, message) => void heard.push(`${peer.role} ${message}`));
    },
  });
  const cluster = new SimulatedCluster(8);
  const nodes = await cluster.start(1, { extensions: [open] });
  const client = await cluster.clock.resolve(ClusterClient.connect({
    contactPoints: ["node-1:25520"],
    systemName: "sim",
    runtime: cluster.runtime("client"),
  }));
  const { remoting } = clientInternalsOf(client)!;
  for (const path of ["/_cluster/open", "/_open"]) remoting.send("node-1:25520", path, 0, path);
  await cluster.clock.advance(1_000);
  assertEquals(heard, ["client /_open"]);
  await cluster.clock.resolve(client.close());
  await cluster.stop(nodes);
});
