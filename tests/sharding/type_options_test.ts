import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { memoryJournal } from "../../lib/persistence/mod.ts";
import {
  parseTypeOptions,
  TypeAgreement,
  type TypeOptions,
} from "../../lib/sharding/coordinator/type_options.ts";
import { SimulatedCluster } from "../sim/simulated_cluster.ts";

const message = "nodes run a shard type with different options";

interface Told {
  readonly shardType: string;
  readonly options: string;
}

/** Starts nodes, lets each open something, and returns what was logged of differences. */
async function told(
  open: readonly ((node: ClusteredActorSystem) => void)[],
  look?: (nodes: readonly ClusteredActorSystem[]) => void,
): Promise<readonly Told[]> {
  const logged: Told[] = [];
  const cluster = new SimulatedCluster("different options");
  const nodes = await cluster.start(open.length, {
    logger: {
      log: (_level, _source, text, fields) => {
        if (text === message) logged.push(fields as unknown as Told);
      },
    },
  });
  for (const [index, node] of nodes.entries()) open[index]!(node);
  await cluster.clock.advance(30_000);
  const told = [...logged];
  look?.(nodes);
  await cluster.stop(nodes);
  return told;
}

Deno.test("a group of structures that is durable at one node only is logged once", async () => {
  const all = await told([
    (node) => void node.distributed({ name: "ledger", journal: memoryJournal() }),
    (node) => void node.distributed({ name: "ledger" }),
  ]);
  assertEquals(all.length, 1);
  const [{ shardType, options }] = all as [Told];
  assert(["journal: default | given", "journal: given | default"].includes(options), options);
  assert(shardType.includes("ledger"), shardType);
});

Deno.test("a group of structures with other limits at one node is logged, and explained", async () => {
  const limits = { maxEntries: 10, maxBytes: 8_388_608 };
  let lines: readonly string[] = [];
  const all = await told([
    (node) => void node.distributed({ limits }),
    (node) => void node.distributed({ limits: { maxWaiters: 5 } }),
  ], (nodes) => lines = nodes.flatMap((node) => node.explain("sharding").facts));
  assertEquals(all.length, 1);
  // What is as by default is no difference.
  assert(/^limits\.\w+: (default \| \d+|\d+ \| default); limits/.test(all[0]!.options));
  assert(all[0]!.options.includes("limits.maxEntries: ") && !all[0]!.options.includes("maxBytes"));
  const explained = lines.filter((line) => line.includes("has different options at"));
  assertEquals(explained.length, 1, lines.join("\n"));
});

Deno.test("copies, roles, remembering and policies of clients that differ are logged", async () => {
  const entity = () => Behaviors.ignore();
  const open = (options: Parameters<typeof Behaviors.sharded>[1]) => (node: ClusteredActorSystem) =>
    void node.spawn(Behaviors.sharded(entity, options as never), "things");
  const all = await told([
    open({ replication: { replicas: 2, minAcks: 1 }, clients: () => false } as never),
    open({ replication: { replicas: 2, minAcks: 2 }, rememberEntities: true } as never),
  ]);
  assertEquals(all.length, 1);
  for (const option of ["replication: replicas: 2, minAcks: ", "rememberEntities: ", "clients: "]) {
    assert(all[0]!.options.includes(option), all[0]!.options);
  }
});

Deno.test("the same options are not logged, nor those that only one node has", async () => {
  const open = (node: ClusteredActorSystem) => {
    node.distributed({ name: "ledger", replication: { replicas: 1 }, clients: () => "read" });
    node.spawn(Behaviors.singleton(Behaviors.ignore(), { clients: () => false }), "one");
  };
  assertEquals(await told([open, open, () => {}]), []);
});

Deno.test("of each node one difference of a type is answered, until it has gone or another leads", () => {
  const agreement = new TypeAgreement();
  const report = (node: string, options: TypeOptions | undefined) =>
    agreement.report("t", node, options).map(({ node, other, options }) =>
      `${node} ${other} ${options}`
    );
  assertEquals(report("a", {}), []);
  assertEquals(report("b", { role: "x" }), ["a b role: default | x"]);
  assertEquals(report("b", { role: "x" }), []);
  for (let count = 0; count < 1_000; count++) assertEquals(report("b", { role: `${count}` }), []);
  assertEquals(agreement.explain(), [
    '"t" has different options at a and b: role: default | 999',
  ]);
  assertEquals(report("c", undefined), []);
  assertEquals(report("b", {}), []);
  assertEquals(agreement.explain(), []);
  // The first has something else now.
  assertEquals(report("d", {}), []);
  assertEquals(report("a", { role: "y" }), ["a d role: y | default"]);
  agreement.forget("a");
  assertEquals(agreement.explain(), []);
  assertEquals(report("c", { role: "x" }), ["b c role: default | x"]);
  agreement.forget("c");
  assertEquals(report("c", { role: "z" }), ["b c role: default | z"]);
  agreement.clear();
  assertEquals(report("a", {}), []);
  assertEquals(report("b", { role: "x" }), ["a b role: default | x"]);
  for (let count = 0; count < 30; count++) report(`n${count}`, { role: "x" });
  assertEquals(agreement.explain().length, 21);
});

Deno.test("options in a report are few and short", () => {
  assertEquals(parseTypeOptions({ role: "x" }), { role: "x" });
  assertEquals(parseTypeOptions({ role: 1 }), undefined);
  assertEquals(parseTypeOptions({ role: "x".repeat(201) }), undefined);
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`o${at}`, ""]));
  assertEquals(parseTypeOptions(many), undefined);
});
