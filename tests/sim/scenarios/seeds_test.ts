import { assert, assertEquals } from "@std/assert";
import { simulate } from "../../../lib/testkit/mod.ts";
import { scenarios } from "./all.ts";
import { disks } from "./disks.ts";
import { ledger, ledgerInPauses } from "./ledger.ts";
import { ownership } from "./ownership.ts";
import { projections, projectionsInPauses } from "./projections.ts";
import { reminderScenarios } from "./reminders.ts";
import { sharding } from "./sharding.ts";

for (const scenario of scenarios) {
  /** A few; more with `deno task sim`. */
  const isLong = [
    ...sharding,
    ...ownership,
    ...reminderScenarios,
    ...disks,
    ledger,
    ledgerInPauses,
    projections,
    projectionsInPauses,
  ].includes(scenario);
  const seeds = isLong ? 10 : 20;
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
