import { assert, assertEquals, assertRejects } from "@std/assert";
import { simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { naiveBank, safeBank } from "../../../examples/bank_simulation/scenarios.ts";

Deno.test("the simulator finds the race of a naive bank transfer, and none in the safe one", async () => {
  const options = { failures: false as const, shrink: 40 };
  let failure: SimulationError | undefined;
  for (let seed = 1; seed <= 30 && failure === undefined; seed++) {
    try {
      await simulate({ seed, ...options }, naiveBank);
    } catch (error) {
      assert(error instanceof SimulationError, String(error));
      failure = error;
    }
  }
  assert(failure !== undefined, "the race was not found");
  assertEquals(failure.code, "scenarioFailed");
  assert(/300 became \d+/.test(failure.message), failure.message);
  const { seed, faults } = failure.failure!;
  const again = await assertRejects(
    () => simulate({ seed, faults, ...options }, naiveBank),
    SimulationError,
  );
  assertEquals(again.failure!.at, failure.failure!.at);
  for (let safe = 1; safe <= 30; safe++) await simulate({ seed: safe, ...options }, safeBank);
});
