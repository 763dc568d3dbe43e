/** Why things are as they are: facts and next steps, on virtual time. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { AdminError } from "../../lib/admin/errors.ts";
import type { Explanation } from "../../lib/admin/explanation/explanation.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ClusteredActorSystem } from "../../lib/clustered_actor_system.ts";
import { counter, getValue } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** Three nodes with counters. */
async function formed(seed: string) {
  const cluster = new SimulatedCluster(seed);
  const nodes = await cluster.start(3);
  const refs = nodes.map((node) =>
    node.spawn(Behaviors.sharded(counter, { numShards: 6 }), "counters")
  );
  await cluster.clock.resolve(Promise.all(nodes.map((node) => node.barrier("spawned", 3))));
  return { cluster, nodes, refs };
}

/** All that an explanation says. */
const textOf = ({ summary, facts, nextSteps }: Explanation) =>
  [summary, ...facts, ...nextSteps].join("\n");

const ownerOf = (node: ClusteredActorSystem, entityId: string) =>
  node.sharding.shardOwner("counters", entityId);

Deno.test("a healthy cluster is explained as one, on every topic", async () => {
  const { cluster, nodes, refs } = await formed("healthy");
  for (const id of ["a", "b", "c", "d"]) {
    await cluster.clock.resolve(nodes[0]!.ask(refs[0]!, getValue(id)));
  }
  await cluster.clock.advance(10_000);
  for (const node of nodes) {
    for (
      const topic of [
        ...["joining", "convergence", "reachability", "downing", "sharding", "replication"],
        ...["store", "entity counters/a", "ask counters/a", "member node-2", "singleton", "topics"],
      ]
    ) {
      const explanation = node.explain(topic);
      assertEquals([explanation.topic, explanation.ok], [topic, true], textOf(explanation));
      assert(explanation.facts.length > 0 && explanation.summary !== "");
    }
  }
  const { ok, summary, nextSteps } = nodes[0]!.explain("certificates");
  assertEquals([ok, summary], [false, "this node runs without TLS"]);
  assertMatch(nextSteps[0]!, /option tls/);
  const owner = ownerOf(nodes[0]!, "a")!;
  const entity = nodes.find(({ address }) => address === owner)!.explain("entity counters/a");
  assertMatch(textOf(entity), /the entity runs at this node now/);
  assertMatch(textOf(entity), /this node holds its lease/);
  await cluster.stop(nodes);
});

Deno.test("a silent member is explained by its shards, observers and the pending decision", async () => {
  const { cluster, nodes, refs } = await formed("silent");
  const ids = Array.from({ length: 24 }, (_, index) => `e${index}`);
  for (const id of ids) await cluster.clock.resolve(nodes[0]!.ask(refs[0]!, getValue(id)));
  const victim = nodes[2]!;
  const mine = ids.find((id) => ownerOf(nodes[0]!, id) === victim.address)!;
  cluster.network.crash("node-3", { silently: true });
  const isUnreachable = () => nodes[0]!.cluster.state().unreachable.length > 0;
  await cluster.clock.runUntil(isUnreachable, 30_000);

  const [one] = nodes;
  const reachability = one!.explain("reachability");
  assertEquals(reachability.ok, false);
  assertEquals(reachability.nextSteps, [`casty why member ${victim.address}`]);
  const member = one!.explain("member node-3");
  assertMatch(member.summary, /node-3:25520 is unreachable/);
  assertMatch(textOf(member), /keep-majority|keepMajority|members are reachable/);
  assertMatch(textOf(member), new RegExp(`casty down ${victim.address}`));
  const downing = one!.explain("downing");
  assertMatch(textOf(downing), /effective in/);
  const entity = one!.explain(`entity counters/${mine}`);
  assertMatch(entity.summary, /its owner node-3:25520 is unreachable/);
  assert(entity.askAlso.includes(victim.address));
  const shard = one!.sharding.whereIs("counters", mine)!.shard;
  assertEquals(one!.explain(`shard counters/${shard}`).ok, false);
  await cluster.clock.advance(30_000);
  assertMatch(one!.explain("member node-3").summary, /knows no member|declared down/);
  await cluster.stop(nodes.slice(0, 2));
  // Its process would be gone; here its timers have to be ended by hand.
  await cluster.stop([victim]);
});

Deno.test("lost messages are among the reasons of an ask", async () => {
  const { cluster, nodes } = await formed("lost");
  const [one] = nodes;
  const absent = one!.entityRef<string>("absent", { numShards: 6 });
  absent.entity("x").tell("hello");
  await cluster.clock.advance(120_000);
  const { ok, facts, nextSteps } = one!.explain("ask absent/x");
  assertEquals(ok, false);
  assert(
    facts.some((fact) => /1 message for .*absent.* lost here: unknownType/.test(fact)),
    facts.join(),
  );
  assert(nextSteps.some((step) => /no node runs the type/.test(step)), nextSteps.join());
  await cluster.stop(nodes);
});

Deno.test("a node that cannot join, or was downed, says what to do", async () => {
  const { cluster, nodes } = await formed("downed");
  const others = ["node-2", "node-3"];
  for (const other of others) {
    cluster.network.cut("node-1", other);
    cluster.network.cut(other, "node-1");
  }
  const [one] = nodes;
  const facts = () => one!.explain("joining");
  await cluster.clock.runUntil(() => !facts().ok, 60_000);
  assertMatch(facts().summary, /was declared down by/);
  assertMatch(facts().nextSteps.join(), /restart the node, or call rejoin/);
  await cluster.stop(nodes);
});

Deno.test("names that are unknown get the nearest one, and unknown topics are errors", async () => {
  const { cluster, nodes } = await formed("unknown");
  const [one] = nodes;
  assertEquals(one!.explain("entity counter/a").nextSteps, ["did you mean counters?"]);
  assertEquals(one!.explain("member node-33").ok, false);
  assertMatch(one!.explain("member node-22").nextSteps[0]!, /did you mean node-2/);
  for (
    const topic of [
      "",
      "joinin",
      "shard counters",
      "shard counters/x",
      "entity /a",
      "shard counters/6",
    ]
  ) {
    const error = assertThrows(() => one!.explain(topic), AdminError);
    assertEquals(error.code, "unknownTopic", topic);
  }
  await cluster.stop(nodes);
});
