import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { counter, getValue, increment } from "./counter.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

/** Three nodes form, count in ten entities from all sides, wait, read, leave. */
async function scenario(
  seed: number,
): Promise<{ trace: string[]; values: number[]; took: number }> {
  const cluster = new SimulatedCluster(seed);
  const { clock } = cluster;
  const nodes = await cluster.start(3);
  const took = clock.now();
  const refs = nodes.map((node) =>
    node.spawn(Behaviors.sharded(counter, { numShards: 20 }), "counters")
  );
  for (let entity = 0; entity < 10; entity++) {
    for (const ref of refs) {
      for (let i = 0; i <= entity; i++) {
        ref.tell(increment(`entity-${entity}`));
      }
    }
  }
  // Each node reads its own increments back first: one sender's messages keep their order.
  const read = (index: number, entity: number) =>
    nodes[index]!.ask(refs[index]!, getValue(`entity-${entity}`));
  const readAll = (index: number) =>
    Promise.all(Array.from({ length: 10 }, (_, entity) => read(index, entity)));
  await clock.resolve(Promise.all([readAll(0), readAll(1), readAll(2)]));
  await clock.resolve(Promise.all(nodes.map((node) => node.barrier("written", 3))));
  const values = await clock.resolve(readAll(2));
  await cluster.stop(nodes);
  return { trace: cluster.trace, values, took };
}

Deno.test("three nodes count together on virtual time, and one seed gives one history", async () => {
  const first = await scenario(1);
  assertEquals(first.values, [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
  assert(first.took < 2_000, `the cluster took ${first.took} ms to form`);
  assert(first.trace.length > 50, `the trace has only ${first.trace.length} lines`);
  const second = await scenario(1);
  assertEquals(second.trace, first.trace);
  const other = await scenario(2);
  assertEquals(other.values, first.values);
  assertNotEquals(other.trace, first.trace);
});
