import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { randomFaults, type Scenario, simulate } from "../../../lib/testkit/mod.ts";

const stormy: Scenario = {
  name: "stormy",
  nodes: 5,
  duration: 90_000,
  faults: randomFaults({ every: 2_000 }),
  async run(sim) {
    await sim.faultsOver();
    await sim.converged();
  },
};

Deno.test("one seed gives one history, another seed another", async () => {
  const traces = new Set<string>();
  for (let seed = 1; seed <= 3; seed++) {
    const first = await simulate({ seed }, stormy);
    const second = await simulate({ seed }, stormy);
    assertEquals(second.trace, first.trace);
    assertEquals(second.faults, first.faults);
    assertEquals(second.events, first.events);
    assert(first.faults.length > 5, `only ${first.faults.length} faults`);
    traces.add(first.trace);
  }
  assertEquals(traces.size, 3);
});

Deno.test("two simulations at once do not disturb each other", async () => {
  const alone = await simulate({ seed: 4 }, stormy);
  const [one, other] = await Promise.all([
    simulate({ seed: 4 }, stormy),
    simulate({ seed: 5 }, stormy),
  ]);
  assertEquals(one.trace, alone.trace);
  assertNotEquals(other.trace, alone.trace);
});

Deno.test("a fault that is left out changes the history", async () => {
  const { faults, trace } = await simulate({ seed: 6 }, stormy);
  const shorter = await simulate({ seed: 6, faults: faults.slice(1) }, stormy);
  assertNotEquals(shorter.trace, trace);
});
