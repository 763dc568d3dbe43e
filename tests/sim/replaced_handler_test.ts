import { assert, assertEquals } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { simulate, type Simulation } from "../../lib/testkit/mod.ts";

interface Message {
  readonly from: string;
  readonly waits?: boolean;
}

const ids = Array.from({ length: 12 }, (_, index) => `entity-${index}`);

/** What two of five nodes do whose handlers wait when they are cut off, replaced, and come back. */
async function comeBack(seed: number) {
  const waiting = new Map<string, string>();
  const stopped: string[] = [];
  const handled: string[] = [];
  const entity = (name: string) => (id: string): Behavior<Message> =>
    Behaviors.receive<Message>((context, { from, waits }) => {
      handled.push(`${id} at ${name} from ${from}`);
      if (waits !== true) return Behaviors.same();
      waiting.set(id, name);
      // As a call that a slow service answers much later.
      const wait = () => new Promise<never>(() => {});
      if (Number(id.slice(-1)) % 2 === 0) return wait();
      context.spawn(Behaviors.receive<string>(wait), "child").tell("wait");
      return Behaviors.same();
    }, (_context, { type }) => {
      if (type === "postStop") stopped.push(`${id} at ${name}`);
      return Behaviors.same();
    });
  const run = async (sim: Simulation) => {
    await sim.sleep(15_000);
    const names = sim.nodes.map(({ name }) => name);
    const [here, away] = [names.slice(0, 3), names.slice(3)];
    const [asker] = sim.nodes;
    const tell = (message: Message) => {
      const region = asker!.running!.entityRef<Message>("places", { numShards: 40 });
      for (const id of ids) region.tell(shardEnvelope(id, message));
    };
    tell({ from: "before" });
    await sim.sleep(1_000);
    tell({ from: "before", waits: true });
    await sim.sleep(1_000);
    sim.inject({ type: "partition", at: 0, for: 9_000, between: away, and: here });
    await sim.sleep(7_000);
    tell({ from: "the cut" });
    await sim.sleep(1_000);
    const replaced = [...waiting].filter(([, name]) => away.includes(name));
    assert(replaced.length > 2, "too few entities are concerned");
    for (const [id] of replaced) {
      const others = handled.filter((one) =>
        one.startsWith(`${id} at `) && one.endsWith("the cut")
      );
      assertEquals(others.length, 1, `nobody has taken ${id} over`);
    }
    // The cut ends after one more second: long before the stop timeout they have ended.
    await sim.sleep(3_000);
    for (const [id, name] of replaced) assert(stopped.includes(`${id} at ${name}`), id);
  };
  await simulate({ seed, failures: false, shrink: 0 }, {
    name: "handlers wait while their node is replaced",
    nodes: 5,
    duration: 60_000,
    linger: 0,
    restartEnded: false,
    faults: [],
    cluster: { seedNodes: Array.from({ length: 5 }, (_, index) => `node-${index + 1}:25520`) },
    setup: ({ system, name }) =>
      void system.spawn(Behaviors.sharded(entity(name), { numShards: 40 }), "places"),
    run,
  });
}

Deno.test("a handler that waits when its node is replaced does not keep the entity running there", async () => {
  for (let seed = 1; seed <= 3; seed++) await comeBack(seed);
});
