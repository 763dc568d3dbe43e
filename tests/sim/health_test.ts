import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import {
  type HealthHandler,
  healthHandler,
  type HealthReply,
} from "../../lib/health/health_handler.ts";
import { memoryJournal } from "../../lib/persistence/memory_journal.ts";
import { simulate, type SimulatedNode } from "../../lib/testkit/mod.ts";
import { counter, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** Asks for a check. */
async function ask(
  handler: HealthHandler,
  check: "live" | "ready" | "startup",
): Promise<HealthReply> {
  const response = handler(new Request(`http://127.0.0.1/${check}`));
  assertEquals(response.headers.get("content-type"), "application/json");
  const reply: HealthReply = await response.json();
  assertEquals(response.status, reply.ok ? 200 : 503);
  assertEquals(reply.ok, reply.reasons.length === 0);
  return reply;
}

/** Which of the checks pass. */
async function passed(handler: HealthHandler): Promise<string> {
  const names = ["live", "ready", "startup"] as const;
  const replies = await Promise.all(names.map((name) => ask(handler, name)));
  return replies.flatMap(({ check, ok }) => ok ? check : []).join();
}

Deno.test("a node is not ready before it has joined, and says why", async () => {
  const cluster = new SimulatedCluster("health of a joining node");
  const health = healthHandler();
  assertEquals(await passed(health), "live");
  const runtime = cluster.runtime("node-1");
  const starting = ClusteredActorSystem.start({
    name: "sim",
    host: "node-1",
    port: 25_520,
    seedNodes: ["node-2:25520"],
    runtime,
    logger: runtime.logger,
    extensions: [health.extension],
  });
  await cluster.clock.advance(2_000);
  assertEquals(await passed(health), "live");
  const { reasons, node } = await ask(health, "startup");
  assert(reasons[0]!.includes("not a member of a cluster yet"), reasons.join("\n"));
  assert(reasons.some((line) => line.includes("node-2:25520")), reasons.join("\n"));
  assertEquals(node?.status, "joining");

  const seedRuntime = cluster.runtime("node-2");
  const seed = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-2",
    port: 25_520,
    seedNodes: ["node-2:25520"],
    runtime: seedRuntime,
    logger: seedRuntime.logger,
  }));
  const system = await cluster.clock.resolve(starting);
  assertEquals(await passed(health), "live,ready,startup");

  const leaving = system.shutdown();
  assertEquals(await passed(health), "live,startup");
  assertEquals((await ask(health, "ready")).reasons, ["the node is shutting down"]);
  await cluster.clock.resolve(leaving);
  assertEquals(await passed(health), "startup");
  await cluster.stop([seed]);
});

Deno.test("a node that could not start is not live", async () => {
  const cluster = new SimulatedCluster("health of a node without seeds");
  const health = healthHandler();
  const runtime = cluster.runtime("node-1");
  const starting = ClusteredActorSystem.start({
    name: "sim",
    host: "node-1",
    port: 25_520,
    seedNodes: ["node-2:25520"],
    startTimeout: 5_000,
    runtime,
    logger: runtime.logger,
    extensions: [health.extension],
  });
  const failure = starting.catch((error: Error) => error.name);
  assertEquals(await cluster.clock.resolve(failure), "ClusterTimeoutError");
  assertEquals((await ask(health, "live")).reasons, ["the node did not start"]);
});

Deno.test("a node that was declared down is not ready, and not live once it has stopped", async () => {
  const cluster = new SimulatedCluster("health of a downed node");
  const nodes = await cluster.start(3);
  const handlers = nodes.map((node) => healthHandler(node));
  cluster.network.partition(["node-3"], ["node-1", "node-2"]);
  await cluster.clock.runUntil(() => nodes[0]!.members.length === 2, 120_000);
  await cluster.clock.advance(60_000);
  assertEquals(await passed(handlers[0]!), "live,ready,startup");
  assertEquals(await passed(handlers[2]!), "startup");
  const { reasons } = await ask(handlers[2]!, "live");
  assert(reasons[0]!.includes("was declared down by"), reasons.join("\n"));
  await cluster.stop(nodes.slice(0, 2));
});

Deno.test("a node is not ready while its journal refuses calls", async () => {
  const cluster = new SimulatedCluster("health of a store");
  let failure: string | undefined;
  const journal = Object.defineProperty(memoryJournal(), "failure", { get: () => failure });
  const [node] = await cluster.start(1, { persistence: { journal } });
  const health = healthHandler(node);
  assertEquals(await passed(health), "live,ready,startup");
  failure = "memory is not called: it has failed several times in a row";
  assertEquals(await passed(health), "live,startup");
  const { reasons, extensions } = await ask(health, "ready");
  assertEquals(reasons, [`store: ${failure}`]);
  assertEquals(extensions["store"]?.details, { journal: "memory" });
  failure = undefined;
  assertEquals(await passed(health), "live,ready,startup");
  await cluster.stop([node!]);
});

Deno.test("a node is not ready while its entities are suspended", async () => {
  const cluster = new SimulatedCluster("health of a minority");
  const nodes = await cluster.start(3, { whenDowned: "wait" });
  for (const node of nodes) node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters");
  const refs = nodes[2]!.regionRef("counters", counter, { numShards: 20 });
  for (let i = 0; i < 20; i++) await cluster.clock.resolve(nodes[2]!.ask(refs, getValue(`e-${i}`)));
  await cluster.clock.advance(20_000);
  const health = healthHandler(nodes[2]!);
  assertEquals(await passed(health), "live,ready,startup");
  assert(nodes[2]!.sharding.ownedShards().length > 0);
  cluster.network.partition(["node-3"], ["node-1", "node-2"]);
  await cluster.clock.runUntil(() => !nodes[2]!.cluster.health.extensions["sharding"]!.healthy);
  const { reasons } = await ask(health, "ready");
  assert(reasons[0]!.startsWith("sharding: this node's entities are suspended"), reasons[0]);
  await cluster.stop(nodes);
});

Deno.test("other paths and methods are refused", () => {
  const health = healthHandler();
  const status = (path: string, method = "GET") =>
    health(new Request(`http://127.0.0.1${path}`, { method })).status;
  assertEquals([status("/"), status("/live/"), status("/metrics")], [404, 404, 404]);
  assertEquals([status("/live", "POST"), status("/live", "HEAD")], [405, 200]);
  assertEquals(health(new Request("http://127.0.0.1/ready", { method: "HEAD" })).body, null);
});

/** Restarts two of five nodes; collects each time that a node which runs on was not ready. */
async function unreadyInRollout(fault: "stop" | "crash", seed: number): Promise<string[]> {
  const unready: string[] = [];
  let samples = 0;
  await simulate({
    seed,
    nodes: 5,
    duration: 300_000,
    shrink: 0,
    failures: false,
    setup: ({ system }: SimulatedNode) => {
      system.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters");
    },
  }, async (sim) => {
    const handlers = new Map<object, HealthHandler>();
    const untouched = sim.nodes.slice(2);
    let watching = true;
    const watch = (async () => {
      while (watching) {
        for (const { system, name } of untouched) {
          const health = handlers.get(system) ?? healthHandler(system);
          handlers.set(system, health);
          const { status } = health(new Request("http://127.0.0.1/ready"));
          samples++;
          if (status === 200) continue;
          const reply = await health(new Request("http://127.0.0.1/ready")).json();
          unready.push(`${sim.now} ${name}: ${reply.reasons.join("; ")}`);
        }
        await sim.sleep(50);
      }
    })();
    await sim.sleep(12_000);
    for (const node of sim.nodes.slice(0, 2)) {
      const { starts } = node;
      sim.inject({ type: fault, at: 0, node: node.name, restartAfter: 500 });
      await sim.until(() => node.starts > starts && node.status === "up");
      await sim.sleep(3_000);
    }
    watching = false;
    await watch;
  });
  assert(samples > 1_000, `only ${samples} samples`);
  return unready;
}

for (const fault of ["stop", "crash"] as const) {
  Deno.test(`the nodes that a rollout does not touch stay ready (${fault})`, async () => {
    assertEquals(await unreadyInRollout(fault, 19_000_001), []);
  });
}

/** What `/ready` of a node said, each time that it changed. */
interface Readiness {
  readonly at: number;
  readonly ready: boolean;
  readonly reasons: string;
}

const noAnswer = { ok: false, reasons: ["its process does not answer"] };

/**
 * Restarts all nodes one after another; returns for each node what its checks said, over all of its
 * processes. The handlers are there before the nodes join, as an orchestrator would ask them.
 */
async function readinessInRollout(
  fault: "stop" | "crash",
  pause: number,
  seed: number,
): Promise<Map<string, Readiness[]>> {
  const changes = new Map<string, Readiness[]>();
  const handlers = new Map<string, HealthHandler>();
  let samples = 0;
  await simulate({
    seed,
    nodes: 5,
    duration: 400_000,
    shrink: 0,
    failures: false,
    cluster: ({ name }) => {
      // A process that starts has a handler of its own.
      const health = healthHandler();
      handlers.set(name, health);
      return { extensions: [health.extension] };
    },
    setup: ({ system }: SimulatedNode) => {
      system.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters");
    },
  }, async (sim) => {
    let watching = true;
    const look = async () => {
      for (const { name, alive } of sim.nodes) {
        const reply = alive ? await ask(handlers.get(name)!, "ready") : noAnswer;
        samples++;
        const seen = changes.get(name) ?? [];
        changes.set(name, seen);
        if (seen.at(-1)?.ready === reply.ok) continue;
        seen.push({ at: sim.now, ready: reply.ok, reasons: reply.reasons.join("; ") });
      }
    };
    const watch = (async () => {
      while (watching) {
        await look();
        await sim.sleep(50);
      }
    })();
    await sim.sleep(12_000);
    for (const node of sim.nodes) {
      const { starts } = node;
      sim.inject({ type: fault, at: 0, node: node.name, restartAfter: 500 });
      await sim.until(() => node.starts > starts && node.status === "up");
      // As an orchestrator does: the next one when this one is ready.
      while (!(await ask(handlers.get(node.name)!, "ready")).ok) await sim.sleep(20);
      await sim.sleep(pause);
    }
    await sim.sleep(5_000);
    watching = false;
    await watch;
  });
  assert(samples > 1_000, `only ${samples} samples`);
  return changes;
}

/**
 * Nodes that are shut down follow each other as soon as one is ready. After a crash the others wait for
 * the lease of the former process, and a second crash meanwhile may cost the majority of the voters.
 */
const rollouts = [["stop", 0, 19_000_101], ["stop", 0, 19_000_102], [
  "crash",
  15_000,
  19_000_103,
]] as const;

for (const [fault, pause, seed] of rollouts) {
  Deno.test(`in a rolling restart each node is unready once (${fault}, seed ${seed})`, async () => {
    const changes = await readinessInRollout(fault, pause, seed);
    assertEquals(changes.size, 5);
    let last = 0;
    for (const [name, seen] of changes) {
      const told = `${name}: ${JSON.stringify(seen)}`;
      assertEquals(seen.map(({ ready }) => ready), [true, false, true], told);
      const [, unready, ready] = seen as [Readiness, Readiness, Readiness];
      // Its own restart, and no other's: one node at a time.
      assert(unready.at >= last, told);
      last = ready.at;
      const why = fault === "stop" ? "the node is shutting down" : noAnswer.reasons[0];
      assertEquals(unready.reasons, why, told);
    }
  });
}
