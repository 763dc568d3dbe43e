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

Deno.test("a node of another system is refused at once, and both sides say which systems they are of", async () => {
  const cluster = new SimulatedCluster(7);
  const lines: string[] = [];
  const [first] = await cluster.start(1, {
    logger: { log: (_level, _source, message, fields) => lines.push(message + fields?.reason) },
  });
  const before = cluster.clock.now();
  const start = ClusteredActorSystem.start({
    name: "other",
    host: "node-2",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    runtime: cluster.runtime("node-2"),
    logger: silentLogger,
  });
  const error = await assertRejects(() => cluster.clock.resolve(start), ClusterError);
  assertEquals(error.code, "seedsUnusable");
  assert(cluster.clock.now() - before < 3_000, "long before startTimeout");
  const told = 'node-1:25520: the peer rejected this node: it belongs to the system "sim", and ' +
    'this node to "other"';
  assert(error.message.includes(told), error.message);
  assert(lines.some((line) => /connection rejected.*"other".*"sim"/.test(line)), lines.join("\n"));
  assertEquals(first!.members.length, 1);
  await cluster.stop([first!]);
});

/** A node alone whose first seed is written in another way than its own address. */
function startAs(cluster: SimulatedCluster, seed: string, lines: string[]) {
  return ClusteredActorSystem.start({
    name: "sim",
    host: "node-1",
    port: 25_520,
    seedNodes: [seed],
    addressMap: { [seed]: "node-1:25520" },
    startTimeout: 20_000,
    runtime: cluster.runtime("node-1"),
    logger: {
      log: (level, _source, message, fields) => {
        if (level !== "debug") lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
      },
    },
  });
}

Deno.test("a node recognises its own address in another spelling, and says so in one line", async () => {
  const cluster = new SimulatedCluster(8);
  const lines: string[] = [];
  const node = await cluster.clock.resolve(startAs(cluster, "NODE-1:25520", lines));
  assert(cluster.clock.now() < 2_000, "at once");
  // Its first message to that address is lost, like any to an address that cannot be used.
  const own = lines.filter((line) =>
    line.includes("NODE-1") && !/dead letter of a protocol/.test(line)
  );
  assertEquals(own.length, 1, own.join("\n"));
  assert(own[0]!.startsWith("info a seed is this node itself, written in another way"), own[0]);
  assert(!lines.some((line) => /rejected|cannot be reached/.test(line)), lines.join("\n"));
  await cluster.stop([node]);
});

Deno.test("any other name that leads a node to itself is an error, since it may lead elsewhere", async () => {
  const cluster = new SimulatedCluster(9);
  const start = startAs(cluster, "balancer:25520", []);
  const error = await assertRejects(() => cluster.clock.resolve(start), ClusterError);
  assertEquals(error.code, "seedsUnusable");
  const told =
    "balancer:25520: it is this node itself, whose address is node-1:25520; write that " +
    "address in the list, or set host or advertisedHost to balancer";
  assert(error.message.includes(told), error.message);
});

Deno.test("a node joins through a seed whose address it knows in another spelling", async () => {
  const cluster = new SimulatedCluster(10);
  const [first] = await cluster.start(1);
  const second = await cluster.clock.resolve(ClusteredActorSystem.start({
    name: "sim",
    host: "node-2",
    port: 25_520,
    seedNodes: ["Node-1:25520"],
    addressMap: { "Node-1:25520": "node-1:25520" },
    requiredQuorum: 2,
    startTimeout: 5_000,
    runtime: cluster.runtime("node-2"),
    logger: silentLogger,
  }));
  assertEquals(second.members.length, 2);
  await cluster.stop([second, first!]);
});

Deno.test("a member without quorum is told how many more are needed, within startTimeout", async () => {
  const cluster = new SimulatedCluster(11);
  const [first] = await cluster.start(1);
  const before = cluster.clock.now();
  const start = ClusteredActorSystem.start({
    name: "sim",
    host: "node-2",
    port: 25_520,
    seedNodes: ["node-1:25520"],
    requiredQuorum: 9,
    startTimeout: 5_000,
    runtime: cluster.runtime("node-2"),
    logger: silentLogger,
  });
  const error = await assertRejects(() => cluster.clock.resolve(start), ClusterTimeoutError);
  assert(error.message.includes("saw 2 of 9 members up within 5000 ms, and is a member itself"));
  assert(error.message.includes("start the other nodes with the same seeds (7 more)"));
  assert(!error.message.includes("can be reached"), error.message);
  assert(cluster.clock.now() - before < 5_500, `${cluster.clock.now() - before}`);
  await cluster.stop([first!]);
});

Deno.test("a node whose seeds answer without a cluster is told which seed is missing, not that none runs", async () => {
  const cluster = new SimulatedCluster(12);
  const seedNodes = ["node-1:25520", "node-2:25520", "node-3:25520"];
  const startOn = (host: string) =>
    ClusteredActorSystem.start({
      name: "sim",
      host,
      port: 25_520,
      seedNodes,
      startTimeout: 8_000,
      runtime: cluster.runtime(host),
      logger: silentLogger,
    });
  const both = ["node-2", "node-3"].map((host) => assertRejects(() => startOn(host)));
  const [error] = await cluster.clock.resolve(Promise.all(both)) as Error[];
  const { message } = error!;
  assert(message.includes("only the first seed (node-1:25520) may bootstrap a cluster"), message);
  assert(/node-1:25520 has not answered: cannot connect to node-1:25520: nothing/.test(message));
  assert(message.includes("node-3:25520 has no cluster either"), message);
  assert(
    message.endsWith(
      "start the seed nodes that have not answered, or see what the others say here",
    ),
  );
});
