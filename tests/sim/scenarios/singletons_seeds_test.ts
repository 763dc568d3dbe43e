import { testSeeds } from "./seed_tests.ts";
import { singletonsAtExclusions, singletonScenarios } from "./singletons.ts";

for (const scenario of singletonScenarios) {
  // The slowest of them.
  testSeeds(scenario, scenario === singletonsAtExclusions ? 3 : 12);
}
