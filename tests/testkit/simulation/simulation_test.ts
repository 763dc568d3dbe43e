import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Invariant, Simulation } from "../../../lib/testkit/mod.ts";
import { simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { counter, type CounterMessage, getValue, increment } from "../../sim/counter.ts";
import { Behaviors } from "../../../lib/behaviors.ts";
import type { ShardEnvelope } from "../../../lib/sharding/routing/shard_envelope.ts";
import { OptionError } from "../../../lib/options/option_error.ts";

const quiet = { seed: 1, duration: 30_000, failures: false as const, shrink: 0 };

Deno.test("a client asks sharded entities, whose one owner every node names", async () => {
  await simulate({
    ...quiet,
    nodes: 3,
    setup: ({ system }) => {
      system.spawn(Behaviors.sharded(() => counter(), { numShards: 16 }), "counters");
    },
  }, async (sim) => {
    const client = await sim.connect();
    const counters = client.entityRef<CounterMessage>("counters", { numShards: 16 });
    for (let i = 0; i < 5; i++) counters.tell(increment("hits"));
    assertEquals(await client.ask(counters, getValue("hits"), { timeout: 10_000 }), 5);
    const grants = sim.nodes.flatMap((node) => node.ownedShards());
    assert(grants.length >= 1, "no node owns a shard");
    assertEquals(new Set(grants.map(({ shard }) => shard)).size, grants.length);
    const { system } = sim.nodes[1]!;
    const local = system.lookup<ShardEnvelope<CounterMessage>>("/counters")!;
    assertEquals(await system.ask(local, getValue("hits"), { timeout: 10_000 }), 5);
    await client.close();
  });
});

Deno.test("a scenario lets things go wrong itself, and waits for the end of it", async () => {
  await simulate({ ...quiet, nodes: 3, duration: 120_000 }, async (sim) => {
    const node = sim.node("node-2");
    assertThrows(() => sim.node("node-9"), OptionError, "node-9");
    assertThrows(
      () => sim.inject({ type: "pause", at: 0, for: 1, node: "nobody" }),
      SimulationError,
      "there is no node nobody",
    );
    sim.inject({ type: "crash", at: 1_000, node: "node-2", silently: true });
    await sim.faultsOver();
    assertEquals([sim.now >= 1_000, node.status], [true, "crashed"]);
    assertThrows(() => node.system, SimulationError, "node-2 is crashed");
    await sim.converged();
    assertEquals(sim.nodes[0]!.view!.members.length, 2);
    sim.start(node);
    await sim.until(() => node.status === "up");
    await sim.converged();
    assertEquals([node.starts, sim.nodes[0]!.view!.members.length], [2, 3]);
  });
});

Deno.test("invariants are checked as often as they say", async () => {
  const counts = new Map<string, number>();
  const counting = (on: NonNullable<Invariant["on"]>) => (): Invariant => ({
    name: on,
    on,
    check: () => void counts.set(on, (counts.get(on) ?? 0) + 1),
  });
  const kinds = ["event", "view", "shards", "second", "end"] as const;
  const { events } = await simulate({ ...quiet, nodes: 2, invariants: kinds.map(counting) });
  assert(counts.get("event")! > events * 0.99, `${counts.get("event")} of ${events}`);
  assert(counts.get("view")! > 5 && counts.get("view")! < events / 10, `${counts.get("view")}`);
  assert(counts.get("second")! >= 30 && counts.get("second")! < 40, `${counts.get("second")}`);
  assertEquals(counts.get("end"), 1);
  assert(counts.get("shards")! < counts.get("view")!);
});

Deno.test("without peace at the start the scenario and the faults begin at once", async () => {
  const seen: string[] = [];
  const run = async (sim: Simulation) => {
    seen.push(...sim.nodes.map(({ status }) => status));
    assertEquals(sim.now, 0);
    await sim.until(() => sim.nodes.every(({ status }) => status === "up"));
  };
  await simulate({
    ...quiet,
    nodes: 2,
    duration: 60_000,
    formed: false,
    faults: [{ type: "partition", at: 0, for: 10_000, between: ["node-1"], and: ["node-2"] }],
  }, async (sim) => {
    await run(sim);
    assert(sim.now > 10_000, `${sim.now}`);
  });
  assertEquals(seen, ["stopped", "stopped"]);
});

Deno.test("options for each node reach it", async () => {
  await simulate({
    ...quiet,
    nodes: 2,
    cluster: ({ index }) => ({ roles: [index === 0 ? "front" : "back"] }),
  }, (sim) => {
    const roles = sim.nodes[0]!.view!.members.map((member) => member.roles[0]);
    assertEquals(roles.toSorted(), ["back", "front"]);
  });
});

Deno.test("a simulation that lingers ends so long after the scenario", async () => {
  const time = async (linger?: number) => {
    const options = { ...quiet, duration: 60_000, ...(linger !== undefined && { linger }) };
    let began = 0;
    const { virtualTime } = await simulate(options, async (sim) => {
      began = sim.nodes[0]!.system.runtime.clock.wallTime() - 1_700_000_000_000;
      await sim.sleep(1_000);
    });
    return virtualTime - began;
  };
  assert(await time() > 59_999);
  const short = await time(2_000);
  assert(short > 2_999 && short < 5_000, `${short} ms`);
  await assertRejects(() => time(-1), OptionError, "linger: -1 is not allowed");
});
