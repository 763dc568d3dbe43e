import { assert, assertEquals } from "@std/assert";
import { type Scenario, simulate } from "../../../lib/testkit/mod.ts";

/** A test that runs a scenario with the first seeds; `deno task sim` runs more. */
export function testSeeds(scenario: Scenario, seeds: number): void {
  Deno.test(`${scenario.name}: ${seeds} seeds`, async () => {
    const traces = new Set<string>();
    for (let seed = 1; seed <= seeds; seed++) {
      const report = await simulate({ seed, failures: false, shrink: 50 }, scenario);
      assert(report.faults.length > 0, `seed ${seed} has no faults`);
      traces.add(report.trace);
    }
    assertEquals(traces.size, seeds);
  });
}
