import { assert, assertEquals } from "@std/assert";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { type ShardEnvelope, shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import {
  type Scenario,
  simulate,
  type SimulatedNode,
  type Simulation,
} from "../../lib/testkit/mod.ts";

type Count = { readonly type: "count"; readonly replyTo: ActorRef<number> };

const ids = Array.from({ length: 24 }, (_, index) => `entity-${index}`);

/** Counts its messages from 1. */
function counting(): ReturnType<typeof Behaviors.receive<Count>> {
  let count = 0;
  return Behaviors.receive<Count>((_context, { replyTo }) => {
    replyTo.tell(++count);
    return Behaviors.same();
  });
}

const base = {
  nodes: 5,
  duration: 180_000,
  linger: 0,
  restartEnded: false,
  faults: [],
  cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
  setup: ({ system }) =>
    void system.spawn(Behaviors.sharded(counting, { numShards: 40 }), "counts"),
} satisfies Partial<Scenario>;

/** Asks an entity until it answers. */
async function ask(sim: Simulation, { system }: SimulatedNode, id: string): Promise<number> {
  const ref = system.lookup<ShardEnvelope<Count>>("/counts")!;
  for (;;) {
    try {
      const factory = (replyTo: ActorRef<number>) => {
        return shardEnvelope(id, { type: "count" as const, replyTo });
      };
      return await system.ask(ref, factory, { timeout: 300 });
    } catch {
      await sim.sleep(20);
    }
  }
}

/** Milliseconds from a crash, and from the moment when it is seen, until all asks are answered. */
async function takeoverTimes(
  seed: number,
  victim: number,
  silently: boolean,
): Promise<{ readonly whole: number; readonly seen: number; readonly reason: string }> {
  const found = { whole: 0, seen: 0, reason: "" };
  await simulate({ seed, failures: false, shrink: 0 }, {
    ...base,
    name: "an owner crashes",
    run: async (sim) => {
      await sim.sleep(15_000);
      const [witness, asker] = [sim.nodes[(victim + 1) % 5]!, sim.nodes[(victim + 2) % 5]!];
      await Promise.all(ids.map((id) => ask(sim, asker, id)));
      const address = `${sim.nodes[victim]!.name}:25520`;
      const start = sim.now;
      let seenAt = start;
      sim.inject({ type: "crash", at: 0, node: sim.nodes[victim]!.name, silently });
      const seen = sim.until(() => witness.view!.unreachable.has(address)).then(() => {
        seenAt = sim.now;
        found.reason = witness.view!.unreachability.get(address)!.reason;
      });
      await Promise.all(ids.map((id) => ask(sim, asker, id)));
      await seen;
      found.whole = sim.now - start;
      found.seen = sim.now - seenAt;
    },
  });
  return found;
}

for (const victim of [0, 2]) {
  const who = victim === 0 ? "the coordinator" : "an owner";
  Deno.test(`${who} is killed: all asks are answered within 2 s of the view that it is gone`, async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { seen, reason } = await takeoverTimes(seed, victim, false);
      assertEquals(reason, "gone");
      assert(seen < 2_000, `seed ${seed}: ${seen} ms`);
    }
  });

  Deno.test(`the host of ${who} vanishes: all asks are answered within 7 s`, async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { whole, reason } = await takeoverTimes(seed, victim, true);
      assertEquals(reason, "silent");
      assert(whole < 7_000, `seed ${seed}: ${whole} ms`);
    }
  });
}

/** Cuts two nodes off, and answers the counts of all entities that these owned, before and after. */
async function cutOff(seed: number, span: number): Promise<readonly [number, number, boolean][]> {
  const counts: [number, number, boolean][] = [];
  await simulate({ seed, failures: false, shrink: 0 }, {
    ...base,
    name: "a partition heals",
    run: async (sim) => {
      await sim.sleep(15_000);
      const [away, here] = [sim.nodes.slice(3), sim.nodes.slice(0, 3)];
      const before = await Promise.all(ids.map((id) => ask(sim, here[0]!, id)));
      const owned = ids.map((id) => here[0]!.running!.sharding.shardOwner("counts", id));
      const names = (nodes: readonly SimulatedNode[]) => nodes.map(({ name }) => name);
      sim.inject({ type: "partition", at: 0, for: span, between: names(away), and: names(here) });
      await sim.sleep(span + 3_000);
      await sim.converged({ limit: 60_000 });
      const after = await Promise.all(ids.map((id) => ask(sim, here[0]!, id)));
      ids.forEach((_, index) => {
        const wasAway = away.some(({ name }) => owned[index] === `${name}:25520`);
        counts.push([before[index]!, after[index]!, wasAway]);
      });
    },
  });
  return counts;
}

Deno.test("a partition that heals before anything was taken over loses no state of the minority", async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const counts = await cutOff(seed, 4_000);
    assert(counts.some(([, , wasAway]) => wasAway), "no entity was cut off");
    for (const [before, after] of counts) {
      assert(after > before, `seed ${seed}: ${before} messages before, ${after} after`);
    }
  }
});
