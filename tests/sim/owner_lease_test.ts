import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { instruments } from "../../lib/runtime/instruments.ts";
import type { Logger } from "../../lib/runtime/logger.ts";
import { RecordedTelemetry } from "../../lib/testkit/recorded_telemetry.ts";
import { counter, increment } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const suspended = "this node holds no lease; entities are suspended";
const resumed = "this node holds its lease again; entities resume";

Deno.test("a node without a lease says so: explain, gauge, and one line for each change", async () => {
  const cluster = new SimulatedCluster("owner lease");
  const byHost = new Map<string, RecordedTelemetry>();
  cluster.telemetryOf = (host) => {
    const known = byHost.get(host) ?? new RecordedTelemetry();
    byHost.set(host, known);
    return known;
  };
  const lines: { level: string; text: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const logger: Logger = {
    log: (level, _source, text, fields = {}) => {
      if (text === suspended || text === resumed) lines.push({ level, text, fields });
    },
  };
  const nodes = await cluster.start(3, { logger });
  const [ref] = nodes.map((node) =>
    node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters")
  );
  const three = nodes[2]!;
  for (let i = 0; i < 40; i++) ref!.tell(increment(`entity-${i}`));
  const lease = (host: string) => byHost.get(host)!.sum(instruments.ownerLease.name);
  const explains = () => three.cluster.explain("sharding").join("\n");
  await cluster.clock.runUntil(() => three.sharding.ownedShards().length > 0, 30_000);
  assertEquals([lease("node-1"), lease("node-3")], [1, 1]);
  assert(explains().includes("this node holds its lease, so its entities run"), explains());
  lines.length = 0;

  for (const other of ["node-1", "node-2"]) {
    cluster.network.cut("node-3", other);
    cluster.network.cut(other, "node-3");
  }
  await cluster.clock.runUntil(() => lease("node-3") === 0, 10_000);
  await cluster.clock.advance(300);
  const shards = three.sharding.ownedShards().length;
  const why = "no majority of the voters answers it (node-1:25520, node-2:25520, node-3:25520)";
  assertEquals(lines, [{ level: "warn", text: suspended, fields: { reason: why, shards } }]);
  assert(explains().includes(`this node's entities are suspended: ${why}`), explains());
  assertEquals([lease("node-1"), lease("node-2")], [1, 1]);

  for (const other of ["node-1", "node-2"]) {
    cluster.network.mend("node-3", other);
    cluster.network.mend(other, "node-3");
  }
  await cluster.clock.runUntil(() => lease("node-3") === 1, 20_000);
  assertEquals(lines.map(({ level, text }) => [level, text]), [["warn", suspended], [
    "info",
    resumed,
  ]]);
  const { suspendedFor, waiting } = lines[1]!.fields;
  assert(typeof suspendedFor === "number" && suspendedFor > 0, String(suspendedFor));
  assert(typeof waiting === "number");
  await cluster.clock.advance(2_000);
  assertEquals(lines.length, 2);
  await cluster.stop(nodes);
});

Deno.test("a coordinator without a quorum says whose votes are missing", async () => {
  const cluster = new SimulatedCluster("no quorum");
  const nodes = await cluster.start(3);
  for (const node of nodes) node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters");
  await cluster.clock.advance(3_000);
  const explains = nodes.map((node) => () => node.cluster.explain("sharding").join("\n"));
  assert(explains[0]!().includes("this node coordinates shards"), explains[0]!());
  // The next leader takes over while it reaches nobody: all of them are cut off from each other.
  for (const from of ["node-1", "node-2", "node-3"]) {
    for (const to of ["node-1", "node-2", "node-3"]) if (from !== to) cluster.network.cut(from, to);
  }
  await cluster.clock.runUntil(() => /missing: /.test(explains[1]!()), 30_000);
  const told = explains[1]!();
  assert(told.includes("this node coordinates shards; it grants none now"), told);
  assert(
    /before a majority of the voters has answered; missing: [^\n]*node-1:25520/.test(told),
    told,
  );
});
