/**
 * Seeds of scenarios that are there for one rule. `switched_rules_test.ts` runs each with its rule off: a
 * seed must fail. With all rules the seed tests run them.
 */
import { type Scenario, simulate } from "../../../lib/testkit/mod.ts";
import { rateLimitsOverSlowLinks } from "./rate_limits.ts";
import { singletonsAtExclusions } from "./singletons.ts";

for (const scenario of [rateLimitsOverSlowLinks, singletonsAtExclusions] as Scenario[]) {
  Deno.test(`no seed of "${scenario.name}" fails`, async () => {
    for (let seed = 1; seed <= 6; seed++) {
      await simulate({ seed, failures: false, shrink: 1 }, scenario);
    }
  });
}
