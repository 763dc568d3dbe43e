import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { ClusterError, ClusterTimeoutError } from "../../lib/cluster/errors.ts";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

Deno.test("a start without quorum says what it saw, and leaves nothing running", async () => {
  const cluster = new SimulatedCluster(1);
  const start = cluster.start(1, {
    requiredQuorum: 3,
    startTimeout: 5_000,
    seedNodes: ["node-1:25520", "node-9:25520"],
  });
  const error = await assertRejects(() => start, ClusterTimeoutError);
  assertEquals(error.code, "quorumTimeout");
  assert(/node-1:25520 saw [01] of 3 members up within 5000 ms/.test(error.message), error.message);
  assert(error.message.includes("node-9:25520"), error.message);
  await cluster.clock.advance(10_000);
  assertEquals(cluster.clock.pending, 0);
});

Deno.test("a member that waits for others is told to start them, not to check its seeds", async () => {
  const cluster = new SimulatedCluster(1);
  const start = cluster.start(1, { requiredQuorum: 2, startTimeout: 5_000 });
  const error = await assertRejects(() => start, ClusterTimeoutError);
  assert(error.message.includes("saw 1 of 2 members up within 5000 ms"), error.message);
  assert(error.message.includes("start the other nodes with the same seeds"), error.message);
  assert(!error.message.includes("check that the seed nodes run"), error.message);
});

Deno.test("after all have left, no timer is left", async () => {
  const cluster = new SimulatedCluster(2);
  const nodes = await cluster.start(3);
  await cluster.stop(nodes);
  await cluster.clock.advance(10_000);
  assertEquals(cluster.clock.pending, 0);
});

Deno.test("a barrier tells who asks for another number of parties, and who came alone", async () => {
  const cluster = new SimulatedCluster(3);
  const nodes = await cluster.start(2);
  const first = nodes[0]!.barrier("b", 2);
  const other = assertRejects(() => nodes[1]!.barrier("b", 3), ClusterError);
  assertEquals((await cluster.clock.resolve(other)).code, "barrierConflict");
  await cluster.clock.resolve(Promise.all([first, nodes[1]!.barrier("b", 2)]));
  const alone = assertRejects(
    () => nodes[1]!.barrier("c", 2, { timeout: 1_000 }),
    ClusterTimeoutError,
    'barrier "c" did not see 2 parties within 1000 ms',
  );
  await cluster.clock.resolve(alone);
  // The one that gave up does not count, once the leader has heard of it.
  await cluster.clock.advance(20);
  const late = nodes[0]!.barrier("c", 2);
  await cluster.clock.resolve(Promise.all([late, nodes[1]!.barrier("c", 2)]));
  await cluster.stop(nodes);
});

Deno.test("events tell who joins and who leaves", async () => {
  const cluster = new SimulatedCluster(4);
  const [first] = await cluster.start(1);
  const seen: string[] = [];
  for (const type of ["memberUp", "memberLeft", "memberRemoved"] as const) {
    first!.eventStream.subscribe(type, ({ type, member }) => {
      seen.push(`${type} ${member.nodeId}`);
    });
  }
  const runtime = cluster.runtime("node-2");
  const second = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    nodeId: "second",
    host: "node-2",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    requiredQuorum: 2,
    runtime,
    logger: silentLogger,
  }));
  await cluster.stop([second]);
  await cluster.clock.runUntil(() => seen.length >= 3);
  assertEquals(seen, ["memberUp second", "memberLeft second", "memberRemoved second"]);
  await cluster.stop([first!]);
});

Deno.test("options that cannot be used are refused before a port is opened", async () => {
  const good = { name: "x", host: "127.0.0.1", port: 0 };
  const bad = [
    { ...good, name: "" },
    { ...good, port: 70_000 },
    { ...good, host: "a b" },
    { ...good, requiredQuorum: 0 },
    { ...good, advertisedHost: "a b" },
    { ...good, advertisedPort: 0 },
    { ...good, seedNodes: ["nowhere"] },
  ];
  for (const options of bad) {
    const error = await assertRejects(() => ClusteredActorSystem.start(options), CastyError);
    assert(error.code === "badOption" || error.code === "badAddress", error.code);
  }
});

Deno.test("a node of another system is refused, and both sides say which systems they are of", async () => {
  const cluster = new SimulatedCluster(7);
  const lines: string[] = [];
  const [first] = await cluster.start(1, {
    logger: { log: (_level, _source, message, fields) => lines.push(message + fields?.reason) },
  });
  const stranger = ClusteredActorSystem.start({
    name: "other",
    host: "node-2",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    startTimeout: 3_000,
    runtime: cluster.runtime("node-2"),
    logger: silentLogger,
  });
  const error = await assertRejects(() => cluster.clock.resolve(stranger), ClusterTimeoutError);
  assert(/node-1:25520: .*"other".*"sim"/.test(error.message), error.message);
  assert(lines.some((line) => /connection rejected.*"other".*"sim"/.test(line)), lines.join("\n"));
  assertEquals(first!.members.length, 1);
  await cluster.stop([first!]);
});
