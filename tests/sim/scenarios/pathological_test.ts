import { assertRejects } from "@std/assert";
import { simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { pathological, wedgedInTurn } from "./pathological.ts";

for (const scenario of pathological) {
  Deno.test(scenario.name!, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      await simulate({ seed, failures: false, shrink: 30 }, scenario);
    }
  });
}

Deno.test("event loops that wedge are taken for dead when no thread answers for them", async () => {
  await assertRejects(
    () =>
      simulate(
        { seed: 1, failures: false, shrink: 0, cluster: { stallDetection: false } },
        { ...wedgedInTurn, duration: 120_000 },
      ),
    SimulationError,
    "was declared down",
  );
});
