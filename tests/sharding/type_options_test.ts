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

Deno.test("each difference is answered once, until another node leads", () => {
  const agreement = new TypeAgreement();
  const report = (node: string, options: TypeOptions | undefined) =>
    agreement.report("t", node, options)?.options.join();
  assertEquals(report("a", {}), undefined);
  assertEquals(report("b", { role: "x" }), "role: default | x");
  assertEquals(report("b", { role: "x" }), undefined);
  assertEquals(report("b", { role: "y" }), "role: default | y");
  assertEquals(report("c", undefined), undefined);
  agreement.forget("a");
  assertEquals(report("b", { role: "x" }), undefined);
  assertEquals(report("c", { role: "x" }), undefined);
  agreement.clear();
  assertEquals(report("a", {}), undefined);
  assertEquals(report("b", { role: "x" }), "role: default | x");
});

Deno.test("options in a report are few and short", () => {
  assertEquals(parseTypeOptions({ role: "x" }), { role: "x" });
  assertEquals(parseTypeOptions({ role: 1 }), undefined);
  assertEquals(parseTypeOptions({ role: "x".repeat(201) }), undefined);
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`o${at}`, ""]));
  assertEquals(parseTypeOptions(many), undefined);
});
