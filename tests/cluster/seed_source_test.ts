import { checkClusterOptions } from "../../lib/cluster/node/cluster_options.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { ClusterTimeoutError } from "../../lib/cluster/errors.ts";
import type { SeedNodes } from "../../lib/cluster/bootstrap/seed_source.ts";
import type { DnsRecord, DnsRecordType, Resolver } from "../../lib/runtime/resolver.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";
import { OptionError } from "../../lib/options/option_error.ts";

/** DNS whose records a test changes; records the lookups. */
class Dns implements Resolver {
  lookups: string[] = [];
  records: DnsRecord[] | undefined;

  // deno-lint-ignore require-await
  async resolve(name: string, type: DnsRecordType): Promise<readonly DnsRecord[]> {
    this.lookups.push(`${type} ${name}`);
    if (this.records === undefined) throw new Error("no such name");
    return this.records;
  }
}

function start(
  cluster: SimulatedCluster,
  host: string,
  seedNodes: SeedNodes,
  { resolver, requiredQuorum = 1, startTimeout = 60_000 }: {
    resolver?: Resolver;
    requiredQuorum?: number;
    startTimeout?: number;
  } = {},
): Promise<ClusteredActorSystem> {
  const runtime = { ...cluster.runtime(host), ...(resolver && { resolver }) };
  return ClusteredActorSystem.start({
    name: "sim",
    nodeId: host,
    host,
    port: 25_520,
    seedNodes,
    requiredQuorum,
    startTimeout,
    runtime,
    logger: runtime.logger,
  });
}

const hosts = ["node-1", "node-2", "node-3"];
const clusterIds = (nodes: readonly ClusteredActorSystem[]) =>
  new Set(nodes.map(({ cluster }) => cluster.state().clusterId));

Deno.test("nodes with SRV records in any order form one cluster", async () => {
  const cluster = new SimulatedCluster(1);
  const resolver = new Dns();
  resolver.records = hosts.toReversed().map((host) => ({ host, port: 25_520 }));
  const seeds = { dns: "_casty._tcp.internal", type: "SRV" } as const;
  const starting = hosts.toReversed().map((host) =>
    start(cluster, host, seeds, { resolver, requiredQuorum: 3 })
  );
  const nodes = await cluster.clock.resolve(Promise.all(starting));
  assertEquals(clusterIds(nodes).size, 1);
  assertEquals(nodes[0]!.leader, "node-1:25520");
  assertEquals(resolver.lookups[0], "SRV _casty._tcp.internal");
  const asked = resolver.lookups.length;
  await cluster.clock.advance(60_000);
  const more = resolver.lookups.length - asked;
  assert(more >= 54 && more <= 60, `each member looks up every three seconds, not ${more} times`);
  await cluster.stop(nodes);
});

Deno.test("A records with a port are resolved again until there are some", async () => {
  const cluster = new SimulatedCluster(2);
  const resolver = new Dns();
  const seeds = { dns: "casty.internal", type: "A", port: 25_520 } as const;
  const starting = hosts.map((host) =>
    start(cluster, host, seeds, { resolver, requiredQuorum: 3 })
  );
  await cluster.clock.advance(20_000);
  assert(resolver.lookups.length >= 45, `${resolver.lookups.length} lookups`);
  resolver.records = hosts.map((host) => ({ host }));
  const nodes = await cluster.clock.resolve(Promise.all(starting));
  assertEquals(clusterIds(nodes).size, 1);
  await cluster.stop(nodes);
});

Deno.test("no node bootstraps while the seeds change: late nodes join the same cluster", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const cluster = new SimulatedCluster(seed);
    const known: string[] = [];
    const starting: Promise<ClusteredActorSystem>[] = [];
    for (const host of hosts.toReversed()) {
      known.push(`${host}:25520`);
      starting.push(start(cluster, host, () => [...known], { requiredQuorum: 3 }));
      await cluster.clock.advance(3_000);
    }
    const nodes = await cluster.clock.resolve(Promise.all(starting));
    assertEquals(clusterIds(nodes).size, 1);
    await cluster.stop(nodes);
  }
});

Deno.test("nodes whose seeds contain only themselves at first bootstrap no clusters of their own", async () => {
  const cluster = new SimulatedCluster(1);
  const start3 = hosts.map((host) => {
    const until = cluster.clock.now() + 4_000;
    const all = hosts.map((one) => `${one}:25520`);
    const seeds = () => cluster.clock.now() < until ? [`${host}:25520`] : all.toReversed();
    return start(cluster, host, seeds, { requiredQuorum: 3 });
  });
  const nodes = await cluster.clock.resolve(Promise.all(start3));
  assertEquals(clusterIds(nodes).size, 1);
  assert(nodes[0]!.cluster.state().clusterId!.startsWith("node-1:25520"), "the lowest bootstraps");
  await cluster.stop(nodes);
});

Deno.test("seeds that have all moved join the cluster of the members, whose source names them too", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const cluster = new SimulatedCluster(seed);
    let seeds = hosts.map((host) => `${host}:25520`);
    const all = [...hosts, "node-4", "node-5", "node-6", "node-7"];
    const starting = all.map((host) => start(cluster, host, () => seeds, { requiredQuorum: 7 }));
    const nodes = await cluster.clock.resolve(Promise.all(starting));
    const [clusterId] = clusterIds(nodes);
    await cluster.stop(nodes.slice(0, 3));
    // The source names no member at all.
    seeds = ["moved-1:25520", "moved-2:25520", "moved-3:25520"];
    const moved = await cluster.clock.resolve(Promise.all(
      ["moved-1", "moved-2", "moved-3"].map((host) =>
        start(cluster, host, () => seeds, { requiredQuorum: 7 })
      ),
    ));
    assertEquals([...clusterIds([...nodes.slice(3), ...moved])], [clusterId]);
    await cluster.stop([...nodes.slice(3), ...moved]);
  }
});

Deno.test("a failed seed lookup is part of the start error", async () => {
  const cluster = new SimulatedCluster(3);
  const options = { resolver: new Dns(), startTimeout: 5_000 };
  const seeds = { dns: "nowhere.internal", type: "A", port: 1 } as const;
  const error = await assertRejects(
    () => cluster.clock.resolve(start(cluster, "node-1", seeds, options)),
    ClusterTimeoutError,
  );
  const wanted = "no seeds from A records of nowhere.internal: no such name";
  assert(error.message.includes(wanted), error.message);
  assert(error.message.includes("it knows no seeds yet"), error.message);
  assert(error.message.endsWith("correct the option seedNodes, so that its source names nodes"));
  const bad = start(cluster, "node-1", () => Promise.resolve(["nowhere"]), options);
  const other = await assertRejects(() => cluster.clock.resolve(bad), ClusterTimeoutError);
  assert(other.message.includes('no seeds from a function: "nowhere" is not an address'));
  const zero = start(cluster, "node-1", () => ["node-2:0"], options);
  const third = await assertRejects(() => cluster.clock.resolve(zero), ClusterTimeoutError);
  assert(third.message.includes('"node-2:0" has no port to dial'), third.message);
  await cluster.clock.advance(10_000);
  assertEquals(cluster.clock.pending, 0);
});

Deno.test("invalid seeds are rejected before a port is opened", () => {
  const bad = [
    { dns: "", type: "A", port: 1 },
    { dns: "x", type: "A" },
    { dns: "x", type: "A", port: 70_000 },
    { dns: "x", type: "MX", port: 1 },
    ["nowhere"],
  ];
  for (const seeds of bad) {
    const options = { name: "x", host: "127.0.0.1", port: 0, seedNodes: seeds as SeedNodes };
    const { option } = assertThrows(() => checkClusterOptions(options), OptionError);
    assert(option.startsWith("seedNodes"), option);
  }
});

Deno.test("name servers that return another part of the records each time lead to one cluster", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const cluster = new SimulatedCluster(seed);
    const all = ["node-1", "node-2", "node-3", "node-4", "node-5"];
    let turn = 0;
    const resolver: Resolver = {
      // In turns, so that no two answers in a row are the same.
      resolve: () => {
        const from = turn++ % all.length;
        return Promise.resolve([0, 1, 2].map((next) => ({ host: all[(from + next) % 5]! })));
      },
    };
    const seeds = { dns: "casty.internal", type: "A", port: 25_520 } as const;
    const starting = all.map((host) => {
      return start(cluster, host, seeds, { resolver, requiredQuorum: 5, startTimeout: 20_000 });
    });
    const nodes = await cluster.clock.resolve(Promise.all(starting));
    assertEquals(clusterIds(nodes).size, 1);
    assert(
      nodes[0]!.cluster.state().clusterId!.startsWith("node-1:25520"),
      "the lowest bootstraps",
    );
    await cluster.stop(nodes);
  }
});

Deno.test("answers that keep changing are named in the start error", async () => {
  const cluster = new SimulatedCluster(6);
  let turn = 0;
  const seeds = () => [`other-${turn++ % 3}:25520`];
  const error = await assertRejects(
    () => cluster.clock.resolve(start(cluster, "node-1", seeds, { startTimeout: 8_000 })),
    ClusterTimeoutError,
  );
  const told =
    /keep changing \(\d+ times so far\): the latest one names other-\d:25520, those of the/;
  assert(told.test(error.message), error.message);
  assert(error.message.includes("other-0:25520, other-1:25520, other-2:25520"), error.message);
});

Deno.test("a name without records is told as that, whatever the platform calls it", async () => {
  for (const message of ["proto error: no records found for Query { ... }", "queryA ENOTFOUND x"]) {
    const cluster = new SimulatedCluster(7);
    const resolver: Resolver = { resolve: () => Promise.reject(new Error(message)) };
    const seeds = { dns: "nope.internal", type: "A", port: 1 } as const;
    const starting = start(cluster, "node-1", seeds, { resolver, startTimeout: 3_000 });
    const error = await assertRejects(() => cluster.clock.resolve(starting), ClusterTimeoutError);
    const told = "no seeds from A records of nope.internal: the name has no A records";
    assert(error.message.includes(told), error.message);
  }
});
