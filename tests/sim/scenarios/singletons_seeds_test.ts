import { testSeeds } from "./seed_tests.ts";
import {
  singletonsAtExclusions,
  singletonScenarios,
  singletonsInCrashThenMoves,
} from "./singletons.ts";

/** Fewer of the slowest. */
const fewer = new Map([[singletonsAtExclusions, 3], [singletonsInCrashThenMoves, 6]]);

for (const scenario of singletonScenarios) testSeeds(scenario, fewer.get(scenario) ?? 12);
