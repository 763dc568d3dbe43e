/** Scenarios that are there for one rule must fail without it; most rules are in `tests/mutations.ts`. */
import { assert, assertEquals } from "@std/assert";
import type { RuleName } from "../../../lib/runtime/rules.ts";
import { runTest } from "../../rule_switch.ts";

const rulesOf: readonly (readonly [scenario: string, rule: RuleName])[] = [
  ["rate limits over slow links", "latePermitsAreNotUsed"],
  ["singletons at exclusions", "takeoverWaitsForLease"],
];
/** A seed fails in seconds; a run that takes as long as this proves nothing. Milliseconds. */
const longest = 240_000;

for (const [scenario, rule] of rulesOf) {
  Deno.test(`seeds of "${scenario}" notice that the rule ${rule} is off`, async () => {
    const start = performance.now();
    const test = `no seed of "${scenario}" fails`;
    const result = await runTest("sim/scenarios/rule_seeds.ts", test, rule, longest / 4);
    assertEquals(result, "failed");
    assert(performance.now() - start < longest, "the run was endless");
  });
}
